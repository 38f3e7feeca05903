//! Messages of the ranges of a scan.

use longhaul::queue::range_job::parse;

pub(crate) fn run(bytes: &[u8]) {
    let Ok(body) = std::str::from_utf8(bytes) else { return };
    match parse(body) {
        Ok(message) => assert_eq!(parse(&message.body()).as_ref(), Ok(&message)),
        Err(error) => crate::has_words(&error, body.len()),
    }
}
