//! Which parts of an unfinished upload were compared with the bytes that were read, for the leg that goes on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{checksum::Crc64, copy::Leg, object::ETag, part::PartNumber, transfer::DonePart, trusts::Trust};

/// The parts that a leg has compared.
#[derive(Default)]
pub(crate) struct Compared {
    /// Those that are what was sent, with their tags.
    same: BTreeMap<PartNumber, ETag>,
    /// Those that are not, or may not be, and have not been sent again yet.
    other: BTreeSet<PartNumber>,
}

/// The parts that a leg, or one before it, has compared, as the record keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proved {
    /// First and last numbers of parts that follow each other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    runs: Vec<(u16, u16)>,
    /// The checksum of all their tags, in order: a part may be written again behind the leg.
    tags: Option<Crc64>,
    /// Parts that arrived damaged, or may have: they do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    damaged: Vec<u16>,
}

impl Proved {
    /// `None` if nothing was compared.
    fn of(compared: &Compared) -> Option<Self> {
        if compared.same.is_empty() && compared.other.is_empty() {
            return None;
        }
        let mut runs: Vec<(u16, u16)> = Vec::new();
        for number in compared.same.keys().map(|number| number.get()) {
            match runs.last_mut().filter(|run| run.1 + 1 == number) {
                Some(run) => run.1 = number,
                None => runs.push((number, number)),
            }
        }
        let damaged = compared.other.iter().map(|number| number.get()).collect();
        Some(Self { runs, tags: Some(of_tags(compared.same.values())), damaged })
    }

    fn has(&self, number: PartNumber) -> bool {
        self.runs.iter().any(|(first, last)| (*first..=*last).contains(&number.get()))
    }

    fn count(&self) -> usize {
        self.runs.iter().map(|(first, last)| usize::from(last.saturating_sub(*first)) + 1).sum()
    }
}

fn of_tags<'a>(tags: impl Iterator<Item = &'a ETag>) -> Crc64 {
    let all: Vec<String> = tags.map(|tag| tag.as_str().to_ascii_lowercase()).collect();
    Crc64::of(all.join(" ").as_bytes())
}

impl<S, D, L, C> Leg<'_, S, D, L, C> {
    fn compared(&self) -> MutexGuard<'_, Compared> {
        self.compared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is known of a part that is there.
    pub(crate) fn note_part(&self, part: &DonePart) {
        let (number, mut compared) = (part.answer.number, self.compared());
        compared.other.remove(&number);
        match part.trust {
            Trust::Crc | Trust::Md5 => compared.same.insert(number, part.answer.etag.clone()),
            Trust::Size | Trust::EarlierLeg => compared.same.remove(&number),
        };
    }

    /// Notes that a part is there which is not, or may not be, what was sent.
    pub(crate) fn note_damage(&self, number: PartNumber) {
        let mut compared = self.compared();
        compared.same.remove(&number);
        compared.other.insert(number);
    }

    /// Another upload is filled from here on.
    pub(crate) fn forget_compared(&self) {
        *self.compared() = Compared::default();
    }

    /// What the next leg may believe of the parts.
    pub(crate) fn proved(&self) -> Option<Proved> {
        Proved::of(&self.compared())
    }

    /// Believes the listed parts that an earlier leg has compared, if all of them are the ones that it had seen. Those that it knew
    /// to be damaged are missing.
    pub(crate) fn believe(&self, proved: Option<&Proved>, listed: &mut BTreeMap<PartNumber, DonePart>) {
        let Some(proved) = proved else { return };
        listed.retain(|number, _| !proved.damaged.contains(&number.get()));
        let seen: Vec<&mut DonePart> = listed.values_mut().filter(|part| proved.has(part.answer.number)).collect();
        let tags = of_tags(seen.iter().map(|part| &part.answer.etag));
        if seen.len() != proved.count() || Some(tags) != proved.tags {
            return;
        }
        for part in seen {
            part.trust = if part.answer.crc64nvme.is_some() { Trust::Crc } else { Trust::Md5 };
            self.note_part(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u16) -> PartNumber {
        PartNumber::new(number).unwrap()
    }

    #[test]
    fn parts_that_follow_each_other_are_one_run() {
        let same = BTreeMap::from([1, 2, 3, 7].map(|part| (number(part), ETag::new("e"))));
        let proved = Proved::of(&Compared { same, other: BTreeSet::from([number(5)]) }).unwrap();
        assert_eq!(
            (proved.runs.as_slice(), proved.count(), proved.damaged.as_slice()),
            (&[(1, 3), (7, 7)][..], 4, &[5][..])
        );
        assert!(proved.has(number(2)) && !proved.has(number(4)));
        assert_eq!(Proved::of(&Compared::default()), None);
    }
}
