//! The log of a Lambda: one JSON object a line, which metric filters read.

use std::io::{self, Write};

use longhaul::text::harmless_json;
use tracing_subscriber::EnvFilter;

/// Begins to log. `level` is what `AWS_LAMBDA_LOG_LEVEL` says (the function's logging configuration), or a filter as `RUST_LOG`
/// has it; without either, or with one that cannot be read, INFO.
pub fn init(level: Option<&str>) {
    let filter = level.and_then(|level| EnvFilter::try_new(level.to_ascii_lowercase()).ok());
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(|| Harmless(io::stdout()))
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new("info")));
    // Only the first call of a process counts; tests may have made it.
    let _ = subscriber.try_init();
}

/// Keys and the words of stores are read on terminals, too: JSON alone leaves C1 controls and marks of direction as they are.
struct Harmless<W>(W);

impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        // In one piece: lines of different threads must not mix.
        self.0.write_all(format!("{}\n", harmless_json(line)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_store_says_moves_no_cursor_and_is_still_all_there() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || Harmless(writer.clone())).finish();
        let key = "a\u{1b}[2J\u{9b}2J\u{202e}gnp.exe\n\u{2028}é";
        tracing::subscriber::with_default(subscriber, || tracing::error!(key, "parked: {key}"));
        let logged = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(!logged.trim_end_matches('\n').contains(longhaul::text::acts), "{logged:?}");
        assert_eq!(logged.lines().count(), 1);
        let event: serde_json::Value = serde_json::from_str(&logged).unwrap();
        assert_eq!(event["fields"]["key"], key);
    }
}
