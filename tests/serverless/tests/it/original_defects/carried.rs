//! Defect 12: "Content type, metadata, tags and ACL are lost."

use std::collections::BTreeMap;

use serde_json::Value;
use serverless::{OTHER_BUCKET, OWN_BUCKET};
use test_s3::{ContentHeaders, Object, PutOptions};

use crate::{
    original_defects::lab::cloud,
    scene::{LARGE, assert_acknowledged, assert_whole, in_parts, line_of, tell, worker},
};

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Everything that can travel with an object.
fn options() -> PutOptions {
    PutOptions {
        headers: ContentHeaders {
            content_type: text("image/png"),
            cache_control: text("max-age=60"),
            content_disposition: text("attachment; filename=\"a.png\""),
            content_encoding: text("identity"),
            content_language: text("de"),
            expires: text("Thu, 01 Jan 2032 00:00:00 GMT"),
        },
        metadata: BTreeMap::from([("owner".to_owned(), "somebody".to_owned()), ("case".to_owned(), "7".to_owned())]),
        storage_class: None,
        tags: vec![("kind".to_owned(), "picture".to_owned())],
    }
}

/// Copies a small and a large object with all of that, and looks at each copy and at what the worker said of it.
async fn copied(mut look: impl FnMut(&str, &Object, &Value)) {
    let Some(cloud) = cloud().await else { return };
    let worker = worker(&in_parts(&cloud)).await;
    let large = vec![7_u8; usize::try_from(LARGE).expect("a few MiB")];
    for (key, bytes) in [("small", vec![1_u8, 2, 3]), ("large", large)] {
        cloud.own.store().put(OWN_BUCKET, key, bytes, options());
        tell(&cloud, key).await;
        assert_acknowledged(&worker, &cloud.events).await;
        assert_whole(&cloud, key);
        look(key, &cloud.other.store().get(OTHER_BUCKET, key).expect("it is copied"), &line_of(&worker, key));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_12_content_type_headers_and_metadata_travel_with_the_bytes() {
    copied(|key, copy, _| {
        assert_eq!(copy.options.headers, options().headers, "{key}");
        assert_eq!(copy.options.metadata, options().metadata, "{key}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_12_tags_arrive_or_are_said_to_be_left_behind() {
    copied(|key, copy, line| {
        let is_said = line.to_string().contains("tags");
        assert!(copy.options.tags == options().tags || is_said, "the tags of {key} are lost without a word: {line}");
    })
    .await;
}
