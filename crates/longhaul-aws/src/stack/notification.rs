//! A bucket's event notifications, and how a queue is connected beside those that are there.
//!
//! S3 keeps one configuration for each bucket and writes it as a whole: what was there is sent back unchanged together
//! with what is new. Whoever changes it between the two requests loses the change, since S3 has no condition for this
//! call.

use aws_sdk_s3::types::{
    Event, FilterRule, FilterRuleName, NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration,
    S3KeyFilter,
};
use longhaul::store::{ErrorKind, StoreError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::s3::{Account, S3Bucket, store_error};

const GET: &str = "GetBucketNotificationConfiguration";

const PUT: &str = "PutBucketNotificationConfiguration";

/// What stands in a filter as it is; a space is a plus (S3 User Guide, "Configuring event notifications using object
/// key name filtering").
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'!')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b' ');

/// What a queue hears of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// New objects.
    Created,
    /// New objects and deleted ones.
    CreatedAndRemoved,
}

impl Heard {
    fn events(self) -> &'static [&'static str] {
        match self {
            Self::Created => &["s3:ObjectCreated:*"],
            Self::CreatedAndRemoved => &["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
        }
    }
}

/// One configuration of a bucket: which events go where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its name among the bucket's configurations.
    pub id: Option<String>,
    /// The ARN of the queue, topic or function that hears it.
    pub target: String,
    /// `s3:ObjectCreated:*` and the like.
    pub events: Vec<String>,
    /// Only keys that begin so, as S3 writes it in filters.
    pub prefix: String,
    /// Only keys that end so, as S3 writes it in filters.
    pub suffix: String,
}

/// What came of connecting a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// This was added.
    Added(Notification),
    /// The queue heard it all before.
    WasThere,
    /// Nothing was changed: this one tells of some of the events already, and S3 takes no second configuration for
    /// them.
    Overlaps(Notification),
}

/// What was found and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// The configurations that were there, all of which stay.
    pub before: Vec<Notification>,
    /// Whether everything also goes to EventBridge, which stays so.
    pub event_bridge: bool,
    /// What came of it.
    pub connection: Connection,
}

/// Has a bucket tell a queue what happens to keys that begin with `prefix`. Done twice, nothing is added the second
/// time.
pub async fn connect_bucket(
    account: &Account,
    bucket: &str,
    queue_arn: &str,
    prefix: &str,
    heard: Heard,
) -> Result<Connected, StoreError> {
    let bucket = account.bucket(bucket);
    let found = read(&bucket).await?;
    let before = notifications(&found);
    let connection = plan(&before, queue_arn, &filter_text(prefix), heard);
    if let Connection::Added(added) = &connection {
        write(&bucket, with(found.clone(), added)?).await?;
    }
    Ok(Connected { before, event_bridge: found.event_bridge_configuration.is_some(), connection })
}

async fn read(bucket: &S3Bucket) -> Result<NotificationConfiguration, StoreError> {
    let request = bucket.client.get_bucket_notification_configuration().bucket(&bucket.location.bucket);
    let found = request.send().await.map_err(|error| store_error(GET, error).at(&bucket.location))?;
    Ok(NotificationConfiguration::builder()
        .set_queue_configurations(found.queue_configurations)
        .set_topic_configurations(found.topic_configurations)
        .set_lambda_function_configurations(found.lambda_function_configurations)
        .set_event_bridge_configuration(found.event_bridge_configuration)
        .build())
}

async fn write(bucket: &S3Bucket, configuration: NotificationConfiguration) -> Result<(), StoreError> {
    let request = bucket.client.put_bucket_notification_configuration().bucket(&bucket.location.bucket);
    // S3 sends a test event to every queue before it takes the configuration: a queue that would refuse is found out
    // here.
    let written = request.notification_configuration(configuration).send().await;
    written.map(|_| ()).map_err(|error| store_error(PUT, error).at(&bucket.location))
}

/// A prefix as S3 wants it in a filter.
fn filter_text(prefix: &str) -> String {
    utf8_percent_encode(prefix, PLAIN).to_string().replace(' ', "+")
}

