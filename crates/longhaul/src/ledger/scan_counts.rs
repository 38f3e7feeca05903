//! The counters of a scan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::object::ObjectKey;

/// Sums over the ranges of a scan. After a crash some objects may have been compared, and counted, once more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanTotals {
    /// Source objects seen, without the ignored ones.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Found to be the same at the destination.
    pub same: u64,
    /// Objects sent as jobs.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Messages that carry them.
    pub messages: u64,
    /// Not sent, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Lists that changed meanwhile, and were begun anew: what they name may be counted more than once.
    #[serde(default)]
    pub begun_anew: u64,
}

impl ScanTotals {
    pub(crate) fn add(&mut self, counts: &SendReport) {
        self.objects += counts.objects;
        self.bytes += counts.bytes;
        self.same += counts.same;
        self.sent += counts.sent;
        self.sent_bytes += counts.sent_bytes;
        self.messages += counts.messages;
        self.begun_anew += counts.begun_anew;
        for (why, count) in &counts.skipped {
            *self.skipped.entry((*why).to_owned()).or_default() += count;
        }
    }
}

/// What the scan of a route came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SendReport {
    /// Source objects seen, without the ignored ones.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Found to be the same at the destination.
    pub same: u64,
    /// Objects sent as jobs; in a dry run, those that would be.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Messages that carry them.
    pub messages: u64,
    /// Objects that are not the same and were not sent, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Why objects were sent.
    pub why: BTreeMap<&'static str, u64>,
    /// Objects whose jobs the queue refused again and again. The next scan finds them anew.
    pub refused: u64,
    /// Keys that the list names and the source lacks, up to [`MISSING_NAMED`]; `skipped` counts all of them as `gone`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<ObjectKey>,
    /// Lists that had changed since an earlier leg, and were begun anew.
    pub begun_anew: u64,
    /// Whether both listings were read to their end.
    pub complete: bool,
    /// By what objects of equal size were compared: `versions`, or what the setting says.
    pub compared_by: &'static str,
}

impl SendReport {
    /// Adds what a further part came to. It is complete if both are.
    pub fn add(&mut self, part: &Self) {
        self.objects += part.objects;
        self.bytes += part.bytes;
        self.same += part.same;
        self.sent += part.sent;
        self.sent_bytes += part.sent_bytes;
        self.messages += part.messages;
        self.refused += part.refused;
        self.begun_anew += part.begun_anew;
        let room = MISSING_NAMED.saturating_sub(self.missing.len());
        self.missing.extend(part.missing.iter().take(room).cloned());
        for (sums, parts) in [(&mut self.skipped, &part.skipped), (&mut self.why, &part.why)] {
            for (why, count) in parts {
                *sums.entry(why).or_default() += count;
            }
        }
        self.complete &= part.complete;
        self.compared_by = part.compared_by;
    }
}

/// So many keys that a list names and the source lacks are named in a report. The log names all.
pub const MISSING_NAMED: usize = 20;
