//! The table of records, behind a service that fails. Every save is held to the permitted steps.

use longhaul::{
    ledger::{Lease, Ledger, LedgerError, Record, RecordKey, Saved, ScanLedger, ScanRecord, Token},
    memory::MemoryLedger,
    object::Timestamp,
};

use crate::{
    counts::{Fault, Happening, Op},
    world::{Failure, World},
};

/// The table in the hands of one owner, whose leases end at a time.
#[derive(Clone)]
pub struct SimLedger {
    world: World,
    table: MemoryLedger,
    lease: Lease,
}

impl SimLedger {
    /// The table for `owner`, until a time.
    pub fn new(world: World, table: MemoryLedger, owner: &str, until: Timestamp) -> Self {
        Self { world, table, lease: Lease { owner: owner.to_owned(), until: Some(until) } }
    }

    async fn request<T>(
        &self,
        op: Op,
        words: &str,
        effect: impl Future<Output = Result<T, LedgerError>>,
    ) -> Result<T, LedgerError> {
        let call = self.world.call(op);
        call.before().await.map_err(failed)?;
        let answer = effect.await;
        self.world.note(op as u64 * 64 + u64::from(answer.is_err()), || format!("{op:?} {words}"));
        call.after().await.map_err(failed)?;
        answer
    }

    /// Saves, and tells those who watch.
    async fn save_now(&self, record: &Record, expected: Option<&Token>, token: &Token) -> Result<Saved, LedgerError> {
        let saved = self.table.save(record, expected, token).await;
        match &saved {
            Ok(Saved::Stored) => {
                let found = self.world.oracle().recorded(record, self.world.now(), self.world.sim().current());
                let step = self.world.oracle().last_step();
                *self.world.counts().transitions.entry(step).or_default() += 1;
                self.world.judge(found);
                self.world.note(910 + record.state as u64, || {
                    let reason = record.reason.as_ref().map_or("", |reason| reason.code.as_str());
                    format!("record {} is {} {reason}", record.key.key, record.state.name())
                });
            }
            Ok(Saved::Refused(_)) => self.world.note(920, || format!("save of {} refused", record.key.key)),
            Err(error) => self.world.violated(|| format!("{}: {error}", record.key.key)),
        }
        saved
    }

    async fn save_scan_now(
        &self,
        route: &str,
        record: &ScanRecord,
        expected: Option<&Token>,
        token: &Token,
    ) -> Result<bool, LedgerError> {
        let before = self.table.load_scan(route).await?;
        let is_new = before.as_ref().is_none_or(|(_, there)| there != token);
        let saved = self.table.save_scan(route, record, expected, token).await;
        if matches!(saved, Ok(true)) && is_new {
            if before.as_ref().is_some_and(|(before, _)| record.unordered.len() > before.unordered.len()) {
                self.world.happened(Happening::ScanEndedByName, || format!("{:?}", record.totals));
            }
            let found = self.world.oracle().scan_saved(before.map(|(before, _)| before), record, self.world.now());
            match found {
                Ok(true) => self.world.happened(Happening::ScanComplete, || format!("{:?}", record.totals)),
                Ok(false) => {}
                Err(words) => self.world.judge(Err(words)),
            }
        }
        saved
    }
}

fn failed(failure: Failure) -> LedgerError {
    LedgerError { message: format!("made up by the simulation ({:?})", failure.kind), retryable: true, source: None }
}

impl Ledger for SimLedger {
    async fn load(&self, key: &RecordKey) -> Result<Option<(Record, Token)>, LedgerError> {
        self.request(Op::Load, key.key.as_str(), self.table.load(key)).await
    }

    async fn load_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<(Record, Token)>>, LedgerError> {
        self.request(Op::LoadMany, "", self.table.load_many(keys)).await
    }

    async fn save(&self, record: &Record, expected: Option<&Token>, token: &Token) -> Result<Saved, LedgerError> {
        let call = self.world.call(Op::Save);
        call.before().await.map_err(failed)?;
        let mut saved = self.save_now(record, expected, token).await;
        if call.has(Fault::Repeated) {
            saved = self.save_now(record, expected, token).await;
        }
        call.after().await.map_err(failed)?;
        saved
    }

    fn new_lease(&self, _now: Timestamp) -> Lease {
        self.lease.clone()
    }

    fn is_held(&self, lease: &Lease, now: Timestamp) -> bool {
        lease.owner != self.lease.owner && lease.until.is_some_and(|until| until > now)
    }
}

impl ScanLedger for SimLedger {
    async fn load_scan(&self, route: &str) -> Result<Option<(ScanRecord, Token)>, LedgerError> {
        self.request(Op::LoadScan, route, self.table.load_scan(route)).await
    }

    async fn save_scan(
        &self,
        route: &str,
        record: &ScanRecord,
        expected: Option<&Token>,
        token: &Token,
    ) -> Result<bool, LedgerError> {
        let call = self.world.call(Op::SaveScan);
        call.before().await.map_err(failed)?;
        let mut saved = self.save_scan_now(route, record, expected, token).await;
        if call.has(Fault::Repeated) {
            saved = self.save_scan_now(route, record, expected, token).await;
        }
        call.after().await.map_err(failed)?;
        saved
    }
}
