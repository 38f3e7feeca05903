//! Logging: to the terminal without tearing the bars, or as JSON lines to a file; of a service, as JSON lines to
//! standard output. A log that cannot be written ends nothing.

use std::{
    fs::File,
    io::{self, Write},
    sync::Mutex,
};

use longhaul::text::harmless_json;
use tracing_subscriber::EnvFilter;

use crate::{
    args::{Command, Output},
    bars::Bars,
    failure::Failure,
    out::{self, tell},
    own_file::{self, Kind},
};

/// What the log is to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Beside what is said: warnings.
    Aside,
    /// All that is said: a service speaks by its log alone.
    Voice,
}

impl Role {
    /// Of which kind a command is.
    pub fn of(command: &Command) -> Self {
        if matches!(command, Command::Work(_)) { Self::Voice } else { Self::Aside }
    }
}

/// Starts the log. Called once, before anything else happens.
pub fn start(output: &Output, role: Role, bars: &Bars) -> Result<(), Failure> {
    let level = level(output.log_level.as_deref(), role, std::env::var("RUST_LOG").ok());
    let filter =
        EnvFilter::try_new(&level).map_err(|error| Failure::usage(format!("--log-level {level:?}: {error}")))?;
    match &output.log_file {
        Some(path) => {
            let file = own_file::append_to(path, Kind::Log)?;
            as_json(filter, Mutex::new(ToFile { file, is_whole: true }));
        }
        None if role == Role::Voice && (output.json || !out::is_terminal()) => as_json(filter, || ToPrograms),
        None => {
            let bars = bars.clone();
            let writer = move || AboveBars(bars.clone());
            tracing_subscriber::fmt()
                .with_env_filter(filter)
                // Colours are what is taken out of the lines below.
                .with_ansi(false)
                .with_target(false)
                .with_writer(writer)
                .init();
        }
    }
    Ok(())
}

/// The same lines as the Lambdas', so that the same metric filters read them.
fn as_json<W>(filter: EnvFilter, writer: W)
where
    W: for<'a> tracing_subscriber::fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(writer)
        .init();
}

/// The flag wins. A service also hears the variable that services are told by.
fn level(flag: Option<&str>, role: Role, variable: Option<String>) -> String {
    let usual = match role {
        Role::Aside => "warn".to_owned(),
        Role::Voice => variable.filter(|level| !level.is_empty()).unwrap_or_else(|| "info".to_owned()),
    };
    flag.map_or(usual, str::to_owned)
}

/// A writer takes one event at a time. Its words, without the line's end.
fn words(event: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(event.strip_suffix(b"\n").unwrap_or(event))
}

/// Standard error, with the bars out of the way while something is written.
struct AboveBars(Bars);

impl Write for AboveBars {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.aside(|| out::line_aside(words(event)));
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard output, in JSON.
struct ToPrograms;

impl Write for ToPrograms {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        out::text(format!("{}\n", harmless_json(&words(event))).as_bytes());
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file, in JSON.
struct ToFile {
    file: File,
    is_whole: bool,
}

impl Write for ToFile {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let written = self.file.write_all(format!("{}\n", harmless_json(&words(event))).as_bytes());
        if let Err(error) = written
            && std::mem::take(&mut self.is_whole)
        {
            tell!("warning: the log file is not complete: {error}");
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_says_more_than_a_tool_unless_told_otherwise() {
        let debug = || Some("debug".to_owned());
        assert_eq!(level(None, Role::Aside, debug()), "warn");
        assert_eq!(level(None, Role::Voice, None), "info");
        assert_eq!(level(None, Role::Voice, debug()), "debug");
        assert_eq!(level(Some("error"), Role::Voice, debug()), "error");
    }
}
