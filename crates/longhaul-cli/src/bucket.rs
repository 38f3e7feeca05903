//! `longhaul bucket connect`: has an existing bucket tell a stack of new objects.

use std::sync::Arc;

use longhaul::{
    copy::Silent,
    route::NamedRoute,
    store::{ErrorKind, StoreError},
    worker::DeletePolicy,
};
use longhaul_aws::{
    Cloud, Connected, Connection, Heard, JobType, Notification, WorkerSettings, arn_name, connect_bucket,
};
use serde_json::{Value, json};

use crate::{
    failure::{Exit, Failure},
    out::{self, say, tell},
    overlap::{default_route, refuse_overlap},
    patience::patience,
    settings::CopySettings,
    stack::{self, Stack},
    stack_args::{BucketCommand, BucketConnectArgs},
};

/// Does it.
pub async fn run(command: BucketCommand, json: bool) -> Result<Exit, Failure> {
    match command {
        BucketCommand::Connect(args) => connect(&args, json).await,
    }
}

async fn connect(args: &BucketConnectArgs, json: bool) -> Result<Exit, Failure> {
    let stack = stack::open(&args.stack).await?;
    let settings = stack.parameter.worker_settings()?;
    if settings.job_type == JobType::Get {
        let words =
            "this stack reads from the other account (JobType GET): a bucket of this account is no source of it";
        return Err(Failure::usage(words).advise("new objects of the other account are found by the jobsender"));
    }
    let queue_arn = events_arn(&stack)?;
    let routes = routes_of(&stack.cloud, &settings, args).await?;
    let fitting: Vec<NamedRoute> = routes.iter().filter(|route| takes_below(route, &args.prefix)).cloned().collect();
    refuse_return(&stack.cloud, &settings, &fitting).await?;
    let heard = match settings.delete_policy {
        DeletePolicy::Ignore => Heard::Created,
        DeletePolicy::Propagate => Heard::CreatedAndRemoved,
    };
    let own = stack.cloud.own_store();
    let patience = patience(&CopySettings::default(), Arc::new(Silent));
    let connected = patience
        .repeated("PutBucketNotificationConfiguration", || {
            connect_bucket(own, &args.bucket, &queue_arn, &args.prefix, heard)
        })
        .await;
    let connected = connected.map_err(|error| explained(error, &args.bucket, &queue_arn))?;
    if let Connection::Overlaps(there) = &connected.connection {
        return Err(overlap(&args.bucket, there, &queue_arn));
    }
    let warning = fitting.is_empty().then(|| no_place(args, &routes));
    match json {
        true => out::object(&line(&args.bucket, &connected, warning.as_deref())),
        false => show(&args.bucket, &connected, warning.as_deref()),
    }
    Ok(Exit::Done)
}

fn events_arn(stack: &Stack) -> Result<String, Failure> {
    let url = stack.needed("sqs_queue_events")?;
    let arn = queue_arn(url, &stack.parameter.region);
    arn.ok_or_else(|| Failure::usage(format!("the address of the queue {url:?} names no account and queue")))
}

/// The ARN of a queue with an address like `https://sqs.eu-west-1.amazonaws.com/123456789012/name`.
fn queue_arn(url: &str, region: &str) -> Option<String> {
    let mut parts = url.split_once("://")?.1.trim_end_matches('/').rsplit('/');
    let (name, account) = (parts.next()?, parts.next()?);
    // The host must not be taken for the account.
    parts.next()?;
    Some(format!("arn:{}:sqs:{region}:{account}:{name}", partition(region)))
}

