//! Whether a text is one whole XML document. Pure.
//!
//! The SDK's reader takes what there is: a listing that is cut behind a line ends there for it, without an error.

use quick_xml::{
    Reader,
    errors::Error,
    events::{BytesText, Event},
};

use crate::sdk::answer_error::{AnswerError, MOST_ELEMENTS};

/// Checks that the root is closed, and all that it holds.
pub(crate) fn check(text: &[u8]) -> Result<(), AnswerError> {
    let mut reader = Reader::from_reader(text);
    // Whether a reference makes sense the SDK's reader finds out.
    reader.config_mut().allow_dangling_amp = true;
    let mut standing = Standing::default();
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => standing.open()?,
            Ok(Event::Empty(_)) => {
                standing.open()?;
                standing.close();
            }
            Ok(Event::End(_)) => standing.close(),
            Ok(Event::Text(text)) => standing.text(&text)?,
            Ok(Event::CData(_) | Event::GeneralRef(_)) if standing.depth == 0 => return Err(AnswerError::NotXml),
            Ok(Event::Eof) => return standing.end(),
            Ok(_) => {}
            // A markup that is not closed: all of quick-xml's errors of syntax are of that kind.
            Err(Error::Syntax(_)) => return Err(AnswerError::EndedEarly),
            Err(_) => return Err(AnswerError::NotXml),
        }
    }
}

#[derive(Default)]
struct Standing {
    depth: usize,
    elements: usize,
    closed: bool,
}

impl Standing {
    fn open(&mut self) -> Result<(), AnswerError> {
        if self.closed {
            return Err(AnswerError::NotXml);
        }
        self.depth += 1;
        self.elements += 1;
        if self.elements > MOST_ELEMENTS { Err(AnswerError::TooManyElements) } else { Ok(()) }
    }

    /// A tag that closes nothing is quick-xml's own error.
    fn close(&mut self) {
        self.depth -= 1;
        self.closed = self.depth == 0;
    }

    fn text(&self, text: &BytesText<'_>) -> Result<(), AnswerError> {
        let is_inside = self.depth > 0 || text.iter().all(u8::is_ascii_whitespace);
        if is_inside { Ok(()) } else { Err(AnswerError::NotXml) }
    }

    fn end(&self) -> Result<(), AnswerError> {
        if self.closed { Ok(()) } else { Err(AnswerError::EndedEarly) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str =
        "<?xml version=\"1.0\"?>\n<!-- c --><r xmlns=\"x\"><a k='<'>1 &amp; &#10;</a><![CDATA[</r>]]><b/></r>";

    #[test]
    fn a_whole_document_is_whole_and_every_beginning_of_it_ended_early() {
        assert_eq!(check(WHOLE.as_bytes()), Ok(()));
        assert_eq!(check(format!("{WHOLE}\n \n").as_bytes()), Ok(()));
        for cut in 0..WHOLE.len() {
            assert_eq!(check(&WHOLE.as_bytes()[..cut]), Err(AnswerError::EndedEarly), "{}", &WHOLE[..cut]);
        }
    }

    #[test]
    fn what_is_no_document_is_told_from_one_that_is_cut() {
        for text in ["{}", "no", "<a></b>", "</a>", "<a/><b/>", "<a/>x", "x<a/>", "&amp;<a/>", "<p>a<br></p>"] {
            assert_eq!(check(text.as_bytes()), Err(AnswerError::NotXml), "{text}");
        }
    }

    #[test]
    fn elements_are_counted() {
        let of = |elements: usize| format!("<r>{}</r>", "<a/>".repeat(elements - 1));
        assert_eq!(check(of(MOST_ELEMENTS).as_bytes()), Ok(()));
        assert_eq!(check(of(MOST_ELEMENTS + 1).as_bytes()), Err(AnswerError::TooManyElements));
    }

    #[test]
    fn nothing_panics_on_bytes_that_are_no_text() {
        for text in
            [&b"\xff\xfe<\0a\0>"[..], b"\xef\xbb\xbf<a/>", b"<a>\xff</a>", b"<a\0/>", b"<!", b"<?", b"<![CDATA["]
        {
            let _ = check(text);
        }
    }
}
