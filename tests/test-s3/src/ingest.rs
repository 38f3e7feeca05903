//! Taking in the body of an upload: hashed once on its way, never copied.

use futures_util::StreamExt;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, dto::StreamingBlob, s3_error};

use crate::{
    body::flip,
    checksum::{Algorithm, Digests, Hasher, Md5Use, verify},
    data::Data,
    operation::header,
};

/// What is known of a body before it arrives.
pub(crate) struct Expected {
    /// Checksums in headers.
    pub sent: Vec<(Algorithm, String)>,
    /// Checksums to compute for other reasons: announced trailers, the upload's algorithm.
    pub wanted: Vec<Algorithm>,
    pub content_md5: Option<String>,
    pub content_length: Option<i64>,
    pub md5: Md5Use,
    pub discard: bool,
    /// Where a byte is flipped, modulo the length.
    pub corrupt_at: Option<u64>,
    /// Whether checksums that come with the body are compared with it.
    pub is_checked: bool,
}

pub(crate) struct Ingested {
    pub data: Data,
    pub digests: Digests,
    /// All checksums that came with the body, in headers and trailers.
    pub sent: Vec<(Algorithm, String)>,
}

/// The algorithms that headers announce: in a trailer, or as the SDK's choice.
pub(crate) fn announced<T>(request: &S3Request<T>) -> Vec<Algorithm> {
    let trailers = header(&request.headers, "x-amz-trailer").unwrap_or_default();
    trailers.split(',').filter_map(Algorithm::of_header).collect()
}

/// An algorithm that is named, with no value in a header and none announced as a trailer, is an error to S3.
pub(crate) fn check_announcement<T>(request: &S3Request<T>, sent: &[(Algorithm, String)]) -> S3Result<()> {
    let named = header(&request.headers, "x-amz-sdk-checksum-algorithm");
    if named.is_some() && sent.is_empty() && announced(request).is_empty() {
        return Err(s3_error!(
            InvalidRequest,
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
        ));
    }
    Ok(())
}

/// Reads `body` to its end and checks it against everything that was said about it.
pub(crate) async fn ingest<T>(
    request: &S3Request<T>,
    body: Option<StreamingBlob>,
    expected: Expected,
) -> S3Result<Ingested> {
    let mut algorithms = expected.wanted.clone();
    algorithms.extend(expected.sent.iter().map(|(algorithm, _)| *algorithm));
    let md5 = if expected.content_md5.is_some() { Md5Use::Computed } else { expected.md5 };
    let mut hasher = Hasher::new(md5, &algorithms);
    let data = receive(body, &expected, &mut hasher).await?;
    let mut digests = hasher.finish();
    if expected.content_length.is_some_and(|length| u64::try_from(length) != Ok(digests.size)) {
        return Err(s3_error!(IncompleteBody));
    }
    let mut sent = expected.sent;
    sent.extend(trailing(request));
    if expected.is_checked {
        verify(&digests, &sent, expected.content_md5.as_deref())?;
    }
    if expected.md5 == Md5Use::Skipped {
        // It was computed only to be checked; ETags of one store have one shape.
        digests.md5 = None;
    }
    Ok(Ingested { data, digests, sent })
}

async fn receive(body: Option<StreamingBlob>, expected: &Expected, hasher: &mut Hasher) -> S3Result<Data> {
    let mut chunks = Vec::new();
    let mut size = 0_u64;
    let length = expected.content_length.and_then(|length| u64::try_from(length).ok()).filter(|length| *length > 0);
    // Without a declared length the first byte is as good as any.
    let corrupt_at = expected.corrupt_at.map(|at| length.map_or(0, |length| at % length));
    let Some(mut body) = body else { return Ok(Data::discarded(0)) };
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk.map_err(|source| S3Error::with_source(S3ErrorCode::IncompleteBody, source))?;
        let end = size + chunk.len() as u64;
        if let Some(at) = corrupt_at.filter(|at| (size..end).contains(at)) {
            chunk = flip(&chunk, (at - size) as usize);
        }
        hasher.update(&chunk);
        size = end;
        if !expected.discard {
            chunks.push(chunk);
        }
    }
    Ok(if expected.discard { Data::discarded(size) } else { Data::from_chunks(chunks) })
}

fn trailing<T>(request: &S3Request<T>) -> Vec<(Algorithm, String)> {
    let Some(trailers) = &request.trailing_headers else { return Vec::new() };
    let values = trailers.read(|headers| {
        let named = headers.iter().filter_map(|(name, value)| {
            let algorithm = Algorithm::of_header(name.as_str())?;
            Some((algorithm, value.to_str().ok()?.to_owned()))
        });
        named.collect::<Vec<_>>()
    });
    values.unwrap_or_default()
}
