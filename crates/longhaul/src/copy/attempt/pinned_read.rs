//! Reads of exactly the version that was pinned, metered as they go by.

use std::sync::{Arc, atomic::Ordering};

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    copy::attempt::{engine::Backends, leg::Leg, outcome::NotCopied},
    limits::{Bandwidth, Clock},
    object::{ByteRange, Crc64, Hasher, ObjectInfo, ObjectKey, Pin, WithMd5},
    planted::{self, Defect},
    store::{ByteStream, Chunks, ErrorKind, Fetched, Metered, Promise, Source, StoreError, Tally},
};

/// Opens the pinned object and checks that the answer is what was asked for, whatever the store thinks of `If-Match`.
pub(crate) async fn read_pinned<B: Backends>(
    leg: &Leg<'_, B>,
    pin: &Pin,
    range: Option<ByteRange>,
) -> Result<Fetched, StoreError> {
    let key = &leg.job.source_key;
    let source = &leg.engine.source;
    let asked = leg.at_source("GetObject");
    let versioned = leg.engine.versions_permitted() && pin.version_id.is_some();
    let bare = Pin { version_id: None, ..pin.clone() };
    let chosen = if versioned { pin } else { &bare };
    let timeout = leg.engine.patience.timeout;
    if planted::is(Defect::DropIfMatch) {
        return leg.once(asked, timeout, source.get_object(key, None, range)).await;
    }
    let answer = leg.once(asked, timeout, source.get_object(key, Some(chosen), range)).await;
    let fetched = match answer {
        Err(error) if versioned && error.kind() == ErrorKind::AccessDenied => {
            tracing::info!(key = %key, "versions may not be read by id; the ETag alone pins the source");
            leg.engine.forbid_versions();
            leg.once(asked, timeout, source.get_object(key, Some(&bare), range)).await?
        }
        answer => answer?,
    };
    check_answer(&fetched, pin, range).map_err(|error| error.at(source.location()).on(key))?;
    Ok(fetched)
}

/// Puts the meter between both stores.
pub(crate) fn meter<B: Backends>(leg: &Leg<'_, B>, chunks: Chunks, promise: Promise, with_md5: WithMd5) -> MeteredBody {
    let tally = Tally::new(with_md5);
    let observer = leg.engine.observer.clone();
    let key = leg.job.source_key.clone();
    let paced = pace(chunks, &leg.engine.bandwidth, &leg.engine.patience.clock);
    let stream = Metered::wrap(paced, tally.clone(), promise, move |bytes| observer.bytes(&key, bytes as i64));
    MeteredBody { tally, stream }
}

/// Waits for the answer to a body, and blames the right side when it breaks.
pub(crate) async fn while_moving<B: Backends, T>(
    leg: &Leg<'_, B>,
    operation: &'static str,
    tally: &Tally,
    sent: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    leg.requests.fetch_add(1, Ordering::Relaxed);
    let answer = leg.engine.patience.while_moving(operation, tally, leg.engine.least_rate(), sent).await;
    leg.bytes.fetch_add(tally.bytes(), Ordering::Relaxed);
    let place = leg.at_destination(operation);
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(tally.take_read_error().unwrap_or(error)),
        Err(timed_out) => Err(timed_out.at(place.location).on(place.key)),
    }
}

pub(crate) fn take_back<B: Backends>(leg: &Leg<'_, B>, tally: &Tally) {
    leg.engine.observer.bytes(&leg.job.source_key, -(tally.bytes() as i64));
}

/// The CRC64NVME of an object, read if the store does not name it.
pub(crate) async fn crc_of<B: Backends, T: Source>(
    leg: &Leg<'_, B>,
    store: &T,
    key: &ObjectKey,
    info: &ObjectInfo,
) -> Result<Crc64, NotCopied> {
    if let Some(crc) = info.crc64nvme {
        return Ok(crc);
    }
    let pin = info.pin();
    let read = || async {
        let _permit = leg.engine.budget.acquire().await;
        hash_range(leg, store, key, &pin, None).await
    };
    Ok(leg.engine.patience.patiently(read).await?.crc())
}

