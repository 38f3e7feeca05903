//! What a parked message carries beside its body: its reason, as message attributes.

use std::collections::HashMap;

use aws_sdk_sqs::{error::BuildError, types::MessageAttributeValue};
use longhaul::{ledger::Reason, queue::MAX_BYTES};

/// The reason's code.
pub(crate) const REASON: &str = "reason";

/// The reason's words.
pub(crate) const MESSAGE: &str = "message";

/// The queue that the message was in.
pub(crate) const QUEUE: &str = "queue";

/// The most bytes of an attribute: the words are for people.
const MAX_ATTRIBUTE_BYTES: usize = 1024;

/// The type of all attributes.
const TEXT: &str = "String";

/// What stands where nothing was said: SQS takes no empty text.
const NOTHING_SAID: &str = "-";

/// The attributes of a message that is parked. A body so long that nothing fits beside it goes without them.
pub(crate) fn attributes(
    body: &str,
    reason: &Reason,
    queue: &str,
) -> Result<Option<HashMap<String, MessageAttributeValue>>, BuildError> {
    let mut room = MAX_BYTES.saturating_sub(body.len());
    let mut attributes = HashMap::new();
    for (name, text) in [(REASON, reason.code.as_str()), (QUEUE, queue), (MESSAGE, reason.message.as_str())] {
        let value = permitted(text);
        let bytes = name.len() + TEXT.len() + value.len();
        if bytes <= room {
            room -= bytes;
            let value = MessageAttributeValue::builder().data_type(TEXT).string_value(value).build()?;
            attributes.insert(name.to_owned(), value);
        }
    }
    Ok(Some(attributes).filter(|attributes| !attributes.is_empty()))
}

/// The reason that a message's attributes tell. A message that SQS itself moved has none.
pub(crate) fn reason(attributes: &HashMap<String, MessageAttributeValue>) -> Option<Reason> {
    let code = text(attributes, REASON)?;
    Some(Reason::new(code, text(attributes, MESSAGE).unwrap_or_default()))
}

/// An attribute's text.
pub(crate) fn text<'a>(attributes: &'a HashMap<String, MessageAttributeValue>, name: &str) -> Option<&'a str> {
    attributes.get(name)?.string_value()
}

/// The text with only what SQS permits, cut to its length, and never empty.
fn permitted(text: &str) -> String {
    let mut value = String::new();
    for char in text.chars() {
        let char = if is_permitted(char) { char } else { char::REPLACEMENT_CHARACTER };
        if value.len() + char.len_utf8() > MAX_ATTRIBUTE_BYTES {
            break;
        }
        value.push(char);
    }
    if value.is_empty() { NOTHING_SAID.to_owned() } else { value }
}

/// The characters of a message (SQS API, SendMessage): those of XML 1.0.
fn is_permitted(char: char) -> bool {
    matches!(char,
        '\u{9}' | '\u{A}' | '\u{D}' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(body: &str, reason: &Reason) -> HashMap<String, MessageAttributeValue> {
        attributes(body, reason, "jobs").unwrap().unwrap_or_default()
    }

    #[test]
    fn a_reason_comes_back_from_its_attributes() {
        let written = Reason::new("access-denied", "key \"日本\" is forbidden");
        let attributes = made("{}", &written);
        assert_eq!(reason(&attributes), Some(written));
        assert_eq!(text(&attributes, QUEUE), Some("jobs"));
        assert_eq!(reason(&HashMap::new()), None);
    }

    #[test]
    fn words_are_cut_between_characters() {
        let attributes = made("{}", &Reason::new("invalid-key", "日".repeat(1000)));
        assert_eq!(text(&attributes, MESSAGE), Some("日".repeat(341).as_str()));
    }

    #[test]
    fn what_sqs_refuses_is_replaced_and_nothing_is_empty() {
        let attributes = made("{}", &Reason::new("", "a\u{0}b\u{b}c\u{ffff}\n"));
        assert_eq!(text(&attributes, MESSAGE), Some("a\u{fffd}b\u{fffd}c\u{fffd}\n"));
        assert_eq!(text(&attributes, REASON), Some("-"));
    }

    #[test]
    fn a_body_that_leaves_no_room_goes_without_words() {
        let body = "b".repeat(MAX_BYTES - 60);
        let attributes = made(&body, &Reason::new("malformed", "m".repeat(1000)));
        assert_eq!((text(&attributes, REASON), text(&attributes, MESSAGE)), (Some("malformed"), None));
        assert_eq!(made(&"b".repeat(MAX_BYTES), &Reason::new("malformed", "")), HashMap::new());
    }
}
