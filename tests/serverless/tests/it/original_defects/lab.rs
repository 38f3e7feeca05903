//! What the tests of defects have in common: a cloud for objects of two sizes, and legs that end in the middle.

use serverless::{Cloud, Setup};
use test_s3::{FaultKind, FaultRule};

/// A cloud for large objects.
pub async fn cloud() -> Option<Cloud> {
    Cloud::required_as(Setup::cheap()).await
}

/// Lets one part fail, once, behind the first one.
pub fn end_leg_after_one_part(cloud: &Cloud, key: &str) {
    let rule = FaultRule::new(FaultKind::Status500).on("UploadPart").of_key(key);
    cloud.other.faults().add(rule.after(1).times(1));
}
