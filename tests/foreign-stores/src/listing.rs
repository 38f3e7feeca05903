//! What a bucket holds, read without longhaul: by the store's own tokens, page after page.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::Method;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use quick_xml::{Reader, events::Event};

use crate::http::Connection;

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its length in bytes.
    pub size: u64,
    /// Its ETag, without quotes.
    pub etag: String,
}

/// All objects of a bucket that lets anybody read, in the order of the store.
///
/// # Panics
/// If a page is refused or is no listing, or the pages have no end.
pub async fn listed(endpoint: &str, bucket: &str) -> Vec<(String, Listed)> {
    let mut connection = Connection::open(endpoint).await;
    let mut found = Vec::new();
    let mut path = format!("/{bucket}?list-type=2&encoding-type=url");
    // More pages than any of these tests fills.
    for _ in 0..1_000 {
        let answer = connection.ask(Method::GET, &path, Bytes::new()).await;
        let text = String::from_utf8(answer.body.to_vec()).expect("a listing is UTF-8");
        assert_eq!(answer.status, 200, "{path}: {text}");
        let page = Page::parse(&text);
        found.extend(page.objects);
        let Some(token) = page.next else { return found };
        let token = utf8_percent_encode(&token, NON_ALPHANUMERIC);
        path = format!("/{bucket}?list-type=2&encoding-type=url&continuation-token={token}");
    }
    panic!("the listing of {bucket} has no end");
}

#[derive(Debug, Default)]
struct Page {
    objects: Vec<(String, Listed)>,
    next: Option<String>,
}

impl Page {
    fn parse(xml: &str) -> Self {
        let mut page = Self::default();
        let mut truncated = false;
        let (mut object, mut text) = (BTreeMap::new(), String::new());
        let mut reader = Reader::from_str(xml);
        loop {
            match reader.read_event().unwrap_or_else(|error| panic!("{error} in {xml}")) {
                Event::Start(_) => text.clear(),
                Event::Text(part) => text.push_str(&part.decode().expect("text is UTF-8")),
                Event::GeneralRef(entity) => text.push_str(&resolved(&entity)),
                Event::End(end) => match end.name().as_ref() {
                    b"Contents" => page.objects.push(taken(&mut object)),
                    b"IsTruncated" => truncated = text == "true",
                    b"NextContinuationToken" => page.next = Some(text.clone()),
                    name @ (b"Key" | b"Size" | b"ETag") => {
                        object.insert(name.to_vec(), text.clone());
                    }
                    _ => {}
                },
                Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(truncated, page.next.is_some(), "a page goes on if and only if it has a token: {xml}");
        page
    }
}

fn taken(object: &mut BTreeMap<Vec<u8>, String>) -> (String, Listed) {
    let mut take = |name: &str| object.remove(name.as_bytes()).unwrap_or_else(|| panic!("an object without {name}"));
    let size = take("Size").parse().expect("a size is a number");
    let etag = take("ETag").trim_matches('"').to_owned();
    (decoded(&take("Key")), Listed { size, etag })
}

/// A key as it is: XML has no way to write every control character, so keys are asked for in the encoding of forms.
fn decoded(key: &str) -> String {
    percent_decode_str(&key.replace('+', " ")).decode_utf8().expect("a key is UTF-8").into_owned()
}

/// What `&…;` stands for.
fn resolved(entity: &quick_xml::events::BytesRef<'_>) -> String {
    if let Some(character) = entity.resolve_char_ref().expect("a character") {
        return character.to_string();
    }
    let name = entity.decode().expect("a name is UTF-8");
    quick_xml::escape::resolve_predefined_entity(&name).unwrap_or_else(|| panic!("&{name};")).to_owned()
}
