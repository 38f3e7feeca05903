//! The original's three switches: whichever are set, on whatever bucket, one version arrives whole, in the end the
//! newest, and nothing is acknowledged before.

mod combinations;
mod lab;
mod moments;
