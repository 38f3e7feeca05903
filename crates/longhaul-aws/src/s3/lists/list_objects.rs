//! The objects of a bucket.

use aws_sdk_s3::{
    operation::list_objects_v2::ListObjectsV2Output,
    types::{EncodingType, Object},
};
use futures_util::stream::BoxStream;
use longhaul::{
    object::{ETag, Listed},
    store::{ListRequest, Page, PageEnd, Paging, StoreError},
};

use crate::s3::{
    bucket::S3Bucket,
    error::store_error,
    lists::pages::{self, Pages, given, most_lines},
    translate::{listed_key, malformed, timestamp},
};

const OPERATION: &str = "ListObjectsV2";

/// Where a page begins.
#[derive(Clone, PartialEq)]
enum Marker {
    Token(String),
    Behind(String),
}

#[derive(Clone)]
struct Objects<'a> {
    bucket: &'a S3Bucket,
    prefix: String,
    paging: Paging<Marker>,
}

/// Lists a bucket as [`Source::list`](longhaul::store::Source::list) says.
pub(crate) fn list(bucket: &S3Bucket, request: ListRequest) -> BoxStream<'_, Page> {
    let paging = Paging::from(request.start_after.map(Marker::Behind));
    pages::repeating_stream(Objects { bucket, prefix: request.prefix, paging })
}

impl Pages for Objects<'_> {
    type Line = Listed;

    async fn next(&mut self) -> Result<(Vec<Listed>, bool), StoreError> {
        let (token, behind) = match self.paging.asked().cloned() {
            None => (None, None),
            Some(Marker::Token(token)) => (Some(token), None),
            Some(Marker::Behind(key)) => (None, Some(key)),
        };
        let bucket = self.bucket;
        let request = bucket
            .client
            .list_objects_v2()
            .bucket(&bucket.location.bucket)
            .prefix(&self.prefix)
            .set_start_after(behind)
            .set_continuation_token(token)
            .set_request_payer(bucket.payer())
            .encoding_type(EncodingType::Url);
        let answer = request.send().await.map_err(|error| store_error(OPERATION, error).at(&bucket.location))?;
        self.page(answer).map_err(|error| error.at(&bucket.location))
    }
}

impl Objects<'_> {
    fn page(&mut self, answer: ListObjectsV2Output) -> Result<(Vec<Listed>, bool), StoreError> {
        let encoded = answer.encoding_type == Some(EncodingType::Url);
        let contents = answer.contents.unwrap_or_default().into_iter();
        let lines = contents.map(|object| line(object, encoded)).collect::<Result<Vec<_>, _>>()?;
        let last = lines.last().map(|line| line.key.as_str().to_owned());
        let end = PageEnd {
            truncated: answer.is_truncated,
            next: given(answer.next_continuation_token).map(Marker::Token),
            behind_last: last.clone().map(Marker::Behind),
            lines: lines.len(),
            most_lines: most_lines(answer.max_keys),
            names_what_was_asked: answer.name.is_some() || answer.key_count.is_some(),
        };
        let more = pages::has_more(OPERATION, &mut self.paging, last, end)?;
        Ok((lines, more))
    }
}

fn line(object: Object, encoded: bool) -> Result<Listed, StoreError> {
    let broken = |what: &str| malformed(OPERATION, what);
    let text = object.key.as_deref().ok_or_else(|| broken("a line without a key"))?;
    let key = listed_key(text, encoded).map_err(|error| broken("a key that cannot be read").caused_by(error))?;
    let size = object.size.and_then(|size| u64::try_from(size).ok());
    Ok(Listed {
        key,
        size: size.ok_or_else(|| broken("a line without a size"))?,
        etag: object.e_tag.as_deref().map(ETag::new),
        modified: timestamp(object.last_modified.as_ref()),
        version_id: None,
    })
}
