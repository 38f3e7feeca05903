//! What the requests say of parts.

use std::collections::BTreeSet;

use test_s3::RequestRecord;

/// Upload id and number of every part that the store took and said so.
#[must_use]
pub fn accepted_parts(requests: &[RequestRecord]) -> BTreeSet<(String, u16)> {
    let accepted = requests.iter().filter(|request| request.status == 200 && request.effect_happened);
    accepted.filter_map(part).collect()
}

/// Upload id and number of every part that was begun to be sent, in the order of arrival.
#[must_use]
pub fn arrived_parts(requests: &[RequestRecord]) -> Vec<(String, u16)> {
    requests.iter().filter_map(part).collect()
}

fn part(request: &RequestRecord) -> Option<(String, u16)> {
    (request.operation == "UploadPart").then(|| Some((request.upload_id.clone()?, request.part_number?)))?
}
