//! `longhaul copy`.

use std::{sync::Arc, time::Instant};

use longhaul::{
    copy::{Backends, CopyJob, Engine, Settings},
    ledger::{Ledger, Record, State},
    memory::MemoryLedger,
    object::Location,
    route::{Mode, ScanSpec},
    scan::{Comparison, Event, ListEvent, ListTotals, Totals, copy_differences, recheck},
    store::{Source, StoreError},
};
use longhaul_local::{RecordFilter, SqliteLedger};

use crate::{
    args::CopyArgs,
    bars::Bars,
    failure::{Exit, Failure},
    lists,
    patience::patience,
    prepare::{Prepared, engine_settings, ledger_path, prepare},
    report::ReportFile,
    settings::CopySettings,
    settings_file,
    show::{Show, Summary},
    sides, stop,
    store::Store,
};

/// More than objects at once can never be in the middle of Complete when a process dies; many deaths may add up.
const MAX_UNSETTLED: u32 = 10_000;

/// Copies, compares, sums up.
pub async fn run(args: CopyArgs, json: bool, bars: Bars) -> Result<Exit, Failure> {
    let file = settings_file::read(args.config.as_deref())?;
    let settings = args.settings.clone().over(file);
    let engine_settings = engine_settings(&settings)?;
    let show = Show::new(json, bars);
    let places = sides::of(&args, &settings)?;
    let report = ReportFile::open(settings.report.as_deref())?;
    if settings.dry_run == Some(true) {
        let prepared = prepare(&args.source, places, &settings).await?;
        let ledger = MemoryLedger::new("dry run");
        return work(prepared, ledger, &settings, engine_settings, Mode::DryRun, (show, report)).await;
    }
    let ledger = SqliteLedger::open(&ledger_path(settings.ledger.as_deref())?)?;
    let mut prepared = prepare(&args.source, places, &settings).await?;
    prepared.unsettled = unsettled(&ledger, &prepared).await?;
    work(prepared, ledger, &settings, engine_settings, Mode::Copy, (show, report)).await
}

/// The copies between the same two places that the listings could take for finished: those that a crash left in the middle of
/// Complete, and those whose destination turned out to hold other bytes.
async fn unsettled(ledger: &SqliteLedger, prepared: &Prepared) -> Result<Vec<CopyJob>, Failure> {
    let route = &prepared.scan.route;
    let mut jobs = Vec::new();
    for state in [State::Completing, State::Copying, State::Parked] {
        let filter = RecordFilter {
            state: Some(state),
            location: Some(prepared.destination.location().clone()),
            prefix: route.destination_list_prefix(),
            ..RecordFilter::default()
        };
        let records = ledger.records(&filter, MAX_UNSETTLED).await?;
        let corrupt = |record: &Record| record.reason.as_ref().is_some_and(|reason| reason.code == "corrupt");
        let meant = |record: &Record| {
            let key = &record.source.key;
            let selected = route
                .as_single()
                .map_or_else(|| route.map(key) == Some(Ok(record.key.key.clone())), |one| one.0 == *key);
            let bucket = &prepared.source.location().bucket;
            selected
                && record.source.location == *prepared.source.location()
                && prepared.scan.selection.has(bucket, route.source_rest(key).unwrap_or_default(), key)
        };
        jobs.extend(
            records
                .into_iter()
                .filter(|record| meant(record) && (state == State::Completing || corrupt(record)))
                .map(|record| CopyJob::new(record.source.key, record.key.key, record.source.pin.size)),
        );
    }
    Ok(jobs)
}

