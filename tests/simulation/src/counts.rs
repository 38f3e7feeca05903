//! What a seed, or many, went through: operations, faults, crash points, states and their transitions.

use std::{collections::BTreeMap, fmt};

use longhaul::ledger::State;

/// What a process asks of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "named as the services name them")]
pub enum Op {
    SourceList,
    SourceListVersions,
    SourceHead,
    SourceGet,
    List,
    Head,
    Get,
    Put,
    Create,
    ListUploads,
    ListParts,
    UploadPart,
    Complete,
    Abort,
    Delete,
    Load,
    LoadMany,
    Save,
    LoadScan,
    SaveScan,
    Receive,
    Send,
    Park,
    DeleteMessage,
    SetVisibility,
    Depth,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 26] = [
        Self::SourceList,
        Self::SourceListVersions,
        Self::SourceHead,
        Self::SourceGet,
        Self::List,
        Self::Head,
        Self::Get,
        Self::Put,
        Self::Create,
        Self::ListUploads,
        Self::ListParts,
        Self::UploadPart,
        Self::Complete,
        Self::Abort,
        Self::Delete,
        Self::Load,
        Self::LoadMany,
        Self::Save,
        Self::LoadScan,
        Self::SaveScan,
        Self::Receive,
        Self::Send,
        Self::Park,
        Self::DeleteMessage,
        Self::SetVisibility,
        Self::Depth,
    ];

    /// Whether it changes something.
    pub fn writes(self) -> bool {
        matches!(
            self,
            Self::Put
                | Self::Create
                | Self::UploadPart
                | Self::Complete
                | Self::Abort
                | Self::Delete
                | Self::Save
                | Self::SaveScan
                | Self::Send
                | Self::Park
                | Self::DeleteMessage
                | Self::SetVisibility
        )
    }

    /// Whether processes ask it, and not the world for them.
    pub fn is_asked_by_processes(self) -> bool {
        self != Self::Receive
    }

    /// Whether it is one of a store's.
    pub fn is_of_a_store(self) -> bool {
        self < Self::Load
    }
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The process dies before the effect.
    KillBefore,
    /// The process dies between the effect and its answer.
    KillAfter,
    /// The process stands still before the effect.
    FreezeBefore,
    /// The process stands still between the effect and its answer.
    FreezeAfter,
    /// An error, and nothing happened.
    FailBefore,
    /// An error, and it happened all the same.
    FailAfter,
    /// No answer for longer than anybody waits, and nothing happened.
    StallBefore,
    /// No answer for longer than anybody waits, and it happened.
    StallAfter,
    /// An error, and it happens later.
    Late,
    /// A body breaks off.
    BodyBreaks,
    /// One entry of a batch is refused.
    EntryFails,
    /// The answer is lost, and the request is sent a second time below the port.
    Repeated,
    /// The credentials do not permit it, this once.
    Denied,
    /// A byte is another one when it arrives.
    Damaged,
    /// The answer is not what was asked for, and says so.
    WrongAnswer,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::KillBefore,
        Self::KillAfter,
        Self::FreezeBefore,
        Self::FreezeAfter,
        Self::FailBefore,
        Self::FailAfter,
        Self::StallBefore,
        Self::StallAfter,
        Self::Late,
        Self::BodyBreaks,
        Self::EntryFails,
        Self::Repeated,
        Self::Denied,
        Self::Damaged,
        Self::WrongAnswer,
    ];

    /// Whether this can happen to that request.
    pub fn befalls(self, op: Op) -> bool {
        match self {
            Self::KillBefore | Self::KillAfter | Self::FreezeBefore | Self::FreezeAfter => op.is_asked_by_processes(),
            Self::FailBefore | Self::StallBefore => true,
            Self::FailAfter | Self::StallAfter => op.writes(),
            Self::Late => matches!(op, Op::Put | Op::Complete | Op::Abort | Op::Delete),
            Self::BodyBreaks => matches!(op, Op::SourceGet | Op::Get),
            Self::EntryFails => op == Op::Send,
            Self::Repeated => op == Op::Save || op == Op::SaveScan,
            // Who may not list them does not find the upload of a crash: that is left to the bucket's lifecycle rule.
            Self::Denied => op.is_of_a_store() && op != Op::ListUploads,
            Self::Damaged => matches!(op, Op::SourceGet | Op::UploadPart | Op::Put),
            Self::WrongAnswer => op == Op::SourceGet,
        }
    }
}

/// Everything that happened in the world besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Happening {
    SourcePut,
    SourceTouched,
    SourceDeleted,
    DestinationOverwritten,
    DestinationDeleted,
    UploadsAborted,
    PartRewritten,
    Redriven,
    EventTwice,
    DeliveredTwice,
    VisibilityExpired,
    DeadLetter,
    Parked,
    SentOn,
    KilledAtDeadline,
    KilledBetweenRequests,
    Zombie,
    ZombieUpload,
    ScanBegun,
    ScanHeldUp,
    ScanComplete,
    ScanEndedByName,
    RangesHandedOver,
    RangeHandled,
    Malformed,
    OriginalJob,
    HostileSent,
    HostileParked,
    ToldBack,
    PageCut,
}

