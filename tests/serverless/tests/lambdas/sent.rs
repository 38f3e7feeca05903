//! What the requests to the stores say of bytes.

use std::collections::BTreeMap;

use serverless::{Cloud, OTHER_BUCKET, OWN_BUCKET};
use test_s3::RequestRecord;

/// Requests so far that carry an object's bytes.
pub fn bodies(cloud: &Cloud) -> u64 {
    cloud.own.count("GetObject") + cloud.other.count("PutObject") + cloud.other.count("UploadPart")
}

/// Each of so many parts was taken once, and never sent again behind that.
pub fn no_accepted_part_is_sent_again(cloud: &Cloud, parts: u64) {
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

/// The copy is one version with the bytes of its source, and no upload is left over.
pub fn is_whole(cloud: &Cloud, key: &str) {
    let source = cloud.own.store().sha256(OWN_BUCKET, key);
    assert!(source.is_some(), "there is no source");
    assert_eq!(cloud.other.store().sha256(OTHER_BUCKET, key), source, "other bytes than those of the source");
    assert_eq!(cloud.other.store().versions(OTHER_BUCKET, key).len(), 1, "versions of the copy");
    assert_eq!(cloud.other.store().uploads(OTHER_BUCKET), [], "unfinished uploads");
}
