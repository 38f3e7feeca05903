//! The settings of the worker.

use std::time::Duration;

use longhaul::{
    ledger::DEFAULT_SEGMENT_SIZE,
    object::{DEFAULT_PART_SIZE, MAX_OBJECT_SIZE, MAX_PART_SIZE, MIB, MIN_PART_SIZE, Verify},
    worker::DeletePolicy,
};

use crate::settings::environment::{CREDENTIALS, JOB_TIMEOUT, JOB_TYPES, JobType, MAX_RETRY, Reader, SettingsError};

/// The longest leg: the longest time that SQS keeps a message hidden.
const MAX_TIMEOUT: u64 = 12 * 60 * 60;

/// More parts, files or repeats than any machine wants.
const MANY: u64 = 1000;

/// Where events go that no route has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultDestination {
    /// The bucket.
    pub bucket: String,
    /// The folder that keys get.
    pub prefix: String,
}

/// The queues of a worker, by their addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerQueues {
    /// S3 notifications, where the stack has a source bucket.
    pub events: Option<String>,
    /// Jobs of the jobsender, and what other messages left over.
    pub jobs: String,
    /// Segments of giants; without this queue no object is cut up.
    pub segments: Option<String>,
    /// What cannot succeed.
    pub parked: String,
}

/// All settings of a worker. Field docs name the variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerSettings {
    /// `table_queue_name`: the ledger's table.
    pub table: String,
    /// `Des_bucket_default` and `Des_prefix_default`.
    pub default_destination: Option<DefaultDestination>,
    /// `StorageClass` of the destination.
    pub storage_class: String,
    /// `ssm_parameter_credentials`: the parameter of the other account.
    pub credentials_parameter: String,
    /// `ssm_parameter_bucket`: the parameter of routes, if events have any.
    pub routes_parameter: Option<String>,
    /// `ssm_parameter_ignore_list`: the parameter of the ignore list, if events have one.
    pub ignore_list_parameter: Option<String>,
    /// `checkip_url`: an address that answers the caller's, to be logged.
    pub checkip_url: Option<String>,
    /// `JobType`.
    pub job_type: JobType,
    /// `MaxRetry`: repeats of a request.
    pub max_retry: u32,
    /// `MaxThread`: parts in flight.
    pub max_threads: usize,
    /// `MaxParallelFile`: messages at once in one process. A Lambda handles what it is given.
    pub max_parallel_files: usize,
    /// `JobTimeout`: the time of a leg.
    pub job_timeout: Duration,
    /// `UpdateVersionId`: the version is read from the source before a copy begins.
    pub update_version_id: bool,
    /// `GetObjectWithVersionId`: reads name the version.
    pub get_object_with_version_id: bool,
    /// `sqs_queue_events`, `sqs_queue_jobs`, `sqs_queue_segments`, `sqs_queue_parked`.
    pub queues: WorkerQueues,
    /// `MaxReceives`: deliveries of a message after which it is parked.
    pub max_receives: u32,
    /// `DeletePolicy`: `ignore` or `propagate`.
    pub delete_policy: DeletePolicy,
    /// `ChunkSize`: bytes of a part.
    pub chunk_size: u64,
    /// `MultipartThreshold`: bytes up to which an object travels in one request.
    pub multipart_threshold: u64,
    /// `SegmentSize`: larger objects are cut into segments of about so many bytes, which many workers copy at once.
    pub segment_size: u64,
    /// `Bandwidth`: bytes per second, all objects together.
    pub bandwidth: Option<u64>,
    /// `MarkCopies`: copies carry a mark of their source, and are not sent back to it by the stack of the other direction.
    pub mark_copies: bool,
    /// `Verify`: `auto`, `md5`, `transport` or `read-back`.
    pub verify: Verify,
}

impl WorkerSettings {
    /// Reads the settings through `var`, which looks up a variable's value.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut vars = Reader::new(var);
        let settings = Self {
            table: vars.required("table_queue_name", "the name of the DynamoDB table"),
            default_destination: default_destination(&mut vars),
            storage_class: vars.storage_class("StorageClass"),
            credentials_parameter: vars.text("ssm_parameter_credentials", CREDENTIALS),
            routes_parameter: vars.optional("ssm_parameter_bucket"),
            ignore_list_parameter: vars.optional("ssm_parameter_ignore_list"),
            checkip_url: vars.optional_url("checkip_url"),
            job_type: vars.one_of("JobType", &JOB_TYPES),
            max_retry: vars.number("MaxRetry", MAX_RETRY, 0..=MANY) as u32,
            max_threads: vars.number("MaxThread", 50, 1..=MANY) as usize,
            max_parallel_files: vars.number("MaxParallelFile", 1, 1..=MANY) as usize,
            job_timeout: vars.seconds("JobTimeout", JOB_TIMEOUT, 1..=MAX_TIMEOUT),
            update_version_id: vars.flag("UpdateVersionId"),
            get_object_with_version_id: vars.flag("GetObjectWithVersionId"),
            queues: queues(&mut vars),
            max_receives: vars.number("MaxReceives", 60, 1..=MANY) as u32,
            delete_policy: vars.one_of("DeletePolicy", &DELETE_POLICIES),
            chunk_size: vars.number("ChunkSize", DEFAULT_PART_SIZE, MIN_PART_SIZE..=MAX_PART_SIZE),
            multipart_threshold: vars.number("MultipartThreshold", 16 * MIB, 1..=MAX_PART_SIZE),
            segment_size: vars.number("SegmentSize", DEFAULT_SEGMENT_SIZE, MIN_PART_SIZE..=MAX_OBJECT_SIZE),
            bandwidth: vars.bandwidth("Bandwidth"),
            mark_copies: vars.flag("MarkCopies"),
            verify: vars.one_of("Verify", &VERIFIES),
        };
        vars.finish(settings)
    }
}

