//! The text of an ignore list, as people keep it: in a parameter, in an object, in a file. All are read here.
//!
//! A line that would name nothing because of what nobody sees in it is an error with its number. It is never a pattern
//! that matches nothing: then what must stay at home would be copied, and no one would know.

use crate::{
    object::ObjectKey,
    route::ignore_error::{IgnoreError, LineProblem},
};

/// What a text turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IgnoreText<'a> {
    /// The list itself: its patterns.
    Patterns(Vec<&'a str>),
    /// An object that holds the list, since a list can be longer than a parameter.
    Object {
        /// Its bucket.
        bucket: &'a str,
        /// Its key.
        key: ObjectKey,
    },
}

/// A line, and its number, counted from 1.
type Line<'a> = (usize, &'a str);

impl<'a> IgnoreText<'a> {
    /// Reads a text: one pattern a line, or the one line `s3://bucket/key`. Blank lines and lines that begin with `#` are
    /// skipped, as is the mark that some editors put before the first one.
    pub fn parse(text: &'a str) -> Result<Self, IgnoreError> {
        let lines = meant(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text))?;
        let Some((line, address)) = lines.iter().rfind(|(_, line)| is_address(line)).copied() else {
            return Ok(Self::Patterns(lines.into_iter().map(|(_, line)| line).collect()));
        };
        let read = match (lines.len(), place(address)) {
            (1, Some(place)) => object(place),
            (_, Some(_)) => Err(LineProblem::NotAlone),
            (_, None) => Err(LineProblem::Address),
        };
        read.map_err(|problem| IgnoreError::Line { line, problem })
    }

    /// The patterns, where nothing but a list can be.
    pub fn patterns(text: &'a str) -> Result<Vec<&'a str>, IgnoreError> {
        match Self::parse(text)? {
            Self::Patterns(patterns) => Ok(patterns),
            Self::Object { .. } => {
                let line = text.lines().position(is_address_behind_mark).unwrap_or_default() + 1;
                Err(IgnoreError::Line { line, problem: LineProblem::Nested })
            }
        }
    }
}

/// Editors of Windows write it at the beginning of a file.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The beginning of the one line that names an object.
const SCHEME: &str = "s3://";

/// The lines that mean something, without the white space around them.
fn meant(text: &str) -> Result<Vec<Line<'_>>, IgnoreError> {
    let numbered = text.lines().map(str::trim).zip(1..).map(|(line, number)| (number, line));
    let mut meant = Vec::new();
    for (number, line) in numbered {
        // A comment is no comment if something invisible stands before its mark, so look there first.
        let hidden = line.find(|char| !is_hidden(char)).map_or(line, |end| &line[..end]);
        if line.starts_with('#') {
            continue;
        }
        if let Some(char) = hidden.chars().next().or_else(|| invisible(line)) {
            return Err(IgnoreError::Line { line: number, problem: LineProblem::Invisible(char) });
        }
        if !line.is_empty() {
            meant.push((number, line));
        }
    }
    Ok(meant)
}

/// The first character that nobody sees and that has no meaning where it is.
fn invisible(line: &str) -> Option<char> {
    let last = line.chars().next_back().filter(|char| is_joiner(*char));
    line.chars().find(|char| is_hidden(*char) && !is_joiner(*char)).or(last)
}

/// Characters without any width, marks of the direction of writing, and controls, line ends of other systems among them.
fn is_hidden(char: char) -> bool {
    char.is_control()
        || is_joiner(char)
        || matches!(char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | BYTE_ORDER_MARK | '\u{fff9}'..='\u{fffb}')
}

/// Between two characters it belongs to how words and pictures are written; before or behind them it means nothing.
fn is_joiner(char: char) -> bool {
    matches!(char, '\u{200c}' | '\u{200d}')
}

/// No bucket's name has a colon, so that no pattern begins with a scheme.
fn is_address(line: &str) -> bool {
    let begins = |scheme: &str| line.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
    let first = line.split('/').next().unwrap_or_default();
    let is_scheme = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    begins("arn:") || (first != line && first.strip_suffix(':').is_some_and(is_scheme))
}

fn is_address_behind_mark(line: &str) -> bool {
    is_address(line.trim_start_matches(BYTE_ORDER_MARK).trim())
}

/// What stands behind the scheme of an object's address.
fn place(line: &str) -> Option<&str> {
    let (scheme, place) = (line.get(..SCHEME.len())?, line.get(SCHEME.len()..)?);
    scheme.eq_ignore_ascii_case(SCHEME).then_some(place)
}