impl Happening {
    /// All of them.
    pub const ALL: [Self; 30] = [
        Self::SourcePut,
        Self::SourceTouched,
        Self::SourceDeleted,
        Self::DestinationOverwritten,
        Self::DestinationDeleted,
        Self::UploadsAborted,
        Self::PartRewritten,
        Self::Redriven,
        Self::EventTwice,
        Self::DeliveredTwice,
        Self::VisibilityExpired,
        Self::DeadLetter,
        Self::Parked,
        Self::SentOn,
        Self::KilledAtDeadline,
        Self::KilledBetweenRequests,
        Self::Zombie,
        Self::ZombieUpload,
        Self::ScanBegun,
        Self::ScanHeldUp,
        Self::ScanComplete,
        Self::ScanEndedByName,
        Self::RangesHandedOver,
        Self::RangeHandled,
        Self::Malformed,
        Self::OriginalJob,
        Self::HostileSent,
        Self::HostileParked,
        Self::ToldBack,
        Self::PageCut,
    ];
}

/// The sums.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests by kind.
    pub operations: BTreeMap<Op, u64>,
    /// Faults by kind and request.
    pub faults: BTreeMap<(Fault, Op), u64>,
    /// Steps of records, from `None` for no record.
    pub transitions: BTreeMap<(Option<&'static str>, &'static str), u64>,
    /// The rest.
    pub happenings: BTreeMap<Happening, u64>,
    /// Reasons of what was parked.
    pub parked: BTreeMap<String, u64>,
}

impl Counts {
    /// Adds another seed's.
    pub fn add(&mut self, other: &Self) {
        other.operations.iter().for_each(|(key, count)| *self.operations.entry(*key).or_default() += count);
        other.faults.iter().for_each(|(key, count)| *self.faults.entry(*key).or_default() += count);
        other.transitions.iter().for_each(|(key, count)| *self.transitions.entry(*key).or_default() += count);
        other.happenings.iter().for_each(|(key, count)| *self.happenings.entry(*key).or_default() += count);
        other.parked.iter().for_each(|(key, count)| *self.parked.entry(key.clone()).or_default() += count);
    }

    /// Requests in all.
    pub fn requests(&self) -> u64 {
        self.operations.values().sum()
    }

    /// Faults in all.
    pub fn all_faults(&self) -> u64 {
        self.faults.values().sum()
    }

    /// What should have happened in a long run, and did not.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for op in Op::ALL {
            if !self.operations.contains_key(&op) {
                missing.push(format!("no {op:?} was asked for"));
            }
            let befalling = Fault::ALL.into_iter().filter(|fault| fault.befalls(op));
            missing.extend(
                befalling
                    .filter(|fault| !self.faults.contains_key(&(*fault, op)))
                    .map(|fault| format!("no {fault:?} of {op:?}")),
            );
        }
        for from in [None].into_iter().chain(State::ALL.map(Some)) {
            for to in State::ALL {
                let step = (from.map(State::name), to.name());
                if REACHABLE.contains(&step) && !self.transitions.contains_key(&step) {
                    missing.push(format!("no record went from {} to {}", step.0.unwrap_or("nothing"), step.1));
                }
            }
        }
        let unseen = Happening::ALL.into_iter().filter(|happening| !self.happenings.contains_key(happening));
        missing.extend(unseen.map(|happening| format!("no {happening:?}")));
        missing
    }
}

/// The steps that records take. [`State::may_become`] permits some more that no code takes.
const REACHABLE: [(Option<&str>, &str); 24] = [
    (None, "copying"),
    (None, "done"),
    (None, "parked"),
    (None, "gone"),
    (Some("copying"), "copying"),
    (Some("copying"), "completing"),
    (Some("copying"), "restarting"),
    (Some("copying"), "parked"),
    (Some("copying"), "gone"),
    (Some("completing"), "completing"),
    (Some("completing"), "done"),
    (Some("completing"), "restarting"),
    (Some("completing"), "parked"),
    (Some("restarting"), "copying"),
    (Some("restarting"), "parked"),
    (Some("restarting"), "gone"),
    (Some("restarting"), "superseded"),
    (Some("done"), "copying"),
    (Some("done"), "done"),
    (Some("done"), "parked"),
    (Some("done"), "gone"),
    (Some("parked"), "copying"),
    (Some("gone"), "copying"),
    (Some("gone"), "done"),
];

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:20} {:>10}", "request", "asked")?;
        for fault in Fault::ALL {
            write!(f, " {:>8.8}", format!("{fault:?}").replace("Before", "<").replace("After", ">"))?;
        }
        writeln!(f)?;
        for op in Op::ALL {
            write!(f, "{:20} {:>10}", format!("{op:?}"), self.operations.get(&op).unwrap_or(&0))?;
            for fault in Fault::ALL {
                match (self.faults.get(&(fault, op)), fault.befalls(op)) {
                    (None, false) => write!(f, " {:>8}", "")?,
                    (count, _) => write!(f, " {:>8}", count.unwrap_or(&0))?,
                }
            }
            writeln!(f)?;
        }
        writeln!(f, "\n{:12} {}", "from \\ to", State::ALL.map(|to| format!("{:>11}", to.name())).concat())?;
        for from in [None].into_iter().chain(State::ALL.map(Some)) {
            let counts = State::ALL.map(|to| {
                let count = self.transitions.get(&(from.map(State::name), to.name()));
                format!("{:>11}", count.map_or_else(String::new, u64::to_string))
            });
            writeln!(f, "{:12} {}", from.map_or("nothing", State::name), counts.concat())?;
        }
        writeln!(f)?;
        for happening in Happening::ALL {
            writeln!(f, "{:24} {:>10}", format!("{happening:?}"), self.happenings.get(&happening).unwrap_or(&0))?;
        }
        writeln!(f, "\nparked by reason")?;
        for (reason, count) in &self.parked {
            writeln!(f, "{reason:24} {count:>10}")?;
        }
        Ok(())
    }
}
