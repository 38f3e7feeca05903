//! longhaul on this machine alone: the stack in an emulator of AWS, a second S3 as the other account, and a walk
//! through both with the AWS command line.
//!
//! `make local-cloud` starts it, and it runs until Ctrl-C. With `--check` it takes the walk itself, step by step, and
//! ends: with 0 if every step showed what it should, with 1 if one did not. 2 means that it could not start.

mod check;
mod place;
mod walk;

use std::{io, process::ExitCode};

use clap::Parser;
use tokio::signal::{
    ctrl_c,
    unix::{SignalKind, signal},
};

use crate::place::Place;

const CHECK_FAILED: u8 = 1;
const CANNOT_START: u8 = 2;

/// longhaul on this machine alone: the stack in an emulator of AWS, a second S3 as the other account.
#[derive(Parser)]
#[command(name = "local-cloud")]
struct Args {
    /// Take the walk instead of waiting, and say whether it went as it should.
    #[arg(long)]
    check: bool,
    /// Port of the emulated AWS; any free one if it is 0.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Port of the other account's S3; any free one if it is 0.
    #[arg(long, default_value_t = 0)]
    other_port: u16,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let place = match Place::start(args.port, args.other_port).await {
        Ok(place) => place,
        Err(error) => {
            eprintln!("\nThe local cloud cannot start: {error}");
            return ExitCode::from(CANNOT_START);
        }
    };
    walk::print(&place);
    if args.check {
        return checked(&place).await;
    }
    println!("It runs until you press Ctrl-C. Nothing of it stays after that.");
    if let Err(error) = told_to_stop().await {
        eprintln!("Ctrl-C cannot be waited for: {error}");
    }
    println!("\nStopping.");
    ExitCode::SUCCESS
}

async fn checked(place: &Place) -> ExitCode {
    println!("Taking the walk:");
    match check::all(place).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("{failed}");
            ExitCode::from(CHECK_FAILED)
        }
    }
}

async fn told_to_stop() -> io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}