const DELETE_POLICIES: [(&str, DeletePolicy); 2] =
    [("ignore", DeletePolicy::Ignore), ("propagate", DeletePolicy::Propagate)];

const VERIFIES: [(&str, Verify); 4] =
    [("auto", Verify::Auto), ("md5", Verify::Md5), ("transport", Verify::Transport), ("read-back", Verify::ReadBack)];

fn default_destination<F: Fn(&str) -> Option<String>>(vars: &mut Reader<F>) -> Option<DefaultDestination> {
    let bucket = vars.optional_bucket("Des_bucket_default")?;
    Some(DefaultDestination { bucket, prefix: vars.text("Des_prefix_default", "") })
}

fn queues<F: Fn(&str) -> Option<String>>(vars: &mut Reader<F>) -> WorkerQueues {
    WorkerQueues {
        events: vars.optional_url("sqs_queue_events"),
        jobs: vars.required_url("sqs_queue_jobs", "the address of the queue of jobs"),
        segments: vars.optional_url("sqs_queue_segments"),
        parked: vars.required_url("sqs_queue_parked", "the address of the queue of parked messages"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOBS: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs";
    const PARKED: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/parked";

    fn read(vars: &[(&str, &str)]) -> Result<WorkerSettings, SettingsError> {
        let least = [("table_queue_name", "table"), ("sqs_queue_jobs", JOBS), ("sqs_queue_parked", PARKED)];
        let find = |wanted: &str| vars.iter().chain(&least).find(|(name, _)| *name == wanted);
        WorkerSettings::from_vars(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_defaults_are_those_of_the_original() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.credentials_parameter, "s3_migration_credentials");
        assert_eq!((settings.storage_class.as_str(), settings.job_type), ("STANDARD", JobType::Put));
        assert_eq!((settings.max_retry, settings.max_threads, settings.max_parallel_files), (20, 50, 1));
        assert_eq!(settings.job_timeout, Duration::from_secs(870));
        assert!(!settings.update_version_id && !settings.get_object_with_version_id);
        assert_eq!((settings.default_destination, settings.checkip_url), (None, None));
    }

    #[test]
    fn what_is_new_has_defaults_too() {
        let settings = read(&[]).unwrap();
        assert_eq!((settings.max_receives, settings.delete_policy), (60, DeletePolicy::Ignore));
        assert_eq!((settings.chunk_size, settings.multipart_threshold), (8_388_608, 16_777_216));
        assert_eq!((settings.bandwidth, settings.verify), (None, Verify::Auto));
        assert_eq!((settings.routes_parameter, settings.ignore_list_parameter), (None, None));
        assert_eq!(
            settings.queues,
            WorkerQueues { events: None, jobs: JOBS.into(), segments: None, parked: PARKED.into() }
        );
        assert_eq!(settings.segment_size, 4_294_967_296);
    }

    #[test]
    fn every_setting_can_be_changed() {
        let settings = read(&[
            ("Des_bucket_default", "des"),
            ("Des_prefix_default", "p/ q"),
            ("StorageClass", "STANDARD_IA"),
            ("JobType", "GET"),
            ("MaxThread", "8"),
            ("UpdateVersionId", "True"),
            ("DeletePolicy", "propagate"),
            ("Verify", "read-back"),
            ("Bandwidth", "1000000"),
            ("MarkCopies", "true"),
            ("checkip_url", "https://checkip.example"),
        ]);
        let settings = settings.unwrap();
        let destination = DefaultDestination { bucket: "des".into(), prefix: "p/ q".into() };
        assert_eq!(settings.default_destination, Some(destination));
        assert_eq!((settings.storage_class.as_str(), settings.job_type), ("STANDARD_IA", JobType::Get));
        assert_eq!((settings.max_threads, settings.update_version_id), (8, true));
        assert_eq!((settings.delete_policy, settings.verify), (DeletePolicy::Propagate, Verify::ReadBack));
        assert_eq!((settings.bandwidth, settings.mark_copies), (Some(1_000_000), true));
        assert_eq!(settings.checkip_url.as_deref(), Some("https://checkip.example"));
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let wrong = [("JobType", "put"), ("ChunkSize", "1"), ("Des_bucket_default", "s3://b/p"), ("Verify", "always")];
        let error = read(&wrong).unwrap_err();
        let variables: Vec<_> = error.problems.iter().map(|problem| problem.variable).collect();
        assert_eq!(variables, ["Des_bucket_default", "JobType", "ChunkSize", "Verify"]);
        assert!(error.to_string().contains("JobType is \"put\", and must be PUT or GET"));
        let error = WorkerSettings::from_vars(|_| None).unwrap_err();
        let variables: Vec<_> = error.problems.iter().map(|problem| problem.variable).collect();
        assert_eq!(variables, ["table_queue_name", "sqs_queue_jobs", "sqs_queue_parked"]);
    }
}
