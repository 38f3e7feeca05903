//! Ctrl-C: once to stop after the parts in flight, twice to stop at once. Both leave a state that can be resumed.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{bars::Bars, failure::Exit};

/// How long what cannot be awaited may hold up a stop.
const GRACE: Duration = Duration::from_millis(100);

/// Listens until the process ends. SIGTERM is heard as the first Ctrl-C is.
pub fn listen(stop: CancellationToken, bars: Bars) {
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            tracing::warn!("signals cannot be heard here");
            return;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.cancel();
        bars.aside(|| eprintln!("stopping after the parts in flight; press Ctrl-C again to stop at once"));
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        bars.end();
        eprintln!("stopped; run the same command again to resume");
        tokio::time::sleep(GRACE).await;
        std::process::exit(Exit::Interrupted.code().into());
    });
}
