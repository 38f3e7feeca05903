//! `longhaul check`: reads what a stack is to be given, exactly as its functions will read it. Nobody is asked.

use std::{error::Error, fs, path::Path};

use longhaul::{
    route::{IgnoreList, IgnoreText, NamedRoute},
    store::error::chain,
};
use longhaul_aws::{ConnectOptions, OtherAccount, account, parse_routes};
use serde_json::json;

use crate::{
    check_args::{CheckCommand, JobTypeName, RoutesArgs},
    failure::{Exit, Failure},
    out::{self, say},
    overlap::{default_route, refuse_overlap},
};

/// Does it.
pub async fn run(command: &CheckCommand, json: bool) -> Result<Exit, Failure> {
    match command {
        CheckCommand::IgnoreList { file } => ignore_list(file, json),
        CheckCommand::Routes(args) => routes(args, json).await,
        CheckCommand::Credentials { file } => credentials(file, json),
    }
}

fn ignore_list(file: &Path, json: bool) -> Result<Exit, Failure> {
    let text = text("the ignore list", file)?;
    let wrong = |error| wrong(file, &error);
    let read = IgnoreText::parse(&text).map_err(wrong)?;
    let (patterns, object) = match read {
        IgnoreText::Patterns(patterns) => {
            IgnoreList::of_patterns(patterns.iter().copied()).map_err(wrong)?;
            (patterns.len(), None)
        }
        IgnoreText::Object { bucket, key } => (0, Some(format!("{bucket}/{key}"))),
    };
    match (json, &object) {
        (true, _) => out::object(&json!({ "event": "ignore-list", "patterns": patterns, "object": object })),
        (false, Some(object)) => say!("the list is the object s3://{object}"),
        (false, None) => say!("patterns: {patterns}"),
    }
    Ok(Exit::Done)
}

async fn routes(args: &RoutesArgs, json: bool) -> Result<Exit, Failure> {
    let routes = parse_routes(&text("the routes", &args.file)?).map_err(|error| wrong(&args.file, &error))?;
    if let (Some(region), Some(other)) = (&args.own_region, &args.other_account) {
        let all = [routes.as_slice(), &defaults(args, &routes)].concat();
        let other = OtherAccount::parse(&text("the credentials", other)?).map_err(|error| wrong(other, &error))?;
        let own = account(&ConnectOptions { region: Some(region.clone()), ..ConnectOptions::default() }).await?;
        let other = account(&other.connect_options()).await?;
        match args.job_type {
            JobTypeName::Put => refuse_overlap(&all, &own, &other)?,
            JobTypeName::Get => refuse_overlap(&all, &other, &own)?,
        }
    }
    match json {
        true => out::object(&json!({ "event": "routes", "routes": routes.len() })),
        false => say!("routes: {}", routes.len()),
    }
    Ok(Exit::Done)
}

/// Where the own buckets go that notify the stack and that no route names.
fn defaults(args: &RoutesArgs, routes: &[NamedRoute]) -> Vec<NamedRoute> {
    if args.default_bucket.is_empty() || args.job_type == JobTypeName::Get {
        return Vec::new();
    }
    let is_named = |bucket: &&String| routes.iter().any(|route| route.src_bucket == **bucket);
    let unnamed = args.own_bucket.iter().filter(|bucket| !is_named(bucket));
    unnamed.map(|bucket| default_route(bucket, &args.default_bucket, &args.default_prefix)).collect()
}

fn credentials(file: &Path, json: bool) -> Result<Exit, Failure> {
    OtherAccount::parse(&text("the credentials", file)?).map_err(|error| wrong(file, &error))?;
    match json {
        true => out::object(&json!({ "event": "credentials" })),
        false => say!("the credentials can be read"),
    }
    Ok(Exit::Done)
}

/// A text without the mark that some editors put before it.
fn text(what: &str, file: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(file).map_err(|error| Failure::of_file(what, file, &error))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn wrong(file: &Path, error: &dyn Error) -> Failure {
    Failure::usage(format!("{file:?}: {}", chain(error)))
}
