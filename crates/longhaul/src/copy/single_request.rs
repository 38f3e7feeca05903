//! A small object: one GET is the pin and the stream, one PUT is the copy, one save is the record.

use std::sync::atomic::Ordering;

use crate::{
    copy::{
        attempt::{
            Backends, Copied, Known, Leg, NotCopied, all_not_preserved, condition, gone_if_unlisted, headers_of_copy,
            meter, read_back, same_headers, take_back, while_moving, word,
        },
        claim::{
            is_perhaps_there, look_if_writes_are_blind, look_up_record, record_small, refuse_a_new_collision,
            skip_small_if_there,
        },
        single_tries::Tries,
    },
    limits::Clock,
    object::{Crc64, ETag, ObjectInfo, Proof, ProofLevel, Trust, Verify, WithMd5},
    store::{
        Destination, Doubts, Effect, ErrorKind, Fetched, Meaning, Promise, Source, StoreError, TagOf, Tally, Way,
        Written,
    },
};

/// What a PUT that was answered, or is believed, gave.
struct Put {
    info: ObjectInfo,
    crc: Crc64,
    written: Written,
    /// What speaks for the bytes; nothing yet, if they have to be sent once more to tell.
    trust: Option<Trust>,
}

/// What to do after a try that brought nothing to its end.
enum Next {
    /// At once: it is asked only to settle a doubt.
    SendAgain,
    /// After a pause, if it is worth it.
    Failed(StoreError),
}

/// What a try came to.
enum Tried {
    Put(Box<Put>),
    /// The object may be at the destination already; nothing was sent.
    PerhapsThere(Box<ObjectInfo>),
}

/// Whether the destination may still turn out to have the object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum There {
    Perhaps,
    No,
}

pub(crate) async fn copy<B: Backends>(leg: &Leg<'_, B>) -> Result<Copied, NotCopied> {
    look_up_record(leg).await?;
    let mut known = leg.known();
    let seen = look_if_writes_are_blind(leg).await?;
    let mut tries = Tries::default();
    let (mut there, mut failures) = (There::Perhaps, 0);
    loop {
        let permit = leg.engine.budget.acquire().await;
        if leg.engine.patience.stop.is_cancelled() || !leg.engine.has_time_for_a_body() {
            return Err(tries.interrupted(leg));
        }
        let began = leg.engine.patience.clock.elapsed();
        let was_read = tries.read.is_some();
        let next = match try_once(leg, &mut known, &mut tries, (seen.as_ref(), there)).await {
            Ok(Tried::PerhapsThere(info)) => {
                // Its proof may read a body, and waits for a place of its own.
                drop(permit);
                skip_small_if_there(leg, &info, seen.as_ref()).await?;
                there = There::No;
                continue;
            }
            Ok(Tried::Put(put)) => {
                permit.succeeded();
                leg.engine.body_took(leg.engine.patience.clock.elapsed().saturating_sub(began));
                match settle(leg, *put, &mut known, &mut tries).await? {
                    Ok(finished) => return Ok(finished),
                    Err(next) => {
                        tries.shows_damage = true;
                        next
                    }
                }
            }
            // What was read is not what the source's tag says: it is read once more to tell.
            Err(NotCopied::Failed(_)) if !was_read && tries.read.is_some() => Next::SendAgain,
            Err(NotCopied::Failed(error)) => {
                if error.kind().asks_for_less() {
                    permit.overloaded();
                }
                tries.shows_damage |= error.kind() == ErrorKind::Corrupt && error.effect() == Effect::MayHaveHappened;
                Next::Failed(error)
            }
            Err(ended) => return Err(ended),
        };
        if let Next::Failed(error) = next {
            let paused = leg.engine.patience.pause_after(error, failures).await;
            paused.map_err(|error| tries.not_forgotten(leg, error))?;
            failures += 1;
        }
    }
}

