//! The list of keys that `--keys-from` names.

use std::sync::Arc;

use longhaul::{
    copy::{CopyJob, Engine},
    ledger::Ledger,
    object::ObjectKey,
    route::{Mode, Route, ScanSpec},
    scan::{Hear, KeysFrom, ListTotals, copy_named},
    store::Source,
};
use longhaul_aws::{ConnectOptions, SystemClock, connect};
use longhaul_local::{LocalFolder, Role};

use crate::{
    failure::Failure,
    place::{Place, file_of},
    store::Store,
};

/// Where a list of keys is. In a store it is read as the source is.
pub async fn open(list: &str, route: &Route, options: &ConnectOptions) -> Result<(Store, ObjectKey), Failure> {
    if route.as_single().is_some() {
        return Err(Failure::usage("--keys-from: SRC names one object, and a list names many")
            .advise("name the bucket or folder that the keys of the list are in"));
    }
    let named = |name: String| {
        ObjectKey::new(name).map_err(|error| Failure::usage(format!("--keys-from {list:?} names no object: {error}")))
    };
    match Place::parse(list)? {
        Place::S3 { bucket, rest } => Ok((Store::s3(connect(&bucket, options).await?), named(rest)?)),
        Place::Local(path) if path.is_file() => {
            let (folder, name) = file_of(&path)?;
            Ok((Store::Local(LocalFolder::new(folder, Role::Source)?), named(name)?))
        }
        Place::Local(path) => Err(Failure::usage(format!("--keys-from: there is no file {path:?}"))),
    }
}

/// Copies what a list names.
pub async fn copy<L: Ledger>(
    engine: &Arc<Engine<(Store, Store, L, SystemClock)>>,
    scan: &ScanSpec,
    store: &Store,
    key: &ObjectKey,
    unsettled: Vec<CopyJob>,
    mode: Mode,
    hear: &mut Hear<'_>,
) -> (ListTotals, Result<(), Failure>) {
    match KeysFrom::open(store, &engine.patience, key, &engine.source.location().bucket).await {
        Ok(mut keys) => {
            let (list, ended) = copy_named::run(engine, scan, &mut keys, unsettled, mode, hear).await;
            (list, ended.map_err(Failure::from))
        }
        Err(error) => (ListTotals::default(), Err(error.into())),
    }
}

/// A list of which no key is below SRC is a mistake.
pub fn must_lead_somewhere(list: &ListTotals) -> Result<(), Failure> {
    let totals = &list.totals;
    if totals.objects + totals.filtered + totals.gone > 0 || list.outside == 0 {
        return Ok(());
    }
    let words = format!("none of the {} keys of the list is an object below SRC", list.outside);
    Err(Failure::usage(words).advise("a list names whole keys of SRC's bucket, or paths below SRC's folder"))
}
