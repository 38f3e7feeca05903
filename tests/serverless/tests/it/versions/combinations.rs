//! All combinations: with each, a small and a large object of every kind of bucket are compared, copied, copied anew.
//!
//! The large object's first leg ends in the middle, and before the second one another object of the same size takes its
//! place. After both have arrived, both are replaced by others of the same size, and compared again.

use serverless::{OTHER_BUCKET, deliver, within, work_off};
use test_s3::{FaultCounter, FaultKind, FaultRule};

use crate::{
    scene::PLENTY,
    versions::lab::{KINDS, Kind, Lab, Permission, Switch, Switches, real},
};

/// Everything, with these switches of the worker and either of the jobsender.
async fn assert_arrives_whole_and_newest(update_version_id: Switch, get_object_with_version_id: Switch) {
    for jobsender_compare_version_id in [Switch::Off, Switch::On] {
        let switches = Switches { jobsender_compare_version_id, update_version_id, get_object_with_version_id };
        let Some(lab) = Lab::start(switches).await else { return };
        let replaced = copy_all(&lab).await;
        for (kind, old_version) in KINDS.iter().zip(replaced) {
            assert_arrived(&lab, *kind).await;
            assert_reads(&lab, *kind, &old_version);
        }
        assert_second_comparison(&lab).await;
        assert_eq!(lab.cloud.parked.depth().await.visible, 0, "{switches:?}: something was parked");
        let uploads = lab.cloud.other.store().uploads(OTHER_BUCKET);
        assert!(uploads.is_empty(), "{switches:?}: left behind were {uploads:?}");
        assert_eq!(lab.worker.plain_lines(), [""; 0], "{switches:?}: something panicked");
    }
}

/// Copies everything; what is large is replaced between its two legs. The versions that were there before.
async fn copy_all(lab: &Lab) -> Vec<String> {
    let ends: Vec<FaultCounter> = KINDS.iter().map(|kind| end_first_leg(lab, *kind)).collect();
    let report = lab.compare().await;
    assert_eq!((&report["gate"], &report["sent"]), (&"open".into(), &12.into()), "{:?}: {report}", lab.switches);
    let mut replaced: Vec<Option<String>> = vec![None; KINDS.len()];
    within("everything is copied", async {
        while lab.has_jobs().await {
            deliver(&lab.worker, &lab.cloud.jobs, 10, PLENTY).await;
            for ((kind, end), replaced) in KINDS.iter().zip(&ends).zip(&mut replaced) {
                if end.count() == 1 && replaced.is_none() {
                    let copy = lab.cloud.other.store().get(OTHER_BUCKET, &kind.destination("large"));
                    assert!(copy.is_none(), "{}: there is a copy after half a leg", lab.case(*kind));
                    *replaced = Some(lab.replace(*kind, "large"));
                }
            }
        }
    })
    .await;
    let replaced = replaced.into_iter().zip(KINDS);
    replaced.map(|(old, kind)| old.unwrap_or_else(|| panic!("{}: the leg did not end", lab.case(kind)))).collect()
}

/// Lets the second part of the large object fail once.
fn end_first_leg(lab: &Lab, kind: Kind) -> FaultCounter {
    let rule = FaultRule::new(FaultKind::Status500).on("UploadPart").of_key(&kind.destination("large"));
    lab.cloud.other.faults().add(rule.after(1).times(1))
}

/// Both copies are their sources as they are now, written once, and the table has their versions.
async fn assert_arrived(lab: &Lab, kind: Kind) {
    let case = lab.case(kind);
    for key in ["small", "large"] {
        let [source, copy] = lab.both(kind, key);
        assert!(copy.is_some() && copy == source, "{case}: {key} is {copy:?}, its source {source:?}");
        assert_eq!(lab.writes(kind, key), 1, "{case}: {key} was written more than once");
        let version = lab.cloud.own.store().get(kind.bucket, key).and_then(|object| real(&object.version_id));
        assert_eq!(lab.recorded_version(kind, key).await, version, "{case}: the table's version of {key}");
    }
}

/// Every part is read under the ETag of its pin; and by version, where that is asked for, possible and permitted.
fn assert_reads(lab: &Lab, kind: Kind, old_version: &str) {
    let case = lab.case(kind);
    let (refused, answered): (Vec<_>, Vec<_>) = lab.reads(kind).into_iter().partition(|read| read.status == 403);
    assert!(answered.iter().all(|read| (200..300).contains(&read.status)), "{case}: {answered:?}");
    assert!(answered.iter().all(|read| read.if_match.is_some()), "{case}: a read without If-Match: {answered:?}");
    let now = lab.cloud.own.store().get(kind.bucket, "large").expect("the test made it");
    let new_version = now.version_id.as_str();
    // Each leg reads both parts.
    let pins = [old_version, old_version, new_version, new_version].map(real);
    let wished = lab.switches.get_object_with_version_id == Switch::On;
    let by_version = wished && kind.permission == Permission::Granted;
    let expected = pins.clone().map(|pin| pin.filter(|_| by_version)).to_vec();
    let versions: Vec<_> = answered.into_iter().map(|read| read.version_id).collect();
    assert_eq!(versions, expected, "{case}: the versions of the reads");
    // A leg tries once.
    let tries = [pins[0].clone(), pins[2].clone()].into_iter().flatten().count();
    let expected = if wished && kind.permission == Permission::Denied { tries } else { 0 };
    assert_eq!(refused.len(), expected, "{case}: the refused reads");
}

/// Another object of the same size is found by the next comparison if versions are compared, by their ETags where there
/// are none or they may not be listed; by size alone it is not.
async fn assert_second_comparison(lab: &Lab) {
    let before = KINDS.map(|kind| ["small", "large"].map(|key| lab.both(kind, key)[1].clone()));
    for kind in KINDS {
        lab.replace(kind, "small");
        lab.replace(kind, "large");
    }
    let report = lab.compare().await;
    let finds = lab.switches.jobsender_compare_version_id == Switch::On;
    assert_eq!(report["sent"], if finds { 12 } else { 0 }, "{:?}: {report}", lab.switches);
    work_off(&lab.worker, &lab.cloud.jobs, PLENTY).await;
    for (index, kind) in KINDS.into_iter().enumerate() {
        let (case, route) = (lab.case(kind), &report["routes"][index]);
        let (found_by, why) = match (finds, kind.permission) {
            (true, Permission::Granted) => ("version", &route["why"]["version"]),
            (true, Permission::Denied) => ("etag", &route["why"]["version"]),
            (false, _) => ("size", &route["same"]),
        };
        assert_eq!((&route["compared_by"], why), (&found_by.into(), &2.into()), "{case}: {route}");
        for (place, key) in ["small", "large"].into_iter().enumerate() {
            let [source, copy] = lab.both(kind, key);
            let expected = if finds { &source } else { &before[index][place] };
            assert_eq!(&copy, expected, "{case}: {key} after the second comparison");
            assert_eq!(lab.writes(kind, key), if finds { 2 } else { 1 }, "{case}: the writes of {key}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_arrives_whole_and_newest_without_any_switch_of_the_worker() {
    assert_arrives_whole_and_newest(Switch::Off, Switch::Off).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_arrives_whole_and_newest_with_update_version_id() {
    assert_arrives_whole_and_newest(Switch::On, Switch::Off).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_arrives_whole_and_newest_with_get_object_with_version_id() {
    assert_arrives_whole_and_newest(Switch::Off, Switch::On).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_arrives_whole_and_newest_with_both_switches_of_the_worker() {
    assert_arrives_whole_and_newest(Switch::On, Switch::On).await;
}
