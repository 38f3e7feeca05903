//! Keys whose order differs from store to store.

/// Folders whose names come right before or behind `p/` in one order or another, and names that URLs and XML stumble over.
const FOLDERS: [&str; 19] = [
    "p", "p (1)", "p!", "p-", "p.d", "p0", "p+q r", "p%2F", "p/x (2)", "p/x-", "P", "ü", "e\u{301}", "日本",
    "\u{ffee}", "🚚", "trail ", "q?x#y", "&<>\"'",
];

/// Objects beside folders of the same name, and alone.
const ALONE: [&str; 10] = ["p", "p ", "p (1)", "p-", "p.d", "p/x", "p0", "tab\there", "new\nline", "\u{1}control"];

/// So many keys, at least 100, no two of which are equal: half of them in one folder, so that a listing is long enough to be
/// cut into ranges; the others around `/`. None is one that a store which keeps folders would write otherwise: no empty
/// name (`a//b`), none of dots alone, no backslash, and none that ends in `/`.
#[must_use]
pub fn around_slashes(count: usize) -> Vec<String> {
    let flat = count / 2;
    let mut keys: Vec<String> = (0..flat).map(|number| format!("a0/f{number:05}")).collect();
    keys.extend(ALONE.map(str::to_owned));
    let rest = count.saturating_sub(keys.len());
    keys.extend((0..rest).map(|number| {
        let folder = FOLDERS[number % FOLDERS.len()];
        format!("{folder}/f{:05}", number / FOLDERS.len())
    }));
    keys
}
