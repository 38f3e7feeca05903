//! The promises, as checks: when a message is acknowledged, when a scan says that it is complete, and at the end.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use longhaul::{
    copy::CopyJob,
    jobsender::RunReport,
    ledger::{Record, SegmentRef, State},
    memory::Memory,
    object::{ETag, ObjectInfo, ObjectKey, Timestamp},
    queue::{QueueMessage, message},
    store::Source,
    worker::{DeletePolicy, Task},
};

use crate::{
    executor::ProcessId,
    history::{History, SourceId, Version},
    oracle::{Kept, Oracle, Shown},
    proofs,
    queue::Parked,
    scenario::Make,
    stage::Stage,
};

/// A message is about to be deleted: everything it asked for must have a durable outcome.
pub fn acknowledged(stage: &Stage, message: &QueueMessage, began: Duration) -> Result<(), String> {
    let Ok(parsed) = message::parse(&message.body) else {
        let parked = stage.parked().iter().any(|parked| parked.body == message.body)
            || stage.queues.iter().any(|queue| queue.has_another(&message.body, &message.receipt));
        let words = || format!("never lost: {} is malformed, acknowledged and not parked", message.id);
        return parked.then_some(()).ok_or_else(words);
    };
    let rules = stage.rules();
    for entry in &parsed.entries {
        let job = match rules.task(entry) {
            Task::Copy(_, job) => job,
            Task::Segment(_, job, at) => {
                segment_acknowledged(stage, &job, &at, message)?;
                continue;
            }
            Task::Delete(..) | Task::Nothing(_) | Task::Park(_) => continue,
        };
        let source =
            SourceId { bucket: stage.source.location().bucket.clone(), key: job.source_key.as_str().to_owned() };
        if !has_outcome(stage, &source, job.destination_key.as_str(), message, began) {
            let record = stage.world.oracle().records().get(job.destination_key.as_str()).cloned();
            return Err(format!(
                "never lost: {} is acknowledged without a durable outcome of {}: the record is {:?}",
                message.receipt,
                source.key,
                record.map(|kept| (kept.at, kept.record.state, kept.record.reason)),
            ));
        }
    }
    Ok(())
}

/// A segment is done when it is marked; and if all are, somebody must complete the object, or have done so.
fn segment_acknowledged(stage: &Stage, job: &CopyJob, at: &SegmentRef, message: &QueueMessage) -> Result<(), String> {
    let token = Stage::token_of(job.source_key.as_str()).unwrap_or_default();
    if stage.queues.iter().any(|queue| queue.has_another(token, &message.receipt)) {
        return Ok(());
    }
    let oracle = stage.world.oracle();
    let Some(kept) = oracle.records().get(job.destination_key.as_str()) else { return Ok(()) };
    let record = &kept.record;
    let Some(segments) = &record.segments else { return Ok(()) };
    let is_its = record.state.is_open()
        && record.generation == at.generation
        && record.upload.as_ref().is_some_and(|upload| upload.id == at.upload_id);
    if !is_its || stage.parked().iter().any(|parked| parked.body.contains(token)) {
        return Ok(());
    }
    let what = if !segments.is_done(at.segment) { "is not marked" } else { "was the last, and nobody completes" };
    Err(format!("never lost: {} is acknowledged, its segment {} {what}: {record:?}", message.receipt, at.segment))
}

fn has_outcome(stage: &Stage, source: &SourceId, place: &str, message: &QueueMessage, began: Duration) -> bool {
    let token = Stage::token_of(&source.key).unwrap_or_default();
    let parked = stage.parked().iter().any(|parked| parked.at >= began && parked.body.contains(token));
    let waits = stage.queues.iter().any(|queue| queue.has_another(token, &message.receipt));
    if parked || waits {
        return true;
    }
    let oracle = stage.world.oracle();
    let Some(history) = oracle.history(source) else { return true };
    if history.was_absent_since(began) {
        return true;
    }
    oracle.records().get(place).is_some_and(|kept| {
        let same_source = kept.record.source.key.as_str() == source.key;
        // What was closed before was found to be true still, or was closed by this delivery.
        let fresh = kept.at >= began || history.was_since(&kept.record.source.pin.etag, began);
        !kept.record.state.is_open() && (fresh || !same_source)
    })
}

