//! Operations on buckets themselves.

use s3s::{
    S3Request, S3Result,
    dto::{self, BucketLocationConstraint, BucketVersioningStatus},
    s3_error,
};

use crate::{
    bucket::{Bucket, Versioning},
    service::Service,
    wire::timestamp,
};

impl Service {
    pub async fn bucket_create(&self, request: S3Request<dto::CreateBucketInput>) -> S3Result<dto::CreateBucketOutput> {
        let name = request.input.bucket;
        self.store.with_buckets(|buckets| {
            if buckets.contains_key(&name) {
                return Err(s3_error!(BucketAlreadyOwnedByYou));
            }
            let location = Some(format!("/{name}"));
            buckets.insert(name, Bucket::new(Versioning::Never));
            Ok(dto::CreateBucketOutput { location })
        })
    }

    pub async fn bucket_delete(&self, request: S3Request<dto::DeleteBucketInput>) -> S3Result<dto::DeleteBucketOutput> {
        let name = request.input.bucket;
        self.store.with_bucket(
            &name,
            |bucket, _| {
                if bucket.keys.is_empty() { Ok(()) } else { Err(s3_error!(BucketNotEmpty)) }
            },
        )?;
        self.store.with_buckets(|buckets| buckets.remove(&name));
        Ok(dto::DeleteBucketOutput::default())
    }

    pub async fn bucket_head(&self, request: S3Request<dto::HeadBucketInput>) -> S3Result<dto::HeadBucketOutput> {
        self.store.with_bucket(&request.input.bucket, |_, _| Ok(()))?;
        Ok(dto::HeadBucketOutput { bucket_region: Some(self.region().to_owned()), ..Default::default() })
    }

    pub async fn bucket_location(
        &self,
        request: S3Request<dto::GetBucketLocationInput>,
    ) -> S3Result<dto::GetBucketLocationOutput> {
        self.store.with_bucket(&request.input.bucket, |_, _| Ok(()))?;
        // The oldest region has no name here.
        let named = Some(self.region()).filter(|region| *region != "us-east-1");
        let location_constraint = named.map(|region| BucketLocationConstraint::from(region.to_owned()));
        Ok(dto::GetBucketLocationOutput { location_constraint })
    }

    pub async fn bucket_list(&self, _request: S3Request<dto::ListBucketsInput>) -> S3Result<dto::ListBucketsOutput> {
        let buckets = self.store.with_buckets(|buckets| {
            let shown = buckets.iter().map(|(name, bucket)| dto::Bucket {
                name: Some(name.clone()),
                creation_date: Some(timestamp(bucket.created)),
                ..Default::default()
            });
            shown.collect::<Vec<_>>()
        });
        Ok(dto::ListBucketsOutput { buckets: Some(buckets), ..Default::default() })
    }

    pub async fn bucket_versioning(
        &self,
        request: S3Request<dto::GetBucketVersioningInput>,
    ) -> S3Result<dto::GetBucketVersioningOutput> {
        let versioning = self.store.with_bucket(&request.input.bucket, |bucket, _| Ok(bucket.versioning))?;
        let status = match versioning {
            Versioning::Never => None,
            Versioning::Enabled => Some(BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED)),
            Versioning::Suspended => Some(BucketVersioningStatus::from_static(BucketVersioningStatus::SUSPENDED)),
        };
        Ok(dto::GetBucketVersioningOutput { status, ..Default::default() })
    }

    pub async fn bucket_set_versioning(
        &self,
        request: S3Request<dto::PutBucketVersioningInput>,
    ) -> S3Result<dto::PutBucketVersioningOutput> {
        let status = request.input.versioning_configuration.status;
        let versioning = match status.as_ref().map(BucketVersioningStatus::as_str) {
            Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
            Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
            _ => return Err(s3_error!(MalformedXML)),
        };
        self.store.with_bucket(&request.input.bucket, |bucket, _| {
            bucket.versioning = versioning;
            Ok(dto::PutBucketVersioningOutput::default())
        })
    }

    fn region(&self) -> &str {
        self.region.as_deref().unwrap_or("us-east-1")
    }
}
