//! The ignore list of the original: lines matched exactly as Python's `fnmatch.fnmatchcase` does, on `bucket/key`.
//!
//! Case counts. `*` and `?` cross `/`, `[…]` is a set, `[!…]` its opposite, and an unclosed `[` stands for itself, as do
//! `\` and braces. How a text is cut into patterns is told in [`ignore_text`](crate::route::ignore_text).
//!
//! Patterns become regular expressions, as in Python itself, and not globs: globset matches bytes, so that its `?` is half an
//! `é`, and it has no way to write Python's sets.

use regex::{RegexSet, RegexSetBuilder};

use crate::route::{ignore_error::IgnoreError, ignore_text::IgnoreText};

/// The patterns of a list, built once.
#[derive(Clone, Debug)]
pub struct IgnoreList(RegexSet);

impl IgnoreList {
    /// Ignores nothing.
    pub fn none() -> Self {
        Self(RegexSet::empty())
    }

    /// Reads the text of a list, one pattern a line.
    pub fn parse(text: &str) -> Result<Self, IgnoreError> {
        Self::of_patterns(IgnoreText::patterns(text)?)
    }

    /// Takes patterns one by one; `#` has no meaning here.
    pub fn of_patterns<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, IgnoreError> {
        let expressions: Vec<String> = patterns.into_iter().map(translate).collect();
        RegexSetBuilder::new(expressions).size_limit(SIZE_LIMIT).build().map(Self).map_err(IgnoreError::TooLarge)
    }

    /// Whether the list names this object.
    pub fn ignores(&self, bucket: &str, key: &str) -> bool {
        !self.0.is_empty() && self.matches(&format!("{bucket}/{key}"))
    }

    /// Whether any pattern matches the whole of `name`.
    pub fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }

    /// Whether there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Room for the compiled list in bytes: some tens of thousands of lines.
const SIZE_LIMIT: usize = 256 << 20;

/// The regular expression that means what `fnmatchcase` means.
fn translate(pattern: &str) -> String {
    let chars: Vec<char> = pattern.chars().collect();
    let mut expression = String::from(r"(?s)\A");
    let mut at = 0;
    while let Some(&char) = chars.get(at) {
        at += 1;
        match char {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '[' => match set_end(&chars, at) {
                Some(end) => {
                    expression.push_str(&set(&chars[at..end]));
                    at = end + 1;
                }
                None => expression.push_str(r"\["),
            },
            other => expression.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    expression + r"\z"
}

/// Where the set that begins behind a `[` is closed. A `]` in first place, also behind `!`, belongs to the set.
fn set_end(chars: &[char], start: usize) -> Option<usize> {
    let mut at = start;
    if chars.get(at) == Some(&'!') {
        at += 1;
    }
    if chars.get(at) == Some(&']') {
        at += 1;
    }
    (at..chars.len()).find(|&at| chars[at] == ']')
}

/// A set. One whose ranges are all empty (`[z-a]`) matches nothing, and negated any character.
fn set(inner: &[char]) -> String {
    let (negated, items) = match inner {
        ['!', rest @ ..] => (true, rest),
        all => (false, all),
    };
    let ranges: String = ranges(items).iter().map(|&(low, high)| code_points(low, high)).collect();
    match (ranges.is_empty(), negated) {
        (true, true) => ".".to_owned(),
        (true, false) => r"[^\s\S]".to_owned(),
        (false, true) => format!("[^{ranges}]"),
        (false, false) => format!("[{ranges}]"),
    }
}

fn code_points(low: char, high: char) -> String {
    format!("\\u{{{:x}}}-\\u{{{:x}}}", u32::from(low), u32::from(high))
}

/// The ranges of a set as Python's `fnmatch.translate` reads them: it splits at hyphens that have a character on either side.
fn ranges(items: &[char]) -> Vec<(char, char)> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while at < items.len() {
        if at + 2 < items.len() && items[at + 1] == '-' {
            if items[at] <= items[at + 2] {
                ranges.push((items[at], items[at + 2]));
            }
            at += 3;
        } else {
            ranges.push((items[at], items[at]));
            at += 1;
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignores(pattern: &str, name: &str) -> bool {
        let (bucket, key) = name.split_once('/').unwrap();
        IgnoreList::parse(pattern).unwrap().ignores(bucket, key)
    }

    #[test]
    fn the_examples_of_the_original_match_as_documented() {
        assert!(ignores("your_src_bucket/your_exact_key.mp4", "your_src_bucket/your_exact_key.mp4"));
        assert!(ignores("your_src_bucket/your_exact_key.*", "your_src_bucket/your_exact_key.mov"));
        assert!(ignores("your_src_bucket/your_*", "your_src_bucket/your_folder/deep"));
        assert!(ignores("*.jpg", "b/a/b/c.jpg"));
        assert!(!ignores("*.jpg", "b/a/b/c.JPG"));
        assert!(ignores("*/readme.md", "b/x/y/readme.md"));
    }

    #[test]
    fn blank_lines_and_comments_ignore_nothing() {
        let list = IgnoreList::parse("\n  \n# *\n\nb/x\r\n").unwrap();
        assert!(!list.ignores("b", "y"));
        assert!(list.ignores("b", "x"));
    }

    #[test]
    fn an_unclosed_bracket_a_backslash_and_braces_stand_for_themselves() {
        assert!(ignores("b/[ab", "b/[ab"));
        assert!(ignores("b/\\*", "b/\\x"));
        assert!(ignores("b/{a,b}", "b/{a,b}"));
        assert!(!ignores("b/{a,b}", "b/a"));
    }

    #[test]
    fn sets_are_read_as_python_reads_them() {
        assert!(ignores("b/[!a]", "b/x") && !ignores("b/[!a]", "b/a"));
        assert!(ignores("b/[]a]", "b/]"));
        assert!(ignores("b/[^a]", "b/^") && ignores("b/[^a]", "b/a"));
        assert!(!ignores("b/[z-a]", "b/m"));
        assert!(ignores("b/[a-]", "b/-"));
    }
}
