//! The text beside a staging file that says which parts it holds.
//!
//! The first line describes the upload, and each further line one part; later lines win. A line is appended in one
//! write after the part is on disk. A line that a crash has torn is ignored: its part is then sent again. Every line
//! begins with a line break of its own, so that what is appended behind a torn one is whole.

use std::{collections::BTreeMap, fs::File, io::Write};

use longhaul::{
    object::{Crc64, ObjectKey, PartNumber, Timestamp},
    store::{StoreError, UploadedPart},
};
use serde::{Deserialize, Serialize};

use crate::{call::Call, put::crc_etag};

/// What an upload will become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) key: ObjectKey,
    pub(crate) modified: Timestamp,
    pub(crate) initiated: Timestamp,
}

/// A part in the staging file. Without a checksum it is about to be overwritten and does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartLine {
    pub(crate) number: PartNumber,
    pub(crate) offset: u64,
    pub(crate) size: u64,
    pub(crate) crc: Option<Crc64>,
}

/// A sidecar that was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sidecar {
    pub(crate) header: Header,
    parts: BTreeMap<PartNumber, PartLine>,
}

/// A part that counts, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeldPart {
    pub(crate) offset: u64,
    pub(crate) size: u64,
    pub(crate) crc: Crc64,
}

impl Sidecar {
    /// Reads the text; `None` without a whole first line, for then there is no upload.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let header = serde_json::from_slice(lines.next()?).ok()?;
        let lines = lines.filter_map(|line| serde_json::from_slice::<PartLine>(line).ok());
        Some(Self { header, parts: lines.map(|line| (line.number, line)).collect() })
    }

    /// The parts that count, given the length of the staging file.
    pub(crate) fn held(&self, length: u64) -> BTreeMap<PartNumber, HeldPart> {
        let held = self.parts.values().filter_map(|line| {
            let is_whole = line.offset.checked_add(line.size).is_some_and(|end| end <= length);
            let crc = line.crc.filter(|_| is_whole)?;
            Some((line.number, HeldPart { offset: line.offset, size: line.size, crc }))
        });
        held.collect()
    }
}

impl HeldPart {
    /// The part as ListParts shows it.
    pub(crate) fn uploaded(&self, number: PartNumber) -> UploadedPart {
        UploadedPart { number, size: self.size, etag: crc_etag(self.crc), crc64nvme: Some(self.crc) }
    }
}

/// Whether the text names a part at all. It is asked before every part is written, so it does not parse the lines.
pub(crate) fn mentions(text: &[u8], number: PartNumber) -> bool {
    let needle = format!("{{\"number\":{number},");
    text.windows(needle.len()).any(|window| window == needle.as_bytes())
}

/// Appends a line to a file that was opened for appending.
pub(crate) fn append(file: &File, line: &impl Serialize) -> std::io::Result<()> {
    let mut text = vec![b'\n'];
    serde_json::to_writer(&mut text, line)?;
    text.push(b'\n');
    let mut file = file;
    file.write_all(&text)
}

/// Notes that a part does not count any more.
pub(crate) fn strike_out(notes: &File, number: PartNumber, call: &Call) -> Result<(), StoreError> {
    let line = PartLine { number, offset: 0, size: 0, crc: None };
    let noted = append(notes, &line).and_then(|()| notes.sync_data());
    noted.map_err(|error| call.io("noting that a part is written again", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u16) -> PartNumber {
        PartNumber::new(number).unwrap()
    }

    fn line(part: u16, offset: u64, size: u64, crc: Option<Crc64>) -> String {
        let line = PartLine { number: number(part), offset, size, crc };
        format!("\n{}\n", serde_json::to_string(&line).unwrap())
    }

    fn header() -> String {
        let key = ObjectKey::new("a/b").unwrap();
        let header = Header { key, modified: Timestamp(1), initiated: Timestamp(2) };
        format!("\n{}\n", serde_json::to_string(&header).unwrap())
    }

    #[test]
    fn later_lines_win_and_an_overwritten_part_does_not_count() {
        let (old, new) = (Crc64::of(b"old"), Crc64::of(b"new"));
        let text = header() + &line(1, 0, 3, Some(old)) + &line(2, 3, 3, Some(old));
        let text = text + &line(1, 0, 3, Some(new)) + &line(2, 0, 0, None);
        let held = Sidecar::parse(text.as_bytes()).unwrap().held(6);
        assert_eq!(held, BTreeMap::from([(number(1), HeldPart { offset: 0, size: 3, crc: new })]));
    }

    #[test]
    fn a_torn_line_is_ignored_and_does_not_spoil_the_next() {
        let whole = line(1, 0, 3, Some(Crc64::EMPTY));
        let torn = &line(2, 3, 3, Some(Crc64::EMPTY))[..20];
        let text = header() + &whole + torn;
        assert_eq!(Sidecar::parse(text.as_bytes()).unwrap().held(9).len(), 1);
        let text = text + &line(3, 6, 3, Some(Crc64::EMPTY));
        assert_eq!(Sidecar::parse(text.as_bytes()).unwrap().held(9).len(), 2);
    }

    #[test]
    fn a_part_behind_the_end_of_the_file_does_not_count() {
        let text = header() + &line(1, 0, 3, Some(Crc64::EMPTY));
        let sidecar = Sidecar::parse(text.as_bytes()).unwrap();
        assert_eq!((sidecar.held(2).len(), sidecar.held(3).len()), (0, 1));
    }

    #[test]
    fn without_a_whole_header_there_is_no_upload() {
        assert_eq!(Sidecar::parse(b""), None);
        assert_eq!(Sidecar::parse(&header().as_bytes()[..20]), None);
    }

    #[test]
    fn part_1_is_not_mentioned_by_part_10() {
        let text = header() + &line(10, 0, 3, Some(Crc64::EMPTY));
        assert!(!mentions(text.as_bytes(), number(1)));
        assert!(mentions(text.as_bytes(), number(10)));
    }
}
