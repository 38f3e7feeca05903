//! `longhaul uploads list|abort`.

use std::{
    collections::HashSet,
    io::{BufRead, IsTerminal},
    sync::Arc,
};

use futures_util::StreamExt;
use longhaul::{
    copy::Silent,
    ledger::{Ledger, State},
    limits::Clock,
    store::{Destination, ErrorKind, Source, UnfinishedUpload, UploadFilter},
    text::escaped,
};
use longhaul_local::{RecordFilter, SqliteLedger};
use serde_json::json;

use crate::{
    args::{UploadsArgs, UploadsCommand},
    clock::rfc3339,
    failure::{Exit, Failure},
    out::{self, say},
    patience::patience,
    prepare::{ledger_path, open_place},
    settings::CopySettings,
    store::Store,
};

const MS_PER_HOUR: i64 = 3_600_000;
/// Records are read so many at a time.
const PAGE: u32 = 1000;

/// Lists or aborts.
pub async fn run(command: UploadsCommand, json: bool) -> Result<Exit, Failure> {
    match command {
        UploadsCommand::List(args) => {
            let (_, found, live) = find(&args).await?;
            found.iter().for_each(|upload| show(upload, json));
            if !json {
                say!("{} unfinished uploads", found.len());
            }
            say_live(live, json);
            Ok(Exit::Done)
        }
        UploadsCommand::Abort { uploads, yes } => abort(&uploads, yes, json).await,
    }
}

fn show(found: &UnfinishedUpload, json: bool) {
    let begun = rfc3339(found.initiated);
    if json {
        out::object(
            &json!({ "event": "upload", "key": found.upload.key, "upload_id": found.upload.id, "initiated": begun }),
        );
    } else {
        say!("{begun} {} {}", escaped(&found.upload.id), escaped(found.upload.key.as_str()));
    }
}

/// The unfinished uploads that are meant, and how many of them are left out because a copy is filling them right now.
async fn find(args: &UploadsArgs) -> Result<(Store, Vec<UnfinishedUpload>, usize), Failure> {
    let (store, prefix) = open_place(&args.place, &args.side).await?;
    let known = known_ids(args, &store, &prefix).await?;
    let newest = args.older_than.map(|hours| longhaul_aws::SystemClock::new().now().0 - i64::from(hours) * MS_PER_HOUR);
    let mut found = Vec::new();
    {
        let mut pages = store.list_multipart_uploads(UploadFilter::Prefix(prefix));
        while let Some(page) = pages.next().await {
            found.extend(page?);
        }
    }
    found.retain(|upload: &UnfinishedUpload| {
        newest.is_none_or(|newest| upload.initiated.0 <= newest) && (args.all || known.own.contains(&upload.upload.id))
    });
    let all = found.len();
    found.retain(|upload| !known.live.contains(&upload.upload.id));
    let live = all - found.len();
    Ok((store, found, live))
}

/// Upload ids that the ledger knows for a place.
#[derive(Default)]
struct KnownIds {
    own: HashSet<String>,
    /// Those that a running copy is filling.
    live: HashSet<String>,
}

async fn known_ids(args: &UploadsArgs, store: &Store, prefix: &str) -> Result<KnownIds, Failure> {
    let path = ledger_path(args.ledger.as_deref())?;
    let mut known = KnownIds::default();
    if !path.exists() {
        if args.all {
            return Ok(known);
        }
        return Err(Failure::usage(format!("there is no ledger at {path:?}, so no upload is known as longhaul's own"))
            .advise("use --all for every unfinished upload of this place"));
    }
    let ledger = SqliteLedger::open(&path)?;
    let now = longhaul_aws::SystemClock::new().now();
    for state in State::ALL {
        let mut filter = RecordFilter {
            state: Some(state),
            location: Some(store.location().clone()),
            prefix: prefix.to_owned(),
            ..RecordFilter::default()
        };
        loop {
            let page = ledger.records(&filter, PAGE).await?;
            let Some(last) = page.last() else { break };
            filter.after = Some(last.key.clone());
            for record in page {
                let Some(upload) = record.upload else { continue };
                if record.lease.is_some_and(|lease| ledger.is_held(&lease, now)) {
                    known.live.insert(upload.id.clone());
                }
                known.own.insert(upload.id);
            }
        }
    }
    Ok(known)
}

fn say_live(live: usize, json: bool) {
    if live > 0 && !json {
        say!("{live} more are being filled by a copy that runs right now, and are left alone");
    }
}

async fn abort(args: &UploadsArgs, yes: bool, json: bool) -> Result<Exit, Failure> {
    let (store, found, live) = find(args).await?;
    say_live(live, json);
    found.iter().for_each(|upload| show(upload, json));
    if found.is_empty() {
        say!("no unfinished uploads");
        return Ok(Exit::Done);
    }
    if !yes && !confirmed(found.len())? {
        say!("nothing was aborted");
        return Ok(Exit::Done);
    }
    let patience = patience(&CopySettings::default(), Arc::new(Silent));
    let mut failed = 0;
    for upload in &found {
        let aborted = patience.repeated("AbortMultipartUpload", || store.abort_multipart_upload(&upload.upload)).await;
        match aborted {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NoSuchUpload => {}
            Err(error) => {
                failed += 1;
                Failure::from(error).print(json);
            }
        }
    }
    say!("{} unfinished uploads aborted, {failed} failed", found.len() - failed);
    Ok(if failed == 0 { Exit::Done } else { Exit::SomeFailed })
}

fn confirmed(count: usize) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("aborting needs a confirmation, and nobody is here to ask").advise("add --yes"));
    }
    out::ask(format_args!("abort these {count} uploads? Their parts are lost. [y/N] "));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::usage(format!("the answer could not be read: {error}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
