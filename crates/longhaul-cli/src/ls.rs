//! `longhaul ls`.

use std::sync::Arc;

use indicatif::{HumanBytes, HumanCount};
use longhaul::{copy::Silent, scan::Lister, text::escaped};
use serde_json::json;

use crate::{
    args::LsArgs,
    clock::rfc3339,
    failure::{Exit, Failure},
    out::{self, tell},
    patience::patience,
    prepare::open_place,
    settings::CopySettings,
};

/// Lists objects as their store has them: the whole prefix, in the store's own order.
pub async fn run(args: LsArgs, json: bool) -> Result<Exit, Failure> {
    let (store, prefix) = open_place(&args.place, &args.side).await?;
    let patience = patience(&CopySettings::default(), Arc::new(Silent));
    let mut lister = Lister::new(&store, &patience, prefix).in_any_order();
    let mut list = out::List::default();
    let (mut objects, mut bytes) = (0, 0);
    while let Some(line) = lister.next().await? {
        (objects, bytes) = (objects + 1, bytes + line.size);
        let modified = rfc3339(line.modified);
        if json {
            let etag = line.etag.as_ref().map(|etag| etag.as_str());
            list.object(&json!({ "key": line.key, "size": line.size, "etag": etag, "modified": modified }));
        } else {
            list.line(format_args!("{modified} {:>14} {}", line.size, escaped(line.key.as_str())));
        }
        if !out::has_reader() {
            // The reader has seen enough: `longhaul ls … | head`.
            return Ok(Exit::Done);
        }
    }
    drop(list);
    if !json {
        tell!("{} objects, {}", HumanCount(objects), HumanBytes(bytes));
    }
    Ok(Exit::Done)
}
