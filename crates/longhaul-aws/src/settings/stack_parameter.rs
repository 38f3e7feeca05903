//! What a deployed stack says of itself in the parameter `/longhaul/<name>`: where it is, and the environment of its
//! functions, so that the same work can be done elsewhere and its state be shown. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::settings::{
    environment::SettingsError, jobsender_settings::JobsenderSettings, worker_settings::WorkerSettings,
};

/// The version of the parameter's form that this longhaul reads.
const VERSION: u32 = 1;

/// A stack's description.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StackParameter {
    /// The region that it runs in.
    pub region: String,
    /// The address of its dashboard.
    #[serde(default)]
    pub dashboard: Option<String>,
    /// The environment of its worker.
    pub worker: BTreeMap<String, String>,
    /// The environment of its jobsender.
    pub jobsender: BTreeMap<String, String>,
}

/// A description that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// It is no description.
    #[error("the template writes it as JSON with version, region, worker and jobsender")]
    Malformed(#[from] serde_json::Error),
    /// Another longhaul wrote it.
    #[error("its version is {0}, and this longhaul reads version {VERSION}: use the one that deployed the stack")]
    Version(u32),
}

impl StackParameter {
    /// The parameter of a stack.
    pub fn name_of(stack: &str) -> String {
        format!("/longhaul/{stack}")
    }

    /// Reads the JSON of the parameter.
    pub fn parse(text: &str) -> Result<Self, StackError> {
        // The version first: another one may have other fields.
        let Versioned { version } = serde_json::from_str(text)?;
        if version != VERSION {
            return Err(StackError::Version(version));
        }
        Ok(serde_json::from_str(text)?)
    }

    /// The settings of its worker.
    pub fn worker_settings(&self) -> Result<WorkerSettings, SettingsError> {
        WorkerSettings::from_vars(|name| self.worker.get(name).cloned())
    }

    /// The settings of its jobsender.
    pub fn jobsender_settings(&self) -> Result<JobsenderSettings, SettingsError> {
        JobsenderSettings::from_vars(|name| self.jobsender.get(name).cloned())
    }
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = r#"{"version":1,"region":"eu-west-1","dashboard":"https://console.example",
        "worker":{"table_queue_name":"t","sqs_queue_jobs":"https://q.example/1/jobs",
            "sqs_queue_parked":"https://q.example/1/parked","MaxThread":"7"},
        "jobsender":{"table_queue_name":"t","sqs_queue":"https://q.example/1/jobs","Compare":"newer"}}"#;

    #[test]
    fn a_stack_tells_the_settings_of_both_functions() {
        let stack = StackParameter::parse(STACK).unwrap();
        assert_eq!((stack.region.as_str(), stack.dashboard.as_deref()), ("eu-west-1", Some("https://console.example")));
        let worker = stack.worker_settings().unwrap();
        assert_eq!((worker.queues.jobs.as_str(), worker.max_threads), ("https://q.example/1/jobs", 7));
        let jobsender = stack.jobsender_settings().unwrap();
        assert_eq!((jobsender.table.as_str(), jobsender.compare), ("t", longhaul::route::Compare::Newer));
        assert_eq!(StackParameter::name_of("photos"), "/longhaul/photos");
    }

    #[test]
    fn another_version_is_refused_before_anything_else_is_read() {
        let error = StackParameter::parse(r#"{"version":2,"place":"eu-west-1"}"#).unwrap_err();
        assert!(matches!(error, StackError::Version(2)));
        assert!(error.to_string().contains("reads version 1"));
        assert!(matches!(StackParameter::parse("{}"), Err(StackError::Malformed(_))));
    }
}
