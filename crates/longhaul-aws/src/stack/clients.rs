//! All SDK clients of a process, made once: the services of the own account, and the ways to both sides' stores.

use std::{sync::Arc, time::Duration};

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};

use crate::{
    dynamodb::DynamoLedger,
    s3::{
        Account, ConnectOptions, Keys, account,
        address::{ConnectError, Provider, Reach},
    },
    sdk::{Counter, Requests, Service},
    settings::{OtherAccount, Parameters},
    sqs::{ParkedQueue, SqsQueue},
};

/// A connection that takes longer than this will not come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The SDK's tries of a call. What is sent is small and in memory, so that it can be sent again.
const ATTEMPTS: u32 = 5;

/// One try of a call that answers at once, and all its tries together.
const QUICK: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(40)];

/// The same for queues: a long poll takes up to 20 seconds.
const QUEUES: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(90)];

/// How to reach the own account. What is not given here the SDK finds in its usual places, the environment first.
#[derive(Clone, Debug, Default)]
pub struct CloudOptions {
    /// A profile of the AWS configuration files.
    pub profile: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The address of all services, given by hand: an emulator.
    pub endpoint: Option<String>,
    /// The address of S3, if it is another.
    pub s3_endpoint: Option<String>,
    /// Who runs the own store, if its endpoint does not tell.
    pub s3_provider: Option<Provider>,
    /// Keys given by hand.
    pub keys: Option<Keys>,
}

impl CloudOptions {
    /// Reads the endpoint of S3 from the environment through `var`, which looks up a variable's value: it tells who
    /// runs the store. All other settings, the endpoints of other services among them, the SDK reads by itself.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Self {
        let given = |name: &str| var(name).filter(|value| !value.is_empty());
        // Whatever its address is, the own account's store is Amazon's: a VPC endpoint, an emulator.
        let s3_provider = Some(Provider::Aws);
        let ignored = given("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
        if ignored.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Self { s3_provider, ..Self::default() };
        }
        let s3_endpoint = given("AWS_ENDPOINT_URL_S3").or_else(|| given("AWS_ENDPOINT_URL"));
        Self { s3_endpoint, s3_provider, ..Self::default() }
    }

    /// How to reach the own store.
    fn store(&self) -> ConnectOptions {
        ConnectOptions {
            profile: self.profile.clone(),
            endpoint: self.s3_endpoint.clone().or_else(|| self.endpoint.clone()),
            region: self.region.clone(),
            provider: self.s3_provider,
            keys: self.keys.clone(),
            ..ConnectOptions::default()
        }
    }
}

/// A client that counts its requests, at an endpoint of its own where one is named.
macro_rules! client {
    ($sdk:ident, $service:expr, $shared:expr, $options:expr, $requests:expr) => {{
        let config = $sdk::config::Builder::from($shared).interceptor(counter($service, $requests));
        let config = match &$options.endpoint {
            Some(endpoint) => config.endpoint_url(endpoint),
            None => config,
        };
        $sdk::Client::from_conf(config.build())
    }};
}

/// The own account, and what its services were asked. Clones share everything.
#[derive(Clone, Debug)]
pub struct Cloud {
    region: Option<String>,
    requests: Arc<Requests>,
    sqs: aws_sdk_sqs::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    parameters: Parameters,
    own_store: Account,
}

impl Cloud {
    /// Makes all clients; no service is asked for anything yet.
    pub async fn connect(options: &CloudOptions) -> Result<Self, ConnectError> {
        let store = options.store();
        let reach = Reach::find(&store).await?;
        for service in ["SQS", "DynamoDB", "SSM"] {
            reach.check_service(service, options.endpoint.as_deref())?;
        }
        let (quick, queues) = (service_config(&reach.services, QUICK), service_config(&reach.services, QUEUES));
        let requests = Arc::<Requests>::default();
        Ok(Self {
            region: reach.services.region().map(|region| region.as_ref().to_owned()),
            sqs: client!(aws_sdk_sqs, Service::Sqs, &queues, options, &requests),
            dynamodb: client!(aws_sdk_dynamodb, Service::DynamoDb, &quick, options, &requests),
            parameters: Parameters::new(client!(aws_sdk_ssm, Service::Ssm, &quick, options, &requests)),
            own_store: Account::of(&reach, &store),
            requests,
        })
    }

    /// The region of the own account, where one was found.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The requests to the services around S3.
    pub fn requests(&self) -> &Arc<Requests> {
        &self.requests
    }

    /// A queue, and where its messages are parked.
    pub fn queue(&self, url: &str, parked_url: Option<&str>) -> SqsQueue {
        SqsQueue::new(self.sqs.clone(), url, parked_url.map(str::to_owned))
    }

    /// A queue of parked messages.
    pub fn parked(&self, url: &str) -> ParkedQueue {
        ParkedQueue::new(self.sqs.clone(), url)
    }

    /// The ledger in a table.
    pub fn ledger(&self, table: &str) -> DynamoLedger {
        DynamoLedger::new(self.dynamodb.clone(), table)
    }

    /// The parameter store.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The store of the own account.
    pub fn own_store(&self) -> &Account {
        &self.own_store
    }

    /// The store of the other account. Its client has connections of its own.
    pub async fn other_store(&self, other: &OtherAccount) -> Result<Account, ConnectError> {
        account(&other.connect_options()).await
    }
}

/// The SDK's own repeats, bounded in time. Its protection against stalled streams would take a long poll for one.
fn service_config(shared: &SdkConfig, [attempt, all]: [Duration; 2]) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(all)
        .build();
    shared
        .to_builder()
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

fn counter(service: Service, requests: &Arc<Requests>) -> Counter {
    Counter { service, requests: Arc::clone(requests) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vars: &[(&str, &str)]) -> CloudOptions {
        let find = |wanted: &str| vars.iter().find(|(name, _)| *name == wanted);
        CloudOptions::from_vars(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_endpoint_of_s3_wins_over_that_of_all_services() {
        let all = ("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
        let s3 = ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2");
        assert_eq!(of(&[all, s3]).store().endpoint.as_deref(), Some("http://127.0.0.1:2"));
        assert_eq!(of(&[all]).store().endpoint.as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(of(&[all, ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")]).store().endpoint, None);
        assert_eq!(of(&[("AWS_ENDPOINT_URL", "")]).store().endpoint, None);
    }
}
