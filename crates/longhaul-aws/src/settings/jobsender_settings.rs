//! The settings of the jobsender.

use std::time::Duration;

use longhaul::{
    jobsender::ScanSettings,
    ledger::MAX_RANGES,
    object::{MAX_PART_SIZE, MIB},
    route::Compare,
};

use crate::settings::environment::{CREDENTIALS, JOB_TIMEOUT, JOB_TYPES, JobType, MAX_RETRY, Reader, SettingsError};

/// The original's name of the routes.
const ROUTES: &str = "s3_migration_bucket_para";

/// The original's name of the ignore list.
const IGNORE_LIST: &str = "s3_migrate_ignore_list";

/// Seconds of an hour.
const HOUR: u64 = 60 * 60;

/// Hours of a year.
const YEAR: u64 = 365 * 24;

/// All settings of a jobsender. Field docs name the variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobsenderSettings {
    /// `sqs_queue`: the address of the queue of jobs.
    pub jobs_queue: String,
    /// `sqs_queue_scan`: the address of the queue of ranges. Without it a comparison ends with its run.
    pub scan_queue: Option<String>,
    /// `sqs_queue_parked`: the address of the queue of parked messages.
    pub parked_queue: Option<String>,
    /// `table_queue_name`: the ledger's table.
    pub table: String,
    /// `ssm_parameter_bucket`: the parameter of routes.
    pub routes_parameter: String,
    /// `ssm_parameter_ignore_list`: the parameter of the ignore list.
    pub ignore_list_parameter: String,
    /// `ssm_parameter_credentials`: the parameter of the other account.
    pub credentials_parameter: String,
    /// `JobType`.
    pub job_type: JobType,
    /// `MaxRetry`: repeats of a request.
    pub max_retry: u32,
    /// `StorageClass` of the destination.
    pub storage_class: String,
    /// `JobsenderCompareVersionId`: current versions are compared with the ledger's.
    pub compare_version_id: bool,
    /// `Compare`: `size` or `newer`.
    pub compare: Compare,
    /// `GateMaxAgeHours`: how long jobs of one scan can hold up the next.
    pub gate_max_age: Duration,
    /// `JobTimeout`: the time of a run.
    pub job_timeout: Duration,
    /// `MaxReceives`: deliveries of a message after which it is parked.
    pub max_receives: u32,
    /// `ScanRanges`: ranges that may be compared at the same time; with 1 no listing is ever cut.
    pub scan_ranges: usize,
    /// `MultipartThreshold`: bytes up to which an object travels in one request, and many in one message.
    pub multipart_threshold: u64,
}

impl JobsenderSettings {
    /// Reads the settings through `var`, which looks up a variable's value.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut vars = Reader::new(var);
        let settings = Self {
            jobs_queue: vars.required_url("sqs_queue", "the address of the queue of jobs"),
            scan_queue: vars.optional_url("sqs_queue_scan"),
            parked_queue: vars.optional_url("sqs_queue_parked"),
            table: vars.required("table_queue_name", "the name of the DynamoDB table"),
            routes_parameter: vars.text("ssm_parameter_bucket", ROUTES),
            ignore_list_parameter: vars.text("ssm_parameter_ignore_list", IGNORE_LIST),
            credentials_parameter: vars.text("ssm_parameter_credentials", CREDENTIALS),
            job_type: vars.one_of("JobType", &JOB_TYPES),
            max_retry: vars.number("MaxRetry", MAX_RETRY, 0..=1000) as u32,
            storage_class: vars.storage_class("StorageClass"),
            compare_version_id: vars.flag("JobsenderCompareVersionId"),
            compare: vars.one_of("Compare", &COMPARES),
            gate_max_age: Duration::from_secs(HOUR * vars.number("GateMaxAgeHours", 6, 1..=YEAR)),
            job_timeout: vars.seconds("JobTimeout", JOB_TIMEOUT, 1..=12 * HOUR),
            max_receives: vars.number("MaxReceives", 60, 1..=1000) as u32,
            scan_ranges: vars.number("ScanRanges", ScanSettings::DEFAULT_RANGES as u64, 1..=MAX_RANGES as u64) as usize,
            multipart_threshold: vars.number("MultipartThreshold", 16 * MIB, 1..=MAX_PART_SIZE),
        };
        vars.finish(settings)
    }
}

const COMPARES: [(&str, Compare); 2] = [("size", Compare::Size), ("newer", Compare::Newer)];

#[cfg(test)]
mod tests {
    use super::*;

    const JOBS: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs";

    fn read(vars: &[(&str, &str)]) -> Result<JobsenderSettings, SettingsError> {
        let least = [("table_queue_name", "table"), ("sqs_queue", JOBS)];
        let find = |wanted: &str| vars.iter().chain(&least).find(|(name, _)| *name == wanted);
        JobsenderSettings::from_vars(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_defaults_are_those_of_the_original() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.routes_parameter, "s3_migration_bucket_para");
        assert_eq!(settings.ignore_list_parameter, "s3_migrate_ignore_list");
        assert_eq!(settings.credentials_parameter, "s3_migration_credentials");
        assert_eq!((settings.job_type, settings.max_retry), (JobType::Put, 20));
        assert_eq!((settings.storage_class.as_str(), settings.compare_version_id), ("STANDARD", false));
    }

    #[test]
    fn what_is_new_has_defaults_too() {
        let settings = read(&[]).unwrap();
        assert_eq!((settings.compare, settings.gate_max_age), (Compare::Size, Duration::from_secs(21_600)));
        assert_eq!((settings.job_timeout, settings.multipart_threshold), (Duration::from_secs(870), 16_777_216));
        assert_eq!((settings.jobs_queue.as_str(), settings.parked_queue), (JOBS, None));
        assert_eq!((settings.scan_queue, settings.scan_ranges, settings.max_receives), (None, 32, 60));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        let error =
            read(&[("Compare", "checksum"), ("GateMaxAgeHours", "0"), ("sqs_queue", "jobs"), ("ScanRanges", "101")])
                .unwrap_err();
        let words = error.to_string();
        assert!(words.contains("sqs_queue is \"jobs\", and must be an address"), "{words}");
        assert!(words.contains("Compare is \"checksum\", and must be size or newer"), "{words}");
        assert!(words.contains("ScanRanges is \"101\", and must be a whole number from 1 to 100"), "{words}");
        assert!(words.contains("GateMaxAgeHours is \"0\", and must be a whole number from 1 to 8760"), "{words}");
    }
}
