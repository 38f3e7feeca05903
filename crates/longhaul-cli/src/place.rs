//! What `SRC` and `DST` mean.

use std::path::{Path, PathBuf};

use crate::{failure::Failure, typo};

/// A place on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `s3://bucket/rest`.
    S3 {
        /// The bucket.
        bucket: String,
        /// A key or a prefix; empty for the whole bucket.
        rest: String,
    },
    /// A folder or a file.
    Local(PathBuf),
}

impl Place {
    /// Reads a place: an address that begins with `s3://`, or a path.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let bucket_and_rest = text.strip_prefix("s3://").map(|rest| rest.split_once('/').unwrap_or((rest, "")));
        match bucket_and_rest {
            Some((bucket, rest)) if !bucket.is_empty() => {
                Ok(Self::S3 { bucket: bucket.to_owned(), rest: rest.to_owned() })
            }
            _ => typo::refuse(text).map_or_else(|| Ok(Self::Local(PathBuf::from(text))), Err),
        }
    }

    /// The last name of a key or path, for a copy into a folder.
    pub fn last_name(text: &str) -> Option<&str> {
        text.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty())
    }
}

/// Folder and name of a file's path.
pub fn split_file(path: &Path) -> Option<(PathBuf, String)> {
    let name = path.file_name()?.to_str()?.to_owned();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some((parent.to_owned(), name))
}

/// Folder and name of a file, or what is wrong with its path.
pub fn file_of(path: &Path) -> Result<(PathBuf, String), Failure> {
    split_file(path).ok_or_else(|| Failure::usage(format!("{path:?} has no usable name")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn awkward_rests_are_kept_byte_for_byte() {
        let place = Place::parse("s3://b/a//b/../c%20 d").unwrap();
        assert_eq!(place, Place::S3 { bucket: "b".into(), rest: "a//b/../c%20 d".into() });
        assert_eq!(Place::parse("s3://b//lead").unwrap(), Place::S3 { bucket: "b".into(), rest: "/lead".into() });
    }

    #[test]
    fn other_schemes_are_refused_with_the_way_to_write_them() {
        let refused = Place::parse("gs://b/p").unwrap_err();
        assert!(refused.advice.unwrap().contains("s3://b/p"));
        assert!(Place::parse("ftp://b/p").is_err());
        assert!(Place::parse("s3:///p").is_err());
    }

    #[test]
    fn everything_without_a_scheme_is_a_path() {
        assert_eq!(Place::parse("./photos").unwrap(), Place::Local("./photos".into()));
    }
}
