//! Text from outside, as people may read it: keys, names and the words of stores may hold what moves a cursor, clears a screen,
//! or turns the direction of reading around.
//!
//! What is escaped is written as Rust writes it: `\n`, `\u{1b}`. What programs read is JSON, and has JSON's own escapes: nothing
//! of it is lost.

use std::{
    borrow::Cow,
    fmt::{self, Display, Write},
};

/// A name, for people. A backslash is doubled, so that two names never look the same.
pub fn escaped(name: &str) -> Escaped<'_> {
    Escaped { text: name, backslash: Backslash::Doubled }
}

/// A whole line, for people. A backslash stays one, since names in the line may be [escaped] already.
pub fn harmless(line: &str) -> Escaped<'_> {
    Escaped { text: line, backslash: Backslash::Kept }
}

/// A text that does nothing but show.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a> {
    text: &'a str,
    backslash: Backslash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backslash {
    Doubled,
    Kept,
}

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plain_from = 0;
        for (at, char) in self.text.char_indices() {
            let is_doubled = char == '\\' && self.backslash == Backslash::Doubled;
            if !is_doubled && !acts(char) {
                continue;
            }
            f.write_str(&self.text[plain_from..at])?;
            match char {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                other => write!(f, "{}", other.escape_unicode())?,
            }
            plain_from = at + char.len_utf8();
        }
        f.write_str(&self.text[plain_from..])
    }
}

/// JSON in one line, with everything escaped that would act on a terminal. Outside of JSON's strings there is nothing of the kind.
pub fn harmless_json(json: &str) -> Cow<'_, str> {
    if !json.contains(acts) {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len() + 16);
    for char in json.chars() {
        if !acts(char) {
            text.push(char);
            continue;
        }
        for unit in char.encode_utf16(&mut [0; 2]) {
            // Writing to a text does not fail.
            let _ = write!(text, "\\u{unit:04x}");
        }
    }
    Cow::Owned(text)
}

/// Whether a character does something to a terminal, or to how the characters around it are read: controls (C0, DEL, C1), line
/// and paragraph separators, marks of direction, and what shows nothing at all.
pub fn acts(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The text that an escaped one stands for.
    fn read_back(escaped: &str) -> String {
        let (mut text, mut chars) = (String::new(), escaped.chars());
        while let Some(char) = chars.next() {
            if char != '\\' {
                text.push(char);
                continue;
            }
            text.push(match chars.next().expect("an escape is whole") {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '\\' => '\\',
                _ => {
                    let number: String = chars.by_ref().skip(1).take_while(|char| *char != '}').collect();
                    u32::from_str_radix(&number, 16).ok().and_then(char::from_u32).expect("a character")
                }
            });
        }
        text
    }

    /// Characters of every kind that is escaped, and of others.
    fn hostile() -> impl Strategy<Value = String> {
        let chars = prop_oneof![
            any::<char>(),
            prop::char::range('\0', '\u{a0}'),
            prop::char::range('\u{2000}', '\u{2070}'),
            prop::sample::select(vec!['\\', 'n', 'u', '{', '}', '"', '\u{61c}', '\u{feff}', '\u{e0041}', '🚚', '日']),
        ];
        prop::collection::vec(chars, 0..40).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn a_name_shows_without_acting_and_can_be_read_back(name in hostile()) {
            let shown = escaped(&name).to_string();
            prop_assert!(!shown.contains(acts), "{shown:?}");
            prop_assert_eq!(read_back(&shown), name);
        }

        #[test]
        fn a_line_shows_without_acting_and_escaped_names_stay_as_they_are(line in hostile()) {
            let shown = harmless(&line).to_string();
            prop_assert!(!shown.contains(acts), "{shown:?}");
            let name = escaped(&line).to_string();
            prop_assert_eq!(harmless(&name).to_string(), name);
        }

        #[test]
        fn json_shows_without_acting_and_says_the_same(text in hostile()) {
            let json = serde_json::to_string(&[&text]).unwrap();
            let shown = harmless_json(&json);
            prop_assert!(!shown.contains(acts), "{shown:?}");
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), [text]);
        }
    }

    #[test]
    fn what_moves_a_cursor_or_turns_the_reading_around_is_written_out() {
        assert_eq!(escaped("a\u{1b}[2J\u{9b}1A\u{7f}").to_string(), "a\\u{1b}[2J\\u{9b}1A\\u{7f}");
        assert_eq!(escaped("invoice\u{202e}fdp.exe\n").to_string(), "invoice\\u{202e}fdp.exe\\n");
        assert_eq!(harmless_json("\"\u{9b}\u{e0041}\""), "\"\\u009b\\udb40\\udc41\"");
    }

    #[test]
    fn what_only_shows_stays_as_it_is() {
        for plain in ["ümlaut/日本語 🚚.txt", "e\u{301}", "می\u{200c}خواهم", "'\"$(rm)%20"] {
            assert_eq!(escaped(plain).to_string(), plain);
            assert_eq!(harmless_json(plain), plain);
        }
    }
}
