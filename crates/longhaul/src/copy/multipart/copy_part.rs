//! Reads a pinned range and hands it to the destination as it arrives.

use std::sync::atomic::Ordering;

use futures_util::{FutureExt, StreamExt};
use tokio_util::sync::CancellationToken;

use crate::{
    copy::{
        attempt::{
            Backends, DonePart, Leg, NotCopied, meaning, meter, note_damage, note_part, read_pinned, take_back,
            while_moving, word,
        },
        claim::{HeldRecord, renew_lease},
        multipart::parts_in_hand::PartsInHand,
    },
    limits::{Clock, deadline},
    object::{PartSpec, Pin, Trust},
    store::{
        CopySource, Destination, Doubts, Lesson, Meaning, Promise, Source, StoreError, TagOf, Upload, UploadedPart,
    },
};

/// Copies the parts that the destination does not hold. The budget of the process bounds how many are in flight.
pub(crate) async fn copy_missing<B: Backends>(
    leg: &Leg<'_, B>,
    entry: &mut HeldRecord,
    pin: &Pin,
    filling: &mut PartsInHand,
) -> Result<(), NotCopied> {
    let todo = filling.missing();
    let upload = &filling.upload;
    let (parts, key) = (filling.plan.count(), &leg.job.source_key);
    // A leg that brought nothing across may have asked for too much at once.
    let halvings = leg.idle_legs.load(Ordering::Relaxed).saturating_sub(1).min(usize::BITS - 1);
    // Ends these parts without ending the process.
    let stop = leg.engine.patience.stop.child_token();
    let mut running = futures_util::stream::iter(todo)
        .map(|part| copy_part(leg, pin, upload, part, &stop).boxed())
        .buffer_unordered((leg.engine.settings.concurrency >> halvings).max(1));
    let mut first_end = None;
    while let Some(ended) = running.next().await {
        match ended {
            Ok(part) => {
                leg.parts_copied.fetch_add(1, Ordering::Relaxed);
                let (part_number, size_bytes) = (part.answer.number.get(), part.answer.size);
                tracing::debug!(event = "part", %key, part = part_number, parts, size_bytes, "part copied");
                filling.have.insert(part.answer.number, part);
                renew_lease(leg, entry).await?;
            }
            // The upload or the pin is of no more use, so neither are the parts in flight.
            Err(NotCopied::Restart(reason)) => return Err(NotCopied::Restart(reason)),
            Err(end) => {
                // Parts in flight may still arrive and be of use; no new one starts.
                stop.cancel();
                if matches!(first_end, None | Some(NotCopied::Interrupted)) {
                    first_end = Some(end);
                }
            }
        }
    }
    first_end.map_or(Ok(()), Err)
}

/// What came of sending a part.
pub(crate) enum Sent {
    /// It is there.
    Done(DonePart),
    /// It is there, and its tag is not its MD5: damage, or tags are no MD5s here.
    InDoubt(DonePart),
}

/// Copies one part, again and again if need be.
pub(crate) async fn copy_part<B: Backends>(
    leg: &Leg<'_, B>,
    pin: &Pin,
    upload: &Upload,
    part: PartSpec,
    stop: &CancellationToken,
) -> Result<DonePart, NotCopied> {
    let mut failures = 0;
    let lesson = leg.lesson(TagOf::Part);
    let mut doubts = Doubts::default();
    loop {
        let permit = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(NotCopied::Interrupted),
            permit = leg.engine.budget.acquire() => permit,
        };
        if !leg.engine.has_time_for_a_body() {
            return Err(NotCopied::Interrupted);
        }
        let began = leg.engine.patience.clock.elapsed();
        // Boxed, since a request's future is large, and the stack of a thread need not hold it at every depth.
        let sent = Box::pin(try_part(leg, pin, upload, &part, &mut doubts)).await;
        match &sent {
            Ok(_) => {
                permit.succeeded();
                leg.engine.body_took(leg.engine.patience.clock.elapsed().saturating_sub(began));
            }
            Err(error) if error.kind().asks_for_less() => permit.overloaded(),
            Err(_) => drop(permit),
        }
        let error = match sent {
            Ok(Sent::Done(done)) => {
                note_part(leg, &done);
                return Ok(done);
            }
            Ok(Sent::InDoubt(done)) => match settle_part(leg, done, &lesson, &mut doubts, stop).await? {
                Some(done) => return Ok(done),
                None => continue,
            },
            Err(error) => error,
        };
        if let Some(restart) = meaning(leg, &error).await {
            return Err(restart);
        }
        leg.engine.patience.pause_after(error, failures).await?;
        failures += 1;
    }
}

