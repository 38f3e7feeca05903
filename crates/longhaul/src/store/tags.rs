//! What the answers of a bucket say of the bytes that it received, as far as this process has learned it.
//!
//! A checksum that the store computes unasked proves. Where it names none, its tag proves if it is the MD5 of the bytes. Some
//! tags have the shape of an MD5 and are none, which cannot be told from damage by looking at one of them: the bytes are sent
//! once more. If the answer is the MD5 then, the first were damaged on the way; the same other tag twice means that tags are no
//! MD5s there; a third one is damage again. A bucket whose tags were MD5s once is never in doubt any more.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use crate::object::{ETag, Location, Md5, Verify, WithMd5};

/// After so many answers in a row that say nothing of the bytes, no MD5 is computed any more: it costs more than TLS.
const SILENT: u32 = 8;

/// What a tag is the tag of. Not all stores make those of parts as they make those of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TagOf {
    /// An object that was sent in one request.
    Object,
    /// A part.
    Part,
    /// An object that is read: who wrote it, and how, is not known.
    Source,
}

/// What was learned of all buckets. Clones share it.
#[derive(Clone, Default)]
pub struct Tags(Arc<Mutex<Lessons>>);

type Lessons = HashMap<(Location, TagOf), Arc<Lesson>>;

impl Tags {
    pub(crate) fn of(&self, location: &Location, what: TagOf) -> Arc<Lesson> {
        let mut lessons = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lessons.entry((location.clone(), what)).or_default())
    }
}

/// What is known of the tags of a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Nothing yet.
    #[default]
    Unknown,
    /// One of them was the MD5 of what had been sent.
    Md5,
    /// They have its shape, and are something else.
    Other,
}

/// What one answer says of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// They arrived.
    Same,
    /// Nothing.
    Nothing,
    /// Nobody can tell before they were sent once more.
    InDoubt,
    /// Others arrived.
    Different,
}

/// What was learned of one bucket.
#[derive(Default)]
pub(crate) struct Lesson {
    state: Mutex<State>,
    turn: Arc<Turn<()>>,
}

#[derive(Default)]
struct State {
    meaning: Meaning,
    names_crc: bool,
    silent: u32,
    has_warned: bool,
}

impl Lesson {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the next body's MD5 is worth its price.
    pub fn with_md5(&self, verify: Verify) -> WithMd5 {
        let state = self.state();
        let wanted = match verify {
            Verify::Transport | Verify::ReadBack => false,
            Verify::Md5 => true,
            Verify::Auto => !state.names_crc && (state.meaning == Meaning::Md5 || state.silent < SILENT),
        };
        if wanted { WithMd5::Yes } else { WithMd5::No }
    }

    /// Whether the last answer named a checksum that the store had computed unasked.
    pub fn crc_was_named(&self, named: bool) {
        self.state().names_crc = named;
    }

    pub fn meaning(&self) -> Meaning {
        self.state().meaning
    }

    /// Tags are no MD5s here.
    pub fn tags_are_no_md5s(&self) {
        self.state().meaning = Meaning::Other;
    }

    /// Whether nobody has been warned yet; from now on somebody has.
    pub fn is_to_warn(&self) -> bool {
        !std::mem::replace(&mut self.state().has_warned, true)
    }

    fn word(&self, tag: &ETag, sent: Md5, before: Option<&Doubt>) -> Word {
        let mut state = self.state();
        let before = before.filter(|doubt| doubt.sent == sent);
        let word = match (tag.as_md5(), state.meaning) {
            (Some(theirs), _) if theirs == sent => Word::Same,
            (None, _) | (_, Meaning::Other) => Word::Nothing,
            (_, Meaning::Md5) => Word::Different,
            (_, Meaning::Unknown) => match before {
                None => Word::InDoubt,
                Some(doubt) if doubt.tag == *tag => Word::Nothing,
                Some(_) => Word::Different,
            },
        };
        match word {
            Word::Same => (state.meaning, state.silent) = (Meaning::Md5, 0),
            Word::Nothing => state.silent = state.silent.saturating_add(1),
            Word::InDoubt | Word::Different => {}
        }
        if word == Word::Nothing && before.is_some() && state.meaning == Meaning::Unknown && tag.looks_like_md5() {
            state.meaning = Meaning::Other;
        }
        word
    }
}

