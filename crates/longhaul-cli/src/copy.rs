//! `longhaul copy`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use longhaul::{
    compare::{Decision, Difference},
    copy::{CopyJob, Known},
    engine::{Engine, Observer, Patience, Settings},
    memory_ledger::MemoryLedger,
    ports::{Ledger, Source},
    record::{Record, State},
    retry::RetryPolicy,
    scan::{self, Comparison, Event, Mode, Totals},
};
use longhaul_local::{RecordFilter, SqliteLedger};

use crate::{
    args::CopyArgs,
    bars::Bars,
    clock::SystemClock,
    failure::{Exit, Failure},
    prepare::{Prepared, engine_settings, ledger_path, prepare},
    report::ReportFile,
    settings::{self, CopySettings},
    show::{Show, Summary},
    stop,
    store::Store,
};

/// More than objects at once can never be in the middle of Complete when a process dies; many deaths may add up.
const MAX_UNSETTLED: u32 = 10_000;

/// Copies, compares, sums up.
pub async fn run(args: CopyArgs, json: bool, bars: Bars) -> Result<Exit, Failure> {
    let file = settings::read_file(args.config.as_deref())?;
    let settings = args.settings.over(file);
    let engine_settings = engine_settings(&settings)?;
    if settings.dry_run == Some(true) {
        let prepared = prepare(&args.source, &args.destination, &settings).await?;
        let ledger = MemoryLedger::new("dry run");
        return work(prepared, ledger, Vec::new(), &settings, engine_settings, Mode::DryRun, json, bars).await;
    }
    let ledger = SqliteLedger::open(&ledger_path(settings.ledger.as_deref())?)?;
    let prepared = prepare(&args.source, &args.destination, &settings).await?;
    let unsettled = unsettled(&ledger, &prepared).await?;
    work(prepared, ledger, unsettled, &settings, engine_settings, Mode::Copy, json, bars).await
}

/// The copies between the same two places that a crash left in the middle of Complete.
async fn unsettled(ledger: &SqliteLedger, prepared: &Prepared) -> Result<Vec<CopyJob>, Failure> {
    let filter = RecordFilter {
        state: Some(State::Completing),
        location: Some(prepared.destination.location().clone()),
        prefix: prepared.scan.route.destination_list_prefix(),
        ..RecordFilter::default()
    };
    let records = ledger.records(&filter, MAX_UNSETTLED).await?;
    let same_route = |record: &Record| {
        let place = prepared.scan.route.map(&record.source.key);
        record.source.location == *prepared.source.location() && place == Some(Ok(record.key.key.clone()))
    };
    let jobs = records.into_iter().filter(same_route).map(|record| CopyJob {
        source_key: record.source.key,
        destination_key: record.key.key,
        size: record.source.pin.size,
        known: Known::Unknown,
        decision: Decision::Differs(Difference::Forced),
    });
    Ok(jobs.collect())
}

/// How long and how often to wait, as the settings have it.
pub fn patience(settings: &CopySettings, observer: Arc<dyn Observer>) -> Patience<SystemClock> {
    let defaults = RetryPolicy::default();
    let policy = RetryPolicy { max_retries: settings.max_retries.unwrap_or(defaults.max_retries), ..defaults };
    let timeout = Duration::from_secs(settings.timeout.unwrap_or(60).max(1));
    Patience::new(SystemClock::new(), policy, timeout, fastrand::u64(..), observer)
}

async fn work<L: Ledger>(
    prepared: Prepared,
    ledger: L,
    unsettled: Vec<CopyJob>,
    settings: &CopySettings,
    engine_settings: Settings,
    mode: Mode,
    json: bool,
    bars: Bars,
) -> Result<Exit, Failure> {
    let began = Instant::now();
    let mut report = ReportFile::open(settings.report.as_deref())?;
    let patience = patience(settings, Arc::new(bars.clone()));
    let engine = Engine::new(prepared.source, prepared.destination, ledger, patience, engine_settings);
    let engine = Arc::new(engine);
    stop::listen(engine.patience.stop.clone(), bars.clone());
    bars.begin();
    let mut show = Show::new(json, bars.clone());
    let mut report_error = None;
    let mut hear = |event: Event<'_>| match event {
        Event::Object(object) => {
            show.object(object);
            if let Err(error) = report.write(object) {
                report_error.get_or_insert(error);
            }
        }
        Event::WouldCopy(job) => show.would_copy(job),
        Event::Listed { jobs, job_bytes, .. } => bars.listed(jobs, job_bytes),
    };
    let (totals, listed) = scan::run(&engine, &prepared.scan, unsettled, mode, &mut hear).await;
    let stopped = engine.patience.stop.is_cancelled();
    let comparison = match (&listed, stopped, mode) {
        (Ok(()), false, Mode::Copy) => Some(scan::compare_sizes(&engine, &prepared.scan).await),
        _ => None,
    };
    bars.end();
    let comparison = comparison.transpose()?;
    let skipped_files = warn_of_skipped(&show, &engine.source);
    if totals.objects == 0 && listed.is_ok() && !stopped {
        show.warn("there is nothing at the source under that name, or the patterns leave nothing");
    }
    let exit = exit_of(&totals, comparison.as_ref(), stopped, mode);
    let seconds = began.elapsed().as_secs_f64();
    let ended = listed.map_err(Failure::from);
    let exit = ended.as_ref().map_or_else(|failure| failure.exit, |()| exit);
    show.summary(&Summary { totals: &totals, comparison: comparison.as_ref(), skipped_files, seconds, exit });
    if let Some(error) = report_error {
        return Err(Failure::usage(format!("the report could not be written: {error}")));
    }
    ended.map(|()| exit)
}

fn exit_of(totals: &Totals, comparison: Option<&Comparison>, stopped: bool, mode: Mode) -> Exit {
    if stopped {
        return Exit::Interrupted;
    }
    if totals.failed > 0 || totals.busy > 0 {
        return Exit::SomeFailed;
    }
    match comparison {
        Some(found) if found.different > 0 && mode == Mode::Copy => Exit::Different,
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
