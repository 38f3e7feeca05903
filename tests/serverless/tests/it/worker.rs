//! The worker's own processes, by hand: every delivery, deadline, kill and duplicate is the test's.

mod batch;
mod deadline;
mod deletes;
mod duplicates;
mod given_back;
mod killed;
mod packed;
mod parking;
mod proofs;
mod requests;
mod segments;
mod two_stacks;