/// Reads a range of a pinned object and hashes it.
pub(crate) async fn hash_range<B: Backends, T: Source>(
    leg: &Leg<'_, B>,
    store: &T,
    key: &ObjectKey,
    pin: &Pin,
    range: Option<ByteRange>,
) -> Result<Hasher, StoreError> {
    let bare = Pin { version_id: None, ..pin.clone() };
    leg.requests.fetch_add(1, Ordering::Relaxed);
    let fetched = leg.engine.patience.bounded("GetObject", store.get_object(key, Some(&bare), range)).await??;
    check_answer(&fetched, pin, range).map_err(|error| error.at(store.location()).on(key))?;
    let length = range.map_or(pin.size, ByteRange::len);
    let tally = Tally::new(WithMd5::No);
    let body = Metered::wrap(fetched.body.into_chunks(), tally.clone(), Promise::of_length(length), |_| ());
    let with_md5 = if range.is_some() { WithMd5::Yes } else { WithMd5::No };
    let hashed = body.into_chunks().try_fold(Hasher::new(with_md5), |mut hasher, chunk| async move {
        hasher.update(&chunk);
        Ok(hasher)
    });
    let hashed = leg.engine.patience.while_moving("GetObject", &tally, leg.engine.least_rate(), hashed).await?;
    hashed.map_err(|error| tally.take_read_error().unwrap_or(error))
}

/// A body between both stores and what is known of it.
pub(crate) struct MeteredBody {
    pub tally: Tally,
    pub stream: ByteStream,
}

/// Holds chunks back as the bandwidth demands. Without a cap the chunks are handed through.
fn pace<C: Clock>(chunks: Chunks, bandwidth: &Bandwidth, clock: &Arc<C>) -> Chunks {
    if planted::is(Defect::HoldBodies) {
        return stream::once(chunks.collect::<Vec<_>>()).flat_map(stream::iter).boxed();
    }
    if bandwidth.is_unlimited() {
        return chunks;
    }
    let (bandwidth, clock) = (bandwidth.clone(), clock.clone());
    let paced = chunks.then(move |chunk| {
        let bytes = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        let wait = bandwidth.book(bytes, clock.elapsed());
        let pause = (!wait.is_zero()).then(|| clock.sleep(wait));
        async move {
            if let Some(pause) = pause {
                pause.await;
            }
            chunk
        }
    });
    paced.boxed()
}

/// The answer must be the pinned object and the range asked for; anything else is a changed source or a broken answer.
pub(crate) fn check_answer(fetched: &Fetched, pin: &Pin, range: Option<ByteRange>) -> Result<(), StoreError> {
    if planted::is(Defect::TrustAnswers) {
        return Ok(());
    }
    let info = &fetched.info;
    if info.etag != pin.etag || info.size != pin.size {
        let words = format!(
            "the source changed: pinned {} of {} bytes, got {} of {}",
            pin.etag.as_str(),
            pin.size,
            info.etag.as_str(),
            info.size
        );
        return Err(StoreError::new(ErrorKind::PreconditionFailed, "GetObject", words));
    }
    let length = range.map_or(pin.size, ByteRange::len);
    // A store may answer for a range of everything as it does for the whole, and the other way round.
    let whole = ByteRange::new(0, pin.size);
    if fetched.range.or(whole) != range.or(whole) {
        let words = format!("asked for {range:?}, got {:?}", fetched.range);
        return Err(StoreError::new(ErrorKind::Corrupt, "GetObject", words));
    }
    if fetched.body.length() != length {
        let words = format!("a body of {} bytes was announced, {length} were asked for", fetched.body.length());
        return Err(StoreError::new(ErrorKind::Corrupt, "GetObject", words));
    }
    Ok(())
}
