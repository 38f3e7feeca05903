//! From arguments and settings to two stores, a route and an engine's settings. Nothing is copied here.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use longhaul::{
    copy::{CopyJob, Settings, Silent},
    object::{MAX_PART_SIZE, MIN_PART_SIZE, ObjectKey, Verify},
    route::{Compare, IgnoreError, IgnoreList, Route, ScanSpec, Selection},
    store::{ErrorKind, Source},
};
use longhaul_aws::{ConnectOptions, Provider, connect, is_same_bucket};
use longhaul_local::{LocalFolder, Role};

use crate::{
    args::Side,
    failure::Failure,
    lists,
    patience::patience,
    place::{Place, file_of, split_file},
    provider_name::ProviderName,
    settings::{CompareName, CopySettings, VerifyName},
    sides,
    store::Store,
    typo,
};

/// Everything that a copy needs.
pub struct Prepared {
    /// Where it reads.
    pub source: Store,
    /// Where it writes.
    pub destination: Store,
    /// What it compares and copies.
    pub scan: ScanSpec,
    /// Copies that a crash left in the middle of Complete.
    pub unsettled: Vec<CopyJob>,
    /// Where the list of keys is, if only those are meant.
    pub keys: Option<(Store, ObjectKey)>,
    /// The source as the user named it, if it must exist: a bucket or a `folder/` may be empty, a name may not.
    pub must_exist: Option<String>,
}

/// Connects both sides and finds out what is meant by them.
pub async fn prepare(source: &str, (from, to): (Place, Place), settings: &CopySettings) -> Result<Prepared, Failure> {
    let selection = selection(settings)?;
    let named = matches!(&from, Place::S3 { rest, .. } if !rest.is_empty() && !rest.ends_with('/'));
    let must_exist = named.then(|| source.to_owned());
    let (from_options, to_options) = (options_of(&from_side(settings))?, options_of(&to_side(settings))?);
    let sharing = from_options.sharing(&to_options);
    let (source, from) = open_source(from, &from_options, settings).await?;
    let (destination, to) = open_destination(to, &to_options, &from).await?;
    let destination = match (&source, destination) {
        (Store::S3(source, _), Store::S3(bucket, _)) => Store::s3(bucket.copying_from(source, sharing)),
        (_, destination) => destination,
    };
    let route = route(&from, &to)?;
    let keys = match &settings.keys_from {
        Some(list) => Some(lists::open(list, &route, &from_options).await?),
        None => None,
    };
    refuse_overlap(&source, &destination, &route)?;
    Ok(Prepared {
        source,
        destination,
        scan: ScanSpec { route, selection, compare: compare(settings) },
        unsettled: Vec::new(),
        keys,
        must_exist,
    })
}

/// What a side of a copy turned out to be, below its store's root.
enum Below {
    One(ObjectKey),
    Folder(String),
}

async fn open_source(
    place: Place,
    options: &ConnectOptions,
    settings: &CopySettings,
) -> Result<(Store, Below), Failure> {
    match place {
        Place::S3 { bucket, rest } => {
            let store = Store::s3(connect(&bucket, options).await?);
            let one = match ObjectKey::new(rest.clone()) {
                Ok(key) if !rest.ends_with('/') => is_object(&store, &key, settings).await?.then_some(key),
                _ => None,
            };
            Ok((store, one.map_or(Below::Folder(rest), Below::One)))
        }
        Place::Local(path) if path.is_file() => {
            let (folder, name) =
                split_file(&path).ok_or_else(|| Failure::usage(format!("{path:?} has no usable name")))?;
            let key = ObjectKey::new(name).map_err(|error| Failure::usage(error.to_string()))?;
            Ok((Store::Local(LocalFolder::new(folder, Role::Source)?), Below::One(key)))
        }
        Place::Local(path) if path.is_dir() => {
            Ok((Store::Local(LocalFolder::new(path, Role::Source)?), Below::Folder(String::new())))
        }
        Place::Local(path) => Err(Failure::usage(format!("there is no file or folder {path:?}"))
            .advise("check the path; places in a store begin with s3://")),
    }
}

