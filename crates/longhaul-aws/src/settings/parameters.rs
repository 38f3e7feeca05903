//! Parameters of the parameter store: the other account's credentials, routes, the ignore list, and what a stack says
//! of itself. Each is read once and then remembered, since all functions of an account share few requests a second.

use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_sdk_ssm::{Client, operation::get_parameter::GetParameterError};
use longhaul::{
    object::{Location, ObjectKey},
    route::{IgnoreError, IgnoreList, IgnoreText, NamedRoute},
    store::{ErrorKind, Source, StoreError},
};

use crate::{
    s3::Account,
    sdk::{ServiceFailure, service_failure},
    settings::{
        bucket_para::{BucketParaError, parse_routes},
        credentials::{CredentialsError, OtherAccount},
        stack_parameter::{StackError, StackParameter},
    },
};

/// The largest ignore list that is read from an object: many times what anybody writes by hand.
const MAX_IGNORE_LIST: u64 = 16 << 20;

/// The longest that reading such an object may take, so that a store that drips ends one run and not the time of all.
const LONGEST_READ: Duration = Duration::from_secs(60);

/// The parameter store, and what was read of it. Clones remember together.
#[derive(Clone)]
pub struct Parameters {
    client: Client,
    known: Arc<Mutex<HashMap<String, String>>>,
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Among the values are secrets.
        f.write_str("Parameters(…)")
    }
}

/// A parameter that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ParameterError {
    /// There is none of this name.
    #[error("there is no parameter {0:?} in the parameter store")]
    Missing(String),
    /// It could not be read.
    #[error("the parameter {name:?} cannot be read: {message}")]
    Unreadable {
        /// Which one.
        name: String,
        /// Why, in words.
        message: String,
        /// Whether reading it again may succeed.
        retryable: bool,
        /// The cause.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// It holds no usable credentials. Nothing of its value is shown.
    #[error("the parameter {name:?} holds no usable credentials")]
    Credentials {
        /// Which one.
        name: String,
        /// What is wrong.
        #[source]
        source: CredentialsError,
    },
    /// It holds no usable routes.
    #[error("the parameter {name:?} holds no usable routes")]
    Routes {
        /// Which one.
        name: String,
        /// What is wrong.
        #[source]
        source: BucketParaError,
    },
    /// It holds no usable ignore list.
    #[error("the parameter {name:?} holds no usable ignore list")]
    IgnoreList {
        /// Which one.
        name: String,
        /// What is wrong.
        #[source]
        source: IgnoreListError,
    },
    /// It does not describe a stack.
    #[error("the parameter {name:?} does not describe a longhaul stack")]
    Stack {
        /// Which one.
        name: String,
        /// What is wrong.
        #[source]
        source: StackError,
    },
}

/// An ignore list that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IgnoreListError {
    /// A line cannot be used.
    #[error("it cannot be used")]
    Pattern(#[from] IgnoreError),
    /// The same of the object that it names.
    #[error("the object that it names, s3://{place}, cannot be used")]
    OfObject {
        /// Bucket and key.
        place: String,
        /// What is wrong.
        #[source]
        source: IgnoreError,
    },
    /// The object that it names cannot be read.
    #[error("the object that it names cannot be read")]
    Object(#[from] StoreError),
    /// The object that it names is no list.
    #[error("the object that it names is no text in UTF-8 of at most {MAX_IGNORE_LIST} bytes")]
    NoText,
}

impl ParameterError {
    /// Whether reading it again may succeed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreadable { retryable, .. } => *retryable,
            Self::IgnoreList { source: IgnoreListError::Object(error), .. } => error.is_retryable(),
            Self::Missing(_)
            | Self::Credentials { .. }
            | Self::Routes { .. }
            | Self::IgnoreList { .. }
            | Self::Stack { .. } => false,
        }
    }

    /// Whether there is no parameter of that name.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }
}

impl Parameters {
    /// The parameter store, of which nothing is known yet.
    pub fn new(client: Client) -> Self {
        Self { client, known: Arc::default() }
    }

    /// A parameter's value, decrypted.
    pub async fn text(&self, name: &str) -> Result<String, ParameterError> {
        let known = self.known().get(name).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let value = self.read(name).await?;
        self.known().insert(name.to_owned(), value.clone());
        Ok(value)
    }

    /// Forgets a parameter, so that it is read again: after an authentication failure, or when somebody may have
    /// changed it.
    pub fn forget(&self, name: &str) {
        self.known().remove(name);
    }

    /// The other account.
    pub async fn credentials(&self, name: &str) -> Result<OtherAccount, ParameterError> {
        let text = self.text(name).await?;
        let wrong = |source| self.wrong(name, |name| ParameterError::Credentials { name, source });
        OtherAccount::parse(&text).map_err(wrong)
    }

