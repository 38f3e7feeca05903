//! Buckets in memory, behind a line and a service that fail.

use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use longhaul::{
    memory::Memory,
    object::{ByteRange, Crc64, Location, ObjectInfo, ObjectKey, PartSpec, Pin},
    store::{
        ByteStream, Capabilities, Completion, Condition, Destination, ErrorKind, Fetched, ListRequest, NewObject, Page,
        Source, StoreError, UnfinishedUpload, Upload, UploadFilter, UploadedPart, Written,
    },
};

use crate::{
    clock::wall,
    counts::{Fault, Happening, Op},
    oracle::Asked,
    owned::{OwnedCompletion, OwnedObject},
    pages::Marks,
    queue::SimQueue,
    world::{Call, Failure, World},
};

/// Which bucket it is to those who watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Objects are read here.
    Source,
    /// Objects are written here.
    Destination,
}

/// A bucket as processes reach it.
#[derive(Clone)]
pub struct SimStore {
    pub(crate) world: World,
    pub(crate) memory: Memory,
    side: Side,
    /// How its listings say whether they go on.
    pub(crate) marks: Marks,
    /// Whether checksums tell when a byte is damaged on its way.
    pub(crate) notices_damage: bool,
    /// Who hears of what is written, and how often somebody did.
    pub(crate) tells: Option<(SimQueue, Arc<AtomicUsize>)>,
}

impl SimStore {
    /// A way to `memory`.
    pub fn new(world: World, memory: Memory, side: Side) -> Self {
        Self { world, memory, side, marks: Marks::Both, notices_damage: false, tells: None }
    }

    /// Also damages bytes on their way: the product can notice.
    pub fn that_damages(self, notices_damage: bool) -> Self {
        Self { notices_damage, ..self }
    }

    /// Says in this way whether its listings go on.
    pub fn that_marks(self, marks: Marks) -> Self {
        Self { marks, ..self }
    }

    /// Tells a stack whose source it is of what is written, and counts it.
    pub fn that_tells(self, events: SimQueue, counted: Arc<AtomicUsize>) -> Self {
        Self { tells: Some((events, counted)), ..self }
    }

    fn op(&self, source: Op, destination: Op) -> Op {
        match self.side {
            Side::Source => source,
            Side::Destination => destination,
        }
    }

    /// The store's clock is the world's.
    pub(crate) fn on_time(&self) -> &Memory {
        self.memory.continue_from(wall(self.world.now()));
        &self.memory
    }

    fn failed(&self, op: Op, failure: Failure, key: &str) -> StoreError {
        let error = StoreError::new(failure.kind, name(op), "made up by the simulation").at(self.memory.location());
        let error = if failure.kind == ErrorKind::Throttled {
            error.retry_after(Some(Duration::from_secs(1)).filter(|_| key.len().is_multiple_of(2)))
        } else {
            error
        };
        if failure.in_doubt { error.maybe_happened() } else { error }
    }

    pub(crate) async fn request<T>(
        &self,
        op: Op,
        key: &str,
        effect: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let call = self.world.call(op);
        self.carried(&call, op, key, effect).await
    }

    async fn carried<T>(
        &self,
        call: &Call<'_>,
        op: Op,
        key: &str,
        effect: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        call.before().await.map_err(|failure| self.failed(op, failure, key))?;
        let answer = effect.await;
        self.note(op, key, answer.as_ref().err());
        call.after().await.map_err(|failure| self.failed(op, failure, key))?;
        answer
    }

    fn note(&self, op: Op, key: &str, error: Option<&StoreError>) {
        let code = op as u64 * 64 + error.map_or(0, |error| 1 + error.kind() as u64);
        self.world.note(code, || match error {
            None => format!("{op:?} {key}"),
            Some(error) => format!("{op:?} {key}: {:?}", error.kind()),
        });
    }

