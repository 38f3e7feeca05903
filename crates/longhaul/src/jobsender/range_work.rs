//! Work on one range of a scan: compare and send, tell the record how far it came, cut it when it is long, close it.

use std::time::Duration;

use crate::{
    copy::attempt::{BackendsOf, EngineOf, OpenStores},
    jobsender::{
        error::{SendError, Stopped},
        leg::{Account, ScanLeg},
        send_list::ListSender,
        send_range::{RangeSender, Step},
    },
    ledger::{ScanLedger, SendReport},
    limits::Clock,
    queue::JobQueue,
    route::{KeyRange, NamedRoute, ScanSpec},
    scan::{
        key_list::KeysFrom,
        listing::{Probe, split_range},
    },
    store::{ErrorKind, Source, StoreError},
};

/// How work on a range ended, if nothing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worked {
    /// It is compared to its end, and closed.
    End,
    /// The time is up. The record knows how far it came.
    Left,
    /// Somebody else has it, or another scan has taken the place of this one.
    Lost,
}

type ByListings<'a, W, C, Q> = RangeSender<'a, BackendsOf<W, C>, Q>;

type ByList<'a, W, C, Q> = ListSender<'a, BackendsOf<W, C>, Q, <W as OpenStores>::Source>;

/// Who compares: both listings of a range, or what a list names.
enum Sender<'a, W: OpenStores, C: Clock, Q> {
    Range(Box<ByListings<'a, W, C, Q>>),
    List(Box<ByList<'a, W, C, Q>>),
}

impl<W: OpenStores, C: Clock, Q: JobQueue> Sender<'_, W, C, Q> {
    async fn step(&mut self) -> Result<Step, SendError> {
        match self {
            Self::Range(sender) => sender.step().await,
            Self::List(sender) => sender.step().await,
        }
    }

    async fn flush(&mut self) -> Result<(), SendError> {
        match self {
            Self::Range(sender) => sender.flush().await,
            Self::List(sender) => sender.flush().await,
        }
    }

    fn cursor(&self) -> Option<String> {
        match self {
            Self::Range(sender) => sender.cursor().map(|key| key.as_str().to_owned()),
            Self::List(sender) => sender.cursor(),
        }
    }

    /// Source keys that were read; a list is never long, since it is not cut.
    fn keys(&self) -> u64 {
        match self {
            Self::Range(sender) => sender.keys(),
            Self::List(_) => 0,
        }
    }

    fn take_report(&mut self) -> SendReport {
        match self {
            Self::Range(sender) => sender.take_report(),
            Self::List(sender) => sender.take_report(),
        }
    }

    fn end_at(&mut self, until: Option<String>) {
        match self {
            Self::Range(sender) => sender.end_at(until),
            Self::List(_) => {}
        }
    }
}

/// One range under way.
struct Ranging<'a, W: OpenStores, G, C: Clock, Q> {
    shift: &'a ScanLeg<'a, W, G, C, Q>,
    number: u32,
    engine: &'a EngineOf<W, C>,
    scan: &'a ScanSpec,
    sender: Sender<'a, W, C, Q>,
    until: Option<String>,
    /// How far the record has it.
    saved: String,
    saved_at: Duration,
    /// Ranges that were open when the record was last saved.
    open: usize,
    next_split: u64,
    account: &'a mut Account,
}

impl<W: OpenStores, G: ScanLedger, C: Clock, Q: JobQueue> ScanLeg<'_, W, G, C, Q> {
    /// Works on a range that is ours until it is at its end, the leg is over, or something fails.
    pub async fn work(
        &self,
        number: u32,
        route: &NamedRoute,
        range: &KeyRange,
        account: &mut Account,
    ) -> Result<Worked, Stopped> {
        let engine = self.engine(route).await?;
        let scan = self.scan(route);
        let lists = self.lists(route).await?;
        let (jobs, settings) = (self.queues.jobs, self.send_settings());
        let sender = match lists.as_ref().zip(route.keys_from.as_ref()) {
            None => {
                let sender = RangeSender::new(&engine, &scan, range, jobs, settings);
                Sender::Range(Box::new(sender.in_steps_of(self.jobsender.settings.split_after)))
            }
            Some((lists, place)) => {
                let keys = KeysFrom::open(lists, &engine.patience, &place.key, &route.src_bucket).await;
                let mut sender = ListSender::new(&engine, &scan, keys.map_err(SendError::from)?, jobs, settings);
                sender.go_on_behind(&range.after);
                Sender::List(Box::new(sender))
            }
        };
        let mut ranging = Ranging {
            shift: self,
            number,
            engine: &engine,
            scan: &scan,
            sender,
            until: range.until.clone(),
            saved: range.after.clone(),
            saved_at: self.jobsender.clock.elapsed(),
            open: 0,
            next_split: self.jobsender.settings.split_after,
            account,
        };
        ranging.run().await
    }
}

