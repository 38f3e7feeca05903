//! Threads that the SDK's futures fit on.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// Bytes of a thread's stack. What a program without optimisation keeps on it for one request of the SDK's is a large part of
/// the usual 2 MiB.
const STACK: usize = 8 << 20;

/// What a program runs on that asks the SDK for anything.
pub fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().thread_stack_size(STACK).enable_all().build()
}