/// A run says what it sent.
pub fn sent(stage: &Stage, process: ProcessId, report: &RunReport) -> Result<(), String> {
    let sent = stage.world.oracle().entries_sent(process);
    if report.sent > sent {
        return Err(format!("never lost: a scan reports {} sent objects, the queue has {sent}", report.sent));
    }
    Ok(())
}

/// When nothing goes wrong any more, nothing is parked but what nobody could do: what is no message, and what wants a place that
/// another source has.
pub fn parked_rightly(stage: &Stage) -> Result<(), String> {
    let oracle = stage.world.oracle();
    let is_shared = |parked: &Parked| {
        let shared = oracle.places().iter().filter(|(_, sources)| sources.len() > 1);
        shared.into_iter().any(|(place, _)| Stage::token_of(place).is_some_and(|token| parked.body.contains(token)))
            || oracle
                .places()
                .values()
                .filter(|sources| sources.len() > 1)
                .flatten()
                .any(|source| Stage::token_of(&source.key).is_some_and(|token| parked.body.contains(token)))
    };
    let is_right = |parked: &Parked| match parked.reason.as_ref().map(|reason| reason.code.as_str()) {
        Some("malformed") => message::parse(&parked.body).is_err(),
        Some("collision") => is_shared(parked),
        Some("unordered-listing") => stage.scenario.is_unordered(),
        Some(_) | None => false,
    };
    match stage.parked().iter().find(|parked| !is_right(parked)) {
        Some(parked) => Err(format!("never lost: parked, and nothing stood in the way: {parked:?}")),
        None => Ok(()),
    }
}

/// Every write and deletion was told by an event, and what was parked was sent again: without any scan the copies must be there,
/// unless others have touched them.
pub fn before_the_scans(stage: &Stage) -> Result<(), String> {
    let oracle = stage.world.oracle();
    for (place, sources) in oracle.places() {
        let [source] = sources.as_slice() else { continue };
        let Some(history) = oracle.history(source) else { continue };
        let there = stage.destination.bytes(place);
        let by_others = |(_, shown): &(Duration, Shown)| {
            matches!(
                shown,
                Shown::Others { .. } | Shown::Deleted { by_product: false, .. } | Shown::Deleted { late: true, .. }
            )
        };
        let Some(current) = history.current() else { continue };
        let arrived = there.as_ref() == Some(&current.bytes);
        // Nor on one with conditions, if its bytes, and so its tag, were those of an older version.
        let had_tag = history.had_before(&current.etag);
        let late = there.is_some() && (stage.scenario.destination == Make::Old || had_tag);
        if !arrived && !late && !oracle.shown(place).iter().any(by_others) {
            return Err(format!(
                "never lost: without a scan {} has not arrived at {place}, of {} bytes since {:?}. Shown: {:?}",
                source.key,
                current.bytes.len(),
                current.written,
                brief(oracle.shown(place)),
            ));
        }
    }
    Ok(())
}

/// Everything that must hold when all is quiet.
pub fn at_the_end(stage: &Stage) -> Result<(), String> {
    let oracle = stage.world.oracle();
    for (place, sources) in oracle.places() {
        object(stage, &oracle, place, sources)?;
    }
    for (place, kept) in oracle.records() {
        record(stage, &oracle, place, kept)?;
    }
    for upload in stage.destination.uploads() {
        let kept = oracle.records().get(upload.key.as_str());
        // What is parked keeps its upload, for those who help and redrive.
        let of_parked = kept.is_some_and(|kept| {
            let named = kept.record.upload.as_ref().map(|planned| planned.id == upload.id);
            // One without a name is found by the intent.
            let parked = kept.record.state == State::Parked
                || (kept.record.state.is_open() && is_parked_since(stage, upload.key.as_str(), &kept.record));
            named.unwrap_or(kept.record.intent.is_some()) && parked
        });
        // Created by a zombie behind everybody's back: only the bucket's lifecycle rule can know of it.
        if !of_parked && !oracle.is_zombie(&upload.id) {
            return Err(format!("an upload is left behind: {} {}; the record is {kept:?}", upload.key, upload.id));
        }
    }
    Ok(())
}

