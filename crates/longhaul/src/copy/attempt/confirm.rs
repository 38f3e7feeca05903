//! What stands at the destination, where an answer leaves it in doubt.

use std::sync::atomic::Ordering;

use crate::{
    copy::attempt::{
        engine::Backends, job::Known, kept_headers::same_headers, leg::Leg, outcome::NotCopied, pinned_read::crc_of,
    },
    ledger::{Expected, Reason},
    object::{Crc64, ObjectInfo},
    store::{Condition, Destination, ErrorKind, Source, StoreError, Written},
};

pub(crate) async fn destination_now<B: Backends>(leg: &Leg<'_, B>) -> Result<Known, NotCopied> {
    let known = leg.known();
    if known != Known::Unknown || !leg.engine.destination.capabilities().conditional_writes {
        return Ok(known);
    }
    Ok(head_destination(leg).await?.map_or(Known::Absent, |there| Known::Is(there.etag)))
}

pub(crate) fn condition<B: Backends>(leg: &Leg<'_, B>, known: &Known) -> Condition {
    match known {
        _ if !leg.engine.destination.capabilities().conditional_writes => Condition::None,
        Known::Unknown => Condition::None,
        Known::Absent => Condition::IfAbsent,
        Known::Is(etag) => Condition::IfMatch(etag.clone()),
    }
}

pub(crate) async fn head_destination<B: Backends>(leg: &Leg<'_, B>) -> Result<Option<ObjectInfo>, NotCopied> {
    let key = &leg.job.destination_key;
    match leg.call(leg.at_destination("HeadObject"), || Box::pin(leg.engine.destination.head_object(key))).await {
        Ok(there) => Ok(Some(there)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the object there is the one that Complete was to make. Size alone proves nothing.
pub(crate) fn is_expected(there: &ObjectInfo, expected: &Expected) -> Option<Written> {
    let same_crc = there.crc64nvme.is_some() && there.crc64nvme == expected.crc64nvme;
    let same_etag = expected.etag.as_ref() == Some(&there.etag);
    (there.size == expected.size && (same_crc || same_etag)).then(|| Written {
        etag: Some(there.etag.clone()),
        version_id: there.version_id.clone(),
        crc64nvme: there.crc64nvme,
    })
}

/// Reads the destination again; other bytes mean a new beginning that replaces exactly those.
pub(crate) async fn read_back_or_restart<B: Backends>(
    leg: &Leg<'_, B>,
    size: u64,
    crc: Crc64,
    written: &Written,
) -> Result<(), NotCopied> {
    match read_back(leg, size, crc).await {
        Err(NotCopied::Failed(error)) if error.kind() == ErrorKind::Corrupt => {
            leg.now_known(written.etag.clone().map_or(Known::Unknown, Known::Is));
            Err(NotCopied::Restart(Reason::new("corrupt", error.to_string())))
        }
        ended => ended,
    }
}

/// An adopted upload was created by somebody else: what travels with the bytes shows only now.
pub(crate) async fn check_adopted_headers<B: Backends>(leg: &Leg<'_, B>, info: &ObjectInfo) -> Result<(), NotCopied> {
    if !leg.engine.destination.capabilities().headers {
        return Ok(());
    }
    let there = head_destination(leg).await?;
    if there.as_ref().is_some_and(|there| same_headers(leg, info, there)) {
        return Ok(());
    }
    // What is there now is known to be wrong, and is to be replaced.
    leg.now_known(there.map_or(Known::Absent, |there| Known::Is(there.etag)));
    leg.adopt.store(false, Ordering::Relaxed);
    let words = "the upload that was taken over had been begun with other headers or metadata";
    Err(NotCopied::Restart(Reason::new("headers-differ", words)))
}

/// Reads the destination again.
pub(crate) async fn read_back<B: Backends>(leg: &Leg<'_, B>, size: u64, expected: Crc64) -> Result<(), NotCopied> {
    let (there, crc) = read_again(leg).await.map_err(|ended| unless_changed_by_others(leg, ended))?;
    if there.size == size && crc == expected {
        return Ok(());
    }
    let place = leg.at_destination("GetObject");
    let words = format!("read again, the destination has {} bytes with CRC64NVME {}", there.size, crc.to_base64());
    let error = StoreError::new(ErrorKind::Corrupt, "GetObject", words);
    Err(error.maybe_happened().at(place.location).on(place.key).into())
}

async fn read_again<B: Backends>(leg: &Leg<'_, B>) -> Result<(ObjectInfo, Crc64), NotCopied> {
    let key = &leg.job.destination_key;
    let info = leg.call(leg.at_destination("HeadObject"), || leg.engine.destination.head_object(key)).await?;
    // What the store says of itself is not what was asked for.
    let unnamed = ObjectInfo { crc64nvme: None, ..info };
    let crc = crc_of(leg, &leg.engine.destination, key, &unnamed).await?;
    Ok((unnamed, crc))
}

/// That others replaced or deleted what was to be read says nothing against the copy: it is made again.
fn unless_changed_by_others<B: Backends>(leg: &Leg<'_, B>, ended: NotCopied) -> NotCopied {
    match ended {
        NotCopied::Failed(error) if matches!(error.kind(), ErrorKind::PreconditionFailed | ErrorKind::NotFound) => {
            let words = "the destination was changed by others before it was read again";
            let place = leg.at_destination("GetObject");
            let changed = StoreError::new(ErrorKind::Conflict, "GetObject", words);
            changed.at(place.location).on(place.key).caused_by(error).into()
        }
        ended => ended,
    }
}
