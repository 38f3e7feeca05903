//! What a worker may do without asking: where events go, what is ignored, and what becomes of deletions. Pure.

use crate::{
    compare::{Decision, Difference},
    copy::{CopyJob, Known, Recorded},
    event::{EventKind, ObjectEvent},
    ignore::IgnoreList,
    job::{Destination as Seen, Entry, Job},
    object::ObjectKey,
    record::Reason,
    route::Route,
    segment_job::Segment,
    segments::SegmentRef,
};

/// Where the objects of a bucket go.
#[derive(Clone, Debug)]
pub struct BucketRoute {
    /// Source bucket.
    pub source_bucket: String,
    /// Destination bucket.
    pub destination_bucket: String,
    /// Keys and their places.
    pub route: Route,
}

/// What becomes of a copy whose source was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeletePolicy {
    /// It stays.
    #[default]
    Ignore,
    /// It is deleted too, if longhaul made it and the source is gone.
    Propagate,
}

/// The rules of one worker.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Routes by bucket; the first that has an event's key is taken.
    pub routes: Vec<BucketRoute>,
    /// Where events of buckets go that no route names: bucket and key mapping.
    pub default: Option<(String, Route)>,
    /// What is not copied, matched on `bucket/key`.
    pub ignore: IgnoreList,
    /// What becomes of deletions.
    pub deletes: DeletePolicy,
}

/// The two buckets of a task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Buckets {
    /// Source bucket.
    pub source: String,
    /// Destination bucket.
    pub destination: String,
}

/// What is to be done for one entry of a message.
#[derive(Clone, Debug)]
pub enum Task {
    /// Bring the object across, if it is not there yet.
    Copy(Buckets, Box<CopyJob>),
    /// Delete the copy, if the source is gone.
    Delete(Buckets, Box<CopyJob>),
    /// Fill a segment of the object's upload.
    Segment(Buckets, Box<CopyJob>, SegmentRef),
    /// Nothing; the reason says why.
    Nothing(Reason),
    /// It has no place to go.
    Park(Reason),
}

impl Task {
    /// Between which buckets, if there is anything to do.
    pub fn buckets(&self) -> Option<&Buckets> {
        match self {
            Self::Copy(buckets, _) | Self::Delete(buckets, _) | Self::Segment(buckets, ..) => Some(buckets),
            Self::Nothing(_) | Self::Park(_) => None,
        }
    }
}

impl Rules {
    /// What an entry asks for under these rules.
    pub fn task(&self, entry: &Entry) -> Task {
        match entry {
            Entry::Event(event) => self.of_event(event),
            Entry::Job { src_bucket, des_bucket, job } => {
                if self.ignore.ignores(src_bucket, job.src_key.as_str()) {
                    return ignored();
                }
                let buckets = Buckets { source: src_bucket.clone(), destination: des_bucket.clone() };
                Task::Copy(buckets, Box::new(of_job(job)))
            }
            // What has begun is not ignored any more: its upload would stay behind.
            Entry::Segment(job) => {
                let buckets = Buckets { source: job.src_bucket.clone(), destination: job.des_bucket.clone() };
                let Segment { src_key, des_key, size, at } = job.segment.clone();
                let copy =
                    CopyJob { decision: Decision::Differs(Difference::Told), ..CopyJob::new(src_key, des_key, size) };
                Task::Segment(buckets, Box::new(copy), at)
            }
        }
    }

    fn of_event(&self, event: &ObjectEvent) -> Task {
        if self.ignore.ignores(&event.bucket, event.key.as_str()) {
            return ignored();
        }
        match (event.kind, self.deletes) {
            (EventKind::Other, _) => return Task::Nothing(Reason::new("no-copy-event", event.name.clone())),
            (EventKind::Removed, DeletePolicy::Ignore) => {
                return Task::Nothing(Reason::new("delete-ignored", "deletions stay on their side"));
            }
            (EventKind::Removed, DeletePolicy::Propagate) | (EventKind::Created, _) => {}
        }
        let (buckets, destination_key) = match self.place(event) {
            Ok(place) => place,
            Err(task) => return task,
        };
        let job = CopyJob {
            decision: Decision::Differs(Difference::Told),
            etag: event.etag.clone(),
            sequencer: event.sequencer.as_ref().map(|sequencer| sequencer.as_str().to_owned()),
            ..CopyJob::new(event.key.clone(), destination_key, event.size.unwrap_or_default())
        };
        match event.kind {
            EventKind::Removed => Task::Delete(buckets, Box::new(job)),
            EventKind::Created | EventKind::Other => Task::Copy(buckets, Box::new(job)),
        }
    }