/// Never lost, and deletions by policy.
fn object(stage: &Stage, oracle: &Oracle, place: &str, sources: &[SourceId]) -> Result<(), String> {
    let kept = oracle.records().get(place).map(|kept| &kept.record);
    let Some(source) = sources.iter().find(|source| Stage::token_of(&source.key) == Stage::token_of(place)) else {
        return Ok(());
    };
    if sources.len() > 1 && kept.is_some_and(|record| record.source.key.as_str() != source.key) {
        // The place belongs to another source, which came first; this one is counted as a collision by every scan.
        return Ok(());
    }
    let Some(history) = oracle.history(source) else { return Ok(()) };
    let there = stage.destination.bytes(place);
    match history.current() {
        Some(current) if there.as_ref() == Some(&current.bytes) => {
            let by_product = matches!(oracle.shown(place).last(), Some((_, Shown::Copy { .. })));
            if by_product && kept.is_none() && !is_parked(stage, source, kept, current) {
                return Err(format!("never silent: the ledger knows nothing of the copy at {place}"));
            }
            headers(stage, oracle, source, place, kept)
        }
        Some(current) if is_excused(stage, oracle, place, current, there.as_ref()) => Ok(()),
        Some(current) if is_parked(stage, source, kept, current) => Ok(()),
        Some(current) => Err(format!(
            "never lost: {} is not at {place}. It has {} bytes since {:?}; there: {:?}. Shown: {:?}. Record: {kept:?}",
            source.key,
            current.bytes.len(),
            current.written,
            there.map(|bytes| bytes.len()),
            brief(oracle.shown(place)),
        )),
        None => gone(stage, oracle, place, oracle.records().get(place), source),
    }
}

/// What nobody could see: others replaced the copy by as many bytes; or, on a store without conditions, an older copy came late.
fn is_excused(stage: &Stage, oracle: &Oracle, place: &str, current: &Version, there: Option<&Bytes>) -> bool {
    let Some(there) = there.filter(|there| there.len() == current.bytes.len()) else { return false };
    let shown = oracle.shown(place);
    let arrived =
        shown.iter().position(|(_, shown)| matches!(shown, Shown::Copy { bytes, .. } if *bytes == current.bytes));
    let Some(arrived) = arrived else { return false };
    match shown.last() {
        Some((_, Shown::Others { bytes })) => bytes == there && arrived < shown.len(),
        Some((_, Shown::Copy { .. })) => stage.scenario.destination == Make::Old,
        Some((_, Shown::Deleted { .. })) | None => false,
    }
}

fn is_parked(stage: &Stage, source: &SourceId, kept: Option<&Record>, current: &Version) -> bool {
    let token = Stage::token_of(&source.key).unwrap_or_default();
    let parked = stage.parked().iter().any(|parked| parked.body.contains(token) && parked.at >= current.written);
    let recorded = kept.is_some_and(|record| {
        record.state == State::Parked && record.source.pin.etag == current.etag && record.reason.is_some()
    });
    parked || recorded
}

/// By policy a copy is deleted with its source, if the ledger knows it as a copy.
fn gone(stage: &Stage, oracle: &Oracle, place: &str, kept: Option<&Kept>, source: &SourceId) -> Result<(), String> {
    let there = etag(stage, place);
    let known = there.is_some()
        && kept.map(|kept| &kept.record).is_some_and(|record| {
            let copied = record.destination.as_ref().and_then(|copied| copied.etag.as_ref());
            matches!(record.state, State::Done | State::Gone)
                && record.source.key.as_str() == source.key
                && copied == there.as_ref()
        });
    // On a store without conditions a copy can come late, behind the deletion.
    let in_time = |when: Duration| kept.is_none_or(|kept| when <= kept.at);
    let copy = matches!(oracle.shown(place).last(),
        Some((when, Shown::Copy { source: from, .. })) if from == source && in_time(*when));
    if stage.scenario.deletes == DeletePolicy::Propagate && known && copy {
        let token = Stage::token_of(&source.key).unwrap_or_default();
        if !stage.parked().iter().any(|parked| parked.body.contains(token)) {
            return Err(format!("never lost: a copy was not deleted with its source: {place}"));
        }
    }
    Ok(())
}