fn notifications(found: &NotificationConfiguration) -> Vec<Notification> {
    let queues = found.queue_configurations().iter().map(|to| (to.id(), to.queue_arn(), to.events(), to.filter()));
    let topics = found.topic_configurations().iter().map(|to| (to.id(), to.topic_arn(), to.events(), to.filter()));
    let functions = found.lambda_function_configurations().iter();
    let functions = functions.map(|to| (to.id(), to.lambda_function_arn(), to.events(), to.filter()));
    let all = queues.chain(topics).chain(functions);
    all.map(|(id, target, events, filter)| Notification {
        id: id.map(str::to_owned),
        target: target.to_owned(),
        events: events.iter().map(|event| event.as_str().to_owned()).collect(),
        prefix: rule(filter, "prefix"),
        suffix: rule(filter, "suffix"),
    })
    .collect()
}

/// The value of a rule; S3 answers its names in any case of letters.
fn rule(filter: Option<&NotificationConfigurationFilter>, name: &str) -> String {
    let rules =
        filter.and_then(NotificationConfigurationFilter::key).map(S3KeyFilter::filter_rules).unwrap_or_default();
    let named = |rule: &&FilterRule| rule.name().is_some_and(|known| known.as_str().eq_ignore_ascii_case(name));
    rules.iter().find(named).and_then(FilterRule::value).unwrap_or_default().to_owned()
}

/// What is to be added so that a queue hears what it should.
fn plan(before: &[Notification], queue_arn: &str, prefix: &str, heard: Heard) -> Connection {
    let mut missing = Vec::new();
    for &event in heard.events() {
        if before.iter().any(|there| there.target == queue_arn && there.covers(event, prefix)) {
            continue;
        }
        if let Some(there) = before.iter().find(|there| there.overlaps(event, prefix)) {
            return Connection::Overlaps(there.clone());
        }
        missing.push(event.to_owned());
    }
    if missing.is_empty() {
        return Connection::WasThere;
    }
    Connection::Added(Notification {
        id: Some(unused_id(before)),
        target: queue_arn.to_owned(),
        events: missing,
        prefix: prefix.to_owned(),
        suffix: String::new(),
    })
}

impl Notification {
    /// Whether every such event of every key with this prefix is told.
    fn covers(&self, event: &str, prefix: &str) -> bool {
        self.suffix.is_empty()
            && prefix.starts_with(&self.prefix)
            && self.events.iter().any(|told| includes(told, event))
    }

    /// Whether some event of some key with this prefix is told. Any suffix can meet a prefix.
    fn overlaps(&self, event: &str, prefix: &str) -> bool {
        let keys = prefix.starts_with(&self.prefix) || self.prefix.starts_with(prefix);
        keys && self.events.iter().any(|told| includes(told, event) || includes(event, told))
    }
}

/// Whether `wide` is `event`, or a family that has it: `s3:ObjectCreated:*` has `s3:ObjectCreated:Put`.
fn includes(wide: &str, event: &str) -> bool {
    wide == event || wide.strip_suffix('*').is_some_and(|family| event.starts_with(family))
}

fn unused_id(before: &[Notification]) -> String {
    let used = |id: &String| before.iter().any(|there| there.id.as_ref() == Some(id));
    let first = Some("longhaul".to_owned()).filter(|id| !used(id));
    first.or_else(|| (2..).map(|number| format!("longhaul-{number}")).find(|id| !used(id))).unwrap_or_default()
}

