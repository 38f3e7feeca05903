//! What is wrong with an ignore list.

/// A list that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum IgnoreError {
    /// A line is not what it looks like.
    #[error("line {line} of the ignore list {problem}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: LineProblem,
    },
    /// All of it, or a line.
    #[error("the ignore list cannot be used: it is too large, or one of its lines is")]
    TooLarge(#[source] regex::Error),
}

/// What is wrong with a line. Patterns stay as they are otherwise: `fnmatchcase` knows no mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// It holds what nobody sees.
    #[error("has the invisible character U+{:04X}: remove it, or write ? where keys really have it", u32::from(*.0))]
    Invisible(char),
    /// It is the address of something.
    #[error("is an address: patterns are matched on bucket/key, so write it without s3:// or arn:")]
    Address,
    /// It names an object and is not alone.
    #[error("names an object that holds the list: then it must be the only line besides comments")]
    NotAlone,
    /// It begins like the address of an object and is none.
    #[error("names no object: write s3://bucket/key")]
    NoObject,
    /// It names an object, and is in one, or in a file.
    #[error("names another object: only the parameter can do that, and the list itself must be here")]
    Nested,
}
