//! The routes of `s3_migration_bucket_para`: a JSON list of source and destination. Pure.

use longhaul::{
    object::{ObjectKey, bucket_name::problem_of_bucket},
    route::{KeyListPlace, NamedRoute},
};
use serde_json::{Map, Value};

const SRC_BUCKET: &str = "src_bucket";

const SRC_PREFIX: &str = "src_prefix";

const DES_BUCKET: &str = "des_bucket";

const DES_PREFIX: &str = "des_prefix";

const STRIP: &str = "strip_src_prefix";

const KEYS_FROM: &str = "keys_from";

const FIELDS: [&str; 6] = [SRC_BUCKET, SRC_PREFIX, DES_BUCKET, DES_PREFIX, STRIP, KEYS_FROM];

/// Routes that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BucketParaError {
    /// It is no JSON.
    #[error("it is not JSON: {0}")]
    NotJson(String),
    /// It is JSON of another kind.
    #[error("it is not a list: write [{{\"src_bucket\": …, \"src_prefix\": …, \"des_bucket\": …, \"des_prefix\": …}}]")]
    NotAList,
    /// An entry is no object.
    #[error("entry {entry} of the list is not an object in braces")]
    NotAnObject {
        /// Counted from 1.
        entry: usize,
    },
    /// A field of an entry.
    #[error("entry {entry} of the list, field {field}: {problem}")]
    Field {
        /// Counted from 1.
        entry: usize,
        /// The field.
        field: String,
        /// What is wrong, and what to do.
        problem: String,
    },
}

/// Reads the JSON of the parameter.
pub fn parse_routes(text: &str) -> Result<Vec<NamedRoute>, BucketParaError> {
    let value: Value = serde_json::from_str(text).map_err(|error| BucketParaError::NotJson(error.to_string()))?;
    let Value::Array(entries) = value else { return Err(BucketParaError::NotAList) };
    entries.iter().zip(1..).map(|(value, entry)| Entry::of(value, entry)?.route()).collect()
}

/// One entry of the list, and its number.
struct Entry<'a> {
    entry: usize,
    fields: &'a Map<String, Value>,
}

impl<'a> Entry<'a> {
    fn of(value: &'a Value, entry: usize) -> Result<Self, BucketParaError> {
        let fields = value.as_object().ok_or(BucketParaError::NotAnObject { entry })?;
        let entry = Self { entry, fields };
        match fields.keys().find(|field| !FIELDS.contains(&field.as_str())) {
            Some(unknown) => Err(entry.wrong(unknown, format!("unknown; the fields are {}", FIELDS.join(", ")))),
            None => Ok(entry),
        }
    }

    fn route(&self) -> Result<NamedRoute, BucketParaError> {
        Ok(NamedRoute {
            src_bucket: self.bucket(SRC_BUCKET)?,
            src_prefix: self.text(SRC_PREFIX)?,
            des_bucket: self.bucket(DES_BUCKET)?,
            des_prefix: self.text(DES_PREFIX)?,
            strip_src_prefix: self.flag(STRIP)?,
            keys_from: self.place(KEYS_FROM)?,
        })
    }

    fn bucket(&self, field: &str) -> Result<String, BucketParaError> {
        let name = self.text(field)?;
        match problem_of_bucket(&name) {
            Some(problem) => Err(self.wrong(field, problem)),
            None => Ok(name),
        }
    }