    /// The routes between buckets.
    pub async fn routes(&self, name: &str) -> Result<Vec<NamedRoute>, ParameterError> {
        let text = self.text(name).await?;
        let wrong = |source| self.wrong(name, |name| ParameterError::Routes { name, source });
        parse_routes(&text).map_err(wrong)
    }

    /// What a stack says of itself.
    pub async fn stack(&self, stack: &str) -> Result<StackParameter, ParameterError> {
        let name = StackParameter::name_of(stack);
        let text = self.text(&name).await?;
        let wrong = |source| self.wrong(&name, |name| ParameterError::Stack { name, source });
        StackParameter::parse(&text).map_err(wrong)
    }

    /// The ignore list: the parameter's lines, or those of the object in `own` that its only line names.
    pub async fn ignore_list(&self, name: &str, own: &Account) -> Result<IgnoreList, ParameterError> {
        let text = self.text(name).await?;
        let list = ignore_list(&text, own).await;
        list.map_err(|source| self.wrong(name, |name| ParameterError::IgnoreList { name, source }))
    }

    async fn read(&self, name: &str) -> Result<String, ParameterError> {
        let answer = self.client.get_parameter().name(name).with_decryption(true).send().await;
        let answer = answer.map_err(|error| {
            let is_missing = matches!(error.as_service_error(), Some(GetParameterError::ParameterNotFound(_)));
            if is_missing { missing(name) } else { unreadable(name, service_failure(error)) }
        })?;
        let value = answer.parameter.and_then(|parameter| parameter.value);
        value.ok_or_else(|| {
            let message = "the answer holds no value".to_owned();
            unreadable(name, ServiceFailure { message, retryable: true, source: None })
        })
    }

    /// What is wrong is not remembered: it is read again once somebody has mended it.
    fn wrong(&self, name: &str, error: impl FnOnce(String) -> ParameterError) -> ParameterError {
        self.forget(name);
        error(name.to_owned())
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn missing(name: &str) -> ParameterError {
    ParameterError::Missing(name.to_owned())
}

fn unreadable(name: &str, failure: ServiceFailure) -> ParameterError {
    let ServiceFailure { message, retryable, source } = failure;
    ParameterError::Unreadable { name: name.to_owned(), message, retryable, source }
}

async fn ignore_list(text: &str, own: &Account) -> Result<IgnoreList, IgnoreListError> {
    let (bucket, key) = match IgnoreText::parse(text)? {
        IgnoreText::Patterns(patterns) => return Ok(IgnoreList::of_patterns(patterns)?),
        IgnoreText::Object { bucket, key } => (bucket, key),
    };
    let holder = own.bucket(bucket);
    let bytes = in_time(LONGEST_READ, (holder.location(), &key), whole_object(&holder, &key)).await?;
    let lines = String::from_utf8(bytes).map_err(|_| IgnoreListError::NoText)?;
    let wrong = |source| IgnoreListError::OfObject { place: format!("{bucket}/{key}"), source };
    IgnoreList::parse(&lines).map_err(wrong)
}

async fn whole_object(bucket: &impl Source, key: &ObjectKey) -> Result<Vec<u8>, IgnoreListError> {
    let fetched = bucket.get_object(key, None, None).await?;
    let length = fetched.body.length();
    if length > MAX_IGNORE_LIST {
        return Err(IgnoreListError::NoText);
    }
    let bytes = fetched.body.collect().await?;
    if bytes.len() as u64 != length {
        return Err(StoreError::new(ErrorKind::Corrupt, "GetObject", "not all of the ignore list arrived").into());
    }
    Ok(bytes)
}

async fn in_time(
    longest: Duration,
    (location, key): (&Location, &ObjectKey),
    read: impl Future<Output = Result<Vec<u8>, IgnoreListError>>,
) -> Result<Vec<u8>, IgnoreListError> {
    tokio::time::timeout(longest, read).await.unwrap_or_else(|_| {
        let words = format!("the ignore list did not arrive within {longest:?}");
        Err(StoreError::new(ErrorKind::TimedOut, "GetObject", words).at(location).on(key).into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_list_that_never_arrives_is_named_and_may_be_read_again() {
        let location = Location { endpoint: "https://example.com".into(), bucket: "lists".into() };
        let key = ObjectKey::new("ignore.txt").unwrap();
        let source = in_time(Duration::ZERO, (&location, &key), std::future::pending()).await.unwrap_err();
        let words = longhaul::store::error::chain(&source);
        assert!(words.contains("lists") && words.contains("ignore.txt"), "{words}");
        assert!(ParameterError::IgnoreList { name: "list".into(), source }.is_retryable());
    }
}
