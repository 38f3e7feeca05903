//! Counts requests to the services around S3, as they are billed: repeats of the SDK too.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeTransmitInterceptorContextRef},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

/// Requests of this process so far, by service. Whoever reports them for a time takes the difference.
#[derive(Debug, Default)]
pub struct Requests {
    dynamodb: AtomicU64,
    sqs: AtomicU64,
    ssm: AtomicU64,
}

/// Whose requests are counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Service {
    DynamoDb,
    Sqs,
    Ssm,
}

impl Requests {
    /// Requests to DynamoDB.
    pub fn dynamodb(&self) -> u64 {
        self.of(Service::DynamoDb).load(Ordering::Relaxed)
    }

    /// Requests to SQS.
    pub fn sqs(&self) -> u64 {
        self.of(Service::Sqs).load(Ordering::Relaxed)
    }

    /// Requests to the parameter store.
    pub fn ssm(&self) -> u64 {
        self.of(Service::Ssm).load(Ordering::Relaxed)
    }

    fn of(&self, service: Service) -> &AtomicU64 {
        match service {
            Service::DynamoDb => &self.dynamodb,
            Service::Sqs => &self.sqs,
            Service::Ssm => &self.ssm,
        }
    }
}

/// What an SDK client calls whenever it is about to send.
#[derive(Debug)]
pub(crate) struct Counter {
    pub service: Service,
    pub requests: Arc<Requests>,
}

impl Intercept for Counter {
    fn name(&self) -> &'static str {
        "RequestCounter"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.requests.of(self.service).fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
