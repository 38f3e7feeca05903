//! Why an error came about.

use std::{error::Error, iter::successors};

/// The first cause of this kind.
pub(crate) fn cause_of<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    successors(error.source(), |&cause| cause.source()).find_map(|cause| cause.downcast_ref())
}
