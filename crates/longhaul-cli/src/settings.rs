//! The settings of `copy`: the same names as flags and in a settings file. Flags win over the file, the file over defaults.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::provider_name::ProviderName;

/// Defines flags and file keys at once, so that neither can have what the other has not.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $kind:ty,)*) => {
        /// Everything about a copy that can be set. What is not set has its default.
        #[derive(Debug, Clone, Default, Args, Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
        pub struct CopySettings {
            $($(#[$doc])* pub $name: $kind,)*
        }

        impl CopySettings {
            /// The fields.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// What is set here, and where nothing is, what is set in `file`.
            pub fn over(self, file: Self) -> Self {
                Self { $($name: self.$name.over(file.$name),)* }
            }
        }
    };
}

trait Over {
    fn over(self, below: Self) -> Self;
}

impl<T> Over for Option<T> {
    fn over(self, below: Self) -> Self {
        self.or(below)
    }
}

impl Over for Vec<String> {
    fn over(self, below: Self) -> Self {
        if self.is_empty() { below } else { self }
    }
}

settings! {
    /// Only say what would be copied.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    dry_run: Option<bool>,
    /// What makes a difference [default: size].
    #[arg(long, value_enum)]
    compare: Option<CompareName>,
    /// Only keys (below SRC) that match this pattern; may be repeated. `*` also crosses `/`.
    #[arg(long, value_name = "PATTERN")]
    include: Vec<String>,
    /// Not the keys (below SRC) that match this pattern; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// A file of patterns, one a line, matched on bucket/key as Python's fnmatchcase does.
    #[arg(long, value_name = "FILE")]
    ignore_list: Option<PathBuf>,
    /// Copy only the keys (of SRC's bucket, or below SRC's folder) that this list names: a file or s3://bucket/key; one key
    /// a line, or CSV (.csv), or the manifest.json of an S3 Inventory; perhaps packed (.gz). Read as SRC is.
    #[arg(long, value_name = "LIST")]
    keys_from: Option<String>,
    /// Profile for SRC.
    #[arg(long, value_name = "NAME")]
    from_profile: Option<String>,
    /// Profile for DST.
    #[arg(long, value_name = "NAME")]
    to_profile: Option<String>,
    /// Address of SRC's store, if it is not Amazon's.
    #[arg(long, value_name = "URL")]
    from_endpoint: Option<String>,
    /// Address of DST's store, if it is not Amazon's.
    #[arg(long, value_name = "URL")]
    to_endpoint: Option<String>,
    /// Region of SRC; found by itself when not given.
    #[arg(long, value_name = "REGION")]
    from_region: Option<String>,
    /// Region of DST; found by itself when not given.
    #[arg(long, value_name = "REGION")]
    to_region: Option<String>,
    /// Who runs SRC's store, if its address does not tell.
    #[arg(long, value_enum, value_name = "NAME")]
    from_provider: Option<ProviderName>,
    /// Who runs DST's store, if its address does not tell.
    #[arg(long, value_enum, value_name = "NAME")]
    to_provider: Option<ProviderName>,
    /// Read SRC without credentials.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    no_sign_request: Option<bool>,
    /// You, the requester, pay for SRC.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    request_payer: Option<bool>,
    /// Put buckets in the path and not in the host name, on both sides.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    force_path_style: Option<bool>,
    /// Permit http:// to other machines.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    allow_http: Option<bool>,
    /// Trust the certificates in this PEM file too (also: AWS_CA_BUNDLE).
    #[arg(long, value_name = "FILE")]
    ca_bundle: Option<PathBuf>,
    /// Storage class at DST, in the store's own words: STANDARD_IA, NEARLINE, …
    #[arg(long, value_name = "CLASS")]
    storage_class: Option<String>,
    /// Objects at once [default: 32].
    #[arg(long, value_name = "N")]
    objects: Option<usize>,
    /// Parts in flight, all objects together [default: 32].
    #[arg(long, value_name = "N")]
    concurrency: Option<usize>,
    /// Listings side by side, where a bucket is large [default: 8].
    #[arg(long, value_name = "N")]
    list_ranges: Option<usize>,
    /// Size of a part; grows by itself where 10,000 parts would not do [default: 8MiB].
    #[arg(long, value_name = "SIZE")]
    part_size: Option<ByteSize>,
    /// Objects up to this size travel in one request [default: 16MiB].
    #[arg(long, value_name = "SIZE")]
    multipart_threshold: Option<ByteSize>,
    /// At most so many bytes a second, all objects together [default: no limit].
    #[arg(long, value_name = "SIZE")]
    bandwidth: Option<ByteSize>,
    /// Repeats of a failed request [default: 20].
    #[arg(long, value_name = "N")]
    max_retries: Option<u32>,
    /// Seconds without an answer or a byte after which a request has failed [default: 60].
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// How a copy is proved [default: auto].
    #[arg(long, value_enum)]
    verify: Option<VerifyName>,
    /// Send bytes through this machine even where the store could copy by itself.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    no_server_side: Option<bool>,
    /// Add one JSON line an object to this file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// The ledger file [default: $XDG_STATE_HOME/longhaul/ledger.sqlite, or ~/.local/state/longhaul/ledger.sqlite].
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
}

/// What a copy compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CompareName {
    /// Copy what is absent or has another size; a change of equal size is not seen.
    Size,
    /// As size, and what was written later at the source.
    Newer,
    /// Compare checksums; reads objects where a side names none.
    Checksum,
    /// Copy everything.
    None,
}

/// How much proof is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerifyName {
    /// The strongest proof without a second read: CRC64NVME where the store computes it, else MD5 against ETags.
    Auto,
    /// The same, and the MD5 is computed even where the store names a CRC64NVME.
    Md5,
    /// TLS is enough: no MD5 is computed, which saves processor time.
    Transport,
    /// Read the destination again.
    ReadBack,
}
