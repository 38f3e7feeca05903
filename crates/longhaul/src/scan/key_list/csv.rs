//! Cuts CSV into rows, wherever its chunks end. Pure.

use csv_core::{ReadRecordResult, Reader};

use crate::scan::key_list::columns::{BrokenRow, Columns, Encoding, MAX_ROW, Row};

/// The most bytes of a row that are passed over. An inventory can have the list of an object's grants, a hundred of them, in one
/// column (S3 User Guide, "Amazon S3 Inventory list").
pub(crate) const MAX_PASSED_OVER: usize = 1024 * 1024;

/// The most columns of a row. An inventory has about twenty.
const MAX_COLUMNS: usize = 128;

/// CSV, of which the last row may have only begun.
pub(crate) struct Csv {
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
    /// Rows of these columns, or of those that the first row tells of.
    pub(crate) fn new(columns: Option<Columns>) -> Self {
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
    pub(crate) fn finish(&mut self, bucket: &str) -> Result<Option<Row>, BrokenRow> {
        let row = self.take(&mut &b"\n"[..], bucket)?;
        if self.used > 0 {
            return Err(self.broken("a quote is not closed".to_owned()));
        }
        Ok(row)
    }

    /// Takes bytes from the front of `text`, up to the end of the next row if that is there.
    pub(crate) fn take(&mut self, text: &mut &[u8], bucket: &str) -> Result<Option<Row>, BrokenRow> {
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
