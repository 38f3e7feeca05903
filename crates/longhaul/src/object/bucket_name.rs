//! What can be a bucket's name. Pure.
//!
//! A name becomes part of a host or of a path. Stores have stricter rules of their own, and say so; what is refused here
//! could mean another place than a bucket.

/// The longest name of a bucket: S3 permits 63 characters, Google Cloud Storage 222 with dots.
const MAX_NAME: usize = 222;

/// Why a text is no bucket's name.
pub fn problem_of_bucket(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("missing or empty; give the bucket's name".to_owned());
    }
    if name.contains('/') {
        return Some(format!("{name:?} has a `/`; give only the bucket's name here, and the folder in the prefix"));
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    // A name of dots alone, or one that begins with them, would lead out of the bucket's place in a path.
    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    if name.len() < 3 || name.len() > MAX_NAME || dots || !name.bytes().all(is_plain) {
        return Some(format!("{name:?} is no bucket's name: 3 or more letters, digits, hyphens and single dots"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_stores_are_taken() {
        let long = "a".repeat(222);
        for name in ["abc", "my-bucket.example.com", "Legacy_Bucket", "photos--use1-az4--x-s3", "0-9", long.as_str()] {
            assert_eq!(problem_of_bucket(name), None, "{name}");
        }
    }

    #[test]
    fn what_could_mean_another_place_is_refused() {
        let long = "a".repeat(223);
        let names = ["", "ab", "...", "..", ".ab", "ab.", "a..b", "a/b", "../b", "a b", "a?b=c", "a#b", "a@b", "a:b"];
        for name in names.into_iter().chain(["a%2fb", "a\\b", "a\nb", "b\u{e9}b", "arn:aws:s3:::b", long.as_str()]) {
            assert!(problem_of_bucket(name).is_some(), "{name:?}");
        }
    }
}
