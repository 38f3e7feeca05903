//! The names of providers on the command line.

use clap::ValueEnum;

/// A provider on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderName {
    /// Amazon S3.
    Aws,
    /// Google Cloud Storage.
    Gcs,
    /// AliCloud OSS.
    Oss,
    /// Cloudflare R2.
    R2,
    /// MinIO.
    Minio,
    /// Another store: the least is assumed.
    Other,
}
