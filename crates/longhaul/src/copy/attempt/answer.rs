//! What an answer says of the bytes that were sent.

use crate::{
    copy::attempt::{engine::Backends, leg::Leg},
    object::{Crc64, ETag, Trust},
    store::{Doubts, ErrorKind, Source, StoreError, TagOf, Tally, Word},
};

/// What an answer says of the bytes that were sent. Nothing, if nobody can tell before they were sent once more.
pub(crate) fn word<B: Backends>(
    leg: &Leg<'_, B>,
    operation: &'static str,
    what: TagOf,
    (tag, crc): (&ETag, Option<Crc64>),
    sent: &Tally,
    doubts: &mut Doubts,
) -> Result<Option<Trust>, StoreError> {
    let lesson = leg.lesson(what);
    lesson.crc_was_named(crc.is_some());
    let wrong = |theirs: &str, ours: &str| {
        let words = format!("the destination received other bytes: it names {theirs}, sent was {ours}");
        let error = StoreError::new(ErrorKind::Corrupt, operation, words);
        error.at(leg.engine.destination.location()).on(&leg.job.destination_key)
    };
    if let Some(theirs) = crc {
        // Under KMS a tag has the shape of an MD5 and is none; a checksum that is named decides.
        let ours = sent.crc();
        let differs = || wrong(&theirs.to_base64(), &ours.to_base64());
        return if theirs == ours { Ok(Some(Trust::Crc)) } else { Err(differs()) };
    }
    let Some(md5) = sent.md5() else { return Ok(Some(Trust::Size)) };
    match doubts.word(&lesson, tag, md5) {
        Word::Same => Ok(Some(Trust::Md5)),
        Word::Nothing => Ok(Some(Trust::Size)),
        Word::InDoubt => Ok(None),
        Word::Different => Err(wrong(tag.as_str(), &md5.to_hex())),
    }
}
