//! The contract suite on local folders and on the SQLite ledger.

use contract::Expectations;
use longhaul_local::{LocalFolder, Role, SqliteLedger};

#[tokio::test]
async fn a_local_folder_obeys_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalFolder::new(folder.path().to_owned(), Role::Destination).unwrap();
    let expectations = Expectations {
        versions_listed: false,
        server_side_copy: false,
        small_parts_refused: false,
        folders_listed: true,
        refused_keys: vec!["a//b", "/lead", ".."],
        ..Expectations::default()
    };
    contract::source_and_destination(&store, expectations).await;
}

#[tokio::test]
async fn the_sqlite_ledger_obeys_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract::ledger(&SqliteLedger::open(&folder.path().join("ledger.sqlite")).unwrap()).await;
}
