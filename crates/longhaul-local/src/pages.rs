//! Hands a walk on in pages.
//!
//! One blocking thread walks, at most two pages ahead of the reader, and ends when the reader goes. A thread that
//! breaks off is an error of the listing: the end of the channel alone must not be taken for the end of the folder.

use futures_util::{Stream, StreamExt, stream};
use longhaul::{
    object::{Listed, ObjectKey},
    store::{Page, StoreError},
};
use tokio::{sync::mpsc, task::spawn_blocking};

use crate::{
    call::Call,
    stamp::folder_etag,
    walk::{Found, Walk},
};

/// Keys of one page.
const PAGE: usize = 1000;
/// Pages that wait for the reader.
const AHEAD: usize = 2;

/// The pages of a walk; it begins when the first is asked for.
pub(crate) fn pages(walk: Walk, call: Call) -> impl Stream<Item = Page> + Send {
    stream::once(async move { walking(walk, call) }).flatten().fuse()
}

fn walking(walk: Walk, call: Call) -> impl Stream<Item = Page> + Send {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let thread = spawn_blocking(move || send_pages(walk, &sender));
    stream::unfold(Some((receiver, thread, call)), |walking| async move {
        let (mut receiver, thread, call) = walking?;
        match receiver.recv().await {
            Some(Ok(page)) => Some((Ok(page), Some((receiver, thread, call)))),
            Some(Err(error)) => Some((Err(error), None)),
            None => match thread.await {
                Ok(()) => None,
                Err(error) => Some((Err(call.broken(error)), None)),
            },
        }
    })
}

fn send_pages(mut walk: Walk, pages: &mpsc::Sender<Page>) {
    loop {
        let (page, error) = next_page(&mut walk);
        // What was found before an error is handed on first, so that the next listing begins behind it.
        let is_last = page.len() < PAGE;
        if !page.is_empty() && pages.blocking_send(Ok(page)).is_err() {
            return;
        }
        if let Some(error) = error {
            // The reader may be gone, and then nobody asks.
            let _ = pages.blocking_send(Err(error));
            return;
        }
        if is_last {
            return;
        }
    }
}

fn next_page(walk: &mut Walk) -> (Vec<Listed>, Option<StoreError>) {
    let mut page = Vec::new();
    while page.len() < PAGE {
        match walk.advance() {
            Ok(Some(found)) => page.extend(listed(found)),
            Ok(None) => break,
            Err(error) => return (page, Some(error)),
        }
    }
    (page, None)
}

/// `None` cannot happen: the walk hands on nothing that is no key.
fn listed(found: Found) -> Option<Listed> {
    let is_folder = found.is_folder();
    let (size, etag) = if is_folder { (0, folder_etag()) } else { (found.stamp.size(), found.stamp.etag()) };
    let key = ObjectKey::new(found.key).ok()?;
    Some(Listed { key, size, etag: Some(etag), modified: found.stamp.modified(), version_id: None })
}
