//! Messages of the queues.

use longhaul::queue::message::parse;

pub(crate) fn run(bytes: &[u8]) {
    let Ok(body) = std::str::from_utf8(bytes) else { return };
    let message = match parse(body) {
        Ok(message) => message,
        Err(error) => return crate::has_words(&error, body.len()),
    };
    let all: Vec<usize> = (0..message.entries.len()).collect();
    let again = message.only(&all);
    let read = parse(&again).unwrap_or_else(|error| panic!("{error}: {again}"));
    assert_eq!(read.entries, message.entries);
    if !all.is_empty() {
        let last = parse(&message.only(&all[all.len() - 1..])).expect("a message of one entry");
        assert_eq!(last.entries.last(), message.entries.last());
    }
    assert!(again.len() <= 1_000 + 12 * body.len(), "{} bytes became {}", body.len(), again.len());
}
