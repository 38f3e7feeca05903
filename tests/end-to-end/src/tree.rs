//! Folders full of files with names that are legal and awkward.

use std::{collections::BTreeMap, fs, path::Path};

use fastrand::Rng;
use test_s3::{fill, synthetic_bytes};

use crate::content::{MIB, sha256};

/// Parts of names that URLs, XML, shells, signatures or sort orders stumble over.
const AWKWARD: [&str; 32] = [
    "plain",
    "two words",
    "a+b",
    "100%",
    "%2F",
    "c%20d",
    "ümlaut",
    "日本語",
    "🚚",
    "e\u{301}",
    "é",
    "-rf",
    "~",
    "'",
    "\"q\"",
    "back\\slash",
    "star*?[x]",
    "semi;colon&amp",
    "<tag>",
    "#hash",
    "q?x=y",
    "a=b",
    "...",
    "..d",
    "dot.",
    " lead",
    "trail ",
    "tab\there",
    "new\nline",
    "\u{1}",
    "\u{7f}",
    "ＦＵＬＬ",
];
/// Names on both sides of `/` in byte order: a folder sorts as `order/`, and not as `order`.
const ORDER: [&str; 8] = ["order-", "order.", "order/x", "order/y/z", "order0", "order ", "order!", "orde"];

/// Fills a folder with so many files: empty, small, and three large ones; shallow and deep.
///
/// # Panics
/// If the disk does not take them.
pub fn grow(root: &Path, files: usize, seed: u64) {
    let mut random = Rng::with_seed(seed);
    for name in ORDER {
        write(root, name, b"order");
    }
    let deep = vec!["a folder name"; 60].join("/");
    write(root, &format!("{deep}/at the bottom"), b"deep");
    write(root, &"é".repeat(127), b"a name of 254 bytes");
    for number in 0..3 {
        let size = random.u64(20 * MIB..=40 * MIB);
        write(root, &format!("large/{number}"), &synthetic_bytes(random.u64(..), 0, size as usize));
    }
    for number in 0..files {
        let size = small_size(&mut random);
        let mut bytes = vec![0; size];
        fill(random.u64(..), 0, &mut bytes);
        write(root, &format!("{}{}{number}", folder(&mut random), awkward(&mut random)), &bytes);
    }
}

fn small_size(random: &mut Rng) -> usize {
    match random.u8(0..100) {
        0..15 => 0,
        15..98 => random.usize(1..3000),
        _ => random.usize(3000..200_000),
    }
}

fn awkward(random: &mut Rng) -> &'static str {
    random.choice(AWKWARD).unwrap_or("plain")
}

/// Few different folders at every depth, so that they fill up. Their names end in a letter and those of files in a
/// digit, so that no file stands in a folder's way.
fn folder(random: &mut Rng) -> String {
    let depth = random.usize(0..5);
    (0..depth).map(|_| format!("{}{}/", awkward(random), random.char('x'..='z'))).collect()
}

fn write(root: &Path, key: &str, bytes: &[u8]) {
    let path = root.join(key);
    let folder = path.parent().expect("a file lies in a folder");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, bytes))
        .unwrap_or_else(|error| panic!("{path:?}: {error}"));
}

/// The SHA-256 of every file below a folder, by its path from there. An entry that is neither file nor folder is one
/// too many.
///
/// # Panics
/// If something cannot be read, or is no file.
#[must_use]
pub fn read_tree(root: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder can be read") {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let key = path.strip_prefix(root).ok().and_then(Path::to_str).expect("the names are UTF-8").to_owned();
            files.insert(key, sha256(&fs::read(&path).expect("a file can be read")));
        }
    }
    files
}
