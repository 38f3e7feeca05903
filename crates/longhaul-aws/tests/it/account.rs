//! One account serves many buckets, and asks for nothing that it is not told to.

use longhaul::{object::ObjectKey, store::Source};
use longhaul_aws::{ConnectOptions, Provider, account};
use test_s3::{Options, PutOptions, Server, Versioning};

use crate::options;

#[tokio::test]
async fn one_account_reads_many_buckets_with_one_request_each() {
    let server = Server::start(Options::default()).await.unwrap();
    let names = ["one", "two", "three"];
    for name in names {
        server.store().create_bucket(name, Versioning::Never);
        server.store().put(name, "key", name.as_bytes(), PutOptions::default());
    }
    let options =
        ConnectOptions { provider: Some(Provider::Aws), force_path_style: true, ..options(server.endpoint()) };
    let account = account(&options).await.unwrap();
    assert_eq!(server.requests().len(), 0, "nothing is asked before an object is");
    let key = ObjectKey::new("key").unwrap();
    for name in names {
        let bucket = account.bucket(name);
        assert_eq!(bucket.location().bucket, name);
        let fetched = bucket.get_object(&key, None, None).await.unwrap();
        assert_eq!(fetched.body.collect().await.unwrap(), name.as_bytes());
    }
    assert_eq!(server.requests().len(), names.len());
}
