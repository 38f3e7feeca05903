//! What stands between the wire and the S3 service: records, holds and faults.

use std::{fmt::Write as _, sync::Arc};

use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::Incoming,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use s3s::{Body, service::S3Service};

use crate::{
    body::{AnswerBody, Damage, Dropped, RequestBody},
    conditions::Conditions,
    faults::{Drawn, FaultKind, Faults},
    hold::{Holds, When},
    operation::{Target, header},
    record::{Exchange, Recorder},
    server::Dialect,
    store::Store,
};

pub(crate) struct Front {
    pub service: S3Service,
    pub store: Arc<Store>,
    pub recorder: Arc<Recorder>,
    pub faults: Arc<Faults>,
    pub holds: Holds,
    pub dialect: Dialect,
    pub region: Option<String>,
}

impl Front {
    /// Answers a request, or fails to make hyper close the connection.
    pub async fn handle(&self, request: Request<Incoming>) -> Result<Response<Body>, Dropped> {
        let target = Target::of(&request);
        let drawn = self.faults.draw(&target);
        let exchange = self.recorder.begin(self.exchange(target, &drawn));
        let operation = exchange.target.operation;
        self.holds.pass(operation, When::BeforeEffect).await;
        let response = self.answer(request, &drawn, &exchange).await?;
        self.recorder.answered(&exchange, response.status().as_u16());
        self.holds.pass(operation, When::AfterEffect).await;
        self.finish(&drawn, &exchange)?;
        Ok(self.damaged(response, &drawn, &exchange))
    }

    fn exchange(&self, target: Target, drawn: &[Drawn]) -> Exchange {
        let mut exchange = Exchange::new(self.recorder.next_sequence(), target);
        exchange.faults = drawn.iter().map(|drawn| drawn.kind.name()).collect();
        if self.dialect == Dialect::Gcs {
            exchange.write_conditions = Conditions::Ignored;
        }
        for drawn in drawn {
            match &drawn.kind {
                FaultKind::IgnoreIfMatch => exchange.read_conditions = Conditions::Ignored,
                FaultKind::IgnoreConditionalWrite => exchange.write_conditions = Conditions::Ignored,
                FaultKind::CorruptUpload => exchange.corrupt_at = Some(drawn.place),
                _ => {}
            }
        }
        exchange
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        drawn: &[Drawn],
        exchange: &Arc<Exchange>,
    ) -> Result<Response<Body>, Dropped> {
        let (parts, incoming) = request.into_parts();
        let body = RequestBody::new(incoming, Arc::clone(exchange));
        if let Some(refusal) = self.refusal(&parts.headers, drawn, &body).await? {
            body.drain().await;
            return Ok(refusal);
        }
        let mut request = Request::from_parts(parts, Body::http_body_unsync(body.clone()));
        request.extensions_mut().insert(Arc::clone(exchange));
        let response = self.service.call(request).await.map_err(|_| Dropped)?;
        if !response.status().is_success() {
            body.drain().await;
        }
        Ok(response)
    }

    /// The answer that keeps the request from the service, if there is one.
    async fn refusal(
        &self,
        headers: &HeaderMap,
        drawn: &[Drawn],
        body: &RequestBody,
    ) -> Result<Option<Response<Body>>, Dropped> {
        let mut refuses_trailers = self.dialect == Dialect::Gcs;
        for drawn in drawn {
            match &drawn.kind {
                FaultKind::Latency(duration) => tokio::time::sleep(*duration).await,
                FaultKind::DropBefore => return Err(Dropped),
                FaultKind::Stall => {
                    body.drain().await;
                    std::future::pending::<()>().await;
                }
                FaultKind::RefuseTrailers => refuses_trailers = true,
                kind => {
                    if let Some(answer) = error_of(kind) {
                        return Ok(Some(answer));
                    }
                }
            }
        }
        if refuses_trailers && has_trailers(headers) {
            let message = "Request contains trailing or checksum headers this store does not know.";
            return Ok(Some(error(StatusCode::BAD_REQUEST, "ExcessHeaderValues", message, "")));
        }
        Ok(self.wrong_region(headers))
    }

