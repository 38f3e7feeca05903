//! The command as a process of its own, from outside.

mod addresses;
mod bad_input;
mod changing_source;
mod closed_pipes;
mod crash;
mod faults;
mod google;
mod hostile_words;
mod interrupt;
mod listing_orders;
mod lists;
mod local_files;
mod proofs;
mod reaching;
mod round_trip;
mod selection;
mod server_side;
mod shared;
mod slips;
mod unasked;
