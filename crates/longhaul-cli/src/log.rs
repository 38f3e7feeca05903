//! Logging: to the terminal without tearing the bars, or as JSON lines to a file.

use std::{fs::OpenOptions, io, sync::Mutex};

use tracing_subscriber::EnvFilter;

use crate::{args::Output, bars::Bars, failure::Failure};

/// Starts the log. Called once, before anything else happens.
pub fn start(output: &Output, bars: &Bars) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&output.log_level)
        .map_err(|error| Failure::usage(format!("--log-level {:?}: {error}", output.log_level)))?;
    match &output.log_file {
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let file = file.map_err(|error| Failure::of_file("the log file", path, &error))?;
            tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(Mutex::new(file)).init();
        }
        None => {
            let bars = bars.clone();
            let ansi = io::IsTerminal::is_terminal(&io::stderr());
            let writer = move || AboveBars(bars.clone());
            tracing_subscriber::fmt()
                .with_env_filter(filter)
                .with_ansi(ansi)
                .with_target(false)
                .with_writer(writer)
                .init();
        }
    }
    Ok(())
}

/// Standard error, with the bars out of the way while something is written.
struct AboveBars(Bars);

impl io::Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.aside(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
