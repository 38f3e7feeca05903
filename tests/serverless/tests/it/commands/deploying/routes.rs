//! Routes that would copy for ever.

use serde_json::json;

use crate::commands::deploying::desk::{Desk, credentials};

fn route(prefix: &str) -> String {
    json!([{ "src_bucket": "photos", "src_prefix": prefix, "des_bucket": "photos", "des_prefix": "copies" }])
        .to_string()
}

#[tokio::test]
async fn a_destination_inside_its_own_source_is_refused_before_anything_is_made() {
    let Some(desk) = Desk::required().await else { return };
    let file = |name: &str, text: &str| desk.write(name, text).to_str().expect("a plain path").to_owned();
    let (whole, part) = (file("whole.json", &route("")), file("part.json", &route("2026/")));
    // Another region of the same partition has the same buckets; another partition has not.
    let (same, other) = (file("same.json", &credentials("eu-west-1")), file("other.json", &credentials("cn-north-1")));
    let deploy = async |routes: &str, credentials: &str, job_type: &str| {
        desk.deploy(&[("BUCKET_PARA_FILE", routes), ("CREDENTIALS_FILE", credentials), ("JOB_TYPE", job_type)]).await
    };
    for job_type in ["PUT", "GET"] {
        let refused = deploy(&whole, &same, job_type).await;
        refused
            .assert_ends(1, &["s3://photos/copies/ lies inside its own source s3://photos/", "nothing was changed"])
            .assert_made_nothing();
    }
    deploy(&part, &same, "PUT").await.assert_ends(0, &["is deployed"]);
    deploy(&whole, &other, "PUT").await.assert_ends(0, &["is deployed"]);
}

#[tokio::test]
async fn a_default_destination_inside_an_own_bucket_is_refused() {
    let parameters = [("BucketPara", "[]"), ("DesBucketDefault", "photos"), ("DesPrefixDefault", "copies")];
    let Some(desk) = Desk::with_stack(&parameters).await else { return };
    let same = desk.write("same.json", &credentials("eu-west-1"));
    let refused = desk.deploy(&[("CREDENTIALS_FILE", same.to_str().expect("a plain path"))]).await;
    refused.assert_ends(1, &["s3://photos/copies/ lies inside its own source s3://photos/"]).assert_made_nothing();
    desk.deploy(&[]).await.assert_ends(0, &[]);
}
