//! What stores keep of what travels with the bytes, learned by looking.
//!
//! A store may take a header and drop it, and its answer to the write says nothing of that. So the first copies that carry a
//! header, metadata or a class are looked at by a HEAD after the write: few of each, for each bucket and each way of writing.
//! What they show holds for all later copies of the process. While somebody looks, others that carry the same wait, so that
//! none is reported before it is known.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    carried::Carried,
    copy::{Leg, not_preserved},
    mark,
    object::{ETag, Location, ObjectInfo},
    ports::{Clock, Destination, Ledger, Source, Written},
};

/// So many equal looks tell what a store does; and so many looks without an answer tell that it will not be known.
const LOOKS: u8 = 2;

/// How an object was written. A store may keep in one way what it drops in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    Put,
    Multipart,
    Copy,
}

/// What is known of all buckets that this process writes to. Clones are the same knowledge.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<BTreeMap<(Location, Way, Carried), Seen>>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    kept: u8,
    dropped: u8,
    unanswered: u8,
}

impl Seen {
    fn is_settled(self) -> bool {
        self.kept.max(self.dropped).max(self.unanswered) >= LOOKS
    }
}

impl Kept {
    fn seen(&self) -> MutexGuard<'_, BTreeMap<(Location, Way, Carried), Seen>> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, at: &Location, way: Way, what: Carried) -> Seen {
        self.seen().get(&(at.clone(), way, what)).copied().unwrap_or_default()
    }

    fn is_settled(&self, at: &Location, way: Way, carried: &[Carried]) -> bool {
        carried.iter().all(|what| self.of(at, way, *what).is_settled())
    }

    /// Whether the store was seen to drop it in some way of writing, and never to keep it so.
    fn never_keeps(&self, at: &Location, what: Carried) -> bool {
        let seen = [Way::Put, Way::Multipart, Way::Copy].map(|way| self.of(at, way, what));
        seen.iter().any(|seen| seen.dropped >= LOOKS && seen.kept == 0)
    }

    fn note(&self, at: &Location, way: Way, what: Carried, count: impl Fn(&mut Seen)) {
        count(self.seen().entry((at.clone(), way, what)).or_default());
    }
}

impl<S: Source, D: Destination, L: Ledger, C: Clock> Leg<'_, S, D, L, C> {
    /// What of the object the destination does not have, now that it is written.
    pub(crate) async fn not_preserved(&self, info: &ObjectInfo, written: &Written, way: Way) -> Vec<&'static str> {
        let mut lost = not_preserved(self.engine, info);
        if self.engine.destination.capabilities().headers {
            let dropped = self.dropped(info, written, way).await;
            let new = dropped.into_iter().map(Carried::name).filter(|name| !lost.contains(name)).collect::<Vec<_>>();
            lost.extend(new);
        }
        lost
    }

    async fn dropped(&self, info: &ObjectInfo, written: &Written, way: Way) -> Vec<Carried> {
        let (kept, at) = (&self.engine.kept, self.engine.destination.location());
        // A copy has a mark of its own in the place of its source's.
        let info = &mark::unmarked_info(info);
        let class = self.engine.settings.storage_class.as_deref();
        let carried = Carried::by(info, class);
        if !kept.is_settled(at, way, &carried) {
            let _turn = kept.0.turn.lock().await;
            if !kept.is_settled(at, way, &carried) && self.has_time_to_look() {
                if let Some(there) = self.look_at(written, info.size).await {
                    let (there_too, dropped): (Vec<_>, Vec<_>) =
                        carried.into_iter().partition(|what| what.is_kept(&info.headers, class, &there));
                    there_too.iter().for_each(|what| kept.note(at, way, *what, |seen| seen.kept += 1));
                    dropped.iter().for_each(|what| kept.note(at, way, *what, |seen| seen.dropped += 1));
                    return dropped;
                }
                carried.iter().for_each(|what| kept.note(at, way, *what, |seen| seen.unanswered += 1));
            }
        }
        carried.into_iter().filter(|what| kept.of(at, way, *what).dropped >= LOOKS).collect()
    }

    fn has_time_to_look(&self) -> bool {
        !self.engine.patience.stop.is_cancelled() && self.engine.has_time_for_a_body()
    }

    /// The object just written, if it still is that one. A look that fails is no failure of the copy.
    async fn look_at(&self, written: &Written, size: u64) -> Option<ObjectInfo> {
        let head = self.engine.destination.head_object(&self.job.destination_key);
        match self.once(self.at_destination("HeadObject"), self.engine.patience.timeout, head).await {
            Ok(there) => Some(there).filter(|there| there.size == size && is_of(written, there)),
            Err(error) => {
                tracing::info!(%error, "it could not be seen which headers and metadata the destination keeps");
                None
            }
        }
    }

    /// Whether the object there has what was sent with this one, as far as its store keeps it.
    pub(crate) fn same_headers(&self, info: &ObjectInfo, there: &ObjectInfo) -> bool {
        if !self.engine.destination.capabilities().headers || there.headers == info.headers {
            return true;
        }
        // The mark of a copy is none of its source's metadata.
        let (info, there) = (&mark::unmarked_info(info), &mark::unmarked_info(there));
        let at = self.engine.destination.location();
        let is_alike = |what: &Carried| {
            self.engine.kept.never_keeps(at, *what)
                || (what.is_kept(&info.headers, None, there) && what.is_kept(&there.headers, None, info))
        };
        Carried::OF_HEADERS.iter().all(is_alike)
    }
}

/// Whether what is there is what was written, as far as both are known. The same bytes may have been written once more.
fn is_of(written: &Written, there: &ObjectInfo) -> bool {
    let same_version = written.version_id.is_none() || written.version_id == there.version_id;
    // rclone answers Complete with a tag of the parts, and from then on with the MD5 of the whole.
    let is_renamed = |etag: &ETag| etag.as_str().contains('-') && there.etag.looks_like_md5();
    same_version && written.etag.as_ref().is_none_or(|etag| *etag == there.etag || is_renamed(etag))
}
