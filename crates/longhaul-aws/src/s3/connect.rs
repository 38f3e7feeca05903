//! Finds out how to reach a bucket: credentials, region, endpoint.

use crate::s3::{
    account::Account,
    address::{ConnectError, Provider, Reach},
    bucket::S3Bucket,
    connect_options::ConnectOptions,
};

/// Prepares a bucket. Only the region of a bucket of Amazon's is asked for here, if it was not given.
pub async fn connect(bucket: &str, options: &ConnectOptions) -> Result<S3Bucket, ConnectError> {
    let reach = Reach::find(options).await?;
    let account = Account::of(&reach, options);
    if account.provider() != Provider::Aws || reach.endpoint.is_some() || options.region.is_some() {
        return Ok(account.bucket(bucket));
    }
    let account = match account.region_of(bucket).await {
        Some(region) => Account::of(&reach, &ConnectOptions { region: Some(region), ..options.clone() }),
        None => account,
    };
    Ok(account.bucket(bucket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::{bucket::Sharing, connect_options::Keys};

    #[test]
    fn one_store_with_one_set_of_credentials_can_copy_by_itself() {
        let plain = ConnectOptions::default();
        assert_eq!(plain.sharing(&plain), Sharing::SameStore);
        let other = ConnectOptions { profile: Some("china".into()), ..ConnectOptions::default() };
        assert_eq!(plain.sharing(&other), Sharing::Apart);
    }

    #[test]
    fn options_do_not_print_keys() {
        let keys =
            Keys { access_key_id: "AKIDEXAMPLE".into(), secret_access_key: "very-secret".into(), session_token: None };
        assert_eq!(format!("{keys:?}"), "Keys(…)");
        let options = ConnectOptions { keys: Some(keys), ..ConnectOptions::default() };
        assert!(!format!("{options:?}").contains("very-secret"));
    }
}
