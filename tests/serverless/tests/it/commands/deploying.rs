//! `make deploy`, beside programs that stand for those of AWS: what is kept, what is shown first, and what is refused.

mod desk;
mod keeping;
mod lists;
mod routes;
mod secrets;
