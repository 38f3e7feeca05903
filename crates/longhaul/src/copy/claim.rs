//! Whose work an object is, and how its record is left.
//!
//! Read `take` (the record is claimed with a lease), `lease` (and renewed), `held_record` (and saved), `skip` and
//! `already_there` (nothing to do), `collision` (another source has the place), `single_record` (the one save of a small
//! object), `leave` (as the next leg finds it), `uploads` (what is left over is aborted).
//!
//! Invariants: only the holder of the lease saves an open record. An upload is named in the record before a part is sent.

pub(crate) mod already_there;
pub(crate) mod collision;
pub(crate) mod held_record;
pub(crate) mod lease;
pub(crate) mod leave;
pub(crate) mod shared_save;
pub(crate) mod single_record;
pub(crate) mod skip;
pub(crate) mod take;
pub(crate) mod uploads;

pub(crate) use already_there::{is_perhaps_there, look_if_writes_are_blind, skip_small_if_there};
pub(crate) use collision::refuse_a_new_collision;
pub(crate) use held_record::{HeldRecord, close, load, save};
pub(crate) use lease::{count_progress, park_if_idle_for, renew_lease, yield_to_others};
pub(crate) use leave::{record_without_work, remember, remember_of};
pub(crate) use shared_save::{Change, TRIES, again_and_again, amend, overtaken};
pub(crate) use single_record::record_small;
pub(crate) use skip::{look_up_record, skip_if_pin_is_recorded};
pub(crate) use take::claim;
pub(crate) use uploads::{abort, abort_own, drop_generation, list_parts, list_unfinished};