/// The ledger agrees with the stores, and nothing is left open.
fn record(stage: &Stage, oracle: &Oracle, place: &str, kept: &Kept) -> Result<(), String> {
    let Kept { record, at, .. } = kept;
    let at = *at;
    // Its message is parked with the reason; that the record could not be told is in the log.
    if record.state.is_open() && !is_parked_since(stage, place, record) {
        return Err(format!("a record is left open: {place}: {record:?}"));
    }
    if matches!(record.state, State::Parked | State::Gone) && record.reason.is_none() {
        return Err(format!("a record has no reason: {place}: {record:?}"));
    }
    if record.state != State::Done {
        return Ok(());
    }
    proofs::hold(stage, place, record)?;
    let touched = |(when, shown): &(Duration, Shown)| {
        *when >= at && matches!(shown, Shown::Others { .. } | Shown::Deleted { by_product: false, .. })
    };
    if oracle.shown(place).iter().any(touched) {
        return Ok(());
    }
    let Some((last, Shown::Copy { source, version, bytes })) = oracle.shown(place).last() else { return Ok(()) };
    let before = |(when, shown): &(Duration, Shown)| {
        *when <= at && matches!(shown, Shown::Copy { bytes: older, .. } if older == bytes)
    };
    if *last > at && oracle.shown(place).iter().any(before) {
        // The same bytes were written a second time, late: a new tag, and no other object.
        return Ok(());
    }
    let recorded = record.destination.as_ref().and_then(|there| there.etag.as_ref());
    let etag = etag(stage, place);
    // Its message is parked with the reason: the ledger could not be told.
    let token = Stage::token_of(place).unwrap_or_default();
    let parked = stage.parked().iter().any(|parked| parked.body.contains(token) && parked.at >= *last);
    let late = stage.scenario.destination == Make::Old || parked;
    if recorded != etag.as_ref() && !late {
        return Err(format!(
            "never silent: the record of {place} has {recorded:?} as copied, there is {etag:?} of {} bytes. Shown: {:?}",
            bytes.len(),
            brief(oracle.shown(place)),
        ));
    }
    let copied = oracle.history(source).and_then(|history| history.version(*version));
    let pinned = &record.source.pin.etag;
    if !late && copied.is_some_and(|copied| copied.etag != *pinned) {
        return Err(format!("never silent: the record of {place} names {pinned:?} as copied, there is {copied:?}"));
    }
    Ok(())
}

fn is_parked_since(stage: &Stage, place: &str, record: &Record) -> bool {
    let token = Stage::token_of(place).unwrap_or_default();
    // By the clock of a process, which may be ahead of the world's.
    let since = Timestamp(record.started.0 - stage.scenario.skew);
    stage.parked().iter().any(|parked| parked.body.contains(token) && crate::clock::wall(parked.at) >= since)
}

fn etag(stage: &Stage, place: &str) -> Option<ETag> {
    look(&stage.destination, place).map(|info| info.etag)
}

/// What a HEAD says, without any request that could fail.
fn look(bucket: &Memory, key: &str) -> Option<ObjectInfo> {
    let key = ObjectKey::new(key).ok()?;
    bucket.head_object(&key).now_or_never()?.ok()
}

/// The bytes are there; what travels with them must be, too. Others may have written the same bytes with other headers.
fn headers(
    stage: &Stage,
    oracle: &Oracle,
    source: &SourceId,
    place: &str,
    kept: Option<&Record>,
) -> Result<(), String> {
    let (from, to) = (look(&stage.source, &source.key), look(&stage.destination, place));
    let (Some(from), Some(to)) = (from, to) else { return Ok(()) };
    let by_others = matches!(oracle.shown(place).last(), Some((_, Shown::Others { .. })));
    // Equal bytes have equal tags: a late write of an older version passes the condition.
    let recorded = oracle.records().get(place).map_or(Duration::ZERO, |kept| kept.at);
    let late =
        stage.scenario.destination == Make::Old || oracle.shown(place).last().is_some_and(|(when, _)| *when > recorded);
    let current = oracle.history(source).and_then(History::current);
    let parked = current.is_some_and(|current| is_parked(stage, source, kept, current));
    if from.headers == to.headers || by_others || late || parked {
        return Ok(());
    }
    Err(format!(
        "never silent: the headers of {place} are {:?}, its source's {:?}. Shown: {:?}. Record: {kept:?}",
        to.headers.metadata,
        from.headers.metadata,
        brief(oracle.shown(place))
    ))
}

/// What happened to a destination object, in few words.
fn brief(shown: &[(Duration, Shown)]) -> Vec<String> {
    let words = shown.iter().rev().take(6).rev().map(|(at, shown)| match shown {
        Shown::Copy { version, bytes, .. } => format!("{at:?} version {version}, {} bytes", bytes.len()),
        Shown::Others { bytes } => format!("{at:?} others, {} bytes", bytes.len()),
        Shown::Deleted { by_product, .. } => format!("{at:?} deleted{}", if *by_product { "" } else { " by others" }),
    });
    words.collect()
}