/// A tag that is not the MD5 of what was sent.
struct Doubt {
    tag: ETag,
    sent: Md5,
}

/// The doubts about one body, however often it is sent.
#[derive(Default)]
pub(crate) struct Doubts {
    last: Option<Doubt>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Doubts {
    /// What an answer's tag says of the bytes with this MD5.
    pub fn word(&mut self, lesson: &Lesson, tag: &ETag, sent: Md5) -> Word {
        let word = lesson.word(tag, sent, self.last.as_ref());
        if matches!(word, Word::InDoubt | Word::Different) {
            self.last = Some(Doubt { tag: tag.clone(), sent });
        }
        if word != Word::InDoubt {
            self.turn = None;
        }
        word
    }

    /// Waits until no other body of this bucket is being sent once more, and says what that has shown. If it is still unknown, it
    /// is this body's turn.
    pub async fn turn(&mut self, lesson: &Lesson) -> Meaning {
        if self.turn.is_none() {
            self.turn = Some(Arc::clone(&lesson.turn).lock_owned().await);
        }
        let meaning = lesson.meaning();
        if meaning != Meaning::Unknown {
            self.turn = None;
        }
        meaning
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Md5 = Md5([7; 16]);

    fn tag(byte: u8) -> ETag {
        ETag::new(&Md5([byte; 16]).to_hex().to_uppercase())
    }

    fn words(lesson: &Lesson, tags: &[ETag]) -> Vec<Word> {
        let mut doubts = Doubts::default();
        tags.iter().map(|tag| doubts.word(lesson, tag, SENT)).collect()
    }

    #[test]
    fn the_md5_at_the_second_sending_means_that_the_first_was_damaged() {
        let lesson = Lesson::default();
        assert_eq!(words(&lesson, &[tag(1), tag(7)]), [Word::InDoubt, Word::Same]);
        assert_eq!(words(&lesson, &[tag(1), tag(1)]), [Word::Different, Word::Different]);
    }

    #[test]
    fn the_same_other_tag_twice_means_that_tags_are_no_md5s() {
        let lesson = Lesson::default();
        assert_eq!(words(&lesson, &[tag(1), tag(1)]), [Word::InDoubt, Word::Nothing]);
        assert_eq!((words(&lesson, &[tag(2)]), lesson.meaning()), (vec![Word::Nothing], Meaning::Other));
    }

    #[test]
    fn a_third_tag_is_damage() {
        let lesson = Lesson::default();
        assert_eq!(words(&lesson, &[tag(1), tag(2), tag(3)]), [Word::InDoubt, Word::Different, Word::Different]);
        assert_eq!(lesson.meaning(), Meaning::Unknown);
    }

    #[test]
    fn one_tag_that_is_the_md5_refutes_what_seemed_to_be_learned() {
        let lesson = Lesson::default();
        words(&lesson, &[tag(1), tag(1)]);
        assert_eq!(words(&lesson, &[tag(7), tag(1)]), [Word::Same, Word::Different]);
    }

    #[test]
    fn a_tag_of_another_shape_says_nothing_and_after_eight_no_md5_is_computed() {
        let lesson = Lesson::default();
        for _ in 0..SILENT {
            assert_eq!(lesson.with_md5(Verify::Auto), WithMd5::Yes);
            assert_eq!(words(&lesson, &[tag(1).without_md5()]), [Word::Nothing]);
        }
        assert_eq!((lesson.with_md5(Verify::Auto), lesson.with_md5(Verify::Md5)), (WithMd5::No, WithMd5::Yes));
    }

    #[test]
    fn where_the_store_computes_a_checksum_no_md5_is_needed_until_it_stops() {
        let lesson = Lesson::default();
        lesson.crc_was_named(true);
        assert_eq!(lesson.with_md5(Verify::Auto), WithMd5::No);
        lesson.crc_was_named(false);
        assert_eq!(lesson.with_md5(Verify::Auto), WithMd5::Yes);
        assert_eq!(lesson.with_md5(Verify::Transport), WithMd5::No);
    }
}
