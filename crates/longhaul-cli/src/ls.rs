//! `longhaul ls`.

use std::{io::Write, sync::Arc};

use indicatif::{HumanBytes, HumanCount};
use longhaul::{engine::Silent, listing::Lister};
use serde_json::json;

use crate::{
    args::LsArgs,
    clock::rfc3339,
    copy::patience,
    failure::{Exit, Failure},
    prepare::open_place,
    settings::CopySettings,
};

/// Lists objects as their store has them: the whole prefix, in byte order.
pub async fn run(args: LsArgs, json: bool) -> Result<Exit, Failure> {
    let (store, prefix) = open_place(&args.place, &args.side).await?;
    let patience = patience(&CopySettings::default(), Arc::new(Silent));
    let mut lister = Lister::new(&store, &patience, prefix);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let (mut objects, mut bytes) = (0, 0);
    while let Some(line) = lister.next().await? {
        (objects, bytes) = (objects + 1, bytes + line.size);
        let modified = rfc3339(line.modified);
        let written = if json {
            let etag = line.etag.as_ref().map(|etag| etag.as_str());
            writeln!(out, "{}", json!({ "key": line.key, "size": line.size, "etag": etag, "modified": modified }))
        } else {
            writeln!(out, "{modified} {:>14} {}", line.size, line.key)
        };
        if written.is_err() {
            // The reader has seen enough: `longhaul ls … | head`.
            return Ok(Exit::Done);
        }
    }
    // As above: whoever closed the pipe does not want the rest.
    let _ = out.flush();
    if !json {
        eprintln!("{} objects, {}", HumanCount(objects), HumanBytes(bytes));
    }
    Ok(Exit::Done)
}
