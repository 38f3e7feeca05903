//! Reads a pinned range and hands it to the destination as it arrives.

use std::sync::{Arc, atomic::Ordering};

use tokio_util::sync::CancellationToken;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    body::{ByteStream, Chunks, Metered, Promise, Tally},
    budget::Bandwidth,
    checksum::{Crc64, Hasher, WithMd5},
    copy::{Ended, Leg},
    error::{ErrorKind, StoreError},
    multipart::UPLOAD_VANISHED,
    object::{ETag, ObjectInfo, ObjectKey, Pin},
    part::{ByteRange, PartSpec},
    planted::{self, Defect},
    ports::{Clock, CopySource, Destination, Fetched, Ledger, Source, Upload, UploadedPart},
    record::Reason,
    tags::{Doubts, Lesson, Meaning, TagOf, Word},
    trusts::Trust,
};

/// A part that the destination holds.
#[derive(Clone, Debug)]
pub(crate) struct DonePart {
    pub answer: UploadedPart,
    pub trust: Trust,
}

/// What came of sending a part.
enum Sent {
    /// It is there.
    Done(DonePart),
    /// It is there, and its tag is not its MD5: damage, or tags are no MD5s here.
    InDoubt(DonePart),
}

impl<S: Source, D: Destination, L: Ledger, C: Clock> Leg<'_, S, D, L, C> {
    /// Copies one part, again and again if need be.
    pub(crate) async fn copy_part(
        &self,
        pin: &Pin,
        upload: &Upload,
        part: PartSpec,
        stop: &CancellationToken,
    ) -> Result<DonePart, Ended> {
        let mut failures = 0;
        let lesson = self.lesson(TagOf::Part);
        let mut doubts = Doubts::default();
        loop {
            let permit = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(Ended::Interrupted),
                permit = self.engine.budget.acquire() => permit,
            };
            if !self.engine.has_time_for_a_body() {
                return Err(Ended::Interrupted);
            }
            let began = self.engine.patience.clock.elapsed();
            // Boxed, since a request's future is large, and the stack of a thread need not hold it at every depth.
            let sent = Box::pin(self.try_part(pin, upload, &part, &mut doubts)).await;
            match &sent {
                Ok(_) => {
                    permit.succeeded();
                    self.engine.body_took(self.engine.patience.clock.elapsed().saturating_sub(began));
                }
                Err(error) if error.kind().asks_for_less() => permit.overloaded(),
                Err(_) => drop(permit),
            }
            let error = match sent {
                Ok(Sent::Done(done)) => {
                    self.note_part(&done);
                    return Ok(done);
                }
                Ok(Sent::InDoubt(done)) => match self.settle_part(done, &lesson, &mut doubts, stop).await? {
                    Some(done) => return Ok(done),
                    None => continue,
                },
                Err(error) => error,
            };
            if let Some(restart) = self.meaning(&error).await {
                return Err(restart);
            }
            self.engine.patience.pause_after(error, failures).await?;
            failures += 1;
        }
    }

    /// A part whose tag is not its MD5: it counts if others have found out meanwhile that tags are no MD5s here. Else it has to be
    /// sent once more.
    async fn settle_part(
        &self,
        done: DonePart,
        lesson: &Lesson,
        doubts: &mut Doubts,
        stop: &CancellationToken,
    ) -> Result<Option<DonePart>, Ended> {
        let meaning = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(Ended::Interrupted),
            meaning = doubts.turn(lesson) => meaning,
        };
        if meaning == Meaning::Other {
            self.note_part(&done);
            return Ok(Some(done));
        }
        self.engine.observer.bytes(&self.job.source_key, -(done.answer.size as i64));
        let (key, part) = (&self.job.destination_key, done.answer.number.get());
        tracing::debug!(%key, part, "the tag of a part is not its MD5; it is sent once more");
        Ok(None)
    }

    /// Errors that no repeat of this part can mend, but a new beginning can.
    pub(crate) async fn meaning(&self, error: &StoreError) -> Option<Ended> {
        match error.kind() {
            ErrorKind::PreconditionFailed => {
                Some(Ended::Restart(Reason::new("source-keeps-changing", "the source changed while it was copied")))
            }
            ErrorKind::NoSuchUpload => {
                Some(Ended::Restart(Reason::new(UPLOAD_VANISHED, "the upload was aborted or completed by others")))
            }
            ErrorKind::NotFound => {
                let error = StoreError::new(ErrorKind::NotFound, "GetObject", "the source object is not there");
                Some(self.gone_if_unlisted(error.at(self.engine.source.location()).on(&self.job.source_key)).await)
            }
            _ => None,
        }
    }

    async fn try_part(
        &self,
        pin: &Pin,
        upload: &Upload,
        part: &PartSpec,
        doubts: &mut Doubts,
    ) -> Result<Sent, StoreError> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        if self.is_server_side() {
            return self.try_part_copy(pin, upload, part).await.map(Sent::Done);
        }
        let fetched = Box::pin(self.read_pinned(pin, Some(part.range))).await?;
        let crc64nvme = pin.crc64nvme.filter(|_| part.range.len() == pin.size);
        let promise = Promise { crc64nvme, ..Promise::of_length(part.range.len()) };
        let with_md5 = self.lesson(TagOf::Part).with_md5(self.engine.settings.verify);
        let body = self.meter(fetched.body.into_chunks(), promise, with_md5);
        let sent = Box::pin(self.engine.destination.upload_part(upload, part, body.stream));
        let answer = self.while_moving("UploadPart", &body.tally, sent).await;
        let answer = answer.inspect_err(|_| self.take_back(&body.tally))?;
        let word = self.word("UploadPart", TagOf::Part, (&answer.etag, answer.crc64nvme), &body.tally, doubts);
        if !matches!(word, Ok(Some(_))) {
            self.note_damage(part.number);
        }
        let word = word.inspect_err(|_| self.take_back(&body.tally))?;
        // What was read is what counts; a destination that names no checksum gets the one computed on the way.
        let answer = UploadedPart { size: part.range.len(), crc64nvme: Some(body.tally.crc()), ..answer };
        Ok(match word {
            Some(trust) => Sent::Done(DonePart { answer, trust }),
            None => Sent::InDoubt(DonePart { answer, trust: Trust::Size }),
        })
    }

    async fn try_part_copy(&self, pin: &Pin, upload: &Upload, part: &PartSpec) -> Result<DonePart, StoreError> {
        let source = CopySource { location: self.engine.source.location(), key: &self.job.source_key, pin };
        let copied = self.engine.destination.upload_part_copy(upload, part, &source);
        let timeout = crate::server_side::copy_timeout(self.engine.patience.timeout, part.range.len());
        let answer = self.once(self.at_destination("UploadPartCopy"), timeout, copied).await?;
        self.engine.observer.bytes(&self.job.source_key, part.range.len() as i64);
        Ok(DonePart { answer: UploadedPart { size: part.range.len(), ..answer }, trust: Trust::Size })
    }

    /// What was learned of the destination's tags.
    pub(crate) fn lesson(&self, what: TagOf) -> Arc<Lesson> {
        self.engine.tags.of(self.engine.destination.location(), what)
    }

    /// What an answer says of the bytes that were sent. Nothing, if nobody can tell before they were sent once more.
    pub(crate) fn word(
        &self,
        operation: &'static str,
        what: TagOf,
        (tag, crc): (&ETag, Option<Crc64>),
        sent: &Tally,
        doubts: &mut Doubts,
    ) -> Result<Option<Trust>, StoreError> {
        let lesson = self.lesson(what);
        lesson.crc_was_named(crc.is_some());
        let wrong = |theirs: &str, ours: &str| {
            let words = format!("the destination received other bytes: it names {theirs}, sent was {ours}");
            let error = StoreError::new(ErrorKind::Corrupt, operation, words);
            error.at(self.engine.destination.location()).on(&self.job.destination_key)
        };
        if let Some(theirs) = crc {
            // Under KMS a tag has the shape of an MD5 and is none; a checksum that is named decides.
            let ours = sent.crc();
            let differs = || wrong(&theirs.to_base64(), &ours.to_base64());
            return if theirs == ours { Ok(Some(Trust::Crc)) } else { Err(differs()) };
        }
        let Some(md5) = sent.md5() else { return Ok(Some(Trust::Size)) };
        match doubts.word(&lesson, tag, md5) {
            Word::Same => Ok(Some(Trust::Md5)),
            Word::Nothing => Ok(Some(Trust::Size)),
            Word::InDoubt => Ok(None),
            Word::Different => Err(wrong(tag.as_str(), &md5.to_hex())),
        }
    }

    /// Opens the pinned object and checks that the answer is what was asked for, whatever the store thinks of `If-Match`.
    pub(crate) async fn read_pinned(&self, pin: &Pin, range: Option<ByteRange>) -> Result<Fetched, StoreError> {
        let key = &self.job.source_key;
        let source = &self.engine.source;
        let asked = self.at_source("GetObject");
        let versioned = self.engine.versions_permitted() && pin.version_id.is_some();
        let bare = Pin { version_id: None, ..pin.clone() };
        let chosen = if versioned { pin } else { &bare };
        let timeout = self.engine.patience.timeout;
        if planted::is(Defect::DropIfMatch) {
            return self.once(asked, timeout, source.get_object(key, None, range)).await;
        }
        let answer = self.once(asked, timeout, source.get_object(key, Some(chosen), range)).await;
        let fetched = match answer {
            Err(error) if versioned && error.kind() == ErrorKind::AccessDenied => {
                tracing::info!(key = %key, "versions may not be read by id; the ETag alone pins the source");
                self.engine.forbid_versions();
                self.once(asked, timeout, source.get_object(key, Some(&bare), range)).await?
            }
            answer => answer?,
        };
        check_answer(&fetched, pin, range).map_err(|error| error.at(source.location()).on(key))?;
        Ok(fetched)
    }

    /// Puts the meter between both stores.
    pub(crate) fn meter(&self, chunks: Chunks, promise: Promise, with_md5: WithMd5) -> MeteredBody {
        let tally = Tally::new(with_md5);
        let observer = self.engine.observer.clone();
        let key = self.job.source_key.clone();
        let paced = pace(chunks, &self.engine.bandwidth, &self.engine.patience.clock);
        let stream = Metered::wrap(paced, tally.clone(), promise, move |bytes| observer.bytes(&key, bytes as i64));
        MeteredBody { tally, stream }
    }

    /// Waits for the answer to a body, and blames the right side when it breaks.
    pub(crate) async fn while_moving<T>(
        &self,
        operation: &'static str,
        tally: &Tally,
        sent: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let answer = self.engine.patience.while_moving(operation, tally, self.engine.least_rate(), sent).await;
        self.bytes.fetch_add(tally.bytes(), Ordering::Relaxed);
        let place = self.at_destination(operation);
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(tally.take_read_error().unwrap_or(error)),
            Err(timed_out) => Err(timed_out.at(place.location).on(place.key)),
        }
    }

    pub(crate) fn take_back(&self, tally: &Tally) {
        self.engine.observer.bytes(&self.job.source_key, -(tally.bytes() as i64));
    }

    /// The CRC64NVME of an object, read if the store does not name it.
    pub(crate) async fn crc_of<T: Source>(
        &self,
        store: &T,
        key: &ObjectKey,
        info: &ObjectInfo,
    ) -> Result<Crc64, Ended> {
        if let Some(crc) = info.crc64nvme {
            return Ok(crc);
        }
        let mut failures = 0;
        loop {
            let permit = self.engine.budget.acquire().await;
            let read = self.hash_range(store, key, &info.pin(), None).await;
            drop(permit);
            match read {
                Ok(hasher) => return Ok(hasher.crc()),
                Err(error) => self.engine.patience.pause_after(error, failures).await?,
            }
            failures += 1;
        }
    }

    /// Reads a range of a pinned object and hashes it.
    pub(crate) async fn hash_range<T: Source>(
        &self,
        store: &T,
        key: &ObjectKey,
        pin: &Pin,
        range: Option<ByteRange>,
    ) -> Result<Hasher, StoreError> {
        let bare = Pin { version_id: None, ..pin.clone() };
        self.requests.fetch_add(1, Ordering::Relaxed);
        let fetched = self.engine.patience.bounded("GetObject", store.get_object(key, Some(&bare), range)).await??;
        check_answer(&fetched, pin, range).map_err(|error| error.at(store.location()).on(key))?;
        let length = range.map_or(pin.size, ByteRange::len);
        let tally = Tally::new(WithMd5::No);
        let body = Metered::wrap(fetched.body.into_chunks(), tally.clone(), Promise::of_length(length), |_| ());
        let with_md5 = if range.is_some() { WithMd5::Yes } else { WithMd5::No };
        let hashed = body.into_chunks().try_fold(Hasher::new(with_md5), |mut hasher, chunk| async move {
            hasher.update(&chunk);
            Ok(hasher)
        });
        let hashed = self.engine.patience.while_moving("GetObject", &tally, self.engine.least_rate(), hashed).await?;
        hashed.map_err(|error| tally.take_read_error().unwrap_or(error))
    }
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
