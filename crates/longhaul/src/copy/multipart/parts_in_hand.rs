//! What an upload holds, and what is missing.

use std::{collections::BTreeMap, ops::RangeInclusive};

use crate::{
    copy::attempt::{Backends, DonePart, Leg, NotCopied, Settings},
    ledger::Reason,
    object::{Crc64, ObjectInfo, PartNumber, PartPlan, PartSpec, PlanError, Trust, Trusts},
    planted::{self, Defect},
    store::{Destination, Upload, UploadedPart},
};

/// The checksum of the whole from those of its parts, where each is known.
pub(crate) fn whole_crc<'a>(parts: impl IntoIterator<Item = &'a UploadedPart>) -> Option<Crc64> {
    parts.into_iter().try_fold(Crc64::EMPTY, |whole, part| Some(whole.followed_by(part.crc64nvme?, part.size)))
}

/// The upload of this leg and what it already holds.
pub(crate) struct PartsInHand {
    pub upload: Upload,
    pub plan: PartPlan,
    /// The numbers of the parts to fill: all, or those of a segment.
    pub numbers: RangeInclusive<u16>,
    pub have: BTreeMap<PartNumber, DonePart>,
}

impl PartsInHand {
    /// The parts that are still to be sent.
    pub(crate) fn missing(&self) -> Vec<PartSpec> {
        let missing =
            |part: &PartSpec| self.numbers.contains(&part.number.get()) && !self.have.contains_key(&part.number);
        self.plan.parts().filter(missing).collect()
    }

    /// What speaks for the parts that are there.
    pub(crate) fn trusts(&self) -> Trusts {
        Trusts::of(self.have.values().map(|part| part.trust))
    }
}

/// The plan for a new upload: the settings decide, within what both S3 and the destination take.
pub(crate) fn plan<B: Backends>(leg: &Leg<'_, B>, size: u64) -> Result<PartPlan, NotCopied> {
    let wanted = part_size(&leg.engine.settings, leg.engine.destination.capabilities().min_part_size);
    PartPlan::choose(size, wanted).map_err(|error| match error {
        PlanError::TooLarge(_) => NotCopied::Parked(Reason::new("too-large", error.to_string())),
        PlanError::Empty | PlanError::PartSize { .. } => NotCopied::Parked(Reason::new("no-plan", error.to_string())),
    })
}

pub(crate) fn part_size(settings: &Settings, smallest: u64) -> u64 {
    settings.part_size.max(smallest)
}

pub(crate) fn is_giant<B: Backends>(leg: &Leg<'_, B>, info: &ObjectInfo) -> bool {
    leg.engine.settings.segment_size.is_some_and(|segment| info.size > segment)
}

pub(crate) fn of_an_earlier_leg(answer: UploadedPart) -> DonePart {
    DonePart { answer, trust: Trust::EarlierLeg }
}

/// A listed part counts only if its size is the plan's.
pub(crate) fn fitting(plan: &PartPlan, listed: Vec<UploadedPart>) -> impl Iterator<Item = UploadedPart> {
    let any_size = planted::is(Defect::TrustNumbersNotSizes);
    listed
        .into_iter()
        .filter(move |part| plan.part(part.number).is_some_and(|spec| any_size || spec.range.len() == part.size))
}
