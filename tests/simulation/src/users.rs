//! People and programs that use the buckets while longhaul works: they write, delete, meddle and redrive.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use longhaul::{
    ledger::State,
    object::{ByteRange, Headers, PartPlan, PartSpec},
    store::{ByteStream, Destination},
};
use serde_json::{Value, json};

use crate::{
    clock::wall,
    counts::Happening,
    history::{SourceId, Version},
    queue::STOLEN,
    scanning,
    scenario::Deed,
    stage::{DESTINATION, EVENTS, JOBS, SEGMENTS, SOURCE, Stage},
    telling::{event, tell},
    uploads::UploadEnd,
};

/// Those who act, and their dice.
pub struct Users {
    stage: Arc<Stage>,
    random: fastrand::Rng,
    writes: u64,
}

impl Users {
    /// Users of a stage.
    pub fn new(stage: Arc<Stage>, seed: u64) -> Self {
        Self { stage, random: fastrand::Rng::with_seed(seed), writes: 0 }
    }

    /// Does one deed. Nobody's requests fail here: what a user could not do was not done.
    pub async fn act(&mut self, deed: Deed) {
        match deed {
            Deed::Put { key, size } => {
                let record = self.put(key, size);
                self.tell(vec![record]);
            }
            Deed::PutMany { key, size } => {
                let keys = self.stage.scenario.keys;
                let records = (0..3.min(keys)).map(|next| self.put((key + next) % keys, size)).collect();
                self.tell(records);
            }
            Deed::Touch { key } => self.touch(key),
            Deed::DeleteSource { key } => self.delete_source(key),
            Deed::OverwriteDestination { key, more } => self.overwrite_destination(key, more),
            Deed::DeleteDestination { key } => self.delete_destination(key),
            Deed::AbortUploads => self.abort_uploads().await,
            Deed::RewritePart => self.rewrite_part().await,
            Deed::Redrive => self.redrive_on(&self.stage),
            Deed::Scan => scanning::start_jobsender(&self.stage, self.random.u64(..)),
            Deed::OriginalJob { key } => self.original_job(key, key),
            Deed::CollidingJob { key } => self.original_job((key + 1) % self.stage.scenario.keys, key),
            Deed::Hostile { key } => self.hostile(key),
            Deed::Malformed => {
                self.stage.queues[JOBS].deliver("{\"hello\": 1}".to_owned(), Duration::ZERO);
                self.stage.world.happened(Happening::Malformed, String::new);
            }
        }
    }

