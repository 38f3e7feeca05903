//! The body of an answer that is read into memory: bounded, and whole where it must be.
//!
//! It is no object's body: those are streamed, and guarded by what they promise.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use aws_smithy_types::body::SdkBody;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};

use crate::sdk::{answer_error::AnswerError, whole_xml};

/// Bytes of an answer of a store. A page of a listing has a thousand lines, and a line has 16 KiB room: a key of 1,024 bytes
/// takes 6 KiB where each is written as `&#x10;`, and the id of a version a thousand more.
pub(crate) const MOST_OF_A_STORE: u64 = 16 << 20;

/// Bytes of an answer of a service. BatchGetItem answers with 16 MB of rows, and JSON may take twice as much for them.
pub(crate) const MOST_OF_A_SERVICE: u64 = 32 << 20;

/// What an answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// One whole XML document. A root that is called by the first name is meant to be called by the second.
    Xml(Option<(&'static str, &'static str)>),
    /// The words of an error: XML from a store, anything from what stands before it.
    Error,
    /// Nobody reads it.
    Anything,
}

/// Replaces a body by one that is read up to `most` bytes and handed on only if it is what was expected.
pub(crate) fn guarded(body: SdkBody, most: u64, expected: Expected) -> SdkBody {
    SdkBody::from_body_1_x(Guarded { body, most, expected, held: BytesMut::new(), ended: false })
}

struct Guarded {
    body: SdkBody,
    most: u64,
    expected: Expected,
    held: BytesMut,
    ended: bool,
}

impl Guarded {
    fn take(&mut self, chunk: &[u8]) -> Result<(), AnswerError> {
        if (self.held.len() + chunk.len()) as u64 > self.most {
            return Err(AnswerError::TooLong(self.most));
        }
        self.held.extend_from_slice(chunk);
        Ok(())
    }

    /// All of it came. The SDK's reader takes no space before the first tag, and some stores send spaces while they work.
    fn finish(&mut self) -> Result<Bytes, AnswerError> {
        let all = std::mem::take(&mut self.held).freeze();
        let text = without_front(&all);
        match self.expected {
            Expected::Xml(other_root) => {
                whole_xml::check(&text)?;
                return Ok(other_root.and_then(|(name, meant)| with_root(&text, name, meant)).unwrap_or(text));
            }
            Expected::Error if is_a_stores_error(&text) => {
                if whole_xml::check(&text) == Err(AnswerError::EndedEarly) {
                    return Err(AnswerError::EndedEarly);
                }
            }
            Expected::Error | Expected::Anything => return Ok(all),
        }
        Ok(text)
    }
}

/// A whole document under the name that its root is meant to have; `None` where it is not called `name`.
fn with_root(text: &[u8], name: &str, meant: &str) -> Option<Bytes> {
    let text = std::str::from_utf8(text).ok()?;
    let (front, rest) = text.split_once(&format!("<{name}"))?;
    let (inner, end) = rest.rsplit_once(&format!("</{name}"))?;
    let is_root = !front.replace("<?", "").contains('<') && inner.starts_with(|c: char| c == '>' || c.is_whitespace());
    is_root.then(|| Bytes::from(format!("{front}<{meant}{inner}</{meant}{end}")))
}

fn without_front(all: &Bytes) -> Bytes {
    let unmarked = all.strip_prefix(b"\xef\xbb\xbf").unwrap_or(all);
    all.slice_ref(unmarked.trim_ascii_start())
}

/// Web pages of proxies are no XML; their end says nothing.
fn is_a_stores_error(text: &[u8]) -> bool {
    let begins = |with: &[u8]| text.len() >= with.len() && text[..with.len()].eq_ignore_ascii_case(with);
    begins(b"<") && !begins(b"<!") && !begins(b"<h")
}

impl Body for Guarded {
    type Data = Bytes;
    type Error = aws_smithy_runtime_api::box_error::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        while !this.ended {
            // A length that is announced need not be waited for.
            let announced = this.body.size_hint().lower();
            let step = if this.held.len() as u64 + announced > this.most {
                Err(AnswerError::TooLong(this.most))
            } else {
                match ready!(Pin::new(&mut this.body).poll_frame(context)).transpose() {
                    Ok(Some(frame)) => frame.data_ref().map_or(Ok(()), |chunk| this.take(chunk)).map(|()| None),
                    Ok(None) => this.finish().map(Some),
                    Err(broken) => {
                        this.ended = true;
                        return Poll::Ready(Some(Err(broken)));
                    }
                }
            };
            this.ended = !matches!(step, Ok(None));
            match step {
                Ok(Some(all)) if !all.is_empty() => return Poll::Ready(Some(Ok(Frame::data(all)))),
                Ok(_) => {}
                Err(error) => {
                    this.body = SdkBody::empty();
                    return Poll::Ready(Some(Err(error.into())));
                }
            }
        }
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn read(body: &'static str, most: u64, expected: Expected) -> Result<Bytes, AnswerError> {
        let read = guarded(SdkBody::from(body), most, expected).collect().await;
        read.map(|all| all.to_bytes()).map_err(|error| *error.downcast_ref().expect("an error of the answer"))
    }

    #[tokio::test]
    async fn an_answer_is_handed_on_as_it_is_but_for_spaces_before_it() {
        assert_eq!(read(" \n<a/>\n", 99, Expected::Xml(None)).await.unwrap(), "<a/>\n");
        assert_eq!(read("\u{feff}<a/>", 99, Expected::Xml(None)).await.unwrap(), "<a/>");
        assert_eq!(read(" words", 99, Expected::Anything).await.unwrap(), " words");
    }

    #[tokio::test]
    async fn the_bound_is_the_last_byte_that_is_taken() {
        assert_eq!(read("<a/>", 4, Expected::Xml(None)).await.unwrap(), "<a/>");
        assert_eq!(read("<a/>", 3, Expected::Xml(None)).await, Err(AnswerError::TooLong(3)));
    }

    #[tokio::test]
    async fn an_error_must_be_whole_only_where_a_store_wrote_it() {
        assert_eq!(read("<Error><Code>A", 99, Expected::Error).await, Err(AnswerError::EndedEarly));
        for words in ["", "no", "<html><p>no", "<!DOCTYPE html><p>no", "<Error><Code></Error>"] {
            assert_eq!(read(words, 99, Expected::Error).await.unwrap(), words);
        }
    }

    #[test]
    fn a_root_of_another_name_is_called_as_it_is_meant() {
        let renamed = |text: &str| with_root(text.as_bytes(), "Some", "SomeResult");
        let text = "<?xml version=\"1.0\"?>\n<Some xmlns=\"x\">\n<Key>k</Key></Some>\n";
        let meant = "<?xml version=\"1.0\"?>\n<SomeResult xmlns=\"x\">\n<Key>k</Key></SomeResult>\n";
        assert_eq!(renamed(text), Some(Bytes::from(meant)));
        for other in ["<SomeResult></SomeResult>", "<Error><Some></Some></Error>", "<Some/>"] {
            assert_eq!(renamed(other), None, "{other}");
        }
    }
}
