//! Defect 2: "UpdateVersionId on a bucket without versioning: objects above 5 MiB are acknowledged, not copied, their uploads
//! left behind."
//!
//! Defect 3: "UpdateVersionId with GetObjectWithVersionId fails every object up to 5 MiB."

use serverless::OWN_BUCKET;
use test_s3::{PutOptions, Versioning};

use crate::lab::{LARGE, acknowledged, cloud, copy, in_parts, is_whole, no_uploads, put_large_and_tell, tell, worker};

#[tokio::test(flavor = "multi_thread")]
async fn defect_02_update_version_id_on_a_bucket_without_versions_copies_large_objects() {
    let test = "defect_02_update_version_id_on_a_bucket_without_versions_copies_large_objects";
    let Some(cloud) = cloud(test).await else { return };
    for get_with_version_id in ["False", "True"] {
        let environment = in_parts(&cloud).with("UpdateVersionId", "True");
        let worker = worker(&environment.with("GetObjectWithVersionId", get_with_version_id)).await;
        let key = format!("large-{get_with_version_id}");
        put_large_and_tell(&cloud, &key, 1, LARGE).await;
        acknowledged(&worker, &cloud.events).await;
        is_whole(&cloud, &key);
        no_uploads(&cloud);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_03_update_version_id_with_get_object_with_version_id_copies_small_objects() {
    let test = "defect_03_update_version_id_with_get_object_with_version_id_copies_small_objects";
    let Some(cloud) = cloud(test).await else { return };
    let environment = cloud.worker_environment().with("UpdateVersionId", "True");
    let worker = worker(&environment.with("GetObjectWithVersionId", "True")).await;
    for versioning in [Versioning::Never, Versioning::Enabled, Versioning::Suspended] {
        cloud.own.store().create_bucket(OWN_BUCKET, versioning);
        for (name, content) in [("empty", ""), ("small", "content")] {
            let key = format!("{versioning:?}/{name}");
            cloud.own.store().put(OWN_BUCKET, &key, content, PutOptions::default());
            tell(&cloud, &key).await;
            acknowledged(&worker, &cloud.events).await;
            assert_eq!(copy(&cloud, &key).as_deref(), Some(content), "{key}");
        }
    }
}
