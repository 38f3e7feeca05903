//! Settings from environment variables, with the names and defaults of the original.
//!
//! All mistakes are told at once, each with the variable, its value and what is allowed. An empty variable is one that
//! is not set. Only `main` sees the environment: it hands in a function that looks a name up. No setting holds a
//! secret.

use std::{fmt, ops::RangeInclusive, time::Duration};

use longhaul::object::bucket_name::problem_of_bucket;

/// Which side of a copy the other account is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobType {
    /// The own account is the source, the other one the destination.
    #[default]
    Put,
    /// The other account is the source, the own one the destination.
    Get,
}

/// The names of job types.
pub(crate) const JOB_TYPES: [(&str, JobType); 2] = [("PUT", JobType::Put), ("GET", JobType::Get)];

/// The original's storage class.
pub(crate) const STORAGE_CLASS: &str = "STANDARD";

/// The original's name of the other account's credentials.
pub(crate) const CREDENTIALS: &str = "s3_migration_credentials";

/// The original's repeats of a request.
pub(crate) const MAX_RETRY: u64 = 20;

/// The original's seconds of a leg: half a minute less than a Lambda's longest time.
pub(crate) const JOB_TIMEOUT: u64 = 870;

/// One variable that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsProblem {
    /// Its name.
    pub variable: &'static str,
    /// Its value, if it is set.
    pub value: Option<String>,
    /// What is allowed.
    pub allowed: String,
}

impl fmt::Display for SettingsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{} is {value:?}, and must be {}", self.variable, self.allowed),
            None => write!(f, "{} is not set, and must be {}", self.variable, self.allowed),
        }
    }
}

/// Variables that cannot be used, all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// At least one.
    pub problems: Vec<SettingsProblem>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems: Vec<_> = self.problems.iter().map(ToString::to_string).collect();
        write!(f, "environment variables cannot be used: {}", problems.join("; "))
    }
}

impl std::error::Error for SettingsError {}

/// Reads variables and collects what is wrong with them. Where one is wrong, any value goes on in its place until the
/// end.
pub(crate) struct Reader<F> {
    var: F,
    problems: Vec<SettingsProblem>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    pub(crate) fn new(var: F) -> Self {
        Self { var, problems: Vec::new() }
    }

    /// The settings, if nothing was wrong.
    pub(crate) fn finish<T>(self, settings: T) -> Result<T, SettingsError> {
        if self.problems.is_empty() { Ok(settings) } else { Err(SettingsError { problems: self.problems }) }
    }

    /// A text, if there is one.
    pub(crate) fn optional(&self, variable: &'static str) -> Option<String> {
        (self.var)(variable).filter(|value| !value.is_empty())
    }

    pub(crate) fn text(&self, variable: &'static str, default: &str) -> String {
        self.optional(variable).unwrap_or_else(|| default.to_owned())
    }

    pub(crate) fn required(&mut self, variable: &'static str, allowed: &str) -> String {
        match self.optional(variable) {
            Some(value) => value,
            None => self.refuse(variable, None, allowed),
        }
    }

    /// Any of the named values; the default is that of the type.
    pub(crate) fn one_of<T: Copy + Default>(&mut self, variable: &'static str, names: &[(&str, T)]) -> T {
        let Some(value) = self.optional(variable) else { return T::default() };
        match names.iter().find(|(name, _)| *name == value) {
            Some((_, meant)) => *meant,
            None => {
                let known: Vec<_> = names.iter().map(|(name, _)| *name).collect();
                self.refuse(variable, Some(value), known.join(" or "))
            }
        }
    }

    /// False where it is not set.
    pub(crate) fn flag(&mut self, variable: &'static str) -> bool {
        let Some(value) = self.optional(variable) else { return false };
        match value.as_str() {
            "True" | "true" | "1" => true,
            "False" | "false" | "0" => false,
            _ => self.refuse(variable, Some(value), "True or False (also true, false, 1, 0)"),
        }
    }

    pub(crate) fn number(&mut self, variable: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        self.optional_number(variable, range).unwrap_or(default)
    }

