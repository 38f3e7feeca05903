//! One object's way from source to destination.
//!
//! [`copy_object`] is the whole of it: guard, then small or large, again with a new pin when the source changed, and at
//! the end a record and a report. A copy never ends without saying how.

use std::sync::atomic::Ordering;

use crate::{
    copy::{
        attempt::{Backends, Copied, CopyJob, Engine, Leg, NotCopied, ObjectReport, crc_of, pin_source},
        claim::{record_without_work, remember, skip_if_pin_is_recorded},
        multipart::copy_in_parts,
        server_side, single_request,
    },
    ledger::{LedgerError, Reason, SOURCE_TOUCHED, State},
    route::Decision,
    store::{Destination, ErrorKind, Source},
};

/// Brings one object across. Never fails silently and never panics on a store's answer: every end is in the report.
pub async fn copy_object<B: Backends>(engine: &Engine<B>, job: &CopyJob) -> ObjectReport {
    let leg = Leg::new(engine, job);
    leg.reported(run_to_its_end(&leg)).await
}

/// Records that a copy is parked which failed once too often, although it might succeed one day.
pub async fn give_up<B: Backends>(engine: &Engine<B>, job: &CopyJob, reason: &Reason) -> Result<(), LedgerError> {
    match record_without_work(&Leg::new(engine, job), State::Parked, reason).await {
        Err(NotCopied::Ledger(error)) => Err(error),
        // Whoever saved at the same moment knows more.
        _ => Ok(()),
    }
}

pub(crate) async fn run_to_its_end<B: Backends>(leg: &Leg<'_, B>) -> Result<Copied, NotCopied> {
    if leg.engine.patience.stop.is_cancelled() || !leg.engine.has_time_for_a_body() {
        return Err(NotCopied::Interrupted);
    }
    if let Some(why) = leg.engine.destination.refuse_key(&leg.job.destination_key) {
        let reason = Reason::new(ErrorKind::InvalidKey.reason(), why);
        record_without_work(leg, State::Parked, &reason).await?;
        return Err(NotCopied::Parked(reason));
    }
    let (mut restarts, mut most_parts) = (0, 0);
    let ended = loop {
        match one_attempt(leg).await {
            Err(NotCopied::Restart(reason)) if has_kept_more_parts(leg, &reason, &mut most_parts) => restarts = 0,
            Err(NotCopied::Restart(reason)) if restarts < leg.engine.settings.max_restarts => {
                tracing::info!(key = %leg.job.source_key, reason = reason.code, "begins again: {}", reason.message);
                restarts += 1;
            }
            Err(NotCopied::Restart(reason)) => {
                let words = format!("{} ({} times in a row)", reason.message, restarts + 1);
                break Err(NotCopied::Parked(Reason::new(&reason.code, words)));
            }
            ended => break ended.map_err(|ended| leg.ended_by_time(ended)),
        }
    };
    remember(leg, &ended).await?;
    ended
}

/// Whether this restart keeps its upload, and more parts of it counted than ever before. So a file whose ctime is moved every
/// hour, by a backup say, can be as large as it likes.
pub(crate) fn has_kept_more_parts<B: Backends>(leg: &Leg<'_, B>, reason: &Reason, most: &mut u32) -> bool {
    let resumed = leg.parts_resumed.load(Ordering::Relaxed);
    let before = std::mem::replace(most, resumed.max(*most));
    reason.code == SOURCE_TOUCHED && resumed > before
}

/// One try with one pin. The ways are boxed: the stack of a thread need not hold the largest of them many times over.
pub(crate) async fn one_attempt<B: Backends>(leg: &Leg<'_, B>) -> Result<Copied, NotCopied> {
    if leg.job.decision == Decision::AskChecksums {
        skip_if_same_checksums(leg).await?;
    }
    if leg.is_server_side() {
        return Box::pin(server_side::copy(leg)).await;
    }
    if leg.job.size <= leg.engine.settings.multipart_threshold {
        match Box::pin(single_request::copy(leg)).await {
            Err(NotCopied::Large) => {}
            ended => return ended,
        }
    }
    let info = pin_source(leg).await?;
    if info.size <= leg.engine.settings.multipart_threshold {
        // It shrank since it was listed. One object is never copied in both ways at once, and an empty one has no parts.
        skip_if_pin_is_recorded(leg, &info.pin()).await?;
        return match Box::pin(single_request::copy(leg)).await {
            Err(NotCopied::Large) => Err(NotCopied::Restart(Reason::new(
                "source-keeps-changing",
                "the source changed before its copy began",
            ))),
            ended => ended,
        };
    }
    Box::pin(copy_in_parts::copy(leg, &info)).await
}

pub(crate) async fn skip_if_same_checksums<B: Backends>(leg: &Leg<'_, B>) -> Result<(), NotCopied> {
    let source = pin_source(leg).await?;
    let key = &leg.job.destination_key;
    let head = leg.call(leg.at_destination("HeadObject"), || leg.engine.destination.head_object(key)).await;
    let there = match head {
        Ok(there) => there,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if source.size != there.size {
        return Ok(());
    }
    let source_crc = crc_of(leg, &leg.engine.source, &leg.job.source_key, &source).await?;
    let there_crc = crc_of(leg, &leg.engine.destination, key, &there).await?;
    if source_crc == there_crc {
        return Err(NotCopied::Skipped(Reason::new("same-checksum", "both sides have the same CRC64NVME")));
    }
    Ok(())
}