    /// As [`carried`](Self::carried), unless the process gives up on a request that is carried out all the same, later.
    async fn carried_or_late<T>(
        &self,
        call: &Call<'_>,
        op: Op,
        key: ObjectKey,
        effect: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        if !call.has(Fault::Late) {
            return self.carried(call, op, key.as_str(), effect).await;
        }
        let store = self.clone();
        self.world.later(call.standstill(), async move {
            let late = effect.await;
            store.note(op, &format!("{key} (late)"), late.err().as_ref());
        });
        Err(StoreError::new(ErrorKind::Unavailable, "late", "the connection broke").maybe_happened())
    }

    /// Another answer than was asked for: another range, the whole, or the object as it is now, each with its true description.
    async fn wrong_answer(&self, key: &ObjectKey, pin: &Pin, range: Option<ByteRange>) -> Result<Fetched, StoreError> {
        let kind = self.world.faults().random().u8(..3);
        match (kind, range) {
            (0, Some(range)) => {
                let behind = ByteRange::new(range.first() + range.len(), range.len());
                let other = behind.filter(|other| other.last() < pin.size).or(ByteRange::new(0, range.len()));
                self.memory.get_object(key, Some(pin), other).await
            }
            (1, _) => self.memory.get_object(key, Some(pin), None).await,
            _ => self.memory.get_object(key, None, range).await,
        }
    }
}

fn name(op: Op) -> &'static str {
    match op {
        Op::SourceList | Op::List => "ListObjectsV2",
        Op::SourceListVersions => "ListObjectVersions",
        Op::SourceHead | Op::Head => "HeadObject",
        Op::SourceGet | Op::Get => "GetObject",
        Op::Put => "PutObject",
        Op::Create => "CreateMultipartUpload",
        Op::ListUploads => "ListMultipartUploads",
        Op::ListParts => "ListParts",
        Op::UploadPart => "UploadPart",
        Op::Complete => "CompleteMultipartUpload",
        Op::Abort => "AbortMultipartUpload",
        Op::Delete => "DeleteObject",
        _ => "Request",
    }
}

impl Source for SimStore {
    fn location(&self) -> &Location {
        self.memory.location()
    }

    fn list(&self, request: ListRequest) -> BoxStream<'_, Page> {
        self.listed(self.op(Op::SourceList, Op::List), request, |memory, request| memory.list(request))
    }

    fn list_versions(&self, request: ListRequest) -> BoxStream<'_, Page> {
        self.listed(Op::SourceListVersions, request, |memory, request| memory.list_versions(request))
    }

    async fn head_object(&self, key: &ObjectKey) -> Result<ObjectInfo, StoreError> {
        let op = self.op(Op::SourceHead, Op::Head);
        self.request(op, key.as_str(), self.memory.head_object(key)).await
    }

    async fn get_object(
        &self,
        key: &ObjectKey,
        pin: Option<&Pin>,
        range: Option<ByteRange>,
    ) -> Result<Fetched, StoreError> {
        let op = self.op(Op::SourceGet, Op::Get);
        let call = self.world.call(op);
        let wrong = match pin {
            Some(pin) if call.has(Fault::WrongAnswer) => self.wrong_answer(key, pin, range).await.ok(),
            _ => None,
        };
        let answer = async {
            match wrong {
                Some(answer) => Ok(answer),
                None => self.memory.get_object(key, pin, range).await,
            }
        };
        let fetched = self.carried(&call, op, key.as_str(), answer).await?;
        let breaks = call.has(Fault::BodyBreaks);
        let damaged = self.notices_damage && fetched.info.size > 0 && call.has(Fault::Damaged);
        if damaged {
            self.world.oracle().uploads().source_damaged(key.as_str());
        }
        Ok(Fetched { body: self.chunked(fetched.body, breaks, damaged), ..fetched })
    }
}

impl Destination for SimStore {
    fn capabilities(&self) -> Capabilities {
        self.memory.capabilities()
    }

