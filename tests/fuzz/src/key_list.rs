//! Files of keys: lines, CSV, rows of an inventory, packed or not, cut into chunks anywhere.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures_util::{FutureExt, StreamExt, stream};
use longhaul::scan::{Columns, Encoding, Form, KeyList, ListedKey, Passed};

/// What was read of a list.
#[derive(Debug, PartialEq)]
struct Read {
    keys: Vec<ListedKey>,
    passed: Passed,
    error: Option<String>,
}

/// The first byte says which form, the second where chunks end; the rest is the file.
pub(crate) fn run(bytes: &[u8]) {
    let [form, chunk, text @ ..] = bytes else { return };
    let form = match form % 3 {
        0 => Form::Lines,
        1 => Form::Csv,
        _ => Form::Known(inventory()),
    };
    let whole = read(text, text.len().max(1), &form);
    let rows = text.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    let named = whole.keys.len() as u64 + whole.passed.not_current + whole.passed.delete_markers;
    let cut = read(text, usize::from(*chunk) + 1, &form);
    // What unpacks can hold more rows than it has bytes.
    let is_packed = text.starts_with(&longhaul::scan::MAGIC);
    if !is_packed {
        assert!(named <= rows as u64, "{named} rows of {rows}");
        assert_eq!(read(&pack(text), usize::from(*chunk) + 1, &form), whole);
    }
    if is_packed && whole.error.is_some() {
        // How much of a damaged body can still be unpacked depends on the steps.
        assert!(cut.error.is_some());
        assert!(cut.keys.starts_with(&whole.keys) || whole.keys.starts_with(&cut.keys));
    } else {
        assert_eq!(cut, whole);
    }
    let columns = Columns::named(["Key", "Size"].into_iter(), Encoding::Form).expect("a key");
    let again = read(printed(&whole.keys).as_bytes(), 1000, &Form::Known(columns));
    let bare = |key: &ListedKey| (key.key.clone(), key.size);
    assert_eq!(again.error, None);
    assert!(again.keys.iter().map(bare).eq(whole.keys.iter().map(bare)));
}

fn inventory() -> Columns {
    let names = ["Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size", "ETag"];
    Columns::named(names.into_iter(), Encoding::Form).expect("a key").of_exact_width()
}

fn read(bytes: &[u8], chunk: usize, form: &Form) -> Read {
    let chunks: Vec<_> = bytes.chunks(chunk).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    let mut list = KeyList::new("list", stream::iter(chunks).boxed(), form.clone(), "bucket");
    let (mut keys, mut error) = (Vec::new(), None);
    loop {
        match list.next().now_or_never().expect("nothing is waited for") {
            Ok(Some(key)) => keys.push(key),
            Ok(None) => break,
            Err(failed) => {
                crate::has_words(&failed, bytes.len());
                error = Some(failed.to_string());
                break;
            }
        }
    }
    Read { keys, passed: list.passed(), error }
}

/// Form-encoded, since a key as it is may not go on over a line's end.
fn printed(keys: &[ListedKey]) -> String {
    let row = |listed: &ListedKey| {
        let key: String = listed.key.as_str().bytes().map(|byte| format!("%{byte:02X}")).collect();
        format!("{key},{}\n", listed.size.map(|size| size.to_string()).unwrap_or_default())
    };
    keys.iter().map(row).collect()
}

fn pack(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}