async fn is_object(store: &Store, key: &ObjectKey, settings: &CopySettings) -> Result<bool, Failure> {
    let patience = patience(settings, Arc::new(Silent));
    match patience.repeated("HeadObject", || store.head_object(key)).await {
        Ok(_) => Ok(true),
        // Without the permission to list, a missing object looks forbidden; the listing will tell.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AccessDenied) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn open_destination(place: Place, options: &ConnectOptions, from: &Below) -> Result<(Store, Below), Failure> {
    match (place, from) {
        (Place::S3 { bucket, rest }, Below::One(key)) => {
            let store = Store::s3(connect(&bucket, options).await?);
            Ok((store, Below::One(one_key(rest, key)?)))
        }
        (Place::S3 { bucket, rest }, Below::Folder(_)) => {
            Ok((Store::s3(connect(&bucket, options).await?), Below::Folder(rest)))
        }
        (Place::Local(path), Below::One(key)) => {
            let into = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
            let (folder, name) = if into { (path, String::new()) } else { file_of(&path)? };
            let key = one_key(name, key)?;
            Ok((Store::Local(LocalFolder::new(folder, Role::Destination)?), Below::One(key)))
        }
        (Place::Local(path), Below::Folder(_)) => {
            Ok((Store::Local(LocalFolder::new(path, Role::Destination)?), Below::Folder(String::new())))
        }
    }
}

/// One object keeps its name in a folder, and takes the name that is given otherwise.
fn one_key(rest: String, source: &ObjectKey) -> Result<ObjectKey, Failure> {
    let key = if rest.is_empty() || rest.ends_with('/') {
        let name = Place::last_name(source.as_str()).unwrap_or(source.as_str());
        format!("{rest}{name}")
    } else {
        rest
    };
    ObjectKey::new(key).map_err(|error| Failure::usage(format!("the destination key: {error}")))
}

fn route(from: &Below, to: &Below) -> Result<Route, Failure> {
    match (from, to) {
        (Below::One(from), Below::One(to)) => Ok(Route::single(from.clone(), to.clone())),
        (Below::Folder(from), Below::Folder(to)) => Ok(Route::folder(from, to)),
        _ => Err(Failure::usage("one object cannot be copied to many, nor many to one")),
    }
}

/// A copy into its own source would find what it wrote, and copy it again.
fn refuse_overlap(source: &Store, destination: &Store, route: &Route) -> Result<(), Failure> {
    let (from, to) = (source.location(), destination.location());
    let overlap = match (source, destination) {
        (Store::Local(from), Store::Local(to)) if route.as_single().is_none() => to.path().starts_with(from.path()),
        (Store::S3(..), Store::S3(..)) => is_same_bucket(from, to) && route.leads_into_itself(),
        _ => from == to && route.leads_into_itself(),
    };
    if !overlap {
        return Ok(());
    }
    let words = format!("the destination {to} lies inside the source {from}");
    Err(Failure::usage(words).advise("choose a destination outside of the source"))
}

fn selection(settings: &CopySettings) -> Result<Selection, Failure> {
    let list = |what: &str, made: Result<IgnoreList, IgnoreError>| {
        made.map_err(|error| Failure::usage(format!("{what}: {}", longhaul::store::error::chain(&error))))
    };
    let ignore = match &settings.ignore_list {
        Some(path) => {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|error| Failure::of_file("the ignore list", path, &error))?;
            list("--ignore-list", IgnoreList::parse(&text))?
        }
        None => IgnoreList::none(),
    };
    let patterns = |patterns: &[String]| IgnoreList::of_patterns(patterns.iter().map(String::as_str));
    Ok(Selection {
        include: list("--include", patterns(&settings.include))?,
        exclude: list("--exclude", patterns(&settings.exclude))?,
        ignore,
    })
}

fn compare(settings: &CopySettings) -> Compare {
    match settings.compare.unwrap_or(CompareName::Size) {
        CompareName::Size => Compare::Size,
        CompareName::Newer => Compare::Newer,
        CompareName::Checksum => Compare::Checksum,
        CompareName::None => Compare::None,
    }
}

