//! Notes which parts are what was sent, for this leg and for the next one.

use std::{
    collections::BTreeMap,
    sync::{MutexGuard, PoisonError},
};

use crate::{
    copy::attempt::{
        compared::{Compared, DonePart},
        engine::Backends,
        leg::Leg,
    },
    ledger::{Proved, of_tags},
    object::{PartNumber, Trust},
};

pub(crate) fn compared_parts<'a, B: Backends>(leg: &'a Leg<'_, B>) -> MutexGuard<'a, Compared> {
    leg.compared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes what is known of a part that is there.
pub(crate) fn note_part<B: Backends>(leg: &Leg<'_, B>, part: &DonePart) {
    let (number, mut compared) = (part.answer.number, compared_parts(leg));
    compared.other.remove(&number);
    match part.trust {
        Trust::Crc | Trust::Md5 => compared.same.insert(number, part.answer.etag.clone()),
        Trust::Size | Trust::EarlierLeg => compared.same.remove(&number),
    };
}

/// Notes that a part is there which is not, or may not be, what was sent.
pub(crate) fn note_damage<B: Backends>(leg: &Leg<'_, B>, number: PartNumber) {
    let mut compared = compared_parts(leg);
    compared.same.remove(&number);
    compared.other.insert(number);
}

/// Another upload is filled from here on.
pub(crate) fn forget_compared<B: Backends>(leg: &Leg<'_, B>) {
    *compared_parts(leg) = Compared::default();
}

/// What the next leg may believe of the parts.
pub(crate) fn proved_parts<B: Backends>(leg: &Leg<'_, B>) -> Option<Proved> {
    let compared = compared_parts(leg);
    Proved::of(&compared.same, &compared.other)
}

/// Believes the listed parts that an earlier leg has compared, if all of them are the ones that it had seen. Those that it knew
/// to be damaged are missing.
pub(crate) fn believe<B: Backends>(
    leg: &Leg<'_, B>,
    proved: Option<&Proved>,
    listed: &mut BTreeMap<PartNumber, DonePart>,
) {
    let Some(proved) = proved else { return };
    listed.retain(|number, _| !proved.damaged.contains(&number.get()));
    let seen: Vec<&mut DonePart> = listed.values_mut().filter(|part| proved.has(part.answer.number)).collect();
    let tags = of_tags(seen.iter().map(|part| &part.answer.etag));
    if seen.len() != proved.count() || Some(tags) != proved.tags {
        return;
    }
    for part in seen {
        part.trust = if part.answer.crc64nvme.is_some() { Trust::Crc } else { Trust::Md5 };
        note_part(leg, part);
    }
}
