//! What all messages have in common: their version, and what is wrong with those that cannot be read.

use serde_json::Value;

use crate::object::problem_of_bucket;

/// The version of the formats that this code writes and reads.
pub(crate) const VERSION: u64 = 1;

/// A message that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is not understood: {0}")]
pub struct Malformed(pub String);

pub(crate) fn check_version(what: &str, version: u64) -> Result<(), Malformed> {
    match version {
        VERSION => Ok(()),
        other => Err(Malformed(format!("{what} of format {other}; this worker reads format {VERSION}: update it"))),
    }
}

pub(crate) fn named_buckets(source: &str, destination: &str) -> Result<(), Malformed> {
    for (side, name) in [("source", source), ("destination", destination)] {
        if let Some(problem) = problem_of_bucket(name) {
            return Err(Malformed(format!("the {side} bucket: {problem}")));
        }
    }
    Ok(())
}

/// JSON without the characters that SQS refuses in a body: U+FFFE and U+FFFF are written as escapes, as JSON itself does with
/// control characters (SQS API, SendMessage; U+007F and above are permitted).
pub(crate) fn sendable(value: &Value) -> String {
    value.to_string().replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
}
