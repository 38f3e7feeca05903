//! Ignore lists, against a matcher that is too slow for anything else.

use longhaul::route::{IgnoreList, IgnoreText};

/// The list, a NUL, and a name to match.
pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (text, name) = text.split_once('\0').unwrap_or((text, "bucket/key"));
    let list = match IgnoreList::parse(text) {
        Ok(list) => list,
        Err(error) => return crate::has_words(&error, text.len()),
    };
    // The slow matcher takes as many steps as both lengths multiplied.
    if text.len() * name.len() > 1 << 22 {
        return;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let expected = lines.clone().any(|pattern| matches(pattern, name));
    assert_eq!(list.matches(name), expected, "{:?} on {name:?}", lines.collect::<Vec<_>>());
}

/// Only one line that begins with the scheme names an object, and it names it byte for byte. No line is lost otherwise.
pub(crate) fn run_place(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let meant = text.strip_prefix('\u{feff}').unwrap_or(text).lines().map(str::trim);
    let meant: Vec<&str> = meant.filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    match IgnoreText::parse(text) {
        Ok(IgnoreText::Patterns(patterns)) => {
            assert_eq!(patterns, meant);
            assert!(!patterns.iter().any(|pattern| pattern.starts_with("s3://")));
        }
        Ok(IgnoreText::Object { bucket, key }) => {
            let [line] = meant.as_slice() else { panic!("{meant:?} is one line") };
            assert_eq!(line[5..], format!("{bucket}/{key}"));
            assert!(!bucket.contains('/') && line[..5].eq_ignore_ascii_case("s3://"));
        }
        Err(error) => crate::has_words(&error, text.len()),
    }
}

/// One element of a pattern.
enum Element {
    Any,
    One(Box<dyn Fn(char) -> bool>),
}

/// Python's `fnmatchcase`, by its documentation and by the table of what was reached.
fn matches(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    // `reached[n]`: the elements so far can match the first n characters.
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for element in elements(pattern) {
        match element {
            Element::Any => {
                let first = reached.iter().position(|reached| *reached).unwrap_or(reached.len());
                reached[first..].fill(true);
            }
            Element::One(takes) => {
                for place in (0..name.len()).rev() {
                    reached[place + 1] = reached[place] && takes(name[place]);
                }
                reached[0] = false;
            }
        }
    }
    reached[name.len()]
}

fn elements(pattern: &str) -> Vec<Element> {
    let chars: Vec<char> = pattern.chars().collect();
    let (mut elements, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let char = chars[at];
        at += 1;
        match char {
            '*' => elements.push(Element::Any),
            '?' => elements.push(Element::One(Box::new(|_| true))),
            '[' => match closing(&chars, at) {
                Some(end) => {
                    elements.push(Element::One(set(&chars[at..end])));
                    at = end + 1;
                }
                None => elements.push(Element::One(Box::new(|given| given == '['))),
            },
            other => elements.push(Element::One(Box::new(move |given| given == other))),
        }
    }
    elements
}

fn closing(chars: &[char], start: usize) -> Option<usize> {
    let mut first = start;
    if chars.get(first) == Some(&'!') {
        first += 1;
    }
    // A bracket in the first place is a member and not the end.
    (first + 1..chars.len()).find(|place| chars[*place] == ']')
}

fn set(inner: &[char]) -> Box<dyn Fn(char) -> bool> {
    let (negated, items) = match inner.strip_prefix(&['!']) {
        Some(items) => (true, items.to_vec()),
        None => (false, inner.to_vec()),
    };
    Box::new(move |given| {
        let (mut found, mut at) = (false, 0);
        while at < items.len() {
            if items.len() - at > 2 && items[at + 1] == '-' {
                found |= (items[at]..=items[at + 2]).contains(&given);
                at += 3;
            } else {
                found |= items[at] == given;
                at += 1;
            }
        }
        found != negated
    })
}