    fn wrong_region(&self, headers: &HeaderMap) -> Option<Response<Body>> {
        let region = self.region.as_deref()?;
        let signed = signed_region(headers)?;
        if signed == region {
            return None;
        }
        let message =
            format!("The authorization header is malformed; the region '{signed}' is wrong; expecting '{region}'");
        let detail = format!("<Region>{}</Region>", escaped(region));
        let mut answer = error(StatusCode::BAD_REQUEST, "AuthorizationHeaderMalformed", &message, &detail);
        if let Ok(value) = HeaderValue::from_str(region) {
            answer.headers_mut().insert("x-amz-bucket-region", value);
        }
        Some(answer)
    }

    fn finish(&self, drawn: &[Drawn], exchange: &Exchange) -> Result<(), Dropped> {
        let strikes = |kind: &FaultKind| drawn.iter().any(|drawn| drawn.kind == *kind);
        if strikes(&FaultKind::OverwriteSource)
            && let (Some(bucket), Some(key)) = (&exchange.target.bucket, &exchange.target.key)
        {
            self.store.overwrite(bucket, key);
        }
        if strikes(&FaultKind::LostReply) {
            exchange.lose_answer();
            return Err(Dropped);
        }
        Ok(())
    }

    fn damaged(&self, mut response: Response<Body>, drawn: &[Drawn], exchange: &Exchange) -> Response<Body> {
        let Some(length) = content_length(&response).filter(|length| *length > 0) else { return response };
        if exchange.target.operation != "GetObject" || !response.status().is_success() {
            return response;
        }
        let mut damage = Damage::default();
        for drawn in drawn {
            add_damage(&mut damage, drawn, length);
        }
        if let Some(end) = damage.end_at {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(end));
        }
        if damage == Damage::default() {
            return response;
        }
        response.map(|body| Body::http_body_unsync(AnswerBody::new(body, damage)))
    }
}

fn add_damage(damage: &mut Damage, drawn: &Drawn, length: u64) {
    match &drawn.kind {
        FaultKind::DropBody { after } => damage.drop_at = Some(if *after < length { *after } else { length / 2 }),
        FaultKind::TruncateBody { missing } => damage.end_at = Some(length.saturating_sub(*missing)),
        FaultKind::CorruptBody => damage.flip_at = Some(drawn.place % length),
        _ => {}
    }
}

fn content_length(response: &Response<Body>) -> Option<u64> {
    header(response.headers(), CONTENT_LENGTH.as_str())?.parse().ok()
}

fn error_of(kind: &FaultKind) -> Option<Response<Body>> {
    match kind {
        FaultKind::Status500 => {
            let message = "We encountered an internal error. Please try again.";
            Some(error(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message, ""))
        }
        FaultKind::SlowDown503 { retry_after_seconds } => {
            let mut answer = error(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Please reduce your request rate.", "");
            if let Some(seconds) = retry_after_seconds {
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Some(answer)
        }
        FaultKind::ErrorCode { status, code, message } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Some(error(status, code, message, ""))
        }
        _ => None,
    }
}

fn error(status: StatusCode, code: &str, message: &str, detail: &str) -> Response<Body> {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>{detail}\
         <RequestId>test-s3</RequestId></Error>",
        escaped(code),
        escaped(message),
    );
    let mut answer = Response::new(Body::from(xml));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    answer
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' | '>' | '&' | '"' => {
                let _ = write!(escaped, "&#{};", u32::from(character));
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

/// The region in `Credential=KEY/DATE/REGION/s3/aws4_request`.
fn signed_region(headers: &HeaderMap) -> Option<String> {
    let authorization = header(headers, AUTHORIZATION.as_str())?;
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split(',').next()?.split('/').rev().nth(2).map(str::to_owned)
}

fn has_trailers(headers: &HeaderMap) -> bool {
    let chunked = header(headers, CONTENT_ENCODING.as_str()).is_some_and(|value| value.contains("aws-chunked"));
    let streaming = header(headers, "x-amz-content-sha256").is_some_and(|value| value.starts_with("STREAMING-"));
    // The checksum mode of a read is a wish, which stores that do not know it pass over.
    let named = |name: &str| {
        matches!(name, "x-amz-trailer" | "x-amz-sdk-checksum-algorithm")
            || (name.starts_with("x-amz-checksum-") && name != "x-amz-checksum-mode")
    };
    chunked || streaming || headers.keys().any(|name| named(name.as_str()))
}
