//! Logging: to the terminal without tearing the bars, or as JSON lines to a file; of a service, as JSON lines to
//! standard output.

use std::{fs::OpenOptions, io, sync::Mutex};

use tracing_subscriber::EnvFilter;

use crate::{
    args::{Command, Output},
    bars::Bars,
    failure::Failure,
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
            let file = OpenOptions::new().create(true).append(true).open(path);
            let file = file.map_err(|error| Failure::of_file("the log file", path, &error))?;
            as_json(filter, Mutex::new(file));
        }
        None if role == Role::Voice && (output.json || !io::IsTerminal::is_terminal(&io::stdout())) => {
            as_json(filter, io::stdout);
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
