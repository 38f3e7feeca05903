//! A destination inside its own source: its copies would be found there, and copied again, for ever.

use longhaul::{object::Location, route::NamedRoute};
use longhaul_aws::{Account, is_same_bucket};

use crate::failure::Failure;

/// Where the objects of a bucket go that no route names.
pub fn default_route(bucket: &str, default_bucket: &str, default_prefix: &str) -> NamedRoute {
    let [src_bucket, des_bucket, des_prefix] = [bucket, default_bucket, default_prefix].map(str::to_owned);
    NamedRoute { src_bucket, des_bucket, des_prefix, ..NamedRoute::default() }
}

/// Refuses the first route whose destination lies inside its source.
pub fn refuse_overlap(routes: &[NamedRoute], source: &Account, destination: &Account) -> Result<(), Failure> {
    let place = |account: &Account, bucket: &str| Location::new(account.endpoint(), bucket);
    let overlaps = |route: &&NamedRoute| {
        let (from, to) = (place(source, &route.src_bucket), place(destination, &route.des_bucket));
        is_same_bucket(&from, &to) && route.route().leads_into_itself()
    };
    match routes.iter().find(overlaps) {
        None => Ok(()),
        Some(route) => {
            let NamedRoute { src_bucket, src_prefix, des_bucket, .. } = route;
            let to = route.route().destination_list_prefix();
            let words = format!(
                "the destination s3://{des_bucket}/{to} lies inside its own source s3://{src_bucket}/{src_prefix}: what is \
                 copied there would be copied again"
            );
            Err(Failure::usage(words).advise("choose a destination outside of the source"))
        }
    }
}