    pub(crate) fn optional_number(&mut self, variable: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.optional(variable)?;
        match value.trim().parse() {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                let allowed = format!("a whole number from {} to {}", range.start(), range.end());
                self.refuse(variable, Some(value), allowed)
            }
        }
    }

    /// Bytes per second, if they are limited.
    pub(crate) fn bandwidth(&mut self, variable: &'static str) -> Option<u64> {
        self.optional_number(variable, 1..=u64::MAX)
    }

    pub(crate) fn seconds(&mut self, variable: &'static str, default: u64, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.number(variable, default, range))
    }

    /// Words of stores: `STANDARD_IA`, `NEARLINE`.
    pub(crate) fn storage_class(&mut self, variable: &'static str) -> String {
        let value = self.text(variable, STORAGE_CLASS);
        let is_part = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if value.bytes().all(is_part) {
            return value;
        }
        self.refuse(variable, Some(value), "a storage class in capital letters, as STANDARD or STANDARD_IA")
    }

    /// A queue's address, if there is one.
    pub(crate) fn optional_url(&mut self, variable: &'static str) -> Option<String> {
        let value = self.optional(variable)?;
        let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
        if rest.is_some_and(|rest| !rest.is_empty()) && !value.contains(char::is_whitespace) {
            return Some(value);
        }
        self.refuse(variable, Some(value), "an address that begins with https://")
    }

    pub(crate) fn required_url(&mut self, variable: &'static str, allowed: &str) -> String {
        if self.optional(variable).is_none() {
            return self.refuse(variable, None, allowed);
        }
        self.optional_url(variable).unwrap_or_default()
    }

    /// A bucket's name, if there is one.
    pub(crate) fn optional_bucket(&mut self, variable: &'static str) -> Option<String> {
        let value = self.optional(variable)?;
        match problem_of_bucket(&value) {
            None => Some(value),
            Some(_) => self.refuse(variable, Some(value), "a bucket's name, without s3:// and without a folder"),
        }
    }

    fn refuse<T: Default>(&mut self, variable: &'static str, value: Option<String>, allowed: impl Into<String>) -> T {
        self.problems.push(SettingsProblem { variable, value, allowed: allowed.into() });
        T::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(value: &'static str) -> Reader<impl Fn(&str) -> Option<String>> {
        Reader::new(move |_| Some(value.to_owned()))
    }

    #[test]
    fn only_plain_words_are_flags() {
        for value in ["True", "true", "1"] {
            assert!(reader(value).flag("UpdateVersionId"));
        }
        for value in ["False", "false", "0", ""] {
            assert!(!reader(value).flag("UpdateVersionId"));
        }
        let mut reader = reader("yes");
        assert!(!reader.flag("UpdateVersionId"));
        let error = reader.finish(()).unwrap_err().to_string();
        let expected = "environment variables cannot be used: UpdateVersionId is \"yes\", \
            and must be True or False (also true, false, 1, 0)";
        assert_eq!(error, expected);
    }

    #[test]
    fn a_number_out_of_its_range_is_refused_and_an_empty_one_is_the_default() {
        assert_eq!(reader("").number("MaxRetry", 20, 0..=1000), 20);
        assert_eq!(reader(" 7 ").number("MaxRetry", 20, 0..=1000), 7);
        for value in ["-1", "1001", "1e3", "many"] {
            let mut reader = reader(value);
            reader.number("MaxRetry", 20, 0..=1000);
            let problem = reader.finish(()).unwrap_err().problems.remove(0);
            assert_eq!(problem.allowed, "a whole number from 0 to 1000", "{value}");
        }
    }

    #[test]
    fn an_address_has_a_scheme_and_no_spaces() {
        assert!(reader("https://sqs.eu-west-1.amazonaws.com/1/jobs").optional_url("sqs_queue").is_some());
        for value in ["jobs", "arn:aws:sqs:eu-west-1:1:jobs", "https://", "https://a b"] {
            let mut reader = reader(value);
            assert_eq!(reader.optional_url("sqs_queue"), None);
            assert!(reader.finish(()).is_err(), "{value}");
        }
    }
}
