//! The log of a Lambda: one JSON object a line, which metric filters read.

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
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new("info")));
    // Only the first call of a process counts; tests may have made it.
    let _ = subscriber.try_init();
}
