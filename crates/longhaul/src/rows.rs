//! Cuts the text of a list into rows, wherever its chunks end. Pure.
//!
//! One row is held at a time, and a row has a bound: a file that is no list at all ends with an error and not with all of it
//! in memory.

use csv_core::{ReadRecordResult, Reader};

use crate::{
    columns::{Columns, Encoding, ListedKey, Row},
    object::ObjectKey,
};

/// The longest row in bytes, without columns that nobody asks for. A form-encoded key can have three times 1,024; what else is
/// asked for is short.
pub const MAX_ROW: usize = 16 * 1024;
/// The most bytes of a row that are passed over. An inventory can have the list of an object's grants, a hundred of them, in one
/// column (S3 User Guide, "Amazon S3 Inventory list").
const MAX_PASSED_OVER: usize = 1024 * 1024;
/// The most columns of a row. An inventory has about twenty.
const MAX_COLUMNS: usize = 128;
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

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct BrokenRow {
    /// Counted from 1. A row of several lines is named by its first.
    pub line: u64,
    /// What is wrong with it.
    pub problem: String,
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

/// CSV, of which the last row may have only begun.
struct Csv {
    reader: Reader,
    columns: Option<Columns>,
    is_fresh: bool,
    after_line_feed: bool,
    bytes: Vec<u8>,
    used: usize,
    /// Bytes of the row that were read and are not kept.
    passed_over: usize,
    ends: [usize; MAX_COLUMNS],
    columns_used: usize,
}

impl Csv {
    fn new(columns: Option<Columns>) -> Self {
        Self {
            reader: Reader::new(),
            columns,
            is_fresh: true,
            after_line_feed: false,
            bytes: vec![0; MAX_ROW],
            used: 0,
            passed_over: 0,
            ends: [0; MAX_COLUMNS],
            columns_used: 0,
        }
    }

    /// A line's end ends the last row, unless that is within quotes.
    fn finish(&mut self, bucket: &str) -> Result<Option<Row>, BrokenRow> {
        let row = self.take(&mut &b"\n"[..], bucket)?;
        if self.used > 0 {
            return Err(self.broken("a quote is not closed".to_owned()));
        }
        Ok(row)
    }

    fn take(&mut self, text: &mut &[u8], bucket: &str) -> Result<Option<Row>, BrokenRow> {
        loop {
            let (ends, bytes) = (&mut self.ends[self.columns_used..], &mut self.bytes[self.used..]);
            // The reader would take a second mark off its first input, if that has it whole.
            let now = if self.is_fresh { &text[..text.len().min(1)] } else { *text };
            self.is_fresh = false;
            let (result, read, wrote, ended) = self.reader.read_record(now, bytes, ends);
            // The reader counts what is passed over.
            ends[..ended].iter_mut().for_each(|end| *end -= self.passed_over);
            self.after_line_feed = result == ReadRecordResult::Record && text[..read].ends_with(b"\n");
            *text = &text[read..];
            (self.used, self.columns_used) = (self.used + wrote, self.columns_used + ended);
            match result {
                ReadRecordResult::InputEmpty if text.is_empty() => return Ok(None),
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.pass_over_column()?,
                ReadRecordResult::OutputEndsFull => {
                    return Err(self.broken(format!("it has more than {MAX_COLUMNS} columns")));
                }
                ReadRecordResult::Record => return self.row(bucket),
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    /// Makes room, where the column that fills it is one that nobody asks for.
    fn pass_over_column(&mut self) -> Result<(), BrokenRow> {
        let is_needed = self.columns.as_ref().is_none_or(|columns| columns.has(self.columns_used));
        let start = self.columns_used.checked_sub(1).map_or(0, |last| self.ends[last]);
        let passed_over = self.passed_over + (self.used - start);
        if is_needed || start == self.used || passed_over > MAX_PASSED_OVER {
            return Err(self.broken(format!("it is longer than {MAX_ROW} bytes")));
        }
        (self.used, self.passed_over) = (start, passed_over);
        Ok(())
    }

    fn row(&mut self, bucket: &str) -> Result<Option<Row>, BrokenRow> {
        let mut fields = Vec::with_capacity(self.columns_used);
        let mut start = 0;
        for &end in &self.ends[..self.columns_used] {
            fields.push(&self.bytes[start..end]);
            start = end;
        }
        let row = match &self.columns {
            Some(columns) => columns.read(&fields, bucket).map(Some),
            None => {
                let (columns, has_names) = columns_of(&fields, bucket);
                let row = if has_names { Ok(None) } else { columns.read(&fields, bucket).map(Some) };
                self.columns = Some(columns);
                row
            }
        };
        let row = row.map_err(|problem| self.broken(problem));
        (self.used, self.columns_used, self.passed_over) = (0, 0, 0);
        row
    }

    fn broken(&self, problem: String) -> BrokenRow {
        // The reader counts the line feed that ends a row, and those within it.
        let within = self.bytes[..self.used].iter().filter(|byte| **byte == b'\n').count() as u64;
        BrokenRow { line: self.reader.line() - within - u64::from(self.after_line_feed), problem }
    }
}

/// What the first row tells of the columns, and whether it is a row of names.
fn columns_of(fields: &[&[u8]], bucket: &str) -> (Columns, bool) {
    let names = fields.iter().map(|field| std::str::from_utf8(field).unwrap_or_default());
    match Columns::named(names, Encoding::Plain) {
        Some(columns) => (columns, true),
        None if fields.len() > 1 && fields[0] == bucket.as_bytes() => (Columns::of_batch_operations(), false),
        None => (Columns::key_alone(), false),
    }
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
