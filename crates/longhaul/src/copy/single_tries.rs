//! What is in doubt about one small object, however often it is read and sent.

use crate::{
    copy::attempt::{Backends, Leg, NotCopied},
    object::{Crc64, ETag, ObjectInfo, Verify},
    store::{Doubts, ErrorKind, Meaning, Source, StoreError, TagOf, TagPromise, Tally},
};

/// The doubts of one copy.
#[derive(Default)]
pub(crate) struct Tries {
    /// Those about what arrived.
    pub doubts: Doubts,
    /// The source's tag and the checksum of bytes that were read and have another MD5.
    pub read: Option<(ETag, Crc64)>,
    /// Whether the destination shows bytes that are wrong, or may be.
    pub shows_damage: bool,
}

impl Tries {
    /// The time is up. Wrong bytes that are visible have to be remembered: a comparison by size would take them for a copy.
    pub fn interrupted<B: Backends>(&self, leg: &Leg<'_, B>) -> NotCopied {
        if self.shows_damage { damage_is_left(leg).into() } else { NotCopied::Interrupted }
    }

    /// The last try failed for another reason than damage. What an earlier one left at the destination is remembered all the same.
    pub fn not_forgotten<B: Backends>(&self, leg: &Leg<'_, B>, last: StoreError) -> StoreError {
        if self.shows_damage && last.kind() != ErrorKind::Corrupt { damage_is_left(leg).caused_by(last) } else { last }
    }

    /// What the source's tag says of its bytes, where it names no checksum.
    pub fn promised_md5<B: Backends>(&self, leg: &Leg<'_, B>, info: &ObjectInfo) -> Option<TagPromise> {
        let tags = leg.engine.tags.of(leg.engine.source.location(), TagOf::Source);
        let is_asked = info.crc64nvme.is_none() && leg.engine.settings.verify != Verify::Transport;
        if !is_asked || tags.meaning() == Meaning::Other {
            return None;
        }
        let read_before = self.read.as_ref().filter(|(tag, _)| *tag == info.etag).map(|(_, crc)| *crc);
        info.etag.as_md5().map(|md5| TagPromise { md5, read_before })
    }

    /// Other bytes than the source's tag says: read twice, they show that it is no MD5. Objects of one bucket are written by many,
    /// so one such tag is enough to ask none any more.
    pub fn heed_what_was_read<B: Backends>(
        &mut self,
        leg: &Leg<'_, B>,
        info: &ObjectInfo,
        promised: Option<TagPromise>,
        tally: &Tally,
    ) {
        let Some(promised) = promised.filter(|_| tally.bytes() == info.size) else { return };
        if tally.md5().is_none_or(|read| read == promised.md5) {
            return;
        }
        if promised.read_before == Some(tally.crc()) {
            leg.engine.tags.of(leg.engine.source.location(), TagOf::Source).tags_are_no_md5s();
        }
        self.read = Some((info.etag.clone(), tally.crc()));
    }
}

fn damage_is_left<B: Backends>(leg: &Leg<'_, B>) -> StoreError {
    let place = leg.at_destination("PutObject");
    let words = "the leg ended before damaged bytes at the destination were replaced";
    StoreError::new(ErrorKind::Corrupt, "PutObject", words).maybe_happened().at(place.location).on(place.key)
}
