//! Buckets of millions of keys that exist only as arithmetic, for scans under virtual time.

use std::time::Duration;

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use longhaul::{
    ledger::{Lease, Ledger, LedgerError, Record, RecordKey, Saved, Token},
    object::{ByteRange, Crc64, ETag, Listed, Location, ObjectInfo, ObjectKey, PartSpec, Pin, Timestamp},
    store::{
        ByteStream, Capabilities, ChecksumSupport, Completion, Condition, Destination, ErrorKind, Fetched, ListRequest,
        NewObject, Page, Source, StoreError, UnfinishedUpload, Upload, UploadFilter, UploadedPart, Written,
    },
};

use crate::executor::Sim;

/// S3's longest page.
const PAGE: u64 = 1000;
/// One object in so many differs.
pub const DIFFERS_EVERY: u64 = 1000;

/// The key with this number, in byte order: clustered far behind a common prefix, not ASCII, and beyond the basic plane.
pub fn key(number: u64) -> String {
    match number / FAMILY {
        0 => format!("a/{}{number:012}", "same/".repeat(40)),
        1 => format!("b/日本語/{number:010x}/é"),
        2 => format!("c/😀😀{number:012}"),
        _ => format!("d/{number:012}"),
    }
}

/// Keys of one shape.
const FAMILY: u64 = 3_000_000;

/// The number of a key that [`key`] made.
pub fn number(key: &str) -> Option<u64> {
    let found = match key.as_bytes().first()? {
        b'b' => u64::from_str_radix(key.split('/').nth(2)?, 16).ok()?,
        _ => key.trim_start_matches(|char: char| !char.is_ascii_digit()).parse().ok()?,
    };
    (self::key(found) == key).then_some(found)
}

/// Whether the object with this number is to be sent.
pub fn differs(number: u64) -> bool {
    number % DIFFERS_EVERY == DIFFERS_EVERY / 2
}

/// One side.
#[derive(Clone)]
pub struct Synthetic {
    location: Location,
    prefix: &'static str,
    count: u64,
    sim: Sim,
    latency: Duration,
}

impl Synthetic {
    /// The source: every key.
    pub fn source(count: u64, sim: Sim, latency: Duration) -> Self {
        Self { location: Location::new("synthetic://source", "source"), prefix: "", count, sim, latency }
    }

    /// The destination: the same below `p/`, but half of those that differ are absent, and half have another size.
    pub fn destination(count: u64, sim: Sim, latency: Duration) -> Self {
        Self { location: Location::new("synthetic://destination", "destination"), prefix: "p/", count, sim, latency }
    }

    /// The number of the first key behind this text.
    fn first_behind(&self, after: &str) -> u64 {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if format!("{}{}", self.prefix, key(middle)).as_str() <= after { low = middle + 1 } else { high = middle }
        }
        low
    }

    fn line(&self, number: u64) -> Option<Listed> {
        let at_destination = !self.prefix.is_empty();
        let odd = (number / DIFFERS_EVERY) % 2 == 1;
        if at_destination && differs(number) && odd {
            return None;
        }
        let size = 7 + u64::from(at_destination && differs(number));
        let key = ObjectKey::new(format!("{}{}", self.prefix, key(number))).ok()?;
        Some(Listed { key, size, etag: Some(ETag::new("e")), modified: Timestamp(0), version_id: None })
    }
}

/// Writes requests that do nothing: these buckets can only be listed.
macro_rules! unsupported {
    ($(async fn $request:ident($($kind:ty),*) -> $answer:ty;)*) => {
        $(async fn $request(&self, $(_: $kind),*) -> Result<$answer, StoreError> {
            Err(StoreError::new(ErrorKind::Unsupported, stringify!($request), "these buckets can only be listed"))
        })*
    };
}

impl Source for Synthetic {
    fn location(&self) -> &Location {
        &self.location
    }

    fn list(&self, request: ListRequest) -> BoxStream<'_, Page> {
        let after = request.start_after.unwrap_or_default();
        let first = if after.is_empty() { 0 } else { self.first_behind(&after) };
        stream::unfold(first, move |first| async move {
            if first >= self.count {
                return None;
            }
            self.sim.sleep(self.latency).await;
            let next = (first + PAGE).min(self.count);
            Some((Ok((first..next).filter_map(|number| self.line(number)).collect()), next))
        })
        .boxed()
    }

    unsupported! {
        async fn head_object(&ObjectKey) -> ObjectInfo;
        async fn get_object(&ObjectKey, Option<&Pin>, Option<ByteRange>) -> Fetched;
    }
}

impl Destination for Synthetic {
    fn capabilities(&self) -> Capabilities {
        let checksums = ChecksumSupport::Crc64Nvme;
        Capabilities { conditional_writes: true, checksums, headers: true, min_part_size: 1 }
    }
    fn list_multipart_uploads(
        &self,
        _filter: UploadFilter,
    ) -> BoxStream<'_, Result<Vec<UnfinishedUpload>, StoreError>> {
        stream::empty().boxed()
    }
    unsupported! {
        async fn put_object(&NewObject<'_>, &Condition, Option<Crc64>, ByteStream) -> Written;
        async fn create_multipart_upload(&NewObject<'_>) -> Upload;
        async fn list_parts(&Upload) -> Vec<UploadedPart>;
        async fn upload_part(&Upload, &PartSpec, ByteStream) -> UploadedPart;
        async fn complete_multipart_upload(&Upload, &Completion<'_>) -> Written;
        async fn abort_multipart_upload(&Upload) -> ();
        async fn delete_object(&ObjectKey) -> ();
    }
}

/// A table that knows of no object.
#[derive(Clone)]
pub struct Empty {
    sim: Sim,
    latency: Duration,
}

impl Empty {
    /// Each look takes `latency`.
    pub fn new(sim: Sim, latency: Duration) -> Self {
        Self { sim, latency }
    }
}

impl Ledger for Empty {
    async fn load(&self, _key: &RecordKey) -> Result<Option<(Record, Token)>, LedgerError> {
        Ok(None)
    }
    async fn load_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<(Record, Token)>>, LedgerError> {
        self.sim.sleep(self.latency).await;
        Ok(vec![None; keys.len()])
    }
    async fn save(&self, _record: &Record, _expected: Option<&Token>, _token: &Token) -> Result<Saved, LedgerError> {
        Err(LedgerError { message: "a scan saves no records".to_owned(), retryable: false, source: None })
    }
    fn new_lease(&self, _now: Timestamp) -> Lease {
        Lease { owner: "nobody".to_owned(), until: None }
    }
    fn is_held(&self, _lease: &Lease, _now: Timestamp) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_byte_order_and_know_their_numbers() {
        let numbers = (0..4).flat_map(|family| (0..500).map(move |number| family * FAMILY + number * 1_237));
        let keys: Vec<String> = numbers.clone().map(key).collect();
        assert!(keys.is_sorted());
        assert!(numbers.zip(&keys).all(|(wanted, key)| number(key) == Some(wanted)));
        assert_eq!((number("d/1"), number("x")), (None, None));
    }
}
