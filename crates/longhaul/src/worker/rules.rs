//! What a worker may do without asking: where events go, what is ignored, and what becomes of deletions. Pure.

use crate::{
    copy::attempt::{CopyJob, Known, Recorded},
    ledger::{NO_ROUTE, Reason, SegmentRef},
    object::ObjectKey,
    planted::{self, Defect},
    queue::{DestinationSeen as Seen, Entry, EventKind, Job, Message, ObjectEvent, Segment, message},
    route::{Decision, Difference, IgnoreList, Route},
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
    /// Whether the route between them leads into itself, if both are one bucket.
    pub into_itself: bool,
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
                let buckets = match self.allowed((src_bucket, &job.src_key), (des_bucket, &job.des_key)) {
                    Ok(buckets) => buckets,
                    Err(reason) => return Task::Park(reason),
                };
                if self.ignore.ignores(src_bucket, job.src_key.as_str()) {
                    return ignored();
                }
                Task::Copy(buckets, Box::new(of_job(job)))
            }
            // What has begun is not ignored any more: its upload would stay behind.
            Entry::Segment(job) => {
                let Segment { src_key, des_key, size, at } = job.segment.clone();
                let buckets = match self.allowed((&job.src_bucket, &src_key), (&job.des_bucket, &des_key)) {
                    Ok(buckets) => buckets,
                    Err(reason) => return Task::Park(reason),
                };
                let copy =
                    CopyJob { decision: Decision::Differs(Difference::Told), ..CopyJob::new(src_key, des_key, size) };
                Task::Segment(buckets, Box::new(copy), at)
            }
        }
    }

    /// Whether an entry of this message is parked as it comes. Whoever has rules that may be out of date asks before that.
    pub fn refuse_any_of(&self, body: &str) -> bool {
        let parks = |message: Message| message.entries.iter().any(|entry| matches!(self.task(entry), Task::Park(_)));
        message::parse(body).is_ok_and(parks)
    }

    /// Whoever can send to a queue names any two objects: what is copied is what a route, or the default, brings to that very
    /// place.
    fn allowed(&self, source: (&str, &ObjectKey), destination: (&str, &ObjectKey)) -> Result<Buckets, Reason> {
        let ((src_bucket, src_key), (des_bucket, des_key)) = (source, destination);
        let leads_there = |(bucket, route): &(&str, &Route)| {
            let mapped = || route.map(src_key).and_then(Result::ok);
            *bucket == des_bucket && mapped().as_ref() == Some(des_key)
        };
        let buckets =
            |into_itself| Buckets { source: src_bucket.to_owned(), destination: des_bucket.to_owned(), into_itself };
        if let Some((_, route)) = self.ways(src_bucket).find(leads_there) {
            return Ok(buckets(route.leads_into_itself()));
        }
        if planted::is(Defect::AnyRoute) {
            return Ok(buckets(false));
        }
        let words = format!(
            "no route brings {src_bucket}/{} to {des_bucket}/{}: if it is meant, add a route and redrive",
            src_key.as_str().escape_debug(),
            des_key.as_str().escape_debug()
        );
        Err(Reason::new(NO_ROUTE, words))
    }

    /// The ways of a bucket's keys, with the buckets that they lead to. A bucket that routes name is replicated as far as they say
    /// and no further; only other buckets have the default.
    fn ways<'a>(&'a self, bucket: &'a str) -> impl Iterator<Item = (&'a str, &'a Route)> {
        let named = self.routes.iter().filter(move |named| named.source_bucket == bucket);
        let default = self.default.as_ref().filter(|_| !self.is_named(bucket));
        let default = default.map(|(bucket, route)| (bucket.as_str(), route));
        named.map(|named| (named.destination_bucket.as_str(), &named.route)).chain(default)
    }

    fn is_named(&self, bucket: &str) -> bool {
        self.routes.iter().any(|named| named.source_bucket == bucket)
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

    fn place(&self, event: &ObjectEvent) -> Result<(Buckets, ObjectKey), Task> {
        for (destination, route) in self.ways(&event.bucket) {
            let Some(mapped) = route.map(&event.key) else { continue };
            let key = mapped.map_err(|error| Task::Park(Reason::new("invalid-key", error.to_string())))?;
            let (source, into_itself) = (event.bucket.clone(), route.leads_into_itself());
            return Ok((Buckets { source, destination: destination.to_owned(), into_itself }, key));
        }
        if self.is_named(&event.bucket) {
            let words = "the bucket has routes, and the key belongs to none of them";
            return Err(Task::Nothing(Reason::new("outside-routes", words)));
        }
        let words = format!(
            "no route has the bucket {}, and there is no default destination: set Des_bucket_default or add a route",
            event.bucket
        );
        Err(Task::Park(Reason::new(NO_ROUTE, words)))
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
    use serde_json::json;

    use super::*;
    use crate::queue::s3_event;

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
        Entry::Event(s3_event::parse(&record).unwrap())
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

    fn job(source: (&str, &str), destination: (&str, &str)) -> Entry {
        let body = json!({"Src_bucket": source.0, "Src_key": source.1, "Des_bucket": destination.0,
            "Des_key": destination.1, "Size": 1});
        message::parse(&body.to_string()).unwrap().entries.remove(0)
    }

    fn segment(source: (&str, &str), destination: (&str, &str)) -> Entry {
        let body = json!({"longhaul": 1, "src_bucket": source.0, "des_bucket": destination.0, "segment": {
            "src_key": source.1, "des_key": destination.1, "size": 1,
            "at": {"generation": 1, "upload_id": "u", "segment": 0}}});
        message::parse(&body.to_string()).unwrap().entries.remove(0)
    }

    #[test]
    fn a_message_orders_only_what_a_route_or_the_default_does() {
        let rules = rules(DeletePolicy::Ignore);
        let inside =
            [(("named", "photos/a"), ("there", "p/photos/a")), (("other", "photos/a"), ("default", "d/photos/a"))];
        for (source, destination) in inside {
            assert!(matches!(rules.task(&job(source, destination)), Task::Copy(..)), "{source:?}");
            assert!(matches!(rules.task(&segment(source, destination)), Task::Segment(..)), "{source:?}");
        }
        let outside = [
            (("secret", "photos/a"), ("there", "p/photos/a")),
            (("named", "photos/a"), ("theirs", "p/photos/a")),
            (("named", "photos/a"), ("there", "p/photos/b")),
            (("named", "photos/a"), ("there", "photos/a")),
            (("named", "films/a"), ("there", "p/films/a")),
            (("named", "films/a"), ("default", "d/films/a")),
            (("other", "a"), ("default", "a")),
        ];
        for (source, destination) in outside {
            assert_eq!(place(rules.task(&job(source, destination))).0, NO_ROUTE, "{source:?} to {destination:?}");
            assert_eq!(place(rules.task(&segment(source, destination))).0, NO_ROUTE, "{source:?} to {destination:?}");
        }
    }

    #[test]
    fn a_route_that_would_lead_into_itself_in_one_bucket_is_known_by_it() {
        let rules = rules(DeletePolicy::Ignore);
        let of = |task: Task| task.buckets().unwrap().into_itself;
        assert!(!of(rules.task(&event("ObjectCreated:Put", "named", "photos/a"))));
        assert!(of(rules.task(&event("ObjectCreated:Put", "other", "a"))));
        assert!(of(rules.task(&job(("other", "a"), ("default", "d/a")))));
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
