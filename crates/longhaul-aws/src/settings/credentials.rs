//! The other account's credentials, as the parameter store keeps them. Pure.
//!
//! Nothing that is said about them shows a value: errors name fields, and Debug shows nothing. A parser's own words
//! could quote what it met, so each field is taken out by hand.

use std::fmt;

use serde_json::{Map, Value};

use crate::s3::{
    ConnectOptions, Keys,
    address::{Endpoint, Provider},
};

const KEY_ID: &str = "aws_access_key_id";

const SECRET: &str = "aws_secret_access_key";

const TOKEN: &str = "session_token";

const REGION: &str = "region";

const ENDPOINT: &str = "endpoint_url";

const PROVIDER: &str = "provider";

const NO_ADDRESS: &str = "is not an address like https://storage.example.com, without a name, a password or a query";

const FIELDS: [&str; 6] = [KEY_ID, SECRET, REGION, TOKEN, ENDPOINT, PROVIDER];

/// How to reach the account that is not the function's own.
#[derive(Clone, PartialEq, Eq)]
pub struct OtherAccount {
    keys: Keys,
    region: Option<String>,
    endpoint_url: Option<String>,
    provider: Option<Provider>,
}

impl fmt::Debug for OtherAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtherAccount(…)")
    }
}

/// Credentials that cannot be used. The words never show a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// It is no JSON.
    #[error("it is not JSON (line {line}, column {column})")]
    NotJson {
        /// Where the parser stopped.
        line: usize,
        /// Where in that line.
        column: usize,
    },
    /// It is JSON of another kind.
    #[error("it is not one JSON object with the fields {}", FIELDS.join(", "))]
    NotAnObject,
    /// A field that must be there is not.
    #[error("the field {0} is missing or empty")]
    Missing(&'static str),
    /// A field holds something that it cannot hold.
    #[error("the field {field} {problem}")]
    Wrong {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A field that nobody reads; its name, where that may be shown.
    #[error("it has a field{name} that means nothing here; the fields are {fields}", name = .0, fields = FIELDS.join(", "))]
    Unknown(String),
}

/// The name of a field, where it looks like one: what stands in its place by mistake may be secret.
fn named(field: &str) -> String {
    let is_a_name = field.len() <= 32 && field.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_a_name { format!(" {field:?}") } else { String::new() }
}

impl OtherAccount {
    /// Reads the JSON of the parameter.
    pub fn parse(text: &str) -> Result<Self, CredentialsError> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| CredentialsError::NotJson { line: error.line(), column: error.column() })?;
        let Value::Object(fields) = value else { return Err(CredentialsError::NotAnObject) };
        if let Some(unknown) = fields.keys().find(|field| !FIELDS.contains(&field.as_str())) {
            return Err(CredentialsError::Unknown(named(unknown)));
        }
        Self::of_fields(&fields)
    }

    fn of_fields(fields: &Map<String, Value>) -> Result<Self, CredentialsError> {
        let keys = Keys {
            access_key_id: required(fields, KEY_ID)?,
            secret_access_key: required(fields, SECRET)?,
            session_token: optional(fields, TOKEN)?,
        };
        let (region, endpoint_url) = (optional(fields, REGION)?, optional(fields, ENDPOINT)?);
        if endpoint_url.as_deref().is_some_and(|text| Endpoint::parse(text).is_err()) {
            return Err(CredentialsError::Wrong { field: ENDPOINT, problem: NO_ADDRESS });
        }
        let provider = optional(fields, PROVIDER)?.map(|name| provider(&name)).transpose()?;
        if endpoint_url.is_none() && provider.is_some_and(|provider| provider != Provider::Aws) {
            return Err(CredentialsError::Missing(ENDPOINT));
        }
        if endpoint_url.is_none() && region.is_none() {
            return Err(CredentialsError::Missing(REGION));
        }
        Ok(Self { keys, region, endpoint_url, provider })
    }

    /// How to connect with them. The region of this process's environment is the own account's and never meant here.
    pub fn connect_options(&self) -> ConnectOptions {
        let provider = self.provider.unwrap_or_else(|| Provider::of_endpoint(self.endpoint_url.as_deref()));
        let region = self.region.clone().unwrap_or_else(|| provider.default_region().to_owned());
        ConnectOptions {
            endpoint: self.endpoint_url.clone(),
            region: Some(region),
            provider: self.provider,
            keys: Some(self.keys.clone()),
            ..ConnectOptions::default()
        }
    }
}

fn provider(name: &str) -> Result<Provider, CredentialsError> {
    let problem = "is none of aws, gcs, oss, r2, minio, other";
    Provider::of_name(name).ok_or(CredentialsError::Wrong { field: PROVIDER, problem })
}

fn required(fields: &Map<String, Value>, name: &'static str) -> Result<String, CredentialsError> {
    optional(fields, name)?.ok_or(CredentialsError::Missing(name))
}

