//! What the requests to the stores say of bytes.

use std::collections::BTreeMap;

use serverless::{Cloud, OTHER_BUCKET, OWN_BUCKET};
use test_s3::RequestRecord;

/// Requests so far that carry an object's bytes.
pub fn bodies(cloud: &Cloud) -> u64 {
    cloud.own.count("GetObject") + cloud.other.count("PutObject") + cloud.other.count("UploadPart")
}

/// Each of so many parts was taken once, and never sent again behind that.
pub fn assert_no_accepted_part_is_sent_again(cloud: &Cloud, parts: u64) {
    let requests = cloud.other.requests();
    let mut sent: BTreeMap<u16, Vec<&RequestRecord>> = BTreeMap::new();
    for request in requests.iter().filter(|request| request.operation == "UploadPart") {
        sent.entry(request.part_number.expect("a part has a number")).or_default().push(request);
    }
    assert_eq!(sent.len() as u64, parts, "parts of the plan");
    for (number, tries) in sent {
        let taken: Vec<_> = tries.iter().map(|request| request.effect_happened).collect();
        let taken_once = taken.iter().filter(|taken| **taken).count() == 1;
        assert!(taken_once && taken.last() == Some(&true), "part {number}, in the order of its tries: {taken:?}");
    }
}

/// The copy has the bytes of its source as it is now, and was written once.
pub fn assert_whole(cloud: &Cloud, key: &str) {
    let source = cloud.own.store().sha256(OWN_BUCKET, key);
    assert!(source.is_some(), "there is no source {key}");
    assert_eq!(cloud.other.store().sha256(OTHER_BUCKET, key), source, "{key} is not its source as it is now");
    assert_eq!(cloud.other.store().versions(OTHER_BUCKET, key).len(), 1, "{key} was written more than once");
}

/// No upload was left behind.
pub fn assert_no_uploads(cloud: &Cloud) {
    assert_eq!(cloud.other.store().uploads(OTHER_BUCKET), [], "left behind");
}

/// Both: the copy is whole, and no upload is left over.
pub fn assert_arrived(cloud: &Cloud, key: &str) {
    assert_whole(cloud, key);
    assert_no_uploads(cloud);
}