/// A configuration and one more of its parts.
fn with(
    mut configuration: NotificationConfiguration,
    added: &Notification,
) -> Result<NotificationConfiguration, StoreError> {
    let prefix = FilterRule::builder().name(FilterRuleName::Prefix).value(&added.prefix).build();
    let filter = NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(prefix).build());
    let queue = QueueConfiguration::builder()
        .set_id(added.id.clone())
        .queue_arn(&added.target)
        .set_events(Some(added.events.iter().map(|event| Event::from(event.as_str())).collect()))
        .set_filter((!added.prefix.is_empty()).then(|| filter.build()))
        .build();
    let queue = queue.map_err(|error| StoreError::new(ErrorKind::InvalidRequest, PUT, error.to_string()))?;
    configuration.queue_configurations.get_or_insert_default().push(queue);
    Ok(configuration)
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{EventBridgeConfiguration, LambdaFunctionConfiguration};

    use super::*;

    const OURS: &str = "arn:aws:sqs:eu-west-1:123456789012:replica-events";
    const OTHER: &str = "arn:aws:lambda:eu-west-1:123456789012:function:thumbnails";

    fn told(target: &str, events: &[&str], prefix: &str) -> Notification {
        Notification {
            id: Some("longhaul".into()),
            target: target.into(),
            events: events.iter().map(|&event| event.into()).collect(),
            prefix: prefix.into(),
            suffix: String::new(),
        }
    }

    fn added(connection: Connection) -> Notification {
        match connection {
            Connection::Added(added) => added,
            Connection::WasThere | Connection::Overlaps(_) => panic!("nothing was added: {connection:?}"),
        }
    }

    #[test]
    fn a_queue_is_connected_once() {
        let first = added(plan(&[], OURS, "photos/", Heard::Created));
        assert_eq!(first, told(OURS, &["s3:ObjectCreated:*"], "photos/"));
        assert_eq!(plan(&[first], OURS, "photos/2026/", Heard::Created), Connection::WasThere);
    }

    #[test]
    fn only_what_is_not_heard_yet_is_added() {
        let before = [told(OURS, &["s3:ObjectCreated:*"], "")];
        let added = added(plan(&before, OURS, "", Heard::CreatedAndRemoved));
        assert_eq!((added.events, added.id.as_deref()), (vec!["s3:ObjectRemoved:*".to_owned()], Some("longhaul-2")));
    }

    #[test]
    fn what_somebody_else_hears_is_not_taken_away() {
        let other = told(OTHER, &["s3:ObjectCreated:Put"], "photos/");
        let before = [other.clone()];
        assert_eq!(plan(&before, OURS, "", Heard::Created), Connection::Overlaps(other));
        assert_eq!(added(plan(&before, OURS, "films/", Heard::Created)).prefix, "films/");
        let removals = [told(OTHER, &["s3:ObjectRemoved:*"], "")];
        assert_eq!(added(plan(&removals, OURS, "", Heard::Created)).prefix, "");
    }

    #[test]
    fn a_narrower_connection_of_the_same_queue_is_in_the_way_of_a_wider_one() {
        let narrow = told(OURS, &["s3:ObjectCreated:*"], "photos/");
        assert_eq!(plan(std::slice::from_ref(&narrow), OURS, "", Heard::Created), Connection::Overlaps(narrow));
        let endings = Notification { suffix: ".jpg".into(), ..told(OURS, &["s3:ObjectCreated:*"], "") };
        assert_eq!(plan(std::slice::from_ref(&endings), OURS, "", Heard::Created), Connection::Overlaps(endings));
    }

    #[test]
    fn everything_that_was_there_is_written_again() {
        let function = LambdaFunctionConfiguration::builder().id("f").lambda_function_arn(OTHER);
        let function = function.events(Event::S3ObjectTaggingPut).build().unwrap();
        let before = NotificationConfiguration::builder()
            .lambda_function_configurations(function.clone())
            .event_bridge_configuration(EventBridgeConfiguration::builder().build())
            .build();
        let added = added(plan(&notifications(&before), OURS, "a+b/", Heard::Created));
        let after = with(before, &added).unwrap();
        assert_eq!(after.lambda_function_configurations(), [function]);
        assert!(after.event_bridge_configuration().is_some());
        assert_eq!(notifications(&after)[0], added);
    }

    #[test]
    fn a_prefix_is_written_as_filters_want_it() {
        assert_eq!(filter_text("a b/c=1/日+"), "a+b/c%3D1/%E6%97%A5%2B");
    }
}