/// Proves what was put, or says why it has to be sent again: over exactly what is there now.
async fn settle<B: Backends>(
    leg: &Leg<'_, B>,
    put: Put,
    known: &mut Known,
    tries: &mut Tries,
) -> Result<Result<Copied, Next>, NotCopied> {
    let there = put.written.etag.clone().map_or(Known::Unknown, Known::Is);
    let trust = match put.trust {
        Some(trust) => trust,
        None => match tries.doubts.turn(&leg.lesson(TagOf::Object)).await {
            Meaning::Other => Trust::Size,
            Meaning::Md5 | Meaning::Unknown => {
                leg.engine.observer.bytes(&leg.job.source_key, -(put.info.size as i64));
                tracing::debug!(key = %leg.job.destination_key, "a tag is not the MD5 of what was sent; it is sent once more");
                *known = there;
                return Ok(Err(Next::SendAgain));
            }
        },
    };
    match prove(leg, put, trust).await {
        // Read again, it was not what was sent: exactly that is to be replaced.
        Err(NotCopied::Failed(error)) if error.kind() == ErrorKind::Corrupt => {
            *known = there;
            Ok(Err(Next::Failed(error)))
        }
        ended => ended.map(Ok),
    }
}

async fn try_once<B: Backends>(
    leg: &Leg<'_, B>,
    known: &mut Known,
    tries: &mut Tries,
    (seen, there): (Option<&ObjectInfo>, There),
) -> Result<Tried, NotCopied> {
    leg.attempts.fetch_add(1, Ordering::Relaxed);
    let fetched = fetch(leg).await?;
    let info = fetched.info;
    if there == There::Perhaps && is_perhaps_there(leg, &info, seen) {
        return Ok(Tried::PerhapsThere(Box::new(info)));
    }
    leg.engine.observer.object_started(&leg.job.source_key, info.size, 0);
    let headers = headers_of_copy(leg, &info);
    let md5 = tries.promised_md5(leg, &info);
    let promise = Promise { length: info.size, crc64nvme: info.crc64nvme, md5 };
    let with_md5 = leg.lesson(TagOf::Object).with_md5(leg.engine.settings.verify);
    let with_md5 = if md5.is_some() { WithMd5::Yes } else { with_md5 };
    let body = meter(leg, fetched.body.into_chunks(), promise, with_md5);
    let object = leg.new_object(&info, &headers);
    let condition = condition(leg, known);
    let sent = leg.engine.destination.put_object(&object, &condition, info.crc64nvme, body.stream);
    let answer = while_moving(leg, "PutObject", &body.tally, sent).await;
    tries.heed_what_was_read(leg, &info, md5, &body.tally);
    let put = match answer {
        Ok(written) => checked(leg, info, &body.tally, written, known, &mut tries.doubts),
        Err(error) => {
            let found = look_after(leg, &info, &body.tally, error, known).await;
            found.inspect_err(|_| take_back(leg, &body.tally))
        }
    };
    put.map(|put| Tried::Put(Box::new(put)))
}

/// The source object and its pin.
async fn fetch<B: Backends>(leg: &Leg<'_, B>) -> Result<Fetched, NotCopied> {
    let asked = leg.at_source("GetObject");
    let get = leg.engine.source.get_object(&leg.job.source_key, None, None);
    let fetched = match leg.once(asked, leg.engine.patience.timeout, get).await {
        Ok(fetched) => fetched,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(gone_if_unlisted(leg, error).await),
        Err(error) => return Err(error.into()),
    };
    let size = fetched.info.size;
    if size > leg.engine.settings.multipart_threshold {
        return Err(NotCopied::Large);
    }
    if fetched.body.length() != size {
        let words = format!("a body of {} bytes for an object of {size}", fetched.body.length());
        return Err(StoreError::new(ErrorKind::Corrupt, "GetObject", words).at(asked.location).on(asked.key).into());
    }
    Ok(fetched)
}

/// The destination answered. If it names another checksum than that of the bytes sent, wrong bytes are visible now, and the
/// next try must replace exactly those.
fn checked<B: Backends>(
    leg: &Leg<'_, B>,
    info: ObjectInfo,
    tally: &Tally,
    written: Written,
    known: &mut Known,
    doubts: &mut Doubts,
) -> Result<Put, NotCopied> {
    let nameless = ETag::new("");
    let says = (written.etag.as_ref().unwrap_or(&nameless), written.crc64nvme);
    match word(leg, "PutObject", TagOf::Object, says, tally, doubts) {
        Ok(trust) => Ok(Put { info, crc: tally.crc(), written, trust }),
        Err(error) => {
            *known = written.etag.map_or(Known::Unknown, Known::Is);
            take_back(leg, tally);
            Err(error.maybe_happened().into())
        }
    }
}

