//! What is said of a side of a copy must fit that side: a flag about a store beside a folder is a slip, most often in the place.

use crate::{
    args::{CopyArgs, Side},
    failure::Failure,
    place::Place,
    settings::CopySettings,
    typo,
};

/// Both places, if they and what is said of them fit together.
pub fn of(args: &CopyArgs, settings: &CopySettings) -> Result<(Place, Place), Failure> {
    let (from_text, to_text) = (args.source.as_str(), args.destination.as_str());
    let (from, to) = (Place::parse(from_text)?, Place::parse(to_text)?);
    if let Some(list) = &settings.keys_from {
        Place::parse(list)?;
    }
    // A list in a store is read as the source is.
    let has_list_in_store = settings.keys_from.as_ref().is_some_and(|list| list.starts_with("s3://"));
    if is_local(&from) && !has_list_in_store {
        refuse_idle("SRC", from_text, &of_source(settings))?;
    }
    if is_local(&to) {
        refuse_idle("DST", to_text, &of_destination(settings))?;
    }
    match (is_local(&from), is_local(&to), args.local) {
        (true, true, false) => {
            let words = format!("SRC {from_text:?} and DST {to_text:?} are both on this machine{}", question(to_text));
            Err(Failure::usage(words)
                .advise("a place in a store is written s3://bucket/prefix; add --local to copy from folder to folder"))
        }
        (false, _, true) | (_, false, true) => {
            Err(Failure::usage("--local: SRC or DST is in a store").advise("leave --local out"))
        }
        (false, _, false) | (_, false, false) | (true, true, true) => Ok((from, to)),
    }
}

/// Refuses what is said of the store of a single place that is none.
pub fn check_one(text: &str, place: &Place, side: &Side) -> Result<(), Failure> {
    if !is_local(place) {
        return Ok(());
    }
    let flags = [
        ("--profile", side.profile.is_some()),
        ("--endpoint", side.endpoint.is_some()),
        ("--region", side.region.is_some()),
        ("--provider", side.provider.is_some()),
        ("--no-sign-request", side.no_sign_request),
        ("--request-payer", side.request_payer),
    ];
    refuse_idle("PLACE", text, &flags)
}

fn is_local(place: &Place) -> bool {
    matches!(place, Place::Local(_))
}

fn of_source(settings: &CopySettings) -> [(&'static str, bool); 6] {
    [
        ("--from-profile", settings.from_profile.is_some()),
        ("--from-endpoint", settings.from_endpoint.is_some()),
        ("--from-region", settings.from_region.is_some()),
        ("--from-provider", settings.from_provider.is_some()),
        ("--no-sign-request", settings.no_sign_request == Some(true)),
        ("--request-payer", settings.request_payer == Some(true)),
    ]
}

fn of_destination(settings: &CopySettings) -> [(&'static str, bool); 5] {
    [
        ("--to-profile", settings.to_profile.is_some()),
        ("--to-endpoint", settings.to_endpoint.is_some()),
        ("--to-region", settings.to_region.is_some()),
        ("--to-provider", settings.to_provider.is_some()),
        ("--storage-class", settings.storage_class.is_some()),
    ]
}

fn refuse_idle(side: &str, text: &str, flags: &[(&str, bool)]) -> Result<(), Failure> {
    let Some((flag, _)) = flags.iter().find(|(_, is_set)| *is_set) else { return Ok(()) };
    let words = format!("{flag} is about a store, and {side} {text:?} is on this machine{}", question(text));
    Err(Failure::usage(words)
        .advise(format!("write {side} as s3://bucket/prefix, or leave {flag} out (of the settings file, too)")))
}

fn question(text: &str) -> String {
    typo::address_of(text).map_or_else(String::new, |address| format!(": did you mean {address}?"))
}
