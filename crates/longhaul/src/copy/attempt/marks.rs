//! The mark that says of what an object is the copy, on its way to the destination and back.

use crate::{
    copy::attempt::{engine::Backends, leg::Leg},
    object::{Headers, ObjectInfo, is_from, marked, names},
    store::Source,
};

/// The headers that the copy gets.
pub(crate) fn headers_of_copy<B: Backends>(leg: &Leg<'_, B>, info: &ObjectInfo) -> Headers {
    if leg.engine.settings.mark_copies {
        return marked(leg.engine.source.location(), &leg.job.source_key, info);
    }
    info.headers.clone()
}

/// Whether the source says that it is a copy from the place to which it would be sent.
pub(crate) fn came_from_there<B: Backends>(leg: &Leg<'_, B>, info: &ObjectInfo) -> bool {
    let location = leg.engine.destination.location();
    leg.engine.settings.mark_copies && is_from(&info.headers, location, &leg.job.destination_key)
}

/// Whether the source says that it is the copy of the very object that is there now.
pub(crate) fn is_copy_of<B: Backends>(leg: &Leg<'_, B>, info: &ObjectInfo, there: &ObjectInfo) -> bool {
    let location = leg.engine.destination.location();
    leg.engine.settings.mark_copies
        && info.size == there.size
        && names(&info.headers, location, &leg.job.destination_key, there)
}
