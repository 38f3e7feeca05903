//! A bucket and how to speak with it.

use aws_sdk_s3::{Client, types::RequestPayer};
use longhaul::{
    object::{Location, ObjectKey},
    store::StoreError,
};

use crate::s3::address::Provider;

/// One bucket of a store that speaks S3. Cheap to clone.
#[derive(Clone, Debug)]
pub struct S3Bucket {
    pub(crate) client: Client,
    pub(crate) location: Location,
    pub(crate) provider: Provider,
    pub(crate) request_payer: bool,
    pub(crate) copies_from: Option<Location>,
    /// Whether a wrong checksum is known to be refused. Elsewhere none is sent with a body: a store that merely repeats it would
    /// seem to have computed it.
    pub(crate) refuses_wrong_checksums: bool,
}

impl S3Bucket {
    /// Lets the store copy from `source` by itself, if both sides are reached in the same way.
    pub fn copying_from(mut self, source: &Self, sharing: Sharing) -> Self {
        self.copies_from = (sharing == Sharing::SameStore).then(|| source.location.clone());
        self
    }

    /// The same bucket, known to refuse bytes whose checksum is not the one that came with them, as Amazon's stores do.
    pub fn that_refuses_wrong_checksums(self) -> Self {
        Self { refuses_wrong_checksums: true, ..self }
    }

    /// Who runs the store.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    pub(crate) fn payer(&self) -> Option<RequestPayer> {
        self.request_payer.then_some(RequestPayer::Requester)
    }

    pub(crate) fn named(&self, error: StoreError, key: &ObjectKey) -> StoreError {
        error.at(&self.location).on(key)
    }
}

/// Whether two sides are one store with the same credentials, so that it can copy by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// The store can copy from one side to the other.
    SameStore,
    /// Bytes must go through this machine.
    Apart,
}