    /// Bytes that no other write has, and of which no two pieces are equal.
    fn content(&mut self, size: usize) -> Bytes {
        self.writes += 1;
        let mut random = fastrand::Rng::with_seed(self.writes.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        (0..size).map(|_| random.u8(..)).collect()
    }

    /// Writes a source object, and gives back what S3 tells of it.
    fn put(&mut self, key: usize, size: usize) -> Value {
        let bytes = self.content(size);
        self.stage.world.happened(Happening::SourcePut, || format!("{} {size} bytes", Stage::source_key(key)));
        self.store(key, bytes)
    }

    fn store(&mut self, key: usize, bytes: Bytes) -> Value {
        let stage = &self.stage;
        let (world, name) = (&stage.world, Stage::source_key(key));
        let mut headers = Headers::default();
        if self.random.bool() {
            headers.metadata.insert("write".into(), self.writes.to_string());
        }
        stage.source.continue_from(wall(world.now()));
        let etag = stage.source.insert_with(&name, bytes.clone(), headers.clone());
        let size = bytes.len();
        if stage.scenario.second_stack {
            // What users write here is what others write at the destination of the stack of the other direction.
            world.oracle().changed_by_others(&name, Some(bytes.clone()), world.now());
        }
        let version = Version { bytes, etag: etag.clone(), headers, written: world.now(), ended: None };
        world.oracle().source_written(&Stage::source_id(key), version);
        self.event("ObjectCreated:Put", &name, json!({"size": size, "eTag": etag.as_str()}))
    }

    fn event(&mut self, name: &str, key: &str, object: Value) -> Value {
        self.writes += 1;
        let id = SourceId { bucket: SOURCE.to_owned(), key: key.to_owned() };
        event(name, &id, object, self.writes)
    }

    /// S3 tells of what happened: at least once, late and in any order.
    fn tell(&mut self, records: Vec<Value>) {
        let body = json!({"Records": records}).to_string();
        let (world, events) = (self.stage.world.clone(), &self.stage.queues[EVENTS]);
        let twice = world.happens(1000);
        for _ in 0..=usize::from(twice) {
            let delay = self.stage.scenario.delay.mul_f64(self.random.f64() * self.random.f64());
            events.deliver(body.clone(), delay);
        }
        if twice {
            world.happened(Happening::EventTwice, || body);
        }
    }

    fn touch(&mut self, key: usize) {
        let Some(bytes) = self.stage.source.bytes(&Stage::source_key(key)) else { return };
        self.stage.world.happened(Happening::SourceTouched, || Stage::source_key(key));
        let record = self.store(key, bytes);
        self.tell(vec![record]);
    }

    fn delete_source(&mut self, key: usize) {
        let name = Stage::source_key(key);
        if self.stage.source.bytes(&name).is_none() {
            return;
        }
        self.stage.source.remove(&name);
        let now = self.stage.world.now();
        self.stage.world.oracle().source_deleted(&Stage::source_id(key), now);
        self.stage.world.happened(Happening::SourceDeleted, || name.clone());
        let record = self.event("ObjectRemoved:Delete", &name, json!({}));
        self.tell(vec![record]);
    }

    fn overwrite_destination(&mut self, key: usize, more: usize) {
        let size = self.stage.source.bytes(&Stage::source_key(key)).map_or(7, |bytes| bytes.len()) + more;
        let bytes = self.content(size);
        let (world, name) = (&self.stage.world, Stage::destination_key(key));
        self.stage.destination.continue_from(wall(world.now()));
        let etag = self.stage.destination.insert(&name, bytes.clone());
        world.oracle().changed_by_others(&name, Some(bytes.clone()), world.now());
        world.happened(Happening::DestinationOverwritten, || format!("{name} {size} bytes"));
        if let Some(events) = self.stage.told() {
            let id = SourceId { bucket: DESTINATION.to_owned(), key: name };
            let version = Version { bytes, etag, headers: Headers::default(), written: world.now(), ended: None };
            tell(world, events, &id, version);
        }
    }

    fn delete_destination(&mut self, key: usize) {
        let (world, name) = (&self.stage.world, Stage::destination_key(key));
        if self.stage.destination.bytes(&name).is_none() {
            return;
        }
        self.stage.destination.remove(&name);
        world.oracle().changed_by_others(&name, None, world.now());
        world.happened(Happening::DestinationDeleted, || name);
    }

    async fn abort_uploads(&mut self) {
        for upload in self.stage.destination.uploads() {
            if self.stage.destination.abort_multipart_upload(&upload).await.is_ok() {
                self.stage.world.oracle().uploads().ended(&upload.id, UploadEnd::AbortedByOthers);
                self.stage.world.happened(Happening::UploadsAborted, || format!("{} {}", upload.key, upload.id));
            }
        }
    }

    /// An old tool writes into an upload that it takes for its own, while parts are missing: afterwards nobody could tell on a
    /// store that takes whatever is there.
    async fn rewrite_part(&mut self) {
        for upload in self.stage.destination.uploads() {
            let kept = self.stage.world.oracle().records().get(upload.key.as_str()).map(|kept| kept.record.clone());
            let Some(record) = kept.filter(|record| record.state == State::Copying) else { continue };
            let Some(planned) = record.upload.as_ref().filter(|planned| planned.id == upload.id) else { continue };
            let Ok(plan) = PartPlan::with_part_size(record.source.pin.size, planned.part_size) else { continue };
            let Ok(listed) = self.stage.destination.list_parts(&upload).await else { continue };
            if listed.is_empty() || listed.len() >= usize::from(plan.count()) {
                continue;
            }
            let part = &listed[self.random.usize(..listed.len())];
            let size = part.size as usize + 1 + self.random.usize(..9);
            let bytes = self.content(size);
            let Some(range) = ByteRange::new(0, bytes.len() as u64) else { continue };
            let spec = PartSpec { number: part.number, range };
            let written = self.stage.destination.upload_part(&upload, &spec, ByteStream::from_bytes(bytes)).await;
            if written.is_ok() {
                self.stage.world.oracle().uploads().part_spoilt(&upload.id, part.number);
                self.stage
                    .world
                    .happened(Happening::PartRewritten, || format!("{} part {}", upload.key, part.number.get()));
            }
        }
    }

    /// An operator sends everything that is parked again.
    pub fn redrive_on(&self, stage: &Stage) {
        let parked = std::mem::take(&mut *stage.parked());
        for message in parked {
            stage.world.happened(Happening::Redriven, || message.body.clone());
            stage.queues[message.queue].deliver(message.body, Duration::ZERO);
        }
    }

    fn original_job(&mut self, key: usize, place: usize) {
        let (source, destination) = (Stage::source_key(key), Stage::destination_key(place));
        let Some(bytes) = self.stage.source.bytes(&source) else { return };
        let body = json!({"Src_bucket": SOURCE, "Src_key": source, "Des_bucket": DESTINATION, "Des_key": destination,
            "Size": bytes.len(), "versionId": "null"});
        self.stage.world.oracle().place(&Stage::source_id(key), &destination);
        self.stage.queues[JOBS].deliver(body.to_string(), Duration::ZERO);
        self.stage.world.happened(Happening::OriginalJob, || body.to_string());
    }

    /// Somebody who can send to a queue asks for what no route does: another place, another bucket, a segment of nothing.
    fn hostile(&mut self, key: usize) {
        let (source, place) = (Stage::source_key(key), Stage::destination_key(key));
        let job = |from: &str, to: &str, place: &str| json!({"Src_bucket": from, "Src_key": source, "Des_bucket": to, "Des_key": place, "Size": 7});
        let stolen = format!("{STOLEN}/{source}");
        let (queue, body) = match self.random.u8(..6) {
            0 => (JOBS, job(STOLEN, DESTINATION, &place)),
            1 => (JOBS, job(SOURCE, STOLEN, &place)),
            2 => {
                let at = json!({"generation": 1, "upload_id": "upload-1", "segment": 0});
                let segment = json!({"src_key": source, "des_key": stolen, "size": 7, "at": at});
                (SEGMENTS, json!({"longhaul": 1, "src_bucket": SOURCE, "des_bucket": DESTINATION, "segment": segment}))
            }
            _ => (JOBS, job(SOURCE, DESTINATION, &stolen)),
        };
        self.stage.world.happened(Happening::HostileSent, || body.to_string());
        self.stage.queues[queue].deliver(body.to_string(), Duration::ZERO);
    }

    /// More of the same, for a seed that is too small.
    pub fn more(&mut self) -> Deed {
        let (keys, part) = (self.stage.scenario.keys, self.stage.scenario.part_size as usize);
        Deed::Put { key: self.random.usize(..keys), size: self.random.usize(..6) * part + 3 }
    }
}
