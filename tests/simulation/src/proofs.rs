//! What may be said of a copy that was proved.

use longhaul::{
    ledger::Record,
    object::{ProofLevel, Verify},
};

use crate::{scenario::Make, stage::Stage};

/// A proof says no more than both stores can tell.
pub fn hold(stage: &Stage, place: &str, record: &Record) -> Result<(), String> {
    let Some(proof) = record.proof else { return Ok(()) };
    let possible = match proof.level {
        ProofLevel::FullCrc | ProofLevel::PartCrc => stage.scenario.destination == Make::Amazon,
        ProofLevel::PartMd5 => stage.scenario.verify != Verify::ReadBack,
        // Tags are MD5s here: unless nobody asked for them, nothing less is due, but for parts of legs that died, and for what
        // only its mark tells.
        ProofLevel::SizeOnly => match stage.scenario.verify {
            Verify::Transport => true,
            Verify::ReadBack => false,
            Verify::Auto | Verify::Md5 => proof.transport_only_parts > 0 || stage.scenario.marked,
        },
        ProofLevel::ReadBack => true,
    };
    if possible {
        return Ok(());
    }
    Err(format!(
        "never silent: the record of {place} has the proof {proof:?}, which nobody can have: {:?}",
        stage.scenario.verify
    ))
}