fn object(place: &str) -> Result<IgnoreText<'_>, LineProblem> {
    let (bucket, key) = place.split_once('/').ok_or(LineProblem::NoObject)?;
    let key = ObjectKey::new(key).map_err(|_| LineProblem::NoObject)?;
    if bucket.is_empty() { Err(LineProblem::NoObject) } else { Ok(IgnoreText::Object { bucket, key }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::error;

    fn refused(text: &str) -> (usize, LineProblem) {
        match IgnoreText::parse(text) {
            Err(IgnoreError::Line { line, problem }) => (line, problem),
            read => panic!("{text:?} was read as {read:?}"),
        }
    }

    fn patterns(text: &str) -> Vec<&str> {
        IgnoreText::patterns(text).unwrap()
    }

    #[test]
    fn a_byte_order_mark_before_the_first_line_changes_nothing() {
        assert_eq!(patterns("\u{feff}*.tmp\r\nb/x\r\n"), ["*.tmp", "b/x"]);
        assert_eq!(patterns("\u{feff}# all but these\n*.tmp"), ["*.tmp"]);
        let key = ObjectKey::new("list").unwrap();
        assert_eq!(IgnoreText::parse("\u{feff}s3://bucket/list"), Ok(IgnoreText::Object { bucket: "bucket", key }));
    }

    #[test]
    fn a_comment_above_the_address_of_an_object_changes_nothing() {
        let key = ObjectKey::new("lists/ignore a.txt").unwrap();
        let object = Ok(IgnoreText::Object { bucket: "bucket", key });
        assert_eq!(IgnoreText::parse("s3://bucket/lists/ignore a.txt"), object);
        assert_eq!(IgnoreText::parse("# where it is\n\n  s3://bucket/lists/ignore a.txt \n# thanks\n"), object);
        assert_eq!(IgnoreText::parse("S3://bucket/lists/ignore a.txt"), object);
    }

    #[test]
    fn an_address_that_is_not_alone_or_names_no_object_is_refused_with_its_line() {
        assert_eq!(refused("s3://b/one\n# or\ns3://b/two"), (3, LineProblem::NotAlone));
        assert_eq!(refused("*.tmp\ns3://bucket/*.log"), (2, LineProblem::NotAlone));
        assert_eq!(refused("s3://bucket/list\n*.tmp"), (1, LineProblem::NotAlone));
        assert_eq!(refused("\ns3://bucket"), (2, LineProblem::NoObject));
        assert_eq!(refused("s3://bucket/"), (1, LineProblem::NoObject));
        assert_eq!(refused("s3:///key"), (1, LineProblem::NoObject));
        assert_eq!(refused("s3:/bucket/key"), (1, LineProblem::Address));
        assert_eq!(refused("*.tmp\narn:aws:s3:::bucket/key"), (2, LineProblem::Address));
        assert_eq!(refused("https://bucket.s3.amazonaws.com/key"), (1, LineProblem::Address));
    }

    #[test]
    fn what_nobody_sees_is_refused_with_its_line() {
        assert_eq!(refused("*.tmp\n\u{200b}b/x"), (2, LineProblem::Invisible('\u{200b}')));
        assert_eq!(refused("b/\u{2060}x"), (1, LineProblem::Invisible('\u{2060}')));
        assert_eq!(refused("\n\nb/x\u{200d}"), (3, LineProblem::Invisible('\u{200d}')));
        assert_eq!(refused("\u{200c}b/x"), (1, LineProblem::Invisible('\u{200c}')));
        assert_eq!(refused("*.tmp\n\u{feff}b/x"), (2, LineProblem::Invisible('\u{feff}')));
        assert_eq!(refused("\u{200b}# a comment"), (1, LineProblem::Invisible('\u{200b}')));
        assert_eq!(refused("\u{200b}s3://bucket/list"), (1, LineProblem::Invisible('\u{200b}')));
        assert_eq!(refused("b/x\n\u{200b}\n"), (2, LineProblem::Invisible('\u{200b}')));
    }

    #[test]
    fn line_ends_that_are_none_here_are_refused() {
        assert_eq!(refused("*.tmp\rb/x"), (1, LineProblem::Invisible('\r')));
        assert_eq!(refused("*.tmp\u{2028}b/x"), (1, LineProblem::Invisible('\u{2028}')));
        // Half of what an editor writes as UTF-16.
        assert_eq!(refused("*\0.\0t\0"), (1, LineProblem::Invisible('\0')));
    }

    #[test]
    fn what_belongs_to_keys_stays() {
        let family = "b/👨\u{200d}👩\u{200d}👧.png";
        let persian = "b/می\u{200c}خواهم";
        let text = format!("{family}\n{persian}\n# \u{200b} in a comment\nb/a:b/c\n*://x\ns3*/x\nb/s3://x\n");
        assert_eq!(patterns(&text), [family, persian, "b/a:b/c", "*://x", "s3*/x", "b/s3://x"]);
    }

    #[test]
    fn only_a_parameter_names_an_object() {
        let nested = IgnoreText::patterns("# list\ns3://bucket/list").unwrap_err();
        assert!(matches!(nested, IgnoreError::Line { line: 2, problem: LineProblem::Nested }), "{nested:?}");
        let words = error::chain(&nested);
        assert!(words.starts_with("line 2 of the ignore list names another object"), "{words}");
    }
}
