//! The message of one range of a scan: `{"longhaul":1,"scan":{"id":"…","range":7}}`.
//!
//! It only points at the scan's record, which says what is left of the range.

use serde::{Deserialize, Serialize};

use crate::queue::format::Malformed;

/// The version of the format that this code writes and reads.
const VERSION: u64 = 1;

/// A range of a scan that is to be worked on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RangeJob {
    /// The scan.
    pub id: String,
    /// The range's number in the scan's record.
    pub range: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    longhaul: u64,
    scan: RangeJob,
}

impl RangeJob {
    /// The body to send.
    pub fn body(&self) -> String {
        // A struct of texts and numbers always has a JSON text.
        serde_json::to_string(&Envelope { longhaul: VERSION, scan: self.clone() }).unwrap_or_default()
    }
}

/// Reads a body.
pub fn parse(body: &str) -> Result<RangeJob, Malformed> {
    let envelope: Envelope = serde_json::from_str(body).map_err(|error| {
        Malformed(format!("it is no message of a scan, {{\"longhaul\":1,\"scan\":{{\"id\":…,\"range\":…}}}}: {error}"))
    })?;
    match envelope.longhaul {
        VERSION => Ok(envelope.scan),
        other => Err(Malformed(format!("it has version {other} of the format, and only {VERSION} is understood"))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let message = RangeJob { id: "0f".into(), range: 7 };
        assert_eq!(message.body(), r#"{"longhaul":1,"scan":{"id":"0f","range":7}}"#);
        assert_eq!(parse(&message.body()), Ok(message));
    }

    #[test]
    fn what_is_not_understood_is_explained() {
        let words = |body: &str| parse(body).unwrap_err().to_string();
        assert!(words(r#"{"longhaul":2,"scan":{"id":"a","range":1}}"#).contains("version 2"));
        assert!(words(r#"{"longhaul":1,"scan":{"id":"a","range":-1}}"#).contains("-1"));
        assert!(words("{}").contains("no message of a scan"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*") {
            let _ = parse(&text);
        }
    }
}
