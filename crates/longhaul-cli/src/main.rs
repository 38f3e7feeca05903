//! The `longhaul` command: one machine, and the operators' tools.
//!
//! Only this crate sees the environment, the clock and the terminal. Each command is a module; [`run`](run()) names them.

// Whoever prints does it through `out`, where it can neither panic nor act on a terminal.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod bars;
mod bucket;
mod check;
mod check_args;
mod clock;
mod copy;
mod demo;
mod demo_data;
mod explain;
mod failure;
mod heartbeat;
mod lists;
mod log;
mod look;
mod ls;
mod out;
mod overlap;
mod own_file;
mod parked;
mod patience;
mod place;
mod poll;
mod prepare;
mod provider_name;
mod redrive;
mod report;
mod rota;
mod screen;
mod send;
mod settings;
mod settings_file;
mod show;
mod sides;
mod stack;
mod stack_args;
mod stack_status;
mod status;
mod stop;
mod store;
mod typo;
mod uploads;
mod work;

use std::process::ExitCode;

use args::{Cli, Command};
use clap::{CommandFactory, Parser};
use failure::{Exit, Failure};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            // Nothing can be done about a terminal that takes no words.
            let _ = error.print();
            return code.into();
        }
    };
    let json = cli.output.json;
    let exit = run(cli).unwrap_or_else(|failure| {
        failure.print(json);
        failure.exit
    });
    whole(exit).into()
}

/// The code of a command that did what it was asked, and could not say so, is not 0: a program that listens would miss it.
fn whole(exit: Exit) -> Exit {
    let Some(error) = out::lost() else { return exit };
    out::tell!("error: standard output is not complete: {error}");
    if exit == Exit::Done { Exit::Usage } else { exit }
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    if let Command::Completions { shell } = cli.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "longhaul", &mut script);
        out::text(&script);
        return Ok(Exit::Done);
    }
    let bars = bars::Bars::new(cli.output.json);
    log::start(&cli.output, log::Role::of(&cli.command), &bars)?;
    let runtime = longhaul_aws::runtime().map_err(Failure::of_runtime)?;
    runtime.block_on(async {
        match cli.command {
            Command::Copy(args) => copy::run(*args, cli.output.json, bars).await,
            Command::Uploads(command) => uploads::run(command, cli.output.json).await,
            Command::Ls(args) => ls::run(args, cli.output.json).await,
            Command::Status(args) => status::run(args, cli.output.json).await,
            Command::Work(args) => work::run(args).await,
            Command::Send(args) => send::run(args, cli.output.json, bars).await,
            Command::Parked(command) => parked::run(command, cli.output.json).await,
            Command::Bucket(command) => bucket::run(command, cli.output.json).await,
            Command::Demo(args) => demo::run(args, cli.output.json).await,
            Command::Check(command) => check::run(&command, cli.output.json).await,
            Command::Completions { .. } => Ok(Exit::Done),
        }
    })
}