/// A PUT failed. Where it may have happened, or its condition did not hold, the destination is looked at before anything is
/// repeated: it may hold what was sent (a lost answer), or something else that must be judged anew.
async fn look_after<B: Backends>(
    leg: &Leg<'_, B>,
    info: &ObjectInfo,
    tally: &Tally,
    error: StoreError,
    known: &mut Known,
) -> Result<Put, NotCopied> {
    if error.kind() == ErrorKind::PreconditionFailed && error.operation() == "GetObject" {
        // A file that changed while it was read: simply again, the next GET is a new pin.
        let again = StoreError::new(ErrorKind::Other, "GetObject", "the source changed while it was read");
        return Err(again.at(leg.engine.source.location()).on(&leg.job.source_key).into());
    }
    if !is_refused_condition(&error, known) && error.effect() == Effect::DidNotHappen {
        return Err(error.into());
    }
    if error.effect() == Effect::DidNotHappen {
        // Somebody else's object stands there, or does no more: it may be that of another source.
        refuse_a_new_collision(leg).await?;
    }
    let key = &leg.job.destination_key;
    let head = leg.call(leg.at_destination("HeadObject"), || leg.engine.destination.head_object(key)).await;
    let there = match head {
        Ok(there) => there,
        Err(gone) if gone.kind() == ErrorKind::NotFound => {
            *known = Known::Absent;
            return Err(repeatable(error).into());
        }
        Err(other) => return Err(other.into()),
    };
    let crc = tally.crc();
    let complete = tally.bytes() == info.size;
    let same_crc = there.crc64nvme.is_some_and(|theirs| theirs == crc);
    let same_md5 = match tally.md5() {
        Some(md5) => there.etag.as_md5() == Some(md5),
        None => there.etag.looks_like_md5() && there.etag == info.etag,
    };
    // The same bytes with other headers are what stood there before, or what somebody else wrote.
    let ours = same_headers(leg, info, &there);
    if ours && complete && there.size == info.size && (same_crc || same_md5) {
        let trust = Some(if same_crc { Trust::Crc } else { Trust::Md5 });
        let written = Written { etag: Some(there.etag), version_id: there.version_id, crc64nvme: there.crc64nvme };
        return Ok(Put { info: info.clone(), crc, written, trust });
    }
    // In doubt whether it was ours that was refused: what stands there is replaced only if the place is ours.
    refuse_a_new_collision(leg).await?;
    *known = Known::Is(there.etag);
    Err(repeatable(error).into())
}

/// S3 answers `If-Match` for a key that is not there with NoSuchKey (S3 API, PutObject).
fn is_refused_condition(error: &StoreError, known: &Known) -> bool {
    error.kind() == ErrorKind::PreconditionFailed
        || (error.kind() == ErrorKind::NotFound && matches!(known, Known::Is(_)))
}

/// After the look the condition is a new one, so that even a refused one may be tried again.
fn repeatable(error: StoreError) -> StoreError {
    if error.is_retryable() {
        return error;
    }
    StoreError::new(ErrorKind::Conflict, "PutObject", "the destination was changed by others meanwhile")
        .caused_by(error)
}

async fn prove<B: Backends>(leg: &Leg<'_, B>, put: Put, trust: Trust) -> Result<Copied, NotCopied> {
    let level = match (&put.written.crc64nvme, &put.written.etag) {
        (Some(_), _) if leg.engine.destination.capabilities().headers => ProofLevel::FullCrc,
        // Local folders read the file again before they name its checksum.
        (Some(_), _) => ProofLevel::ReadBack,
        _ if trust == Trust::Md5 => ProofLevel::PartMd5,
        (None, Some(etag)) if etag.looks_like_md5() && *etag == put.info.etag => ProofLevel::PartMd5,
        (None, _) => ProofLevel::SizeOnly,
    };
    let level = if leg.engine.settings.verify == Verify::ReadBack {
        read_back(leg, put.info.size, put.crc).await?;
        ProofLevel::ReadBack
    } else {
        level
    };
    let finished = Copied {
        size: put.info.size,
        version_id: put.written.version_id.clone(),
        checksum: Some(put.crc),
        proof: Proof::plain(level),
        not_preserved: all_not_preserved(leg, &put.info, &put.written, Way::Put).await,
    };
    record_small(leg, &put.info, &put.written, &finished).await?;
    Ok(finished)
}
