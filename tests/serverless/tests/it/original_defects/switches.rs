//! Defect 2: "UpdateVersionId on a bucket without versioning: objects above 5 MiB are acknowledged, not copied, their uploads
//! left behind."
//!
//! Defect 3: "UpdateVersionId with GetObjectWithVersionId fails every object up to 5 MiB."

use serverless::OWN_BUCKET;
use test_s3::Versioning;

use crate::{
    original_defects::lab::cloud,
    scene::{LARGE, assert_acknowledged, assert_arrived, copy, in_parts, put, put_large_and_tell, tell, worker},
};

#[tokio::test(flavor = "multi_thread")]
async fn defect_02_update_version_id_on_a_bucket_without_versions_copies_large_objects() {
    let Some(cloud) = cloud().await else { return };
    for get_with_version_id in ["False", "True"] {
        let environment = in_parts(&cloud).with("UpdateVersionId", "True");
        let worker = worker(&environment.with("GetObjectWithVersionId", get_with_version_id)).await;
        let key = format!("large-{get_with_version_id}");
        put_large_and_tell(&cloud, &key, 1, LARGE).await;
        assert_acknowledged(&worker, &cloud.events).await;
        assert_arrived(&cloud, &key);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_03_update_version_id_with_get_object_with_version_id_copies_small_objects() {
    let Some(cloud) = cloud().await else { return };
    let environment = cloud.worker_environment().with("UpdateVersionId", "True");
    let worker = worker(&environment.with("GetObjectWithVersionId", "True")).await;
    for versioning in [Versioning::Never, Versioning::Enabled, Versioning::Suspended] {
        cloud.own.store().create_bucket(OWN_BUCKET, versioning);
        for (name, content) in [("empty", ""), ("small", "content")] {
            let key = format!("{versioning:?}/{name}");
            put(&cloud, &key, content);
            tell(&cloud, &key).await;
            assert_acknowledged(&worker, &cloud.events).await;
            assert_eq!(copy(&cloud, &key).as_deref(), Some(content), "{key}");
        }
    }
}
