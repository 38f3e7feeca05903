//! Shows that the simulation would find what it is there to find: plants one defect after the other into the product.

use std::ops::Range;

use longhaul::planted::{Defect, plant};

use crate::{
    run::{self, Lines, Report},
    world::Cuts,
};

/// The first seed that catches a defect, and what it says.
#[derive(Clone, Debug)]
pub struct Caught {
    /// Seeds that ran, with the one that caught it.
    pub after: u64,
    /// The seed.
    pub seed: u64,
    /// The promise that was broken.
    pub words: String,
}

/// Runs a seed with a defect in the product.
pub fn run_with(defect: Option<Defect>, seed: u64, cuts: &Cuts, lines: Lines) -> Report {
    plant(defect);
    let report = run::run(seed, cuts, lines);
    plant(None);
    report
}

/// Runs seeds until one catches the defect.
pub fn catch(defect: Defect, seeds: Range<u64>) -> Option<Caught> {
    let first = seeds.start;
    seeds.into_iter().find_map(|seed| {
        let report = run_with(Some(defect), seed, &Cuts::default(), Lines::Hashed);
        let words = report.violation.filter(|words| words.starts_with(promise(defect)))?;
        Some(Caught { after: seed - first + 1, seed, words })
    })
}

/// The promise that a defect breaks: what is found must be about it.
fn promise(defect: Defect) -> &'static str {
    match defect {
        Defect::DropIfMatch | Defect::TrustAnswers | Defect::TrustNumbersNotSizes | Defect::NoListParts => "never torn",
        Defect::AckBeforeRecording
        | Defect::ParkAtOnce
        | Defect::LoseBatchEntry
        | Defect::SkipWithoutHead
        | Defect::CountSegments
        | Defect::LastMarkerOnly
        | Defect::BuryOnly
        | Defect::DeleteWithoutLook => "never lost",
        Defect::IgnoreListingError | Defect::TokenWithoutMarkEnds | Defect::SeamNotChecked => {
            "no error becomes success"
        }
        Defect::ForgetParts => "nothing twice",
        Defect::NewUploadEachLeg => "transitions",
        Defect::HoldBodies => "flat memory",
        Defect::AnyRoute => "only what a route allows",
        Defect::OnlyOwnLedger => "comes to rest",
    }
}