    /// A bucket that routes name is replicated as far as they say and no further; only other buckets have the default.
    fn place(&self, event: &ObjectEvent) -> Result<(Buckets, ObjectKey), Task> {
        let named = || self.routes.iter().filter(|named| named.source_bucket == event.bucket);
        let is_named = named().next().is_some();
        let default = self.default.as_ref().filter(|_| !is_named).map(|(bucket, route)| (bucket, route));
        for (destination, route) in named().map(|named| (&named.destination_bucket, &named.route)).chain(default) {
            let Some(mapped) = route.map(&event.key) else { continue };
            let key = mapped.map_err(|error| Task::Park(Reason::new("invalid-key", error.to_string())))?;
            return Ok((Buckets { source: event.bucket.clone(), destination: destination.clone() }, key));
        }
        if is_named {
            let words = "the bucket has routes, and the key belongs to none of them";
            return Err(Task::Nothing(Reason::new("outside-routes", words)));
        }
        let words = format!(
            "no route has the bucket {}, and there is no default destination: set Des_bucket_default or add a route",
            event.bucket
        );
        Err(Task::Park(Reason::new("no-route", words)))
    }
}

fn ignored() -> Task {
    Task::Nothing(Reason::new("ignored", "the ignore list names it"))
}

fn of_job(job: &Job) -> CopyJob {
    let known = match &job.des_etag {
        Seen::Unknown => Known::Unknown,
        Seen::Absent => Known::Absent,
        Seen::Is(etag) => Known::Is(etag.clone()),
    };
    let recorded = match (&job.token, &known) {
        (Some(token), _) => Recorded::Under(token.clone()),
        // Whoever looked at the destination looked at the ledger too.
        (None, Known::Absent | Known::Is(_)) => Recorded::Nothing,
        (None, Known::Unknown) => Recorded::Unknown,
    };
    let decision = match Difference::of_name(&job.why) {
        Some(Difference::Checksum) => Decision::AskChecksums,
        named => Decision::Differs(named.unwrap_or(Difference::Told)),
    };
    CopyJob {
        known,
        recorded,
        decision,
        etag: job.etag.clone(),
        ..CopyJob::new(job.src_key.clone(), job.des_key.clone(), job.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules(deletes: DeletePolicy) -> Rules {
        let route = |source: &str, destination: &str| Route::keeping_names(source, destination);
        Rules {
            routes: vec![BucketRoute {
                source_bucket: "named".into(),
                destination_bucket: "there".into(),
                route: route("photos/", "p"),
            }],
            default: Some(("default".into(), route("", "d"))),
            ignore: IgnoreList::parse("*.tmp").unwrap(),
            deletes,
        }
    }

    fn event(name: &str, bucket: &str, key: &str) -> Entry {
        let record = json!({"eventName": name, "s3": {"bucket": {"name": bucket}, "object": {"key": key}}});
        Entry::Event(crate::event::parse(&record).unwrap())
    }

    fn place(task: Task) -> (String, String) {
        match task {
            Task::Copy(buckets, job) | Task::Delete(buckets, job) => (buckets.destination, job.destination_key.into()),
            Task::Segment(..) => panic!("no segment was sent"),
            Task::Nothing(reason) | Task::Park(reason) => (reason.code, String::new()),
        }
    }

    #[test]
    fn an_event_takes_the_route_of_its_bucket_and_only_a_bucket_without_one_the_default() {
        let rules = rules(DeletePolicy::Ignore);
        let put = |bucket, key| place(rules.task(&event("ObjectCreated:Put", bucket, key)));
        assert_eq!(put("named", "photos/a"), ("there".into(), "p/photos/a".into()));
        assert_eq!(put("named", "films/a").0, "outside-routes");
        assert_eq!(put("other", "photos/a"), ("default".into(), "d/photos/a".into()));
    }

    #[test]
    fn what_has_no_place_is_parked_by_name() {
        let rules = Rules { default: None, ..rules(DeletePolicy::Ignore) };
        assert_eq!(place(rules.task(&event("ObjectCreated:Put", "other", "k"))).0, "no-route");
        let long = "k".repeat(1023);
        let put = event("ObjectCreated:Put", "named", &format!("photos/{}", &long[7..]));
        assert_eq!(place(rules.task(&put)).0, "invalid-key");
    }

    #[test]
    fn the_ignore_list_holds_for_events_too() {
        let task = rules(DeletePolicy::Propagate).task(&event("ObjectCreated:Put", "other", "a/b.tmp"));
        assert_eq!(place(task).0, "ignored");
    }

    #[test]
    fn deletions_are_ignored_unless_the_policy_says_otherwise() {
        let removed = event("ObjectRemoved:Delete", "other", "k");
        assert_eq!(place(rules(DeletePolicy::Ignore).task(&removed)).0, "delete-ignored");
        assert!(matches!(rules(DeletePolicy::Propagate).task(&removed), Task::Delete(..)));
    }
}