/// A text without white space; `null` and the empty text are nothing.
fn optional(fields: &Map<String, Value>, name: &'static str) -> Result<Option<String>, CredentialsError> {
    let text = match fields.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(CredentialsError::Wrong { field: name, problem: "is not a text in quotes" }),
    };
    if text.contains(char::is_whitespace) {
        return Err(CredentialsError::Wrong { field: name, problem: "contains a space or a line break" });
    }
    Ok(Some(text.clone()).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET_VALUE: &str = "wJalrXUtnFEMIEXAMPLEKEY";

    fn parse(rest: &str) -> Result<OtherAccount, CredentialsError> {
        let keys = format!(r#""aws_access_key_id":"AKIDEXAMPLE","aws_secret_access_key":"{SECRET_VALUE}""#);
        OtherAccount::parse(&format!("{{{keys},{rest}}}"))
    }

    #[test]
    fn the_original_parameter_is_read() {
        let options = parse(r#""region":"cn-north-1""#).unwrap().connect_options();
        let keys = options.keys.unwrap();
        assert_eq!((keys.access_key_id.as_str(), keys.secret_access_key.as_str()), ("AKIDEXAMPLE", SECRET_VALUE));
        assert_eq!((options.region.as_deref(), options.endpoint, options.provider), (Some("cn-north-1"), None, None));
    }

    #[test]
    fn another_store_is_named_by_its_endpoint_and_provider() {
        let rest = r#""session_token":"t","endpoint_url":"https://storage.googleapis.com","provider":"gcs""#;
        let options = parse(rest).unwrap().connect_options();
        assert_eq!(options.endpoint.as_deref(), Some("https://storage.googleapis.com"));
        assert_eq!((options.provider, options.region.as_deref()), (Some(Provider::Gcs), Some("auto")));
        assert_eq!(options.keys.unwrap().session_token.as_deref(), Some("t"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let words = |rest: &str| parse(rest).unwrap_err().to_string();
        assert_eq!(words(r#""region":"""#), "the field region is missing or empty");
        assert_eq!(words(r#""region":1"#), "the field region is not a text in quotes");
        assert_eq!(words(r#""provider":"gcs","region":"auto""#), "the field endpoint_url is missing or empty");
        assert_eq!(
            words(r#""region":"us-east-1","provider":"S3""#),
            "the field provider is none of aws, gcs, oss, r2, minio, other"
        );
        assert!(
            words(r#""endpoint_url":"http://localhost:x@evil""#)
                .starts_with("the field endpoint_url is not an address")
        );
        assert!(words(r#""regoin":"us-east-1""#).contains("a field \"regoin\" that means nothing"));
        assert_eq!(OtherAccount::parse("{}").unwrap_err(), CredentialsError::Missing(KEY_ID));
        assert_eq!(OtherAccount::parse("[]").unwrap_err(), CredentialsError::NotAnObject);
    }

    #[test]
    fn nothing_shows_a_value() {
        let broken = [
            format!(r#"{{"aws_access_key_id":"AKIDEXAMPLE","aws_secret_access_key":"{SECRET_VALUE}"#),
            format!(r#"{{"aws_access_key_id":"AKIDEXAMPLE","{SECRET_VALUE}":"aws_secret_access_key"}}"#),
            format!(r#"{{"aws_access_key_id":"AKIDEXAMPLE","aws_secret_access_key":["{SECRET_VALUE}"]}}"#),
            format!("{{\"aws_access_key_id\":\"AKIDEXAMPLE\",\"aws_secret_access_key\":\"{SECRET_VALUE} \"}}"),
            format!(r#""{SECRET_VALUE}""#),
        ];
        for text in broken {
            let error = OtherAccount::parse(&text).unwrap_err();
            assert!(!error.to_string().contains("wJalr"), "{error}");
            assert!(!format!("{error:?}").contains("wJalr"), "{error:?}");
        }
        let account = parse(r#""region":"us-east-1""#).unwrap();
        assert_eq!(format!("{account:?}"), "OtherAccount(…)");
        assert!(!format!("{:?}", account.connect_options()).contains("wJalr"));
    }

    /// All texts of a JSON value that are no names of fields.
    fn texts(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::String(text) => found.push(text.clone()),
            Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
            Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Whatever is wrong, no value is shown. What is right is read as it was written, and shows no key.
    fn hold(bytes: &[u8]) {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let value = serde_json::from_str::<Value>(text);
        match OtherAccount::parse(text) {
            Ok(account) => {
                let value = value.unwrap();
                assert_eq!(value[KEY_ID], account.keys.access_key_id.as_str());
                assert_eq!(value[SECRET], account.keys.secret_access_key.as_str());
                let options = account.connect_options();
                let place = format!("{:?} {:?}", options.region, options.endpoint);
                let shown = format!("{account:?} {options:?}");
                let secret = &account.keys.secret_access_key;
                assert!(secret.len() < 8 || place.contains(secret) || !shown.contains(secret), "{shown}");
            }
            Err(error) => {
                fuzz::has_words(&error, text.len());
                let shown = format!("{error} {error:?}");
                // The corpus marks its secrets, so that they are known also where nothing can be parsed.
                assert!(!shown.contains("SECRET"), "{shown}");
                let mut found = Vec::new();
                value.iter().for_each(|value| texts(value, &mut found));
                let own_words =
                    [NO_ADDRESS, "is none of aws, gcs, oss, r2, minio, other", &FIELDS.join(", ")].join(" ");
                let secret = |text: &&String| text.len() >= 8 && !own_words.contains(text.as_str());
                assert!(!found.iter().filter(secret).any(|secret| shown.contains(secret.as_str())), "{shown}");
            }
        }
    }

    #[test]
    fn hostile_parameters_hold() {
        fuzz::replay("credentials", hold);
    }
}
