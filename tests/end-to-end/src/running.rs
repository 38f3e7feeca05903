//! A command under way.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use tokio::process::Child;

use crate::finished::Finished;

/// How long a test waits for a condition before it says that it does not come.
pub const LIMIT: Duration = Duration::from_secs(120);
/// How long a run may take as a whole.
const RUN_LIMIT: Duration = Duration::from_secs(20 * 60);

/// Waits for a condition.
///
/// # Panics
/// If it does not come within [`LIMIT`].
pub async fn within<T>(what: &str, condition: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, condition).await {
        Ok(answer) => answer,
        Err(_) => panic!("waited {} s in vain until {what}", LIMIT.as_secs()),
    }
}

/// Where a run writes.
#[derive(Debug)]
pub(crate) struct Files {
    pub stdout: PathBuf,
    pub stderr: PathBuf,
    pub report: PathBuf,
}

/// A command that was started. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    files: Files,
}

impl Running {
    pub(crate) fn new(child: Child, files: Files) -> Self {
        Self { child, files }
    }

    /// Waits for a condition that must come true while the command runs.
    ///
    /// # Panics
    /// If the command ends before, or the condition does not come within [`LIMIT`].
    pub async fn until(&mut self, what: &str, condition: impl Future<Output = ()>) {
        let ended = tokio::select! {
            () = within(what, condition) => None,
            status = self.child.wait() => Some(status),
        };
        if let Some(status) = ended {
            panic!("the command ended ({status:?}) before {what}:\n{}", self.said());
        }
    }

    /// Waits until the command has said these words to people.
    ///
    /// # Panics
    /// As [`until`](Self::until).
    pub async fn says(&mut self, words: &str) {
        let stderr = self.files.stderr.clone();
        let said = async {
            // Nobody tells when a file grows.
            while !text(&stderr).contains(words) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        self.until(words, said).await;
    }

    /// Presses Ctrl-C.
    ///
    /// # Panics
    /// If the command has ended.
    pub fn interrupt(&self) {
        let id = self.child.id().expect("only a command that runs is interrupted");
        let sent = Command::new("sh").arg("-c").arg(format!("kill -INT {id}")).status();
        assert!(sent.expect("a shell").success(), "process {id} could not be interrupted");
    }

    /// Kills the command as the kernel would (SIGKILL), and waits until it is no more.
    ///
    /// # Panics
    /// If it had ended by itself.
    pub async fn kill(mut self) -> Finished {
        let alive = self.child.try_wait().expect("a child can be looked at").is_none();
        assert!(alive, "the command ended before it was killed:\n{}", self.said());
        self.child.kill().await.expect("a child can be killed");
        let status = self.child.wait().await.expect("a child can be waited for");
        self.finished(status)
    }

    /// Waits for the end that must come soon.
    ///
    /// # Panics
    /// If it does not come within [`LIMIT`].
    pub async fn finish_soon(mut self) -> Finished {
        let status = within("the command ends", self.child.wait()).await;
        self.finished(status.expect("a child can be waited for"))
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// If it does not come within twenty minutes.
    pub async fn finish(mut self) -> Finished {
        match tokio::time::timeout(RUN_LIMIT, self.child.wait()).await {
            Ok(status) => self.finished(status.expect("a child can be waited for")),
            Err(_) => panic!("the command did not end within {} s:\n{}", RUN_LIMIT.as_secs(), self.said()),
        }
    }

    fn finished(&self, status: ExitStatus) -> Finished {
        Finished {
            code: status.code(),
            stdout: text(&self.files.stdout),
            stderr: text(&self.files.stderr),
            report: text(&self.files.report),
        }
    }

    fn said(&self) -> String {
        format!("{}\n{}", text(&self.files.stdout), text(&self.files.stderr))
    }
}

/// What a file holds; a run that ended early has written none.
fn text(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
