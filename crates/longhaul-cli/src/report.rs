//! The report: one JSON line an object.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use longhaul::{
    copy::ObjectReport,
    object::{KeyError, Location, ObjectKey},
};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    out,
    own_file::{self, Kind},
};

/// An address that `longhaul` itself understands.
pub fn address((location, key): &(Location, ObjectKey)) -> String {
    match location.endpoint.as_str() {
        Location::LOCAL => format!("{}/{key}", location.bucket),
        _ => format!("s3://{}/{key}", location.bucket),
    }
}

/// A report as JSON.
pub fn line(report: &ObjectReport) -> Value {
    let reason = report.reason.as_ref().map(|reason| {
        let message =
            report.error.as_ref().map_or_else(|| reason.message.clone(), |error| longhaul::store::error::chain(error));
        json!({ "code": reason.code, "message": message })
    });
    json!({
        "source": address(&report.source),
        "source_store": report.source.0.endpoint,
        "destination": address(&report.destination),
        "destination_store": report.destination.0.endpoint,
        "size": report.size,
        "version": report.version_id.as_ref().map(|version| version.as_str()),
        "checksum": report.checksum.map(|crc| format!("crc64nvme:{}", crc.to_base64())),
        "proof": report.proof,
        "outcome": report.outcome.name(),
        "reason": reason,
        "seconds": report.seconds,
        "attempts": report.attempts,
        "requests": report.requests,
        "bytes_sent": report.bytes_sent,
        "parts": report.parts,
        "parts_resumed": report.parts_resumed,
        "not_preserved": report.not_preserved,
    })
}

/// The report file.
pub struct ReportFile {
    file: Option<BufWriter<File>>,
    error: Option<std::io::Error>,
}

impl ReportFile {
    /// Opens it, if one is wanted. What an earlier run wrote stays: a copy in several runs has one report.
    pub fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let file = path.map(|path| own_file::append_to(path, Kind::Report)).transpose()?;
        Ok(Self { file: file.map(BufWriter::new), error: None })
    }

    /// Writes one object's line. Lines reach the file at once, so that a killed run leaves those of what it did. An error is
    /// kept for the end: the copy is worth more than its report.
    pub fn write(&mut self, report: &ObjectReport) {
        self.write_line(&line(report));
    }

    /// Writes the line of a key that has no place at the destination.
    pub fn write_unplaceable(&mut self, location: &Location, key: &ObjectKey, error: &KeyError) {
        let reason = json!({ "code": "invalid-key", "message": error.to_string() });
        let source = address(&(location.clone(), key.clone()));
        self.write_line(&json!({ "source": source, "destination": null, "outcome": "failed", "reason": reason }));
    }

    /// Writes the line of a key that a list names and that leads nowhere.
    pub fn write_not_found(&mut self, location: &Location, key: &ObjectKey, outcome: &str, why: &str) {
        let reason = json!({ "code": outcome, "message": why });
        let source = address(&(location.clone(), key.clone()));
        self.write_line(&json!({ "source": source, "destination": null, "outcome": outcome, "reason": reason }));
    }

    fn write_line(&mut self, line: &Value) {
        let Some(file) = &mut self.file else { return };
        let written = writeln!(file, "{}", out::json(line)).and_then(|()| file.flush());
        if let Err(error) = written {
            self.error.get_or_insert(error);
        }
    }

    /// Says whether every line was written.
    pub fn close(self) -> Result<(), Failure> {
        match self.error {
            None => Ok(()),
            Some(error) => Err(Failure::usage(format!("the report is not complete: {error}"))),
        }
    }
}
