//! The contract suite on the S3 adapter, over real HTTP and real signatures.

use contract::Expectations;
use longhaul_aws::{ConnectOptions, Provider, S3Bucket, Sharing, connect};
use test_s3::{Dialect, Options, Server, Tags, Versioning};

use crate::options;

async fn bucket(server: &Server, provider: Provider) -> S3Bucket {
    let options = ConnectOptions {
        provider: Some(provider),
        force_path_style: true,
        ca_pem: server.ca_pem().map(|pem| pem.as_bytes().to_vec()),
        ..options(server.endpoint())
    };
    let bucket = connect("bucket", &options).await.unwrap();
    bucket.clone().copying_from(&bucket, Sharing::SameStore)
}

#[tokio::test]
async fn amazon_s3_obeys_the_contract() {
    let server = Server::start(Options::default()).await.unwrap();
    server.store().create_bucket("bucket", Versioning::Never);
    let bucket = bucket(&server, Provider::Aws).await.that_refuses_wrong_checksums();
    contract::source_and_destination(&bucket, Expectations::default()).await;
}

#[tokio::test]
async fn a_versioned_bucket_obeys_the_contract_over_tls() {
    let server = Server::start(Options { tls: true, ..Options::default() }).await.unwrap();
    server.store().create_bucket("bucket", Versioning::Enabled);
    let expectations = Expectations { versions: true, ..Expectations::default() };
    let bucket = bucket(&server, Provider::Aws).await.that_refuses_wrong_checksums();
    contract::source_and_destination(&bucket, expectations).await;
}

#[tokio::test]
async fn google_cloud_storage_obeys_the_contract() {
    let server = Server::start(Options { dialect: Dialect::Gcs, ..Options::default() }).await.unwrap();
    server.store().create_bucket("bucket", Versioning::Never);
    contract::source_and_destination(&bucket(&server, Provider::Gcs).await, Expectations::default()).await;
}

#[tokio::test]
async fn a_store_that_is_only_called_amazon_obeys_the_contract_with_the_checksums_that_it_computes_itself() {
    let server = Server::start(Options::default()).await.unwrap();
    server.store().create_bucket("bucket", Versioning::Never);
    let expectations = Expectations { wrong_checksums_refused: false, ..Expectations::default() };
    contract::source_and_destination(&bucket(&server, Provider::Aws).await, expectations).await;
}

#[tokio::test]
async fn a_store_with_tags_in_capital_letters_obeys_the_contract() {
    let tags = Tags::UpperCase;
    let min_part_size = Provider::AliOss.capabilities().min_part_size;
    let options = Options { dialect: Dialect::Plain, tags, min_part_size, ..Options::default() };
    let server = Server::start(options).await.unwrap();
    server.store().create_bucket("bucket", Versioning::Never);
    contract::source_and_destination(&bucket(&server, Provider::AliOss).await, Expectations::default()).await;
}