/// Regions begin with the name of their partition, where it is not the first and largest one.
fn partition(region: &str) -> &'static str {
    let partitions = [("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("eusc-", "aws-eusc")];
    partitions.into_iter().find(|(begin, _)| region.starts_with(begin)).map_or("aws", |(_, partition)| partition)
}

fn explained(error: StoreError, bucket: &str, queue_arn: &str) -> Failure {
    let advice = match error.kind() {
        ErrorKind::WrongRegion => {
            format!("a bucket notifies queues of its own region only: deploy a stack in the region of {bucket}")
        }
        ErrorKind::InvalidRequest => format!(
            "S3 tries every queue and topic that the bucket notifies. If it names {queue_arn}: add {bucket} to the \
             stack's parameter OwnBucketArns, so that the queue permits it, and deploy. If it names another: fix or \
             remove that one"
        ),
        ErrorKind::AccessDenied => format!(
            "allow s3:GetBucketNotification and s3:PutBucketNotification on {bucket} for the credentials in use"
        ),
        _ => return error.into(),
    };
    Failure { advice: Some(advice), ..Failure::from(error) }
}

fn overlap(bucket: &str, there: &Notification, queue_arn: &str) -> Failure {
    let whose = if there.target == queue_arn { "this stack" } else { "somebody else" };
    let words = format!(
        "nothing was changed: {bucket} tells {whose} of some of these events already, and S3 takes no second \
         configuration for them: {}",
        described(there)
    );
    Failure::usage(words).advise(match there.target == queue_arn {
        true => "remove that configuration first, then connect the bucket again",
        false => "choose another --prefix, or have both hear it through SNS or EventBridge",
    })
}

/// Where new objects of the bucket go: by the routes that name it, or by the default.
async fn routes_of(
    cloud: &Cloud,
    settings: &WorkerSettings,
    args: &BucketConnectArgs,
) -> Result<Vec<NamedRoute>, Failure> {
    let mut routes = match &settings.routes_parameter {
        Some(name) => cloud.parameters().routes(name).await?,
        None => Vec::new(),
    };
    routes.retain(|route| route.src_bucket == args.bucket);
    if routes.is_empty() {
        let default = settings.default_destination.as_ref();
        routes.extend(default.map(|place| default_route(&args.bucket, &place.bucket, &place.prefix)));
    }
    Ok(routes)
}

/// Whether a route takes any key below a prefix.
fn takes_below(route: &NamedRoute, prefix: &str) -> bool {
    prefix.starts_with(&route.src_prefix) || route.src_prefix.starts_with(prefix)
}

/// What the stack writes into the bucket would be told to it as new. Only a bucket of the same name can be the same one.
async fn refuse_return(cloud: &Cloud, settings: &WorkerSettings, routes: &[NamedRoute]) -> Result<(), Failure> {
    if !routes.iter().any(|route| route.src_bucket == route.des_bucket) {
        return Ok(());
    }
    let other = cloud.parameters().credentials(&settings.credentials_parameter).await?;
    refuse_overlap(routes, cloud.own_store(), &cloud.other_store(&other).await?)
}

/// What becomes of new objects that no route takes.
fn no_place(args: &BucketConnectArgs, routes: &[NamedRoute]) -> String {
    let BucketConnectArgs { bucket, prefix, .. } = args;
    if routes.is_empty() {
        return format!(
            "no route and no Des_bucket_default say where objects of {bucket} go: their messages will be parked"
        );
    }
    format!("no route of {bucket} takes keys below {prefix:?}: what it tells of will not be copied")
}

fn described(there: &Notification) -> String {
    let mut words = format!("{} to {}", there.events.join(", "), arn_name(&there.target));
    for (what, text) in [("prefix", &there.prefix), ("suffix", &there.suffix)] {
        if !text.is_empty() {
            words.push_str(&format!(", {what} {text:?}"));
        }
    }
    words
}

fn show(bucket: &str, connected: &Connected, warning: Option<&str>) {
    if connected.before.is_empty() && !connected.event_bridge {
        say!("{bucket} told nobody of its events before");
    }
    connected.before.iter().for_each(|there| say!("kept:  {}", described(there)));
    if connected.event_bridge {
        say!("kept:  all events to EventBridge");
    }
    match &connected.connection {
        Connection::Added(added) => {
            say!("added: {}", described(added));
            say!("S3 has tried the queue; it may take some minutes until events come");
        }
        Connection::WasThere | Connection::Overlaps(_) => {
            say!("the stack hears of it already; nothing was changed")
        }
    }
    say!(
        "if the stack did not create {bucket}, add it to the stack's parameter OwnBucketArns: the queue and the \
         workers' role permit no other buckets"
    );
    if let Some(words) = warning {
        tell!("warning: {words}");
    }
}

fn line(bucket: &str, connected: &Connected, warning: Option<&str>) -> Value {
    let of = |there: &Notification| {
        let Notification { id, target, events, prefix, suffix } = there;
        json!({ "id": id, "target": target, "events": events, "prefix": prefix, "suffix": suffix })
    };
    let added = match &connected.connection {
        Connection::Added(added) => Some(of(added)),
        Connection::WasThere | Connection::Overlaps(_) => None,
    };
    let before: Vec<Value> = connected.before.iter().map(of).collect();
    json!({ "event": "connected", "bucket": bucket, "before": before, "event_bridge": connected.event_bridge,
        "added": added, "warning": warning })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_named_by_region_account_and_name() {
        let arn = |url, region| queue_arn(url, region);
        let amazon = arn("https://sqs.eu-west-1.amazonaws.com/123456789012/replica-events", "eu-west-1");
        assert_eq!(amazon.as_deref(), Some("arn:aws:sqs:eu-west-1:123456789012:replica-events"));
        let china = arn("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/events", "cn-north-1");
        assert_eq!(china.as_deref(), Some("arn:aws-cn:sqs:cn-north-1:123456789012:events"));
        let emulator = arn("http://127.0.0.1:4566/000000000000/events", "us-east-1");
        assert_eq!(emulator.as_deref(), Some("arn:aws:sqs:us-east-1:000000000000:events"));
        assert_eq!(arn("https://sqs.eu-west-1.amazonaws.com/events", "eu-west-1"), None);
    }

    #[test]
    fn a_notification_is_described_by_what_it_tells_and_to_whom() {
        let there = Notification {
            id: None,
            target: "arn:aws:lambda:eu-west-1:123456789012:function:thumbnails".into(),
            events: vec!["s3:ObjectCreated:Put".into()],
            prefix: "photos/".into(),
            suffix: ".jpg".into(),
        };
        assert_eq!(described(&there), "s3:ObjectCreated:Put to thumbnails, prefix \"photos/\", suffix \".jpg\"");
    }
}
