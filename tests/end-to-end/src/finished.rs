//! What a run came to.

use serde_json::Value;

/// A run that has ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed for programs.
    pub stdout: String,
    /// What it printed for people.
    pub stderr: String,
    /// The report, one JSON object a line.
    pub report: String,
}

impl Finished {
    /// Itself, if it ended with this code.
    ///
    /// # Panics
    /// If it ended otherwise, or its summary says otherwise.
    pub fn assert_exit(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.all());
        if let Some(summary) = self.find_summary() {
            assert_eq!(summary["exit_code"].as_i64(), Some(i64::from(code)), "{}", self.all());
        }
        self
    }

    /// The last line that was printed for programs.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn summary(&self) -> Value {
        self.find_summary().unwrap_or_else(|| panic!("no summary:\n{}", self.all()))
    }

    fn find_summary(&self) -> Option<Value> {
        let mut lines = self.stdout.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["event"] == "summary")
    }

    /// A number of the summary.
    ///
    /// # Panics
    /// If the summary has no such number.
    #[must_use]
    pub fn total(&self, name: &str) -> u64 {
        self.summary()[name].as_u64().unwrap_or_else(|| panic!("no number {name:?} in the summary:\n{}", self.all()))
    }

    /// The lines of the report.
    ///
    /// # Panics
    /// If one of them is no JSON.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in report line {line}"));
        self.report.lines().map(parse).collect()
    }

    /// The report's line of the object with this source key, if it has one.
    #[must_use]
    pub fn find_line(&self, key: &str) -> Option<Value> {
        let end = format!("/{key}");
        let of_key = |line: &Value| line["source"].as_str().is_some_and(|source| source.ends_with(&end));
        self.lines().into_iter().rev().find(of_key)
    }

    /// The same, which must be there.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    pub fn line(&self, key: &str) -> Value {
        self.find_line(key).unwrap_or_else(|| panic!("nothing is reported of {key:?}:\n{}", self.all()))
    }

    /// The outcome of the object with this source key.
    #[must_use]
    pub fn outcome(&self, key: &str) -> String {
        self.line(key)["outcome"].as_str().unwrap_or_default().to_owned()
    }

    /// The code of the reason for it.
    #[must_use]
    pub fn reason(&self, key: &str) -> String {
        self.line(key)["reason"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Everything it said, for messages.
    #[must_use]
    pub fn all(&self) -> String {
        let Self { code, stdout, stderr, report } = self;
        format!("exit code {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n--- report\n{report}")
    }
}
