//! What one leg of a copy works with.
//!
//! Read [`engine`] (what all copies of a process share), [`job`] (what is to be copied), `leg` (its requests and counters) and
//! [`outcome`] (how it ends). `pin` finds the version that is copied, `pinned_read` reads exactly that one, `answer` and
//! `confirm` say what the destination has, [`report`] is what is told of it.
//!
//! Invariants: a leg has one pin; whatever reads anything else is an error. What is in doubt is looked at before it is repeated.

pub(crate) mod answer;
pub(crate) mod compared;
pub(crate) mod compared_parts;
pub(crate) mod confirm;
pub mod engine;
pub mod job;
pub(crate) mod kept_headers;
pub(crate) mod leg;
pub(crate) mod marks;
pub mod outcome;
pub(crate) mod pin;
pub(crate) mod pinned_read;
pub mod report;
pub mod stores;

pub use engine::{Backends, Collisions, Engine, Settings};
pub use job::{CopyJob, Known, Recorded};
pub use outcome::{Follow, Outcome};
pub use report::{ObjectReport, Observer, Silent};
pub use stores::OpenStores;

pub(crate) use answer::word;
pub(crate) use compared::DonePart;
pub(crate) use compared_parts::{believe, forget_compared, note_damage, note_part, proved_parts};
pub(crate) use confirm::{
    check_adopted_headers, condition, destination_now, head_destination, is_expected, read_back, read_back_or_restart,
};
pub(crate) use kept_headers::{all_not_preserved, never_preserved, same_headers};
pub(crate) use leg::Leg;
pub(crate) use marks::{came_from_there, headers_of_copy, is_copy_of};
pub(crate) use outcome::{Copied, NotCopied, begins_again, marked, superseded};
pub(crate) use pin::{gone_if_unlisted, meaning, pin_source, still_gone};
pub(crate) use pinned_read::{crc_of, hash_range, meter, read_pinned, take_back, while_moving};
pub(crate) use stores::{BackendsOf, EngineOf};
