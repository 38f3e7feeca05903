//! Keys that systems like to change.

use serde_json::json;
use serverless::{Cloud, OTHER_BUCKET, OWN_BUCKET};

use crate::{
    jobsender::lab::copy_all,
    scene::{copy, jobsender, put, route, run},
};

const AWKWARD: [&str; 18] = [
    "a//b",
    "/lead",
    "//",
    "dir/",
    ".",
    "..",
    "../up",
    "a/./b",
    "a/../b",
    "plus+percent%2B%and&more=?#;",
    "a space, trailing ",
    "\"quotes\" 'and' <tags>",
    "back\\slash[set]{brace}*?",
    "日本語/ü",
    "combined/u\u{308}",
    "\u{1f600}",
    "control\u{1}\ttab\nline\r\u{7f}",
    "no character \u{fffe}\u{ffff}",
];

#[tokio::test(flavor = "multi_thread")]
async fn awkward_keys_are_sent_once_and_found_the_same_by_the_next_run() {
    let Some(cloud) = Cloud::required().await else { return };
    for key in AWKWARD {
        put(&cloud, key, &format!("content of {key:?}"));
    }
    cloud.parameters.set_routes(&json!([route(OWN_BUCKET, "", OTHER_BUCKET, "p")])).await;
    let jobsender = jobsender(&cloud).await;
    let report = run(&jobsender).await;
    assert_eq!(report["sent"], AWKWARD.len(), "{report}");
    copy_all(&cloud).await;

    let mut expected = AWKWARD.map(|key| format!("p/{key}"));
    expected.sort_unstable();
    assert_eq!(cloud.other.store().keys(OTHER_BUCKET), expected);
    for key in AWKWARD {
        assert_eq!(copy(&cloud, &format!("p/{key}")), Some(format!("content of {key:?}")), "{key:?}");
    }
    let report = run(&jobsender).await;
    let same = &report["routes"][0]["same"];
    assert_eq!((&report["sent"], same), (&0.into(), &AWKWARD.len().into()), "{report}");
    assert_eq!(cloud.parked.depth().await.visible, 0, "something was parked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_gets_too_long_is_counted_and_named() {
    let Some(cloud) = Cloud::required().await else { return };
    // S3's longest key has no room for a prefix.
    put(&cloud, &"k".repeat(1024), "content");
    put(&cloud, "short", "content");
    cloud.parameters.set_routes(&json!([route(OWN_BUCKET, "", OTHER_BUCKET, "p")])).await;
    let jobsender = jobsender(&cloud).await;
    let report = run(&jobsender).await;
    assert_eq!((&report["sent"], &report["skipped"]), (&1.into(), &json!({ "invalid-key": 1 })), "{report}");
    let named = |line: &serde_json::Value| line["level"] == "WARN" && line["reason"] == "invalid-key";
    jobsender.logged("the key is named", named).await;
}