/// A part whose tag is not its MD5: it counts if others have found out meanwhile that tags are no MD5s here. Else it has to be
/// sent once more.
pub(crate) async fn settle_part<B: Backends>(
    leg: &Leg<'_, B>,
    done: DonePart,
    lesson: &Lesson,
    doubts: &mut Doubts,
    stop: &CancellationToken,
) -> Result<Option<DonePart>, NotCopied> {
    let meaning = tokio::select! {
        biased;
        () = stop.cancelled() => return Err(NotCopied::Interrupted),
        meaning = doubts.turn(lesson) => meaning,
    };
    if meaning == Meaning::Other {
        note_part(leg, &done);
        return Ok(Some(done));
    }
    leg.engine.observer.bytes(&leg.job.source_key, -(done.answer.size as i64));
    let (key, part) = (&leg.job.destination_key, done.answer.number.get());
    tracing::debug!(%key, part, "the tag of a part is not its MD5; it is sent once more");
    Ok(None)
}

pub(crate) async fn try_part<B: Backends>(
    leg: &Leg<'_, B>,
    pin: &Pin,
    upload: &Upload,
    part: &PartSpec,
    doubts: &mut Doubts,
) -> Result<Sent, StoreError> {
    leg.attempts.fetch_add(1, Ordering::Relaxed);
    if leg.is_server_side() {
        return try_part_copy(leg, pin, upload, part).await.map(Sent::Done);
    }
    let fetched = Box::pin(read_pinned(leg, pin, Some(part.range))).await?;
    let crc64nvme = pin.crc64nvme.filter(|_| part.range.len() == pin.size);
    let promise = Promise { crc64nvme, ..Promise::of_length(part.range.len()) };
    let with_md5 = leg.lesson(TagOf::Part).with_md5(leg.engine.settings.verify);
    let body = meter(leg, fetched.body.into_chunks(), promise, with_md5);
    let sent = Box::pin(leg.engine.destination.upload_part(upload, part, body.stream));
    let answer = while_moving(leg, "UploadPart", &body.tally, sent).await;
    let answer = answer.inspect_err(|_| take_back(leg, &body.tally))?;
    let word = word(leg, "UploadPart", TagOf::Part, (&answer.etag, answer.crc64nvme), &body.tally, doubts);
    if !matches!(word, Ok(Some(_))) {
        note_damage(leg, part.number);
    }
    let word = word.inspect_err(|_| take_back(leg, &body.tally))?;
    // What was read is what counts; a destination that names no checksum gets the one computed on the way.
    let answer = UploadedPart { size: part.range.len(), crc64nvme: Some(body.tally.crc()), ..answer };
    Ok(match word {
        Some(trust) => Sent::Done(DonePart { answer, trust }),
        None => Sent::InDoubt(DonePart { answer, trust: Trust::Size }),
    })
}

pub(crate) async fn try_part_copy<B: Backends>(
    leg: &Leg<'_, B>,
    pin: &Pin,
    upload: &Upload,
    part: &PartSpec,
) -> Result<DonePart, StoreError> {
    let source = CopySource { location: leg.engine.source.location(), key: &leg.job.source_key, pin };
    let copied = leg.engine.destination.upload_part_copy(upload, part, &source);
    let timeout = deadline::copy_timeout(leg.engine.patience.timeout, part.range.len());
    let answer = leg.once(leg.at_destination("UploadPartCopy"), timeout, copied).await?;
    leg.engine.observer.bytes(&leg.job.source_key, part.range.len() as i64);
    Ok(DonePart { answer: UploadedPart { size: part.range.len(), ..answer }, trust: Trust::Size })
}
