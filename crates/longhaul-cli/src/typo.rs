//! What looks like the address of a store and is none.
//!
//! A place without `s3://` is a path. So a slip of the finger would copy a bucket into a folder of this machine, with exit code 0.
//! What looks like an address is therefore refused, with the address that may be meant; a path that looks so is written `./…`.

use longhaul::text::acts;

use crate::failure::Failure;

/// Hosts of stores by their ends, where somebody left the scheme out.
const HOSTS: [&str; 5] =
    [".amazonaws.com", ".amazonaws.com.cn", ".aliyuncs.com", ".googleapis.com", ".r2.cloudflarestorage.com"];
/// What keyboards and word processors make of `:`, `/` and `\`.
const OTHER_SIGNS: [(char, &str); 3] = [('：', ":"), ('／', "/"), ('\\', "/")];

/// The refusal of a text that is neither an address nor, by its looks, a path.
pub fn refuse(text: &str) -> Option<Failure> {
    if text.is_empty() {
        return Some(Failure::usage("an empty place").advise("name s3://bucket/prefix, a folder or a file"));
    }
    if text == "-" {
        return Some(no_standard_streams());
    }
    if text == "~" || text.starts_with("~/") {
        let words = format!("{text:?}: a shell replaces ~ only where it is not quoted");
        return Some(Failure::usage(words).advise(format!("write the whole path; a folder named ~ is ./{text}")));
    }
    (!is_plain_path(text) && looks_like_an_address(text)).then(|| describe(text))
}

/// `-` stands for a stream elsewhere, and would be a file of that name here.
pub fn no_standard_streams() -> Failure {
    Failure::usage("\"-\" is no file name: nothing is read from standard input or written to standard output")
        .advise("name a file; one of this very name is ./-")
}

/// The address that a relative path may stand for.
pub fn address_of(path: &str) -> Option<String> {
    (!is_plain_path(path)).then(|| format!("s3://{}", path.trim_start_matches('/')))
}

/// A path that says itself that it is one.
fn is_plain_path(text: &str) -> bool {
    text == "." || text == ".." || ["/", "./", "../"].iter().any(|begin| text.starts_with(begin))
}

fn looks_like_an_address(text: &str) -> bool {
    let text = straightened(text);
    let first = first_segment(&text);
    let rest = &text[first.len()..];
    first.contains(':') || (first.eq_ignore_ascii_case("s3") && rest.starts_with("//")) || is_host(first)
}

fn first_segment(text: &str) -> &str {
    text.split('/').next().unwrap_or_default()
}

fn is_host(segment: &str) -> bool {
    HOSTS.iter().any(|end| segment.to_ascii_lowercase().ends_with(end))
}

/// The text with the signs that were meant.
fn straightened(text: &str) -> String {
    OTHER_SIGNS.iter().fold(text.to_owned(), |text, (wrong, right)| text.replace(*wrong, right))
}

fn describe(text: &str) -> Failure {
    let shown = without_secrets(text);
    let drive = if is_drive(text) { " (the path of a Windows drive is written /mnt/c/… under WSL)" } else { "" };
    let path = format!("a file or folder of this very name is ./{shown}{drive}");
    match meant(text) {
        Some(Meant { address, endpoint }) => {
            let words = format!("{shown:?} is neither an address nor a plain path: did you mean {address}?");
            Failure::usage(words).advise(format!("write {address}{}; {path}", endpoint_of(endpoint.as_deref())))
        }
        None => Failure::usage(format!("{shown:?} is neither an address nor a plain path"))
            .advise(format!("places in a store are written s3://bucket/prefix; {path}")),
    }
}

fn endpoint_of(endpoint: Option<&str>) -> String {
    endpoint.map_or_else(String::new, |endpoint| {
        format!(", and name the store with --from-endpoint or --to-endpoint{endpoint}")
    })
}

/// Presigned addresses carry their signature behind a question mark, and others a password before an `@`.
fn without_secrets(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let is_url = ["http", "https"].iter().any(|url| scheme.to_ascii_lowercase().ends_with(url));
    let rest = if is_url { rest.split(['?', '#']).next().unwrap_or_default() } else { rest };
    let host = first_segment(rest);
    let visible = host.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{visible}{}", &rest[host.len()..])
}

/// `C:\folder`, or `C:/folder`.
fn is_drive(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic())
}

/// What comes along when a text is pasted.
fn surrounds(char: char) -> bool {
    char.is_whitespace() || acts(char) || "\"'`“”„‘’«»<>()".contains(char)
}

/// What a text may stand for.
#[derive(Debug, PartialEq, Eq)]
struct Meant {
    address: String,
    /// That the store must be named too, and perhaps with which address.
    endpoint: Option<String>,
}

fn meant(text: &str) -> Option<Meant> {
    let text = straightened(without_secrets(text).trim_matches(surrounds));
    let at = |place: &str, endpoint: Option<String>| {
        let place = place.trim_start_matches('/');
        let (bucket, _) = place.split_once('/').unwrap_or((place, ""));
        let is_bucket = !bucket.is_empty() && !bucket.contains(':');
        is_bucket.then(|| Meant { address: format!("s3://{place}"), endpoint })
    };
    if let Some((scheme, rest)) = text.split_once("://") {
        return match scheme.to_ascii_lowercase().as_str() {
            url @ ("http" | "https") => of_url(url, rest).and_then(|(place, endpoint)| at(&place, endpoint)),
            "gs" | "gcs" => at(rest, Some(" https://storage.googleapis.com".to_owned())),
            "file" => None,
            other if other.ends_with("s3") => at(rest, None),
            _ => at(rest, Some(String::new())),
        };
    }
    if is_host(first_segment(&text)) {
        return of_url("https", &text).and_then(|(place, endpoint)| at(&place, endpoint));
    }
    let first = first_segment(&text);
    let arn: Vec<&str> = first.split(':').collect();
    match arn.as_slice() {
        [_] => at(text.get("s3".len()..).unwrap_or_default(), None),
        ["arn", _, "s3", "", "", _] | ["s3" | "S3", ..] | ["", "s3", ..] => at(behind_colon(&text, first), None),
        ["arn", ..] => None,
        [_, port] if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            at(&text[first.len()..], Some(format!(" http://{first}")))
        }
        _ => at(behind_colon(&text, first), None),
    }
}

