//! Packs jobs into messages: small objects many to a message, large ones alone. Pure.

use crate::{
    object::MIB,
    queue::{
        object_job::{Job, Jobs},
        port::{MAX_BATCH, MAX_BYTES},
    },
};

/// How much goes into one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// Larger objects travel alone.
    pub small: u64,
    /// Objects in a message.
    pub max_objects: usize,
    /// Bytes of the objects of a message.
    pub max_bytes: u64,
    /// Bytes of a message. SQS bills a message for each 64 KB.
    pub max_body: usize,
}

impl Packing {
    /// A hundred objects of together 256 MiB: some seconds of work. Messages below 64 KB are billed as one request each.
    pub fn of_small(small: u64) -> Self {
        Self { small, max_objects: 100, max_bytes: 256 * MIB, max_body: 60_000 }
    }
}

/// Jobs that wait for their message to be full.
#[derive(Debug)]
pub struct Packer {
    packing: Packing,
    open: Jobs,
    bytes: u64,
    body: usize,
}

impl Packer {
    /// An empty message between two buckets.
    pub fn new(packing: Packing, src_bucket: &str, des_bucket: &str) -> Self {
        let open = Jobs { src_bucket: src_bucket.to_owned(), des_bucket: des_bucket.to_owned(), jobs: Vec::new() };
        Self { packing, open, bytes: 0, body: 0 }
    }

    /// Takes a job, and gives back what is ready to be sent.
    pub fn push(&mut self, job: Job) -> Option<Jobs> {
        if job.size > self.packing.small {
            return Some(Jobs { jobs: vec![job], ..self.empty() });
        }
        let body = serde_json::to_string(&job).map_or(0, |text| text.len()) + 1;
        let full = self.open.jobs.len() >= self.packing.max_objects
            || self.bytes + job.size > self.packing.max_bytes
            || self.body + body > self.packing.max_body;
        let ready = if full { self.finish() } else { None };
        self.bytes += job.size;
        self.body += body;
        self.open.jobs.push(job);
        ready
    }

    /// What is left.
    pub fn finish(&mut self) -> Option<Jobs> {
        (self.bytes, self.body) = (0, 0);
        let empty = self.empty();
        let full = std::mem::replace(&mut self.open, empty);
        (!full.jobs.is_empty()).then_some(full)
    }

    fn empty(&self) -> Jobs {
        let Jobs { src_bucket, des_bucket, .. } = &self.open;
        Jobs { src_bucket: src_bucket.clone(), des_bucket: des_bucket.clone(), jobs: Vec::new() }
    }
}

/// How many of these messages, from the front, one batch takes; at least one.
pub fn batch_of(bodies: &[String]) -> usize {
    let mut bytes = 0;
    let fit = bodies.iter().take(MAX_BATCH).take_while(|body| {
        bytes += body.len();
        bytes <= MAX_BYTES
    });
    fit.count().max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{object::ObjectKey, queue::object_job::DestinationSeen};

    fn job(key: String, size: u64) -> Job {
        let key = ObjectKey::new(key).unwrap();
        Job {
            src_key: key.clone(),
            des_key: key,
            size,
            etag: None,
            version_id: None,
            des_etag: DestinationSeen::Absent,
            token: None,
            why: "absent".into(),
        }
    }

    #[test]
    fn large_objects_travel_alone_and_hold_nothing_up() {
        let mut packer = Packer::new(Packing::of_small(10), "s", "d");
        assert_eq!(packer.push(job("small".into(), 10)), None);
        assert_eq!(packer.push(job("large".into(), 11)).unwrap().jobs.len(), 1);
        assert_eq!(packer.finish().unwrap().jobs.len(), 1);
        assert_eq!(packer.finish(), None);
    }

    #[test]
    fn a_batch_has_ten_messages_of_together_a_mebibyte() {
        let bodies = |count: usize, length: usize| vec!["x".repeat(length); count];
        assert_eq!(batch_of(&bodies(25, 10)), 10);
        assert_eq!(batch_of(&bodies(5, MAX_BYTES / 2)), 2);
        assert_eq!(batch_of(&bodies(1, 2 * MAX_BYTES)), 1);
    }

    proptest! {
        #[test]
        fn every_job_is_sent_once_and_every_message_keeps_its_bounds(
            sizes in proptest::collection::vec((0_u64..200, 1_usize..400), 0..300),
        ) {
            let packing = Packing { small: 100, max_objects: 7, max_bytes: 500, max_body: 2_000 };
            let mut packer = Packer::new(packing, "s", "d");
            let mut messages = Vec::new();
            for (index, (size, length)) in sizes.iter().enumerate() {
                messages.extend(packer.push(job(format!("{index:0length$}"), *size)));
            }
            messages.extend(packer.finish());
            let mut keys: Vec<usize> = Vec::new();
            for message in &messages {
                let bytes: u64 = message.jobs.iter().map(|job| job.size).sum();
                prop_assert!(message.jobs.len() == 1 || bytes <= 500);
                prop_assert!(message.jobs.len() == 1 || message.body().len() <= 2_100);
                prop_assert!(message.jobs.len() <= 7);
                keys.extend(message.jobs.iter().map(|job| job.src_key.as_str().parse::<usize>().unwrap()));
            }
            keys.sort_unstable();
            prop_assert_eq!(keys, (0..sizes.len()).collect::<Vec<_>>());
        }
    }
}
