//! One scheduled run: asks the gate, begins a scan, works on its ranges, and hands over what is left.

use crate::{
    copy::attempt::{EngineOf, OpenStores},
    jobsender::{
        error::Stopped,
        gate::{OpenRanges, Turn, Wish, take_turn},
        leg::{Account, ScanLeg},
        process::SendSettings,
        range_work::Worked,
        run_report::RunReport,
        send_list::send_list,
        send_range::send_route,
    },
    ledger::{Holder, LedgerError, ROW, ScanLedger, ScanRecord, SendReport, Sweep, Taken, Token},
    limits::Clock,
    object::Timestamp,
    queue::JobQueue,
    route::{Mode, NamedRoute},
    scan::key_list::KeysFrom,
    store::chain,
};

/// A range with a message that nobody has had to do with for so long has lost it.
const SILENCE_MS: i64 = 60 * 60 * 1000;

impl<W: OpenStores, G: ScanLedger, C: Clock, Q: JobQueue> ScanLeg<'_, W, G, C, Q> {
    /// Says what would be sent, and asks for no one's leave.
    pub async fn dry_run(&self, routes: &[NamedRoute], report: &mut RunReport) {
        report.gate = "not-asked";
        for route in routes {
            let (counts, ended) = match self.engine(route).await {
                Ok(engine) => {
                    let settings = SendSettings { mode: Mode::DryRun, ..self.send_settings() };
                    // Boxed, since the future of a whole scan is large.
                    Box::pin(self.send_all(&engine, route, settings)).await
                }
                Err(error) => (SendReport::default(), Err(error)),
            };
            self.heed(&ended);
            report.push(route, counts, ended.err().map(|error| chain(&error)));
        }
    }

    /// A route from beginning to end, in one go.
    async fn send_all(
        &self,
        engine: &EngineOf<W, C>,
        route: &NamedRoute,
        settings: SendSettings,
    ) -> (SendReport, Result<(), Stopped>) {
        let (scan, jobs) = (self.scan(route), self.queues.jobs);
        let lists = match self.lists(route).await {
            Ok(lists) => lists,
            Err(error) => return (SendReport::default(), Err(error)),
        };
        let (counts, ended) = match lists.as_ref().zip(route.keys_from.as_ref()) {
            None => send_route(engine, &scan, jobs, settings).await,
            Some((lists, place)) => {
                match KeysFrom::open(lists, &engine.patience, &place.key, &route.src_bucket).await {
                    Ok(keys) => send_list(engine, &scan, keys, jobs, settings).await,
                    Err(error) => (SendReport::default(), Err(error.into())),
                }
            }
        };
        (counts, ended.map_err(Stopped::from))
    }

    /// Where the route's list of keys is, if it has one.
    pub async fn lists(&self, route: &NamedRoute) -> Result<Option<W::Source>, Stopped> {
        let Some(place) = &route.keys_from else { return Ok(None) };
        let source = self.jobsender.surroundings.source(&place.bucket).await;
        source.map(Some).map_err(Stopped::Unreachable)
    }

    /// Begins a scan and works on it, range by range; what is left is handed over.
    pub async fn scheduled(&self, routes: &[NamedRoute], report: &mut RunReport) {
        let routes = self.without_those_into_themselves(routes, report).await;
        let routes = routes.as_slice();
        match self.turn(routes).await {
            Ok(Turn::Ours(ticket)) => {
                report.gate = if ticket.forced { "forced" } else { "open" };
                if ticket.forced {
                    tracing::warn!(
                        event = "gate",
                        "the last scan or its jobs are not through, for too long: scanning all the same"
                    );
                }
                let left = self.work_on_all(routes, report).await;
                if let Err(error) = self.wind_up(&left, report).await {
                    report.errors.push(chain(&error));
                }
            }
            Ok(Turn::NotNow(why)) => report.gate = why,
            Err(error) => {
                (report.gate, report.complete) = ("failed", false);
                report.errors.push(error);
            }
        }
    }

    /// A route that would never end is reported, and its scan is not begun: nobody could close it.
    async fn without_those_into_themselves(&self, routes: &[NamedRoute], report: &mut RunReport) -> Vec<NamedRoute> {
        let mut kept = Vec::with_capacity(routes.len());
        for route in routes {
            match self.leads_into_itself(route).await {
                Some(error) => report.push(route, SendReport::default(), Some(chain(&error))),
                None => kept.push(route.clone()),
            }
        }
        kept
    }

    /// What is wrong with a route that would never end. One that cannot be reached now is tried, and told of, in its turn.
    async fn leads_into_itself(&self, route: &NamedRoute) -> Option<Stopped> {
        if !route.route().leads_into_itself() {
            return None;
        }
        self.engine(route).await.err().filter(|error| matches!(error, Stopped::IntoItself(_)))
    }

    async fn turn(&self, routes: &[NamedRoute]) -> Result<Turn, String> {
        let jobsender = self.jobsender;
        if self.queues.scan.is_some() {
            self.sweep_last_scan().await.map_err(|error| chain(&error))?;
        }
        let open = if self.queues.scan.is_some() { OpenRanges::Wait } else { OpenRanges::Replace };
        let token = Token(self.id.clone());
        let wish = Wish { lease: &self.lease, routes, token: &token, open };
        let gate = &jobsender.settings.gate;
        let turn = take_turn(gate, &jobsender.scans, self.queues.jobs, jobsender.clock.as_ref(), wish).await;
        turn.map_err(|error| chain(&error))
    }

    /// Sends again what got lost on the way.
    async fn sweep_last_scan(&self) -> Result<(), LedgerError> {
        let Some((record, _)) = self.jobsender.scans.load_scan(ROW).await? else { return Ok(()) };
        let sweep = Sweep::AlsoSilentSince(Timestamp(self.jobsender.clock.now().0.saturating_sub(SILENCE_MS)));
        let change = |record: &mut ScanRecord, hand: Holder<'_>| {
            record.sweep(sweep, hand);
            record.due(hand)
        };
        let due = self.jobsender.change((&record.id, &self.lease, self.last), change).await?;
        self.send_due_of(&record.id, &due.unwrap_or_default()).await;
        Ok(())
    }

    /// The numbers of the ranges that are not at their end and still ours.
    async fn work_on_all(&self, routes: &[NamedRoute], report: &mut RunReport) -> Vec<u32> {
        let mut left = Vec::new();
        for (number, route) in (0..).zip(routes) {
            let mut account = Account::default();
            let worked = match self.is_over() {
                true => Ok(Worked::Left),
                false => self.work_on(number, &mut account).await,
            };
            self.heed(&worked);
            if !matches!(worked, Ok(Worked::End | Worked::Lost)) {
                left.push(number);
            }
            account.counts.complete = matches!(worked, Ok(Worked::End)) && !account.was_split;
            report.push(route, account.counts, worked.err().map(|error| chain(&error)));
        }
        left
    }

    /// Works on a range of the run, unless others have taken it up while the run was at work on those before it.
    async fn work_on(&self, number: u32, account: &mut Account) -> Result<Worked, Stopped> {
        match self.change(|record, hand| record.turn_to(number, hand)).await? {
            Some(Taken::Ours(route, range)) => Box::pin(self.work(number, &route, &range, account)).await,
            Some(Taken::Busy(_) | Taken::Closed) | None => Ok(Worked::Lost),
        }
    }

    /// Hands over what is left, and ends the run.
    async fn wind_up(&self, left: &[u32], report: &mut RunReport) -> Result<(), LedgerError> {
        if self.queues.scan.is_some() {
            let due = self.change(|record, hand| {
                record.announce(left, hand);
                record.due(hand)
            });
            self.send_due(&due.await?.unwrap_or_default()).await;
        }
        let goes_on = self.queues.scan.is_some();
        let open = self.change(|record, hand| {
            if !goes_on {
                record.abandon();
            }
            if record.lease.as_ref().is_some_and(|lease| lease.owner == hand.lease.owner) {
                record.lease = None;
            }
            record.ranges.len()
        });
        match open.await? {
            Some(0) if goes_on => report.complete = report.errors.is_empty(),
            Some(open) => report.handed_over = open,
            None => tracing::warn!("another run took over before this one ended: its time was up"),
        }
        Ok(())
    }
}