/// The engine's settings, checked.
pub fn engine_settings(settings: &CopySettings) -> Result<Settings, Failure> {
    let defaults = Settings::default();
    let part_size = settings.part_size.map_or(defaults.part_size, |size| size.as_u64());
    if !(MIN_PART_SIZE..=MAX_PART_SIZE).contains(&part_size) {
        return Err(Failure::usage(format!(
            "--part-size {part_size}: a part has {MIN_PART_SIZE} (5 MiB) to {MAX_PART_SIZE} (5 GiB) bytes"
        )));
    }
    let threshold = settings.multipart_threshold.map_or(defaults.multipart_threshold, |size| size.as_u64());
    if threshold > MAX_PART_SIZE {
        return Err(Failure::usage("--multipart-threshold: one request takes at most 5 GiB"));
    }
    let at_least_one = [
        ("--objects", settings.objects),
        ("--concurrency", settings.concurrency),
        ("--list-ranges", settings.list_ranges),
    ];
    for (name, value) in at_least_one {
        if value == Some(0) {
            return Err(Failure::usage(format!("{name} 0: nothing could ever be copied")));
        }
    }
    let verify = match settings.verify.unwrap_or(VerifyName::Auto) {
        VerifyName::Auto => Verify::Auto,
        VerifyName::Md5 => Verify::Md5,
        VerifyName::Transport => Verify::Transport,
        VerifyName::ReadBack => Verify::ReadBack,
    };
    Ok(Settings {
        objects: settings.objects.unwrap_or(defaults.objects),
        concurrency: settings.concurrency.unwrap_or(defaults.concurrency),
        list_ranges: settings.list_ranges.unwrap_or(defaults.list_ranges),
        part_size,
        multipart_threshold: threshold,
        bandwidth: settings.bandwidth.map(|bytes| bytes.as_u64()),
        storage_class: settings.storage_class.clone(),
        verify,
        server_side: !settings.no_server_side.unwrap_or(false),
        trust_ledger: compare(settings) != Compare::None,
        ..defaults
    })
}

fn from_side(settings: &CopySettings) -> Side {
    Side {
        profile: settings.from_profile.clone(),
        endpoint: settings.from_endpoint.clone(),
        region: settings.from_region.clone(),
        provider: settings.from_provider,
        no_sign_request: settings.no_sign_request.unwrap_or(false),
        request_payer: settings.request_payer.unwrap_or(false),
        force_path_style: settings.force_path_style.unwrap_or(false),
        allow_http: settings.allow_http.unwrap_or(false),
        ca_bundle: settings.ca_bundle.clone(),
    }
}

fn to_side(settings: &CopySettings) -> Side {
    Side {
        profile: settings.to_profile.clone(),
        endpoint: settings.to_endpoint.clone(),
        region: settings.to_region.clone(),
        provider: settings.to_provider,
        no_sign_request: false,
        request_payer: false,
        ..from_side(settings)
    }
}

/// How a side is reached.
pub fn options_of(side: &Side) -> Result<ConnectOptions, Failure> {
    let ca_bundle = side.ca_bundle.clone().or_else(|| std::env::var_os("AWS_CA_BUNDLE").map(PathBuf::from));
    let ca_pem = match ca_bundle {
        Some(path) => Some(std::fs::read(&path).map_err(|error| Failure::of_file("the CA bundle", &path, &error))?),
        None => None,
    };
    Ok(ConnectOptions {
        profile: side.profile.clone(),
        endpoint: side.endpoint.clone(),
        region: side.region.clone(),
        anonymous: side.no_sign_request,
        request_payer: side.request_payer,
        force_path_style: side.force_path_style,
        allow_http: side.allow_http,
        ca_pem,
        provider: side.provider.map(provider),
        keys: None,
    })
}

fn provider(name: ProviderName) -> Provider {
    match name {
        ProviderName::Aws => Provider::Aws,
        ProviderName::Gcs => Provider::Gcs,
        ProviderName::Oss => Provider::AliOss,
        ProviderName::R2 => Provider::R2,
        ProviderName::Minio => Provider::Minio,
        ProviderName::Other => Provider::Other,
    }
}

/// Opens one place for the operators' commands.
pub async fn open_place(place: &str, side: &Side) -> Result<(Store, String), Failure> {
    let parsed = Place::parse(place)?;
    sides::check_one(place, &parsed, side)?;
    match parsed {
        Place::S3 { bucket, rest } => Ok((Store::s3(connect(&bucket, &options_of(side)?).await?), rest)),
        Place::Local(path) if path.is_dir() => {
            Ok((Store::Local(LocalFolder::new(path, Role::Destination)?), String::new()))
        }
        Place::Local(path) => Err(Failure::usage(format!("there is no folder {path:?}"))),
    }
}

/// Where the ledger lives, if nothing else is said (XDG Base Directory Specification).
pub fn ledger_path(named: Option<&Path>) -> Result<PathBuf, Failure> {
    match named {
        Some(path) if path.as_os_str() == "-" => return Err(typo::no_standard_streams()),
        Some(path) => return Ok(path.to_owned()),
        None => {}
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    state.map(|state| state.join("longhaul").join("ledger.sqlite")).ok_or_else(|| {
        Failure::usage("no place for the ledger: neither XDG_STATE_HOME nor HOME is set")
            .advise("name one with --ledger FILE")
    })
}