async fn work<L: Ledger>(
    prepared: Prepared,
    ledger: L,
    settings: &CopySettings,
    engine_settings: Settings,
    mode: Mode,
    (mut show, mut report): (Show, ReportFile),
) -> Result<Exit, Failure> {
    let began = Instant::now();
    let bars = show.bars();
    let patience = patience(settings, Arc::new(bars.clone()));
    let Prepared { source, destination, scan, unsettled, keys, must_exist } = prepared;
    let is_of_a_list = keys.is_some();
    let engine = Engine::new(source, destination, ledger, patience, engine_settings);
    let engine = Arc::new(engine.observed_by(Arc::new(bars.clone())));
    stop::listen(engine.patience.stop.clone(), bars.clone());
    bars.begin();
    let mut hear = |event: ListEvent<'_>| hear(event, engine.source.location(), &mut show, &mut report, &bars);
    let (list, compared) = match &keys {
        // What a list names is compared one by one, by two requests each, and is proved one by one as it is copied.
        Some((store, key)) => {
            let (list, ended) = Box::pin(lists::copy(&engine, &scan, store, key, unsettled, mode, &mut hear)).await;
            (list, ended.map(|()| None))
        }
        None => {
            let mut hear = |event: Event<'_>| hear(ListEvent::Scan(event));
            let (totals, compared) = Box::pin(copy_and_compare(&engine, &scan, unsettled, mode, &mut hear)).await;
            (ListTotals { totals, ..ListTotals::default() }, compared.map_err(Failure::from))
        }
    };
    bars.end();
    let totals = &list.totals;
    let skipped_files = warn_of_skipped(&show, &engine.source);
    let stopped = engine.patience.stop.is_cancelled();
    let ended = compared.and_then(|comparison| {
        lists::must_lead_somewhere(&list)?;
        must_be_something(totals, must_exist.filter(|_| !is_of_a_list), stopped, &show)?;
        report.close()?;
        Ok(comparison)
    });
    let exit = match &ended {
        Ok(_) if !stopped && is_of_a_list && totals.gone > 0 => Exit::SomeFailed,
        Ok(comparison) => exit_of(totals, comparison.as_ref(), stopped),
        Err(failure) => failure.exit,
    };
    let comparison = ended.as_ref().ok().and_then(Option::as_ref);
    let seconds = began.elapsed().as_secs_f64();
    show.summary(&Summary { list: &list, comparison, skipped_files, seconds, exit });
    ended.map(|_| exit)
}

/// Copies what differs, and then looks at both sides once more.
async fn copy_and_compare<B: Backends>(
    engine: &Arc<Engine<B>>,
    scan: &ScanSpec,
    unsettled: Vec<CopyJob>,
    mode: Mode,
    hear: &mut (dyn FnMut(Event<'_>) + Send),
) -> (Totals, Result<Option<Comparison>, StoreError>) {
    let (totals, listed) = copy_differences::run(engine, scan, unsettled, mode, hear).await;
    let compared = match (listed, mode) {
        (Ok(()), Mode::Copy) => recheck::compare_sizes(engine, scan, hear).await,
        (listed, _) => listed.map(|()| None),
    };
    (totals, compared)
}

/// Shows and writes down what is heard.
fn hear(event: ListEvent<'_>, source: &Location, show: &mut Show, report: &mut ReportFile, bars: &Bars) {
    match event {
        ListEvent::Scan(Event::Object(object)) => {
            show.object(object);
            report.write(object);
        }
        ListEvent::Scan(Event::Unplaceable(key, error)) => {
            show.unplaceable(key, &error);
            report.write_unplaceable(source, key, &error);
        }
        ListEvent::Scan(Event::WouldCopy(job)) => show.would_copy(job),
        ListEvent::Scan(Event::Listed { jobs, job_bytes, .. }) => bars.listed(jobs, job_bytes),
        ListEvent::Scan(Event::Sorting(store)) => show.sorting(store),
        ListEvent::Gone(key) => {
            show.not_found(key, "gone", "the source has no such object");
            report.write_not_found(source, key, "gone", "the source has no such object");
        }
        ListEvent::Outside(key) => {
            show.not_found(key, "outside", "the key is not below SRC");
            report.write_not_found(source, key, "outside", "the key is not below SRC");
        }
    }
}

/// A name that finds nothing is a mistake; an empty bucket or folder, or patterns that leave nothing, may be meant.
fn must_be_something(totals: &Totals, must_exist: Option<String>, stopped: bool, show: &Show) -> Result<(), Failure> {
    if totals.objects + totals.gone > 0 || stopped {
        return Ok(());
    }
    match must_exist.filter(|_| totals.filtered == 0) {
        Some(named) => Err(Failure::usage(format!("{named} is neither an object nor a prefix with objects"))
            .advise("check the name; with a / at its end it may be empty")),
        None => {
            show.warn("there is nothing at the source, or the patterns leave nothing");
            Ok(())
        }
    }
}

fn exit_of(totals: &Totals, comparison: Option<&Comparison>, stopped: bool) -> Exit {
    if stopped {
        return Exit::Interrupted;
    }
    if totals.failed > 0 || totals.busy > 0 || totals.interrupted > 0 {
        return Exit::SomeFailed;
    }
    match comparison {
        Some(found) if found.different > 0 => Exit::Different,
        _ => Exit::Done,
    }
}

/// What is no regular file is not copied, and that is said.
fn warn_of_skipped(show: &Show, source: &Store) -> u64 {
    const SHOWN: usize = 10;
    let Store::Local(folder) = source else { return 0 };
    for entry in folder.skipped().iter().take(SHOWN) {
        show.warn(&format!("not copied: {:?}: {}", entry.path, entry.reason));
    }
    folder.skipped_count()
}
