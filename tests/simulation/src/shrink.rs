//! Makes a failing seed smaller: leaves actions and faults out while it still fails.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use crate::{
    run::{Lines, Report, run},
    world::Cuts,
};

/// The smallest cuts that were found within the time under which the seed still breaks a promise.
pub fn shrink(seed: u64, time: Duration) -> Cuts {
    let end = Instant::now() + time;
    let whole = run(seed, &Cuts::default(), Lines::Hashed);
    let promise = promise_of(&whole);
    let fails = |cuts: &Cuts| promise_of(&run(seed, cuts, Lines::Hashed)) == promise;
    let mut cuts = all_of(&whole);
    if !fails(&cuts) {
        // Without the growth of a small seed it does not fail.
        return Cuts::default();
    }
    loop {
        let before = cuts.clone();
        let faults = cuts.faults.take().unwrap_or_default();
        let kept = cuts.clone();
        let faults = smaller(faults, end, |faults| fails(&Cuts { faults: Some(faults.clone()), ..kept.clone() }));
        cuts.faults = Some(faults);
        let actions = cuts.actions.take().unwrap_or_default();
        let kept = cuts.clone();
        let actions = smaller(actions, end, |actions| fails(&Cuts { actions: Some(actions.clone()), ..kept.clone() }));
        cuts.actions = Some(actions);
        if cuts == before || Instant::now() >= end {
            return cuts;
        }
    }
}

fn all_of(report: &Report) -> Cuts {
    Cuts { actions: Some((0..report.actions).collect()), faults: Some(report.struck.iter().copied().collect()) }
}

/// The promise that was broken: a smaller form that breaks another one tells of something else.
fn promise_of(report: &Report) -> Option<String> {
    let words = report.violation.as_deref()?;
    Some(words.split(':').next().unwrap_or_default().to_owned())
}

/// Leaves out halves, then quarters, and so on down to single ones.
fn smaller<T: Copy + Ord>(from: BTreeSet<T>, end: Instant, fails: impl Fn(&BTreeSet<T>) -> bool) -> BTreeSet<T> {
    let mut kept: Vec<T> = from.into_iter().collect();
    let mut piece = kept.len().div_ceil(2);
    while piece > 0 {
        let mut at = 0;
        while at < kept.len() {
            if Instant::now() >= end {
                return kept.into_iter().collect();
            }
            let left_out: Vec<T> = kept
                .iter()
                .enumerate()
                .filter(|(place, _)| !(at..at + piece).contains(place))
                .map(|(_, item)| *item)
                .collect();
            if fails(&left_out.iter().copied().collect()) {
                kept = left_out;
            } else {
                at += piece;
            }
        }
        piece = if piece == 1 { 0 } else { piece.div_ceil(2) };
    }
    kept.into_iter().collect()
}

/// Stands for no numbers.
pub const NONE: &str = "none";

/// The cuts as arguments of the command.
pub fn arguments(cuts: &Cuts) -> String {
    let actions = cuts.actions.as_ref().map(|kept| format!("--actions={}", list(kept)));
    let faults = cuts.faults.as_ref().map(|kept| format!("--faults={}", list(kept)));
    actions.into_iter().chain(faults).collect::<Vec<_>>().join(" ")
}

fn list<T: ToString>(numbers: &BTreeSet<T>) -> String {
    if numbers.is_empty() {
        return NONE.to_owned();
    }
    numbers.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}
