//! What stores keep of what travels with the bytes, learned by looking.
//!
//! A store may take a header and drop it, and its answer to the write says nothing of that. So the first copies that carry a
//! header, metadata or a class are looked at by a HEAD after the write: few of each, for each bucket and each way of writing.
//! What they show holds for all later copies of the process. While somebody looks, others that carry the same wait, so that
//! none is reported before it is known.

use crate::{
    copy::attempt::{
        engine::{Backends, Engine},
        leg::Leg,
    },
    object::{Carried, ETag, ObjectInfo, mark},
    store::{Destination, LOOKS, Source, Way, Written},
};

/// What of the object the destination does not have, now that it is written.
pub(crate) async fn all_not_preserved<B: Backends>(
    leg: &Leg<'_, B>,
    info: &ObjectInfo,
    written: &Written,
    way: Way,
) -> Vec<&'static str> {
    let mut lost = never_preserved(leg.engine, info);
    if leg.engine.destination.capabilities().headers {
        let dropped = dropped(leg, info, written, way).await;
        let new = dropped.into_iter().map(Carried::name).filter(|name| !lost.contains(name)).collect::<Vec<_>>();
        lost.extend(new);
    }
    lost
}

pub(crate) async fn dropped<B: Backends>(
    leg: &Leg<'_, B>,
    info: &ObjectInfo,
    written: &Written,
    way: Way,
) -> Vec<Carried> {
    let (kept, at) = (&leg.engine.kept, leg.engine.destination.location());
    // A copy has a mark of its own in the place of its source's.
    let info = &mark::unmarked_info(info);
    let class = leg.engine.settings.storage_class.as_deref();
    let carried = Carried::by(info, class);
    if !kept.is_settled(at, way, &carried) {
        let _turn = kept.0.turn.lock().await;
        if !kept.is_settled(at, way, &carried) && has_time_to_look(leg) {
            if let Some(there) = look_at(leg, written, info.size).await {
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

pub(crate) fn has_time_to_look<B: Backends>(leg: &Leg<'_, B>) -> bool {
    !leg.engine.patience.stop.is_cancelled() && leg.engine.has_time_for_a_body()
}

/// The object just written, if it still is that one. A look that fails is no failure of the copy.
pub(crate) async fn look_at<B: Backends>(leg: &Leg<'_, B>, written: &Written, size: u64) -> Option<ObjectInfo> {
    let head = leg.engine.destination.head_object(&leg.job.destination_key);
    match leg.once(leg.at_destination("HeadObject"), leg.engine.patience.timeout, head).await {
        Ok(there) => Some(there).filter(|there| there.size == size && is_of(written, there)),
        Err(error) => {
            tracing::info!(%error, "it could not be seen which headers and metadata the destination keeps");
            None
        }
    }
}

/// Whether the object there has what was sent with this one, as far as its store keeps it.
pub(crate) fn same_headers<B: Backends>(leg: &Leg<'_, B>, info: &ObjectInfo, there: &ObjectInfo) -> bool {
    if !leg.engine.destination.capabilities().headers || there.headers == info.headers {
        return true;
    }
    // The mark of a copy is none of its source's metadata.
    let (info, there) = (&mark::unmarked_info(info), &mark::unmarked_info(there));
    let at = leg.engine.destination.location();
    let is_alike = |what: &Carried| {
        leg.engine.kept.never_keeps(at, *what)
            || (what.is_kept(&info.headers, None, there) && what.is_kept(&there.headers, None, info))
    };
    Carried::OF_HEADERS.iter().all(is_alike)
}

/// Whether what is there is what was written, as far as both are known. The same bytes may have been written once more.
fn is_of(written: &Written, there: &ObjectInfo) -> bool {
    let same_version = written.version_id.is_none() || written.version_id == there.version_id;
    // rclone answers Complete with a tag of the parts, and from then on with the MD5 of the whole.
    let is_renamed = |etag: &ETag| etag.as_str().contains('-') && there.etag.looks_like_md5();
    same_version && written.etag.as_ref().is_none_or(|etag| *etag == there.etag || is_renamed(etag))
}

/// What of an object the destination will not have.
pub(crate) fn never_preserved<B: Backends>(engine: &Engine<B>, info: &ObjectInfo) -> Vec<&'static str> {
    let mut lost = Vec::new();
    let headers = &info.headers;
    let has_headers = headers.cache_control.is_some()
        || headers.content_disposition.is_some()
        || headers.content_encoding.is_some()
        || headers.content_language.is_some()
        || headers.expires.is_some();
    if !engine.destination.capabilities().headers && has_headers {
        lost.push("headers");
    }
    if !engine.destination.capabilities().headers && !headers.metadata.is_empty() {
        lost.push("metadata");
    }
    lost.extend(&info.not_carried);
    if info.tags > 0 {
        lost.push("tags");
    }
    if info.storage_class.is_some() && info.storage_class != engine.settings.storage_class {
        lost.push("storage-class");
    }
    lost
}