    /// A text; `null` and what is not there are empty.
    fn text(&self, field: &str) -> Result<String, BucketParaError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) => Err(self.wrong(field, format!("{other} is not a text in quotes"))),
        }
    }

    fn place(&self, field: &str) -> Result<Option<KeyListPlace>, BucketParaError> {
        let text = self.text(field)?;
        if text.is_empty() {
            return Ok(None);
        }
        let (bucket, key) = text
            .strip_prefix("s3://")
            .and_then(|place| place.split_once('/'))
            .ok_or_else(|| self.wrong(field, format!("{text:?} is no object; write s3://bucket/key")))?;
        if let Some(problem) = problem_of_bucket(bucket) {
            return Err(self.wrong(field, problem));
        }
        let key = ObjectKey::new(key).map_err(|error| self.wrong(field, format!("{text:?}: {error}")))?;
        Ok(Some(KeyListPlace { bucket: bucket.to_owned(), key }))
    }

    fn flag(&self, field: &str) -> Result<bool, BucketParaError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.wrong(field, format!("{other} is neither true nor false"))),
        }
    }

    fn wrong(&self, field: &str, problem: impl Into<String>) -> BucketParaError {
        BucketParaError::Field { entry: self.entry, field: field.to_owned(), problem: problem.into() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(text: &str) -> String {
        parse_routes(text).unwrap_err().to_string()
    }

    fn mapped(route: &NamedRoute, key: &str) -> Option<String> {
        Some(route.route().map(&ObjectKey::new(key).unwrap())?.unwrap().into())
    }

    #[test]
    fn the_original_parameter_is_read() {
        let text = r#"[{"src_bucket":"src","src_prefix":"photos/","des_bucket":"des","des_prefix":"p/"},
            {"src_bucket":"two","src_prefix":"","des_bucket":"des2","des_prefix":""}]"#;
        let routes = parse_routes(text).unwrap();
        assert_eq!((routes[0].src_bucket.as_str(), routes[1].des_bucket.as_str()), ("src", "des2"));
        assert_eq!(mapped(&routes[0], "photos/a").as_deref(), Some("p/photos/a"));
        assert_eq!(mapped(&routes[1], "a//b").as_deref(), Some("a//b"));
    }

    #[test]
    fn a_stripped_prefix_is_a_folder_with_or_without_its_slash() {
        for prefix in ["photos", "photos/"] {
            let entry = format!(r#"{{"src_bucket":"src","src_prefix":"{prefix}","des_bucket":"des","#);
            let routes = parse_routes(&format!(r#"[{entry}"des_prefix":"p","strip_src_prefix":true}}]"#)).unwrap();
            assert_eq!(mapped(&routes[0], "photos/2026/a").as_deref(), Some("p/2026/a"));
            assert_eq!(mapped(&routes[0], "photos-old/a"), None);
        }
    }

    #[test]
    fn an_error_names_entry_and_field() {
        let good = r#"{"src_bucket":"src","des_bucket":"des"}"#;
        assert_eq!(
            words(&format!(r#"[{good},{{"src_bucket":"src"}}]"#)),
            "entry 2 of the list, field des_bucket: missing or empty; give the bucket's name"
        );
        assert!(words(r#"[{"src_bucket":"s3://src","des_bucket":"des"}]"#).contains("has a `/`"));
        assert!(words(r#"[{"src_bucket":"my bucket","des_bucket":"des"}]"#).contains("is no bucket's name"));
        assert!(words(r#"[{"src_bucket":"src","des_bucket":"des","dst_prefix":"p"}]"#).contains("field dst_prefix"));
        assert!(words(r#"[{"src_bucket":"src","des_bucket":"des","src_prefix":7}]"#).contains("7 is not a text"));
        let flag = r#"[{"src_bucket":"a.b","des_bucket":"des","strip_src_prefix":"yes"}]"#;
        assert!(words(flag).contains("\"yes\" is neither true nor false"));
        assert_eq!(words(r#"["src"]"#), "entry 1 of the list is not an object in braces");
        assert!(words(r#"{"src_bucket":"src"}"#).starts_with("it is not a list"));
        assert!(words("not json").starts_with("it is not JSON: "));
    }

    #[test]
    fn a_list_of_keys_is_named_as_an_object() {
        let entry = |list: &str| format!(r#"[{{"src_bucket":"src","des_bucket":"des","keys_from":"{list}"}}]"#);
        let routes = parse_routes(&entry("s3://lists/inv/manifest.json")).unwrap();
        let key = ObjectKey::new("inv/manifest.json").unwrap();
        assert_eq!(routes[0].keys_from, Some(KeyListPlace { bucket: "lists".into(), key }));
        assert_eq!(parse_routes(&entry("")).unwrap()[0].keys_from, None);
        assert!(words(&entry("lists/keys.txt")).contains("field keys_from: \"lists/keys.txt\" is no object"));
        assert!(words(&entry("s3://lists/")).contains("a key has 1 to 1024 bytes"));
        assert!(words(&entry("s3:///keys.txt")).contains("give the bucket's name"));
    }

    /// What was read and is printed again is read as the same; what is refused is refused with words.
    fn hold(bytes: &[u8]) {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let routes = match parse_routes(text) {
            Ok(routes) => routes,
            Err(error) => return fuzz::has_words(&error, text.len()),
        };
        let place = |place: &KeyListPlace| format!("s3://{}/{}", place.bucket, place.key);
        let printed = routes.iter().map(|route| {
            json!({"src_bucket": route.src_bucket, "src_prefix": route.src_prefix, "des_bucket": route.des_bucket,
                "des_prefix": route.des_prefix, "strip_src_prefix": route.strip_src_prefix,
                "keys_from": route.keys_from.as_ref().map(place)})
        });
        assert_eq!(parse_routes(&printed.collect::<Value>().to_string()), Ok(routes));
    }

    #[test]
    fn hostile_parameters_hold() {
        fuzz::replay("bucket_para", hold);
    }

    #[test]
    fn no_routes_are_no_error() {
        assert_eq!(parse_routes("[]"), Ok(Vec::new()));
    }
}
