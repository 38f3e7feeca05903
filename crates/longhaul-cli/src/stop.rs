//! Ctrl-C: once to stop after the parts in flight, twice to stop at once. Both leave a state that can be resumed.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{bars::Bars, failure::Exit, out::tell};

/// How long what cannot be awaited may hold up a stop.
const GRACE: Duration = Duration::from_millis(100);

/// The signals that ask a process to end. SIGTERM is heard as Ctrl-C is.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From here on they do not end the process by themselves.
    fn hear() -> Option<Self> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        let signals = interrupt.and_then(|interrupt| Ok(Self { interrupt, terminate: terminate? }));
        signals.inspect_err(|error| tracing::warn!("signals cannot be heard here: {error}")).ok()
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Listens until the process ends.
pub fn listen(stop: CancellationToken, bars: Bars) {
    let Some(mut signals) = Signals::hear() else { return };
    tokio::spawn(async move {
        signals.next().await;
        stop.cancel();
        bars.aside(|| tell!("stopping after the parts in flight; press Ctrl-C again to stop at once"));
        signals.next().await;
        bars.end();
        tell!("stopped; run the same command again to resume");
        tokio::time::sleep(GRACE).await;
        std::process::exit(Exit::Interrupted.code().into());
    });
}

/// Listens as a service does, which speaks by its log.
pub fn listen_as_service(stop: CancellationToken) {
    let Some(mut signals) = Signals::hear() else { return };
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!(event = "stopping", "no more messages are taken; what is in flight is finished or given back");
        stop.cancel();
        signals.next().await;
        tracing::warn!(event = "stopped", "stopped at once; messages in flight come again when they are visible again");
        std::process::exit(Exit::Interrupted.code().into());
    });
}
