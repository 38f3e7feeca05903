//! The stores themselves: what is started here ends with its handle, and leaves nothing.

use std::{
    fs,
    net::TcpStream,
    time::{Duration, Instant},
};

use foreign_stores::{Rclone, SeaweedFs};

const LIMIT: Duration = Duration::from_secs(30);

fn listens(endpoint: &str) -> bool {
    TcpStream::connect(endpoint.trim_start_matches("http://")).is_ok()
}

/// A process that was killed lets go of its port a moment later.
fn ends(endpoint: &str) -> bool {
    let started = Instant::now();
    while listens(endpoint) && started.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(20));
    }
    !listens(endpoint)
}

fn sockets_of(port: &str) -> usize {
    let entries = fs::read_dir("/tmp").expect("a folder for temporary files").flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(&format!("-{port}.sock"))).count()
}

#[tokio::test]
async fn seaweedfs_ends_with_its_handle_and_leaves_no_sockets() {
    let Some(store) = SeaweedFs::required().await else { return };
    let endpoint = store.endpoint();
    let port = endpoint.rsplit(':').next().expect("an endpoint ends in a port");
    assert!(listens(&endpoint));
    assert!(sockets_of(port) > 0, "a new version keeps its sockets elsewhere: they need not be removed any more");
    drop(store);
    assert!(ends(&endpoint));
    assert_eq!(sockets_of(port), 0);
}

#[tokio::test]
async fn rclone_ends_with_its_handle() {
    let Some(store) = Rclone::required().await else { return };
    let endpoint = store.endpoint();
    assert!(listens(&endpoint));
    drop(store);
    assert!(ends(&endpoint));
}
