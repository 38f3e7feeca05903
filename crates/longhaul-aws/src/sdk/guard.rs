//! Sets the guard of [`answer`](crate::sdk::answer) before what the SDK reads into memory.
//!
//! Clients of a store know their operations, of which one answers with an object: an interceptor tells them apart. All other
//! clients, those that look for credentials among them, never see an object: their connections are guarded.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        interceptors::{Intercept, context::BeforeDeserializationInterceptorContextMut},
        orchestrator::{HttpRequest, HttpResponse, Metadata},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};

use crate::sdk::answer::{Expected, MOST_OF_A_SERVICE, MOST_OF_A_STORE, guarded};

/// Operations that answer a success with headers only.
const WITHOUT_WORDS: [&str; 7] = [
    "HeadObject",
    "HeadBucket",
    "PutObject",
    "UploadPart",
    "AbortMultipartUpload",
    "DeleteObject",
    "PutBucketNotificationConfiguration",
];

/// Roots that stores call by another name than S3 does: rclone serve s3 the first, moto the second. The SDK takes no other name
/// than S3's.
const OTHER_ROOTS: [(&str, (&str, &str)); 2] = [
    ("CreateMultipartUpload", ("InitiateMultipartUpload", "InitiateMultipartUploadResult")),
    ("ListParts", ("ListPartsResponse", "ListPartsResult")),
];

/// Guards the answers of a store. An operation that is not known here must answer with XML.
#[derive(Debug)]
pub(crate) struct StoreGuard;

impl Intercept for StoreGuard {
    fn name(&self) -> &'static str {
        "StoreGuard"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map_or("", Metadata::name);
        if let Some(expected) = expected(operation, context.response().status().as_u16()) {
            guard(context.response_mut(), MOST_OF_A_STORE, expected);
        }
        Ok(())
    }
}

/// `None` is an object.
fn expected(operation: &str, status: u16) -> Option<Expected> {
    match (operation, status) {
        ("GetObject", 200..=299) => None,
        (_, 204) => Some(Expected::Anything),
        (known, 200..=299) if WITHOUT_WORDS.contains(&known) => Some(Expected::Anything),
        (_, 200..=299) => Some(Expected::Xml(other_root(operation))),
        _ => Some(Expected::Error),
    }
}

fn other_root(operation: &str) -> Option<(&'static str, &'static str)> {
    OTHER_ROOTS.iter().find(|(name, _)| *name == operation).map(|(_, names)| *names)
}

fn guard(answer: &mut HttpResponse, most: u64, expected: Expected) {
    let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
    *answer.body_mut() = guarded(body, most, expected);
}

/// A client whose answers are all read into memory.
pub(crate) fn bounded(client: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(BoundedClient(client))
}

#[derive(Debug)]
struct BoundedClient(SharedHttpClient);

impl HttpClient for BoundedClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(BoundedConnector(self.0.http_connector(settings, components)))
    }
}

#[derive(Debug)]
struct BoundedConnector(SharedHttpConnector);

impl HttpConnector for BoundedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            guard(&mut answer, MOST_OF_A_SERVICE, Expected::Anything);
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_is_not_guarded_and_an_unknown_operation_must_answer_with_xml() {
        assert_eq!(expected("GetObject", 206), None);
        assert_eq!(expected("GetObject", 404), Some(Expected::Error));
        assert_eq!(expected("PutObject", 200), Some(Expected::Anything));
        assert_eq!(expected("DeleteObjects", 200), Some(Expected::Xml(None)));
        assert_eq!(expected("SomethingNew", 200), Some(Expected::Xml(None)));
        assert_eq!(expected("SomethingNew", 204), Some(Expected::Anything));
    }
}
