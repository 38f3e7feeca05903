//! Cuts the text of a list into rows, wherever its chunks end. Pure.
//!
//! One row is held at a time, and a row has a bound: a file that is no list at all ends with an error and not with all of it
//! in memory.

use crate::{
    object::ObjectKey,
    scan::key_list::{
        columns::{BrokenRow, Columns, ListedKey, MAX_ROW, Row},
        csv::Csv,
    },
};

/// What some programs write at the beginning of a text file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a list is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// One key a line, as it is. Nothing is a comment, since a key may begin with anything; empty lines are passed over, and a
    /// carriage return at the end of a line belongs to the line's end.
    Lines,
    /// CSV. A first row with a column `key` names the columns: `bucket`, `key`, `size`, `version_id`, `etag`. Without one, a row
    /// is a key and nothing else; or, where the first column is the bucket, rows are those of a manifest of S3 Batch Operations:
    /// bucket, form-encoded key, and perhaps version.
    Csv,
    /// CSV without a first row of names.
    Known(Columns),
}

impl Form {
    /// The form of a file by its name: `.csv` and `.csv.gz` are CSV, all others lines.
    pub fn of_name(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        if name.strip_suffix(".gz").unwrap_or(&name).ends_with(".csv") { Self::Csv } else { Self::Lines }
    }
}

/// Rows that were passed over for what they say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Versions that are not the current one.
    pub not_current: u64,
    /// Marks of deletions.
    pub delete_markers: u64,
}

impl Passed {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            not_current: self.not_current + other.not_current,
            delete_markers: self.delete_markers + other.delete_markers,
        }
    }
}

/// The rows of one list.
pub struct Rows {
    bucket: String,
    mark: Mark,
    cut: Cut,
    passed: Passed,
}

enum Cut {
    Lines(Lines),
    Csv(Box<Csv>),
}

impl Rows {
    /// Rows about objects of `bucket`.
    pub fn new(form: Form, bucket: &str) -> Self {
        let cut = match form {
            Form::Lines => Cut::Lines(Lines::default()),
            Form::Csv => Cut::Csv(Box::new(Csv::new(None))),
            Form::Known(columns) => Cut::Csv(Box::new(Csv::new(Some(columns)))),
        };
        Self { bucket: bucket.to_owned(), mark: Mark::Perhaps(0), cut, passed: Passed::default() }
    }

    /// What was passed over so far.
    pub fn passed(&self) -> Passed {
        self.passed
    }

    /// Takes bytes from the front of `text` up to the end of the next entry; `None` if all are taken and more are needed.
    pub fn take(&mut self, text: &mut &[u8]) -> Result<Option<ListedKey>, BrokenRow> {
        let mut held = self.mark.pass(text);
        while !held.is_empty() {
            self.row(&mut held)?;
        }
        while !text.is_empty() {
            let row = self.row(text)?;
            if let Some(entry) = row.and_then(|row| self.counted(row)) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The entry of a last row without a line's end.
    pub fn finish(&mut self) -> Result<Option<ListedKey>, BrokenRow> {
        let mut held = self.mark.end();
        while !held.is_empty() {
            self.row(&mut held)?;
        }
        let row = match &mut self.cut {
            Cut::Lines(lines) => lines.finish()?,
            Cut::Csv(csv) => csv.finish(&self.bucket)?,
        };
        Ok(row.and_then(|row| self.counted(row)))
    }

    fn row(&mut self, text: &mut &[u8]) -> Result<Option<Row>, BrokenRow> {
        match &mut self.cut {
            Cut::Lines(lines) => lines.take(text),
            Cut::Csv(csv) => csv.take(text, &self.bucket),
        }
    }

    fn counted(&mut self, row: Row) -> Option<ListedKey> {
        match row {
            Row::Entry(entry) => return Some(entry),
            Row::NotCurrent => self.passed.not_current += 1,
            Row::DeleteMarker => self.passed.delete_markers += 1,
        }
        None
    }
}

/// The mark at the beginning of a text, which a chunk may cut.
enum Mark {
    /// So many bytes of it came, and nothing else.
    Perhaps(usize),
    Settled,
}

impl Mark {
    /// Takes the mark off the front of `text`. What looked like one and is none is given back, to come before `text`.
    fn pass(&mut self, text: &mut &[u8]) -> &'static [u8] {
        while let (Self::Perhaps(seen), [first, rest @ ..]) = (&mut *self, *text) {
            if *first != BYTE_ORDER_MARK[*seen] {
                return self.end();
            }
            *text = rest;
            *seen += 1;
            if *seen == BYTE_ORDER_MARK.len() {
                *self = Self::Settled;
            }
        }
        &[]
    }

    fn end(&mut self) -> &'static [u8] {
        match std::mem::replace(self, Self::Settled) {
            Self::Perhaps(seen) => &BYTE_ORDER_MARK[..seen],
            Self::Settled => &[],
        }
    }
}

/// Lines, of which the last may have only begun.
#[derive(Default)]
struct Lines {
    ended: u64,
    begun: Vec<u8>,
}

impl Lines {
    fn take(&mut self, text: &mut &[u8]) -> Result<Option<Row>, BrokenRow> {
        let end = text.iter().position(|byte| *byte == b'\n');
        let (line, rest) = text.split_at(end.unwrap_or(text.len()));
        if self.begun.len() + line.len() > MAX_ROW {
            return Err(self.broken(format!("it is longer than {MAX_ROW} bytes")));
        }
        self.begun.extend_from_slice(line);
        *text = rest.strip_prefix(b"\n").unwrap_or(rest);
        if end.is_none() { Ok(None) } else { self.finish() }
    }

    fn finish(&mut self) -> Result<Option<Row>, BrokenRow> {
        let line = std::mem::take(&mut self.begun);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        let key = match line {
            [] => None,
            line => Some(key_of(line).map_err(|problem| self.broken(problem))?),
        };
        self.ended += 1;
        Ok(key.map(|key| Row::Entry(ListedKey::bare(key))))
    }

    fn broken(&self, problem: String) -> BrokenRow {
        BrokenRow { line: self.ended + 1, problem }
    }
}

fn key_of(line: &[u8]) -> Result<ObjectKey, String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    ObjectKey::new(text).map_err(|error| error.to_string())
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
