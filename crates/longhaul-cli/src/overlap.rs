//! A destination inside its own source: its copies would be found there, and copied again, for ever.

use longhaul::object::Location;
use longhaul_aws::{Account, BucketRoute, is_same_bucket};

use crate::failure::Failure;

/// Where the objects of a bucket go that no route names.
pub fn default_route(bucket: &str, default_bucket: &str, default_prefix: &str) -> BucketRoute {
    let [src_bucket, des_bucket, des_prefix] = [bucket, default_bucket, default_prefix].map(str::to_owned);
    BucketRoute { src_bucket, des_bucket, des_prefix, ..BucketRoute::default() }
}

/// Refuses the first route whose destination lies inside its source.
pub fn refuse_overlap(routes: &[BucketRoute], source: &Account, destination: &Account) -> Result<(), Failure> {
    let place = |account: &Account, bucket: &str| Location::new(account.endpoint(), bucket);
    let overlaps = |route: &&BucketRoute| {
        let (from, to) = (place(source, &route.src_bucket), place(destination, &route.des_bucket));
        is_same_bucket(&from, &to) && route.route().leads_into_itself()
    };
    match routes.iter().find(overlaps) {
        None => Ok(()),
        Some(route) => {
            let BucketRoute { src_bucket, src_prefix, des_bucket, .. } = route;
            let to = route.route().destination_list_prefix();
            let words = format!(
                "the destination s3://{des_bucket}/{to} lies inside its own source s3://{src_bucket}/{src_prefix}: what is \
                 copied there would be copied again"
            );
            Err(Failure::usage(words).advise("choose a destination outside of the source"))
        }
    }
}
