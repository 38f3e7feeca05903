//! Whether two places are one bucket, whatever their endpoints are called.

use longhaul::object::Location;

use crate::s3::address::endpoint::Endpoint;

/// Providers in which a bucket's name is unique, whatever the region: the end of their hosts, and a name for it.
const UNIQUE_NAMES: [(&str, &str); 4] =
    [("amazonaws.com.cn", "aws-cn"), ("amazonaws.eu", "aws-eusc"), ("amazonaws.com", "aws"), ("aliyuncs.com", "oss")];

/// Whether both are the same bucket. Names of buckets are unique within a partition of Amazon's, which has an endpoint for
/// each region; elsewhere the endpoint is the store.
pub fn is_same_bucket(one: &Location, other: &Location) -> bool {
    one.bucket == other.bucket && (one.endpoint == other.endpoint || realm(&one.endpoint) == realm(&other.endpoint))
}

/// That within which a bucket's name is unique.
fn realm(endpoint: &str) -> String {
    // Anything but an address, a folder for instance, is only like itself.
    let Ok(endpoint) = Endpoint::parse(endpoint) else { return endpoint.to_owned() };
    let host = endpoint.host();
    // Its regions share the domain of the first partition and not its names.
    if host.contains("us-gov-") && host.ends_with(".amazonaws.com") {
        return "aws-us-gov".to_owned();
    }
    let is_in = |end: &str| host == end || host.strip_suffix(end).is_some_and(|rest| rest.ends_with('.'));
    match UNIQUE_NAMES.into_iter().find(|(end, _)| is_in(end)) {
        Some((_, name)) => name.to_owned(),
        // In small letters, without the usual port and without a `/` at its end.
        None => endpoint.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        is_same_bucket(&Location::new(one, "bucket"), &Location::new(other, "bucket"))
    }

    #[test]
    fn a_bucket_is_one_at_all_endpoints_of_its_partition() {
        assert!(same("https://s3.eu-west-1.amazonaws.com", "https://s3.us-east-1.amazonaws.com"));
        assert!(same("https://s3.amazonaws.com", "https://vpce-1.s3.us-east-1.vpce.amazonaws.com"));
        assert!(!same("https://s3.eu-west-1.amazonaws.com", "https://s3.cn-north-1.amazonaws.com.cn"));
        assert!(!same("https://s3.us-east-1.amazonaws.com", "https://s3.us-gov-west-1.amazonaws.com"));
        assert!(!same("https://s3.us-east-1.amazonaws.com", "https://notamazonaws.com"));
        assert!(same("https://s3.oss-cn-beijing.aliyuncs.com", "https://oss-cn-shanghai.aliyuncs.com"));
    }

    #[test]
    fn elsewhere_the_endpoint_is_the_store() {
        assert!(same("https://MinIO.example/", "https://minio.example:443"));
        assert!(same("http://127.0.0.1:80", "http://127.0.0.1"));
        assert!(!same("http://127.0.0.1:9000", "http://127.0.0.1:9001"));
        assert!(!same("https://minio.example:80", "https://minio.example"));
    }

    #[test]
    fn another_name_is_another_bucket() {
        let place = |bucket| Location::new("https://s3.eu-west-1.amazonaws.com", bucket);
        assert!(!is_same_bucket(&place("a"), &place("b")));
    }
}
