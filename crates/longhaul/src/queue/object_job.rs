//! Jobs: objects to copy, as messages carry them.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    ledger::Token,
    object::{ETag, ObjectKey, VersionId},
    queue::format::{VERSION, sendable},
};

/// One object that may need copying, as the jobsender sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Key at the source.
    pub src_key: ObjectKey,
    /// Key at the destination.
    pub des_key: ObjectKey,
    /// Bytes as listed.
    pub size: u64,
    /// The source's tag as listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<ETag>,
    /// The source's version as listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<VersionId>,
    /// The destination as listed.
    #[serde(default, skip_serializing_if = "DestinationSeen::is_unknown", with = "destination")]
    pub des_etag: DestinationSeen,
    /// The ledger's record as read before sending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
    /// Why it is to be copied.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// What stood at the destination when it was listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DestinationSeen {
    /// Nobody looked.
    #[default]
    Unknown,
    /// Nothing.
    Absent,
    /// An object with this tag.
    Is(ETag),
}

impl DestinationSeen {
    fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

/// `null` is nothing there; a missing field is nothing known.
pub(crate) mod destination {
    use super::DestinationSeen;
    use super::ETag;
    use serde::Deserialize;
    use serde::Deserializer;
    use serde::Serialize;
    use serde::Serializer;

    pub fn serialize<S: Serializer>(value: &DestinationSeen, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            DestinationSeen::Is(etag) => etag.serialize(serializer),
            DestinationSeen::Unknown | DestinationSeen::Absent => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DestinationSeen, D::Error> {
        Ok(Option::<ETag>::deserialize(deserializer)?.map_or(DestinationSeen::Absent, DestinationSeen::Is))
    }
}

/// Jobs of one pair of buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jobs {
    /// Source bucket.
    pub src_bucket: String,
    /// DestinationSeen bucket.
    pub des_bucket: String,
    /// The objects.
    pub jobs: Vec<Job>,
}

impl Jobs {
    /// The message.
    pub fn body(&self) -> String {
        let Self { src_bucket, des_bucket, jobs } = self;
        sendable(&json!({"longhaul": VERSION, "src_bucket": src_bucket, "des_bucket": des_bucket, "jobs": jobs}))
    }
}
