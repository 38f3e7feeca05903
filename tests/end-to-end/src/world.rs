//! A test S3 and a folder.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;
use test_s3::{Options, PutOptions, Server, Store, Versioning};

use crate::cli::{self, Cli};

/// Everything outside of the command: a server with the buckets `src` and `dst`, and a folder of its own.
pub struct World {
    /// The test S3. `src` keeps no versions; `dst` keeps all, so that nothing is written twice unseen.
    pub server: Server,
    folder: TempDir,
}

impl World {
    /// Starts a server and makes the buckets.
    pub async fn start(options: Options) -> Self {
        let server = Server::start(options).await.expect("the test S3 starts");
        server.store().create_bucket("src", Versioning::Never);
        server.store().create_bucket("dst", Versioning::Enabled);
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["home", "work", "runs"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        Self { server, folder }
    }

    /// The objects, read and written without the command.
    #[must_use]
    pub fn store(&self) -> Arc<Store> {
        self.server.store()
    }

    /// The same, with objects of the source whose bytes are their keys.
    pub async fn with_objects(keys: &[&str]) -> Self {
        let world = Self::start(Options::default()).await;
        keys.iter().for_each(|key| world.put("src", key, *key));
        world
    }

    /// Writes an object without the command.
    pub fn put(&self, bucket: &str, key: &str, bytes: impl Into<Vec<u8>>) {
        self.store().put(bucket, key, bytes.into(), PutOptions::default());
    }

    /// The keys at the destination.
    #[must_use]
    pub fn there(&self) -> Vec<String> {
        self.store().keys("dst")
    }

    /// A path in the folder of this world.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a folder in the folder of this world.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn make_folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).expect("a folder");
        path
    }

    /// The folder in which the command runs.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.path("work")
    }

    /// The ledger of all commands that name no other.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.path("ledger.sqlite")
    }

    /// Removes the ledger with everything that belongs to it, as a lost disk would.
    ///
    /// # Panics
    /// If something of it cannot be removed.
    pub fn lose_ledger(&self) {
        for end in ["", "-wal", "-shm"] {
            let path = self.path(&format!("ledger.sqlite{end}"));
            if path.exists() {
                fs::remove_file(path).expect("the ledger can be removed");
            }
        }
        let owners = self.path("ledger.sqlite.owners");
        if owners.exists() {
            fs::remove_dir_all(owners).expect("the owners can be removed");
        }
    }

    /// `longhaul copy` from one place to another.
    pub fn copy(&self, source: impl AsRef<OsStr>, destination: impl AsRef<OsStr>) -> Cli {
        Cli::copy(self, source.as_ref(), destination.as_ref())
    }

    /// `longhaul copy s3://src/ s3://dst/`, the bytes through the command.
    #[must_use]
    pub fn haul(&self) -> Cli {
        self.copy("s3://src/", "s3://dst/").switch("--no-server-side")
    }

    /// Any other command of `longhaul`: these arguments and nothing else.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> std::process::Command {
        cli::command(self, args)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}
