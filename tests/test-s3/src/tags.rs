//! What ETags are: not every store makes them of the MD5.

use std::sync::atomic::{AtomicU64, Ordering};

use s3s::dto::ServerSideEncryption;

use crate::synthetic::mix_two;

/// What a store's ETags of parts and of objects in one piece are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tags {
    /// The MD5 of the bytes, as of Amazon S3.
    #[default]
    Md5,
    /// The same in capital letters, as of AliCloud OSS.
    UpperCase,
    /// Something else of the shape of an MD5, the same for the same bytes.
    Stable,
    /// Something else of the shape of an MD5, another one each time.
    Random,
    /// Another one each time, and answers say that a key of KMS is the cause.
    Kms,
    /// Something that has not the shape of an MD5.
    Opaque,
}

/// Makes tags of MD5s.
pub(crate) struct Tagger {
    tags: Tags,
    seed: u64,
    made: AtomicU64,
}

impl Tagger {
    pub fn new(tags: Tags, seed: u64) -> Self {
        Self { tags, seed, made: AtomicU64::new(0) }
    }

    /// The tag of bytes with this MD5 in hex.
    pub fn tag(&self, md5: String) -> String {
        match self.tags {
            Tags::Md5 => md5,
            Tags::UpperCase => md5.to_uppercase(),
            Tags::Stable => md5.chars().rev().collect(),
            Tags::Random | Tags::Kms => {
                let made = self.made.fetch_add(1, Ordering::Relaxed);
                format!("{:016x}{:016x}", mix_two(self.seed, made), mix_two(made, self.seed))
            }
            Tags::Opaque => format!("opaque/{md5}"),
        }
    }

    /// What answers say of encryption.
    pub fn encryption(&self) -> Option<ServerSideEncryption> {
        (self.tags == Tags::Kms).then(|| ServerSideEncryption::from_static(ServerSideEncryption::AWS_KMS))
    }
}
