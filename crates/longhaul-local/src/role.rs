//! What a folder is in a copy: its source or its destination.

/// Which side of a copy a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is read. Only files are objects: an empty folder is not copied.
    Source,
    /// It is written. Every folder is also listed as the empty object `dir/`, so that such keys compare as equal.
    Destination,
}
