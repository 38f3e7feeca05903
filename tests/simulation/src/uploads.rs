//! Uploads and their parts, as the destination saw them: nothing may be sent twice that need not be.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use longhaul::{
    ledger::RecordSource,
    object::{PartNumber, Pin},
    store::UploadedPart,
};

use crate::executor::Asker;

/// How an upload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadEnd {
    /// It became an object.
    Completed,
    /// The product aborted it.
    AbortedByProduct,
    /// The product aborted it, since the object was there without it.
    NotNeeded,
    /// Others aborted it.
    AbortedByOthers,
}

/// An upload.
struct Seen {
    key: String,
    /// What it is a copy of, if that is still the source when it begins.
    of: Option<(String, Pin)>,
    /// Whether nobody can know of it.
    zombie: bool,
    /// Sizes of the parts it holds, and when each was accepted.
    parts: HashMap<PartNumber, (u64, Duration)>,
    /// Whether others wrote a part of it, or one arrived damaged: then it may be given up.
    spoilt: bool,
    end: Option<UploadEnd>,
}

/// All uploads there were.
#[derive(Default)]
pub struct Uploads {
    seen: HashMap<String, Seen>,
    /// The parts that tasks know to be held, with their sizes.
    known: HashMap<(Asker, String), HashSet<(PartNumber, u64)>>,
    /// Parts whose sender has no answer yet, or lost it.
    unanswered: HashSet<(Asker, String, PartNumber)>,
    repeats: u64,
    accepted: u64,
}

impl Uploads {
    /// An upload was created for a copy of `source`.
    pub fn begun(&mut self, key: &str, id: &str, source: Option<&RecordSource>, zombie: bool) -> Result<(), String> {
        let of = source.map(|source| (source.key.as_str().to_owned(), source.pin.clone()));
        let is_same = |seen: &Seen| {
            let (Some((from, pin)), Some((ours, wanted))) = (&seen.of, &of) else { return false };
            seen.key == key && from == ours && pin.same_write(wanted)
        };
        let given_up = |seen: &Seen| matches!(seen.end, None | Some(UploadEnd::AbortedByProduct)) && !seen.spoilt;
        let wasted = self.seen.values().find(|seen| is_same(seen) && given_up(seen) && !seen.parts.is_empty());
        let wasted = wasted.map(|seen| seen.parts.len());
        let seen = Seen { key: key.to_owned(), of, zombie, parts: HashMap::new(), spoilt: false, end: None };
        self.seen.insert(id.to_owned(), seen);
        match wasted {
            Some(parts) => {
                Err(format!("nothing twice: {id} of {key} is begun, another upload has {parts} of its parts"))
            }
            None => Ok(()),
        }
    }

    /// What an upload is a copy of, if that was still the source when it began.
    pub fn pinned(&self, id: &str) -> Option<&(String, Pin)> {
        self.seen.get(id)?.of.as_ref()
    }

    /// An upload is no more.
    pub fn ended(&mut self, id: &str, end: UploadEnd) {
        if let Some(seen) = self.seen.get_mut(id) {
            seen.end = Some(end);
        }
    }

    /// Whether nobody could know of this upload, and it is empty.
    pub fn is_zombie(&self, id: &str) -> bool {
        self.seen.get(id).is_some_and(|seen| seen.zombie && seen.parts.is_empty())
    }

    /// A part was accepted from a task whose process began at a time. It must not be one that the task knows to be there, or that
    /// was there when it began.
    pub fn part_accepted(
        &mut self,
        upload: &str,
        (number, size): (PartNumber, u64),
        now: Duration,
        (by, began): (Asker, Duration),
    ) -> Result<(), String> {
        self.accepted += 1;
        let in_doubt = !self.unanswered.insert((by, upload.to_owned(), number));
        let Some(seen) = self.seen.get_mut(upload) else { return Ok(()) };
        let before = seen.parts.insert(number, (size, now)).filter(|before| before.0 == size);
        let Some((_, when)) = before else { return Ok(()) };
        self.repeats += 1;
        let known = self.known.get(&(by, upload.to_owned())).is_some_and(|known| known.contains(&(number, size)));
        if (known || when < began) && !seen.spoilt && !in_doubt {
            let why = if known { "was told so" } else { "had only to ask" };
            let (number, by) = (number.get(), by.process.0);
            return Err(format!(
                "nothing twice: process {by} sends part {number} of {upload} again, which it holds since {when:?}; it {why}"
            ));
        }
        Ok(())
    }

    /// A task has its answer to a part.
    pub fn answered(&mut self, upload: &str, part: &UploadedPart, to: Asker) {
        self.unanswered.remove(&(to, upload.to_owned(), part.number));
        self.parts_told(upload, std::slice::from_ref(part), to);
    }

    /// A task was told which parts an upload holds.
    pub fn parts_told(&mut self, upload: &str, parts: &[UploadedPart], to: Asker) {
        let known = self.known.entry((to, upload.to_owned())).or_default();
        known.extend(parts.iter().map(|part| (part.number, part.size)));
    }

    /// Others wrote a part, or it arrived damaged: it has to be sent again, and the upload may be given up.
    pub fn part_spoilt(&mut self, upload: &str, number: PartNumber) {
        if let Some(seen) = self.seen.get_mut(upload) {
            seen.parts.remove(&number);
            seen.spoilt = true;
        }
        for ((_, of), known) in &mut self.known {
            if of == upload {
                known.retain(|(known, _)| *known != number);
            }
        }
    }

    /// What was read of a source is damaged: its uploads may have to be given up.
    pub fn source_damaged(&mut self, source: &str) {
        let of_it =
            |seen: &&mut Seen| seen.key.ends_with(source) || seen.of.as_ref().is_some_and(|(of, _)| of == source);
        self.seen.values_mut().filter(of_it).for_each(|seen| seen.spoilt = true);
    }

    /// Parts that were accepted although the upload held them already, and all accepted parts.
    pub fn repeats(&self) -> (u64, u64) {
        (self.repeats, self.accepted)
    }
}
