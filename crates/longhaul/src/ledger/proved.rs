//! Which parts of an unfinished upload were compared with the bytes that were read, for the leg that goes on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::object::{Crc64, ETag, PartNumber};

/// The parts that a leg, or one before it, has compared, as the record keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proved {
    /// First and last numbers of parts that follow each other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    runs: Vec<(u16, u16)>,
    /// The checksum of all their tags, in order: a part may be written again behind the leg.
    pub(crate) tags: Option<Crc64>,
    /// Parts that arrived damaged, or may have: they do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) damaged: Vec<u16>,
}

impl Proved {
    /// `same` are those that are what was sent, with their tags, `other` those that are not or may not be. `None` if nothing was
    /// compared.
    pub(crate) fn of(same: &BTreeMap<PartNumber, ETag>, other: &BTreeSet<PartNumber>) -> Option<Self> {
        if same.is_empty() && other.is_empty() {
            return None;
        }
        let mut runs: Vec<(u16, u16)> = Vec::new();
        for number in same.keys().map(|number| number.get()) {
            match runs.last_mut().filter(|run| run.1 + 1 == number) {
                Some(run) => run.1 = number,
                None => runs.push((number, number)),
            }
        }
        let damaged = other.iter().map(|number| number.get()).collect();
        Some(Self { runs, tags: Some(of_tags(same.values())), damaged })
    }

    pub(crate) fn has(&self, number: PartNumber) -> bool {
        self.runs.iter().any(|(first, last)| (*first..=*last).contains(&number.get()))
    }

    pub(crate) fn count(&self) -> usize {
        self.runs.iter().map(|(first, last)| usize::from(last.saturating_sub(*first)) + 1).sum()
    }
}

pub(crate) fn of_tags<'a>(tags: impl Iterator<Item = &'a ETag>) -> Crc64 {
    let all: Vec<String> = tags.map(|tag| tag.as_str().to_ascii_lowercase()).collect();
    Crc64::of(all.join(" ").as_bytes())
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
        let proved = Proved::of(&same, &BTreeSet::from([number(5)])).unwrap();
        assert_eq!(
            (proved.runs.as_slice(), proved.count(), proved.damaged.as_slice()),
            (&[(1, 3), (7, 7)][..], 4, &[5][..])
        );
        assert!(proved.has(number(2)) && !proved.has(number(4)));
        assert_eq!(Proved::of(&BTreeMap::new(), &BTreeSet::new()), None);
    }
}
