//! Runs seeds: one with a trace, or many on all cores.

use std::{
    collections::BTreeSet,
    num::ParseIntError,
    process::ExitCode,
    str::FromStr,
    time::{Duration, Instant},
};

use clap::Parser;
use longhaul::planted::Defect;
use simulation::{
    many::{self, Many},
    run::{Lines, Report, run},
    shrink,
    teeth::{self, Caught},
    world::Cuts,
};

/// The steps that are printed of a seed that failed among many.
const LAST_STEPS: usize = 40;

/// Attacks longhaul's promises, by seeds.
#[derive(Parser)]
struct Arguments {
    /// Replays this seed and prints its steps.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// Runs so many seeds and prints what they went through.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first of many seeds.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Of a replayed seed, only these actions of users: numbers with commas between, or `none`.
    #[arg(long)]
    actions: Option<Numbers>,
    /// Of a replayed seed, only these requests may go wrong: numbers with commas between, or `none`.
    #[arg(long)]
    faults: Option<Numbers>,
    /// Of many seeds, runs all, and prints a line for each that fails.
    #[arg(long)]
    list: bool,
    /// Plants each defect into the product, and runs seeds until it is caught.
    #[arg(long)]
    teeth: bool,
    /// The product has this defect.
    #[arg(long, value_parser = defect)]
    defect: Option<Defect>,
}

fn defect(name: &str) -> Result<Defect, String> {
    let named = Defect::ALL.into_iter().find(|defect| format!("{defect:?}") == name);
    named.ok_or_else(|| format!("one of {:?}", Defect::ALL))
}

/// A set of numbers, as the smallest form of a seed names it.
#[derive(Clone)]
struct Numbers(BTreeSet<u64>);

impl FromStr for Numbers {
    type Err = ParseIntError;
    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let numbers = text.split(',').filter(|number| *number != shrink::NONE);
        Ok(Self(numbers.map(str::parse).collect::<Result<_, _>>()?))
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.teeth {
        return show_teeth();
    }
    match (arguments.seed, arguments.seeds) {
        (Some(seed), _) => {
            let cuts = Cuts {
                actions: arguments
                    .actions
                    .map(|Numbers(places)| places.into_iter().map(|place| place as usize).collect()),
                faults: arguments.faults.map(|Numbers(numbers)| numbers),
            };
            replay(seed, &cuts, arguments.defect)
        }
        (None, seeds) if arguments.list => list(arguments.from, seeds.unwrap_or(many::LEAST_FOR_COVERAGE)),
        (None, seeds) => run_many(arguments.from, seeds.unwrap_or(many::LEAST_FOR_COVERAGE)),
    }
}

/// Every planted defect must be caught within so many seeds.
const TEETH: u64 = 1000;

fn show_teeth() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for defect in Defect::ALL {
        match teeth::catch(defect, 0..TEETH) {
            Some(Caught { after, seed, words }) => {
                let short: String = words.chars().take(100).collect();
                println!("{:22} caught after {after:>4} seeds, by seed {seed}: {short}", format!("{defect:?}"));
            }
            None => {
                println!("{:22} NOT CAUGHT within {TEETH} seeds", format!("{defect:?}"));
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

fn replay(seed: u64, cuts: &Cuts, defect: Option<Defect>) -> ExitCode {
    let report = teeth::run_with(defect, seed, cuts, Lines::Kept);
    report.lines.iter().for_each(|line| println!("{line}"));
    println!(
        "seed {seed}: {} steps, {} s of virtual time, hash {:016x}",
        report.steps,
        report.time.as_secs(),
        report.hash
    );
    verdict(&report)
}

fn verdict(report: &Report) -> ExitCode {
    match &report.violation {
        Some(words) => {
            println!("BROKEN: {words}");
            ExitCode::FAILURE
        }
        None => {
            println!("all promises were kept");
            ExitCode::SUCCESS
        }
    }
}

fn list(from: u64, seeds: u64) -> ExitCode {
    let failed = many::run_all(from..from + seeds, usize::MAX).failed;
    failed.iter().for_each(|(seed, words)| println!("{seed}: {words}"));
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_many(from: u64, seeds: u64) -> ExitCode {
    let began = Instant::now();
    let Many { counts, failed, steps, time } = many::run(from..from + seeds);
    println!("{counts}");
    let took = began.elapsed();
    println!(
        "{seeds} seeds from {from}: {} requests, {} faults, {steps} steps, {} h of virtual time in {:.1} s",
        counts.requests(),
        counts.all_faults(),
        time.as_secs() / 3600,
        took.as_secs_f64()
    );
    let mut code = ExitCode::SUCCESS;
    if let Some((seed, words)) = failed.first() {
        println!(
            "{} seeds failed: {:?}",
            failed.len(),
            failed.iter().map(|(seed, _)| seed).take(20).collect::<Vec<_>>()
        );
        explain(*seed, words);
        code = ExitCode::FAILURE;
    }
    if seeds >= many::LEAST_FOR_COVERAGE {
        for words in counts.missing() {
            println!("NOT REACHED: {words}");
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// Prints a failed seed, made as small as it can be.
fn explain(seed: u64, words: &str) {
    println!("\nseed {seed}: {words}\nreplay it: make sim SEED={seed}");
    let cuts = shrink::shrink(seed, Duration::from_secs(20));
    let report = run(seed, &cuts, Lines::Kept);
    let skipped = report.lines.len().saturating_sub(LAST_STEPS);
    println!("\nthe last steps of its smallest form:");
    report.lines.iter().skip(skipped).for_each(|line| println!("{line}"));
    println!("BROKEN: {}", report.violation.unwrap_or_default());
    println!("replay the smallest form: make sim SEED={seed} ARGS=\"{}\"", shrink::arguments(&cuts));
}
