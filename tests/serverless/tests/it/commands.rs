//! The commands of those who operate a stack, as processes of their own.

mod bad_input;
mod buckets;
mod deploying;
mod local_cloud;
mod parked;
mod sending;
mod working;
