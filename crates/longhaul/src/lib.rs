//! longhaul's core: what is copied, in which order, and how it is proved.
//!
//! The modules read in the order of one object's way: a [`route`] names both sides, a [`listing`] of each is merged by
//! [`diff`], [`scan`] turns the differences into jobs, and [`copy`] brings one object across: [`small`](copy) in one
//! request each way, or as a multipart upload planned by [`part`], remembered by a [`record`] and settled with a
//! [`proof`]. Effects happen only behind the traits of [`ports`].
//!
//! Nothing here knows AWS, files, the environment or the clock.

pub mod bisect;
pub mod body;
pub mod bucket_name;
pub mod budget;
pub mod checksum;
pub mod columns;
pub mod compare;
pub mod copy;
pub mod delete;
pub mod diff;
pub mod ending;
pub mod engine;
pub mod error;
pub mod event;
pub mod file_tag;
pub mod gate;
pub mod gunzip;
pub mod ignore;
pub mod ignore_text;
pub mod inventory;
pub mod job;
pub mod jobsender;
pub mod journal;
pub mod kept;
pub mod key_list;
pub mod keys_from;
pub mod list_cursor;
pub mod listing;
pub mod look;
pub mod mark;
pub mod memory;
pub mod memory_ledger;
pub mod memory_order;
pub mod memory_queue;
pub mod object;
pub mod pack;
pub mod paging;
pub mod part;
pub mod planted;
pub mod ports;
pub mod proof;
pub mod proved;
pub mod queue;
pub mod range;
pub mod record;
pub mod report;
pub mod retry;
pub mod route;
pub mod rows;
pub mod rules;
pub mod run_report;
pub mod scan;
pub mod scan_list;
pub mod scan_message;
pub mod scan_record;
pub mod seam;
pub mod segment;
pub mod segment_job;
pub mod segments;
pub mod send;
pub mod send_list;
pub mod tags;
pub mod text;
pub mod trusts;
pub mod work;

mod absence;
mod already_there;
mod amend;
mod carried;
mod complete;
mod csv_rows;
mod delivery;
mod differences;
mod entry;
mod forward;
mod listings;
mod memory_bucket;
mod memory_upload;
mod multipart;
mod opening;
mod outbox;
mod pace;
mod place;
mod presence;
mod range_work;
mod recover;
mod remember;
mod reread;
mod resume;
mod segment_end;
mod segment_leave;
mod sending;
mod server_side;
mod shift;
mod small;
mod standing;
mod transfer;
mod tries;
mod unordered;
