//! The report: one JSON line an object.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use longhaul::{
    copy::ObjectReport,
    object::{Location, ObjectKey},
};
use serde_json::{Value, json};

use crate::failure::{Failure, chain};

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
        let message = report.error.as_ref().map_or_else(|| reason.message.clone(), |error| chain(error));
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
pub struct ReportFile(Option<BufWriter<File>>);

impl ReportFile {
    /// Opens it anew, if one is wanted.
    pub fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self(None)) };
        let file = File::create(path).map_err(|error| Failure::of_file("the report", path, &error))?;
        Ok(Self(Some(BufWriter::new(file))))
    }

    /// Writes one object's line. Lines reach the file at once, so that a killed run leaves those of what it did.
    pub fn write(&mut self, report: &ObjectReport) -> std::io::Result<()> {
        let Some(file) = &mut self.0 else { return Ok(()) };
        writeln!(file, "{}", line(report))?;
        file.flush()
    }
}
