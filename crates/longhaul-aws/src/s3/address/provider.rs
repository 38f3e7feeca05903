//! What S3-compatible stores do otherwise than Amazon S3, in one table.
//!
//! The rows come from the providers' documents and from issue threads; where a store's word is not to be relied on, the
//! row says that it offers less.

use longhaul::{
    object::{MIB, MIN_PART_SIZE},
    store::{Capabilities, ChecksumSupport},
};

use crate::s3::address::endpoint::Endpoint;

/// Who runs the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Amazon S3, all partitions.
    Aws,
    /// Google Cloud Storage, XML API with HMAC keys.
    Gcs,
    /// Alibaba Cloud OSS through its S3-compatible endpoint.
    AliOss,
    /// Cloudflare R2.
    R2,
    /// MinIO.
    Minio,
    /// Anything else: the least is assumed.
    Other,
}

impl Provider {
    /// All of them, for help texts.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("aws", Self::Aws),
        ("gcs", Self::Gcs),
        ("oss", Self::AliOss),
        ("r2", Self::R2),
        ("minio", Self::Minio),
        ("other", Self::Other),
    ];

    /// The provider that one of [`NAMES`](Self::NAMES) means.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, provider)| provider)
    }

    /// Recognises a store by the host of its endpoint; no endpoint is Amazon's own.
    pub fn of_endpoint(endpoint: Option<&str>) -> Self {
        let Some(endpoint) = endpoint else { return Self::Aws };
        Endpoint::parse(endpoint).map_or(Self::Other, |endpoint| Self::of_host(endpoint.host()))
    }

    /// `host` in lower case, without a dot at its end.
    pub(crate) fn of_host(host: &str) -> Self {
        let ends = |suffix: &str| host == suffix || host.ends_with(&format!(".{suffix}"));
        if ends("amazonaws.com") || ends("amazonaws.com.cn") {
            Self::Aws
        } else if ends("storage.googleapis.com") {
            Self::Gcs
        } else if ends("aliyuncs.com") {
            Self::AliOss
        } else if ends("r2.cloudflarestorage.com") {
            Self::R2
        } else {
            Self::Other
        }
    }

    /// Whether the bucket stands in the path (`host/bucket/key`) and not in the host name.
    pub fn path_style(self) -> bool {
        match self {
            Self::Aws | Self::AliOss => false,
            Self::Gcs | Self::R2 | Self::Minio | Self::Other => true,
        }
    }

    /// What a destination of this provider offers.
    pub fn capabilities(self) -> Capabilities {
        let full = Capabilities {
            conditional_writes: true,
            checksums: ChecksumSupport::Crc64Nvme,
            headers: true,
            min_part_size: MIN_PART_SIZE,
        };
        let plain = Capabilities { conditional_writes: false, checksums: ChecksumSupport::Md5ETag, ..full };
        match self {
            Self::Aws => full,
            // Conditional PUTs are documented and kept; CRC64NVME is not offered everywhere.
            Self::Minio | Self::R2 => Capabilities { conditional_writes: true, ..plain },
            Self::AliOss => Capabilities { min_part_size: MIB, ..plain },
            Self::Gcs | Self::Other => plain,
        }
    }

    /// Whether `x-amz-checksum-mode` and checksum headers are understood; others may refuse unknown headers.
    pub fn names_checksums(self) -> bool {
        self.capabilities().checksums == ChecksumSupport::Crc64Nvme
    }

    /// The region to sign for when none is given.
    pub fn default_region(self) -> &'static str {
        match self {
            Self::Gcs | Self::R2 => "auto",
            Self::Aws | Self::AliOss | Self::Minio | Self::Other => "us-east-1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_known_by_their_hosts() {
        assert_eq!(Provider::of_endpoint(None), Provider::Aws);
        assert_eq!(Provider::of_endpoint(Some("https://s3.cn-northwest-1.amazonaws.com.cn")), Provider::Aws);
        assert_eq!(Provider::of_endpoint(Some("https://storage.googleapis.com")), Provider::Gcs);
        assert_eq!(Provider::of_endpoint(Some("https://s3.oss-cn-beijing.aliyuncs.com/")), Provider::AliOss);
        assert_eq!(Provider::of_endpoint(Some("http://127.0.0.1:9000")), Provider::Other);
        assert_eq!(Provider::of_endpoint(Some("HTTPS://S3.EU-WEST-1.AMAZONAWS.COM.")), Provider::Aws);
        for other in ["https://notamazonaws.com", "https://amazonaws.com.evil.com", "https://evil.com/amazonaws.com"] {
            assert_eq!(Provider::of_endpoint(Some(other)), Provider::Other, "{other}");
        }
    }
}