impl<W: OpenStores, G: ScanLedger, C: Clock, Q: JobQueue> Ranging<'_, W, G, C, Q> {
    async fn run(&mut self) -> Result<Worked, Stopped> {
        loop {
            match self.sender.step().await {
                Ok(Step::More) => {}
                Ok(Step::End) => return self.close().await,
                Ok(Step::Over) => return self.leave().await,
                Err(error) => return self.fail(error).await,
            }
            let settings = &self.shift.jobsender.settings;
            let due = self.shift.jobsender.clock.elapsed() >= self.saved_at + settings.save_every;
            let long = self.sender.keys() >= self.next_split;
            let still_ours = match (long && self.may_split(), due) {
                (true, _) => self.split().await?,
                (false, true) => self.save().await?.is_some(),
                (false, false) => true,
            };
            if !still_ours {
                return Ok(Worked::Lost);
            }
        }
    }

    /// Sends all that was found. What it came to is said also where not all could be sent.
    async fn settle(&mut self) -> Result<SendReport, Stopped> {
        let sent = self.sender.flush().await;
        let counts = self.sender.take_report();
        self.account.counts.add(&counts);
        Ok(sent.map(|()| counts)?)
    }

    /// Tells the record how far the range came. How many ranges are open, if this one is still ours.
    async fn save(&mut self) -> Result<Option<usize>, Stopped> {
        let counts = self.settle().await?;
        self.saved_at = self.shift.jobsender.clock.elapsed();
        let number = self.number;
        let cursor = self.sender.cursor().unwrap_or_default();
        let saved = self.shift.change(|record, hand| {
            let ours = record.advance(number, &cursor, &counts, hand);
            ours.then(|| (record.ranges.len(), record.due(hand)))
        });
        let Some((open, due)) = saved.await?.flatten() else { return Ok(None) };
        self.open = open;
        if cursor > self.saved {
            self.account.moved = true;
            self.saved = cursor;
        }
        self.shift.send_due(&due).await;
        Ok(Some(open))
    }

    /// Whether a piece of the range could go to others, as far as is known. All ranges share one row of the ledger, so that
    /// nobody saves it only to see whether there is room.
    fn may_split(&self) -> bool {
        let max = self.shift.jobsender.settings.max_ranges;
        let can_be_cut = self.engine.source.lists_from_anywhere() && self.engine.destination.lists_from_anywhere();
        can_be_cut && self.shift.queues.scan.is_some() && max > 1 && self.open < max
    }

    /// Cuts what is left of the range, if there is room for more ranges. Whether the range is still ours.
    async fn split(&mut self) -> Result<bool, Stopped> {
        let settings = &self.shift.jobsender.settings;
        let Some(open) = self.save().await? else { return Ok(false) };
        let pieces = match settings.max_ranges.saturating_sub(open) {
            0 => return Ok(true),
            room => match self.cut(room + 1).await {
                Ok(pieces) => pieces,
                Err(error) => return self.end_route(error).await,
            },
        };
        self.next_split = self.sender.keys() + settings.split_after;
        if pieces.len() < 2 {
            return Ok(true);
        }
        let (number, max) = (self.number, settings.max_ranges);
        let split = self.shift.change(|record, hand| {
            record.split(number, &pieces, max, hand);
            let until = record.own_until(number, hand)?;
            Some((until, record.ranges.len(), record.due(hand)))
        });
        let Some((until, open, due)) = split.await?.flatten() else { return Ok(false) };
        self.open = open;
        // Others may have taken the room meanwhile.
        if until != self.until {
            self.account.was_split = true;
            self.sender.end_at(until.clone());
            self.until = until;
            tracing::info!(event = "split", number, pieces = due.len(), "the rest of a long range goes to others");
        }
        self.shift.send_due(&due).await;
        Ok(true)
    }

    /// The rest of the range in pieces. It is no failure if that does not succeed.
    async fn cut(&mut self, pieces: usize) -> Result<Vec<KeyRange>, StoreError> {
        let Some(cursor) = self.sender.cursor() else { return Ok(Vec::new()) };
        let rest = KeyRange { after: cursor, until: self.until.clone() };
        let (store, patience) = (&self.engine.source, &self.engine.patience);
        let probe = Probe { store, patience, prefix: self.scan.route.source_prefix() };
        match split_range::split(&probe, &rest, pieces).await {
            Err(error) if error.kind() != ErrorKind::Unordered => {
                tracing::warn!(%error, "a long range could not be cut; it is worked on as a whole");
                Ok(Vec::new())
            }
            cut => cut,
        }
    }

    async fn close(&mut self) -> Result<Worked, Stopped> {
        let counts = self.settle().await?;
        let number = self.number;
        let closed = self.shift.change(|record, hand| {
            let ours = record.close(number, &counts, hand);
            ours.then(|| (record.finished.filter(|_| record.is_complete()), record.totals.clone()))
        });
        let Some((finished, totals)) = closed.await?.flatten() else { return Ok(Worked::Lost) };
        self.account.moved = true;
        if finished.is_some() {
            let (objects, sent) = (totals.objects, totals.sent);
            let totals = serde_json::to_string(&totals).unwrap_or_default();
            tracing::info!(event = "scan-finished", objects, sent, totals, "every range is compared to its end");
        }
        Ok(Worked::End)
    }

    /// Ends the comparison of the whole route: its other ranges would come to the same, and would hold up those of others. False if
    /// another scan has taken the place of this one; an error otherwise.
    async fn end_route(&mut self, error: StoreError) -> Result<bool, Stopped> {
        let number = self.number;
        match self.shift.change(|record, hand| record.end_route(number, hand)).await? {
            Some(()) => Err(Stopped::Unordered(error)),
            None => Ok(false),
        }
    }

    async fn leave(&mut self) -> Result<Worked, Stopped> {
        Ok(if self.save().await?.is_some() { Worked::Left } else { Worked::Lost })
    }

    /// What was compared before an error is not compared again, but for the hundred entries of a list among which it came. An
    /// error because the time is up is none.
    async fn fail(&mut self, error: SendError) -> Result<Worked, Stopped> {
        match self.save().await {
            Ok(None) => Ok(Worked::Lost),
            Ok(Some(_)) if self.shift.is_over() => Ok(Worked::Left),
            Ok(Some(_)) => match Stopped::from(error) {
                Stopped::Unordered(error) => self.end_route(error).await.map(|_| Worked::Lost),
                error => Err(error),
            },
            Err(second) => {
                tracing::debug!(error = %second, "what was compared before an error could not be saved");
                Err(error.into())
            }
        }
    }
}