    async fn put_object(
        &self,
        object: &NewObject<'_>,
        condition: &Condition,
        expected: Option<Crc64>,
        body: ByteStream,
    ) -> Result<Written, StoreError> {
        let call = self.world.call(Op::Put);
        let (owned, condition) = (OwnedObject::of(object), condition.clone());
        // It is refused by its checksum, if there is one.
        let (body, _) = self.received(&call, body, expected.is_some()).await;
        let put = self.clone().put_now(owned, condition, expected, body);
        self.carried_or_late(&call, Op::Put, object.key.clone(), put).await
    }

    async fn create_multipart_upload(&self, object: &NewObject<'_>) -> Result<Upload, StoreError> {
        let create = async {
            let upload = self.on_time().create_multipart_upload(object).await?;
            let begun = self.world.oracle().upload_begun(object.key.as_str(), &upload.id, self.world.sim().current());
            match begun {
                Ok(true) => self.world.happened(Happening::ZombieUpload, || upload.id.clone()),
                Ok(false) => {}
                Err(words) => self.world.violated(|| words),
            }
            Ok(upload)
        };
        self.request(Op::Create, object.key.as_str(), create).await
    }

    fn list_multipart_uploads(&self, filter: UploadFilter) -> BoxStream<'_, Result<Vec<UnfinishedUpload>, StoreError>> {
        let words = match &filter {
            UploadFilter::Key(key) => key.as_str().to_owned(),
            UploadFilter::Prefix(prefix) => prefix.clone(),
        };
        let asked = stream::once(async move {
            let pages = async {
                let pages = self.memory.list_multipart_uploads(filter).collect::<Vec<_>>().await;
                pages.into_iter().collect::<Result<Vec<_>, _>>().map(|pages| pages.concat())
            };
            self.request(Op::ListUploads, &words, pages).await
        });
        asked.boxed()
    }

    async fn list_parts(&self, upload: &Upload) -> Result<Vec<UploadedPart>, StoreError> {
        let parts = self.request(Op::ListParts, upload.key.as_str(), self.memory.list_parts(upload)).await?;
        self.world.oracle().parts_told(&upload.id, &parts, self.world.sim().asker());
        Ok(parts)
    }

    async fn upload_part(
        &self,
        upload: &Upload,
        part: &PartSpec,
        body: ByteStream,
    ) -> Result<UploadedPart, StoreError> {
        let call = self.world.call(Op::UploadPart);
        let words = format!("{} part {}", upload.key, part.number.get());
        let by = self.world.sim().asker();
        let (body, damaged) = self.received(&call, body, true).await;
        let hold = async {
            let held = self.on_time().upload_part(upload, part, body).await?;
            let mut oracle = self.world.oracle();
            if damaged {
                oracle.uploads().part_spoilt(&upload.id, part.number);
                return Ok(held);
            }
            let found = oracle.part_accepted(&upload.id, (part.number, held.size), self.world.now(), by);
            drop(oracle);
            self.world.judge(found);
            Ok(held)
        };
        let held = self.carried(&call, Op::UploadPart, &words, hold).await?;
        if !damaged {
            self.world.oracle().uploads().answered(&upload.id, &held, by);
        }
        Ok(held)
    }

    async fn complete_multipart_upload(
        &self,
        upload: &Upload,
        completion: &Completion<'_>,
    ) -> Result<Written, StoreError> {
        let call = self.world.call(Op::Complete);
        let complete = self.clone().complete_now(upload.clone(), OwnedCompletion::of(completion));
        self.carried_or_late(&call, Op::Complete, upload.key.clone(), complete).await
    }

    async fn abort_multipart_upload(&self, upload: &Upload) -> Result<(), StoreError> {
        let call = self.world.call(Op::Abort);
        self.carried_or_late(&call, Op::Abort, upload.key.clone(), self.clone().abort_now(upload.clone())).await
    }

    async fn delete_object(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let call = self.world.call(Op::Delete);
        let by = self.world.sim().current();
        let asked = Asked { at: self.world.now(), given_up: call.has(Fault::Late) };
        let delete = self.clone().delete_now(key.clone(), asked, by);
        self.carried_or_late(&call, Op::Delete, key.clone(), delete).await
    }
}
