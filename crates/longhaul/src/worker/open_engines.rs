//! The ways between the buckets that a message names, opened before anything is done.

use std::{collections::HashMap, sync::Arc};

use crate::{
    copy::attempt::{Engine, EngineOf, OpenStores},
    ledger::{INTO_ITSELF, Reason},
    limits::{Clock, RequestPolicy},
    object::Location,
    queue::JobQueue,
    store::Source,
    worker::{
        process::Delivery,
        rules::{Buckets, Task},
    },
};

/// One engine for each pair of buckets.
pub(crate) type Engines<W, C> = HashMap<Buckets, Result<EngineOf<W, C>, Shut>>;

/// Why there is no way between two buckets.
pub(crate) enum Shut {
    /// A store cannot be reached, in words; it is no fault of the object.
    Unreachable(String),
    /// It would never end.
    IntoItself(Reason),
}

/// Why nothing is copied from a bucket into a place among its own sources.
pub(crate) fn into_itself(bucket: &Location) -> Reason {
    let words = format!(
        "the destination lies inside its own source {bucket}: every copy would be copied again; give the route \
         another des_bucket or des_prefix"
    );
    Reason::new(INTO_ITSELF, words)
}

impl<W: OpenStores, C: Clock, Q: JobQueue> Delivery<'_, W, C, Q> {
    /// One engine for each pair of buckets that the message names.
    pub(crate) async fn open(&self, tasks: &[Task]) -> Engines<W, C> {
        let owner = format!("{}-{:016x}", self.message.id, self.worker.seed());
        let mut engines = HashMap::new();
        for task in tasks {
            let Some(buckets) = task.buckets() else { continue };
            if !engines.contains_key(buckets) {
                engines.insert(buckets.clone(), self.engine(buckets, &owner).await);
            }
        }
        engines
    }

    async fn engine(&self, buckets: &Buckets, owner: &str) -> Result<EngineOf<W, C>, Shut> {
        let worker = self.worker;
        let source = worker.surroundings.source(&buckets.source).await.map_err(Shut::Unreachable)?;
        let destination = worker.surroundings.destination(&buckets.destination).await.map_err(Shut::Unreachable)?;
        if buckets.into_itself && worker.surroundings.is_one_bucket(source.location(), destination.location()) {
            return Err(Shut::IntoItself(into_itself(source.location())));
        }
        let ledger = worker.surroundings.ledger(owner, self.leg.until);
        let clock = Arc::clone(&worker.clock);
        let settings = &worker.settings;
        let mut patience =
            RequestPolicy::with_clock(clock, settings.policy, settings.timeout, worker.seed(), worker.observer.clone());
        patience.stop = self.leg.stop.clone();
        patience.halt = self.halt.clone();
        patience.end = Some(self.leg.end);
        let mut copy = settings.copy.clone();
        copy.segment_size = copy.segment_size.filter(|_| self.queues.segments.is_some());
        let engine = Engine::new(source, destination, ledger, patience, copy);
        let engine = engine.observed_by(Arc::clone(&worker.observer));
        let engine = engine.sharing(worker.budget.clone(), worker.bandwidth.clone());
        Ok(engine.knowing(worker.kept.clone()).learning(worker.tags.clone()))
    }
}