/// What follows the last colon of the first segment.
fn behind_colon<'a>(text: &'a str, first: &str) -> &'a str {
    &text[first.rfind(':').map_or(0, |colon| colon + 1)..]
}

/// Bucket and key of an address as browsers have it, and the endpoint if it is not Amazon's.
fn of_url(scheme: &str, rest: &str) -> Option<(String, Option<String>)> {
    let host = first_segment(rest);
    let path = rest[host.len()..].trim_start_matches('/');
    let lower = host.to_ascii_lowercase();
    let stores = [".amazonaws.com", ".amazonaws.com.cn"];
    if stores.iter().any(|end| lower.ends_with(end)) {
        return Some((with_bucket(&lower, &["s3.", "s3-"], path), None));
    }
    if lower.ends_with("storage.googleapis.com") {
        let endpoint = " https://storage.googleapis.com".to_owned();
        return Some((with_bucket(&lower, &["storage."], path), Some(endpoint)));
    }
    if lower.ends_with(".aliyuncs.com") {
        let place = with_bucket(&lower, &["s3.oss-", "oss-"], path);
        let store = lower.find("oss-").map_or(lower.as_str(), |at| &lower[at..]);
        return Some((place, Some(format!(" https://{store}"))));
    }
    Some((path.to_owned(), Some(format!(" {scheme}://{host}"))))
}

/// The bucket stands before the store's own name in the host, or at the head of the path.
fn with_bucket(host: &str, store: &[&str], path: &str) -> String {
    let bucket = store.iter().find_map(|begin| {
        let at = host.find(&format!(".{begin}"))?;
        Some(&host[..at])
    });
    match bucket {
        Some(bucket) if !store.iter().any(|begin| host.starts_with(begin)) => format!("{bucket}/{path}"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggestion(text: &str) -> String {
        let Failure { message, .. } = refuse(text).unwrap_or_else(|| panic!("{text:?} is taken for a path"));
        message.split_once("did you mean ").map_or(message.clone(), |(_, meant)| meant.trim_end_matches('?').to_owned())
    }

    #[test]
    fn slips_of_the_finger_are_refused_with_the_address_that_is_meant() {
        let slips = [
            "s3:/dst/x",
            "s3//dst/x",
            "s3:dst/x",
            "S3://dst/x",
            "b:dst/x",
            "arn:aws:s3:::dst/x",
            "arn:aws-cn:s3:::dst/x",
            "s3:///dst/x",
            "s3:\\\\dst\\x",
            "s3：//dst/x",
            "s3:／／dst/x",
            " s3://dst/x",
            "“s3://dst/x”",
            "\u{feff}s3://dst/x",
            "s3a://dst/x",
            "ss3://dst/x",
            ":s3:dst/x",
            "gs://dst/x",
            "oss://dst/x",
            "ftp://dst/x",
            "minio:9000/dst/x",
            "https://dst.s3.amazonaws.com/x",
            "https://s3.eu-west-1.amazonaws.com/dst/x",
            "https://dst.s3.cn-north-1.amazonaws.com.cn/x?X-Amz-Signature=abc",
            "dst.s3-us-west-2.amazonaws.com/x",
            "https://storage.googleapis.com/dst/x",
            "https://dst.storage.googleapis.com/x",
            "https://dst.oss-cn-beijing.aliyuncs.com/x",
            "http://user:word@localhost:9000/dst/x",
        ];
        for slip in slips {
            assert_eq!(suggestion(slip), "s3://dst/x", "{slip:?}");
        }
    }

    #[test]
    fn what_means_nothing_else_is_refused_without_a_guess() {
        for text in ["arn:aws:lambda:eu-west-1:1:function:f", "C:", "file:///data", "s3:", "s3://", "https://"] {
            let refused = refuse(text).unwrap_or_else(|| panic!("{text:?} is taken for a path"));
            assert!(!refused.message.contains("did you mean"), "{}", refused.message);
        }
    }

    #[test]
    fn neither_signature_nor_password_is_repeated() {
        for text in ["https://dst.s3.amazonaws.com/x?X-Amz-Signature=secret", "https://user:secret@host/dst/x#secret"] {
            assert!(!format!("{:?}", refuse(text)).contains("secret"), "{text}");
        }
    }

    #[test]
    fn a_plain_path_stays_one() {
        for path in [
            "photos",
            "photos/a:b",
            "./b:dst/x",
            "../b:x",
            "/C:/x",
            ".",
            "..",
            "s3",
            "s3/dst",
            "a b",
            "ü/日本",
            "~user",
        ] {
            assert!(refuse(path).is_none(), "{path:?}");
        }
    }

    #[test]
    fn a_drive_of_windows_is_named_as_such() {
        for text in ["C:\\data\\x", "c:/data"] {
            assert!(refuse(text).unwrap().advice.unwrap().contains("/mnt/c/"), "{text}");
        }
    }

    #[test]
    fn a_dash_is_no_file() {
        assert!(refuse("-").unwrap().message.contains("no file name"));
        assert!(refuse("~/photos").unwrap().advice.unwrap().contains("./~/photos"));
    }
}
