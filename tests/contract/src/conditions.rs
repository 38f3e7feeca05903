//! Conditional writes, where they are offered.
//!
//! Whatever did not hold, the answer is `PreconditionFailed`, and what was there is still there. S3 itself answers
//! `If-Match` on a missing key with 404; an adapter turns that into the one kind too, for *not found* would blame the
//! source.

use bytes::Bytes;
use longhaul::{
    object::ETag,
    store::{Condition, Destination, ErrorKind, Upload, UploadedPart},
};

use crate::steps::{abandon, assert_absent, begin, bytes_of, complete, done, head, put, refusal, send, try_put};

const OLD: &[u8] = b"what was there";
static NEW: Bytes = Bytes::from_static(b"the new bytes");

/// All checks of this module; none where conditions are not offered.
pub async fn all<D: Destination>(store: &D) {
    if !store.capabilities().conditional_writes {
        return;
    }
    a_put_if_absent_makes_an_object(store).await;
    a_put_if_absent_replaces_nothing(store).await;
    a_put_if_match_replaces_the_object_it_names(store).await;
    a_put_if_match_replaces_no_other_object(store).await;
    a_put_if_match_makes_nothing(store).await;
    a_completion_if_absent_makes_an_object(store).await;
    a_completion_if_absent_replaces_nothing(store).await;
    a_completion_if_match_replaces_the_object_it_names(store).await;
    a_completion_if_match_replaces_no_other_object(store).await;
    a_completion_if_match_makes_nothing(store).await;
}

/// The tag of an object that is there no more.
async fn stale_tag<D: Destination>(store: &D, name: &str) -> ETag {
    put(store, name, "an earlier object").await;
    let stale = head(store, name).await.etag;
    put(store, name, OLD).await;
    stale
}

async fn tag_of<D: Destination>(store: &D, name: &str) -> ETag {
    put(store, name, OLD).await;
    head(store, name).await.etag
}

async fn put_is_refused<D: Destination>(store: &D, name: &str, condition: &Condition) {
    let answer = try_put(store, name, condition, &NEW).await;
    let kind = refusal(&format!("put of {name:?} on {condition:?}"), answer);
    assert_eq!(kind, ErrorKind::PreconditionFailed, "put of {name:?} on {condition:?}");
}

/// Nothing is there.
pub async fn a_put_if_absent_makes_an_object<D: Destination>(store: &D) {
    done("put if absent", try_put(store, "conditions/new", &Condition::IfAbsent, &NEW).await);
    assert_eq!(bytes_of(store, "conditions/new").await, NEW);
}

/// Something is there.
pub async fn a_put_if_absent_replaces_nothing<D: Destination>(store: &D) {
    put(store, "conditions/present", OLD).await;
    put_is_refused(store, "conditions/present", &Condition::IfAbsent).await;
    assert_eq!(bytes_of(store, "conditions/present").await, OLD);
}

/// The tag is the one that is there.
pub async fn a_put_if_match_replaces_the_object_it_names<D: Destination>(store: &D) {
    let condition = Condition::IfMatch(tag_of(store, "conditions/match").await);
    done("put if match", try_put(store, "conditions/match", &condition, &NEW).await);
    assert_eq!(bytes_of(store, "conditions/match").await, NEW);
}

/// The tag was the one that was there.
pub async fn a_put_if_match_replaces_no_other_object<D: Destination>(store: &D) {
    let condition = Condition::IfMatch(stale_tag(store, "conditions/stale").await);
    put_is_refused(store, "conditions/stale", &condition).await;
    assert_eq!(bytes_of(store, "conditions/stale").await, OLD);
}

/// Nothing is there to match.
pub async fn a_put_if_match_makes_nothing<D: Destination>(store: &D) {
    let condition = Condition::IfMatch(tag_of(store, "conditions/elsewhere").await);
    put_is_refused(store, "conditions/nothing", &condition).await;
    assert_absent(store, "conditions/nothing").await;
}

async fn uploaded<D: Destination>(store: &D, name: &str) -> (Upload, [UploadedPart; 1]) {
    let upload = begin(store, name).await;
    let part = send(store, &upload, 1, &NEW).await;
    (upload, [part])
}

async fn is_completed<D: Destination>(store: &D, name: &str, condition: Condition) {
    let (upload, parts) = uploaded(store, name).await;
    let step = format!("completion of {name:?} on {condition:?}");
    done(&step, complete(store, &upload, &parts, &NEW, condition).await);
    assert_eq!(bytes_of(store, name).await, NEW, "{step}");
}

async fn completion_is_refused<D: Destination>(store: &D, name: &str, condition: Condition) {
    let (upload, parts) = uploaded(store, name).await;
    let step = format!("completion of {name:?} on {condition:?}");
    let answer = complete(store, &upload, &parts, &NEW, condition).await;
    assert_eq!(refusal(&step, answer), ErrorKind::PreconditionFailed, "{step}");
    abandon(store, &upload).await;
}

/// Nothing is there.
pub async fn a_completion_if_absent_makes_an_object<D: Destination>(store: &D) {
    is_completed(store, "conditions/upload-new", Condition::IfAbsent).await;
}

/// Something is there, put there after the upload began or before.
pub async fn a_completion_if_absent_replaces_nothing<D: Destination>(store: &D) {
    put(store, "conditions/upload-present", OLD).await;
    completion_is_refused(store, "conditions/upload-present", Condition::IfAbsent).await;
    assert_eq!(bytes_of(store, "conditions/upload-present").await, OLD);

    let (upload, parts) = uploaded(store, "conditions/upload-overtaken").await;
    put(store, "conditions/upload-overtaken", OLD).await;
    let answer = complete(store, &upload, &parts, &NEW, Condition::IfAbsent).await;
    assert_eq!(refusal("completion of an overtaken upload", answer), ErrorKind::PreconditionFailed);
    abandon(store, &upload).await;
    assert_eq!(bytes_of(store, "conditions/upload-overtaken").await, OLD);
}

/// The tag is the one that is there.
pub async fn a_completion_if_match_replaces_the_object_it_names<D: Destination>(store: &D) {
    let tag = tag_of(store, "conditions/upload-match").await;
    is_completed(store, "conditions/upload-match", Condition::IfMatch(tag)).await;
}

/// The tag was the one that was there.
pub async fn a_completion_if_match_replaces_no_other_object<D: Destination>(store: &D) {
    let tag = stale_tag(store, "conditions/upload-stale").await;
    completion_is_refused(store, "conditions/upload-stale", Condition::IfMatch(tag)).await;
    assert_eq!(bytes_of(store, "conditions/upload-stale").await, OLD);
}

/// Nothing is there to match.
pub async fn a_completion_if_match_makes_nothing<D: Destination>(store: &D) {
    let tag = tag_of(store, "conditions/elsewhere").await;
    completion_is_refused(store, "conditions/upload-nothing", Condition::IfMatch(tag)).await;
    assert_absent(store, "conditions/upload-nothing").await;
}
