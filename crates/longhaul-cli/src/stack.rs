//! A deployed stack: how to reach it, and what it says of itself.

use std::collections::BTreeMap;

use longhaul_aws::{Cloud, CloudOptions, SqsQueue, StackParameter};

use crate::{
    failure::Failure,
    stack_args::{Reach, StackArgs, StackName},
};

/// Settings by name, as CloudFormation wrote them.
pub type Settings = BTreeMap<String, String>;

/// A stack that was found.
pub struct Stack {
    /// The clients of its account.
    pub cloud: Cloud,
    /// What it says of itself.
    pub parameter: StackParameter,
}

/// A queue of a stack.
pub struct Queue {
    /// What it is called here: `events`.
    pub name: &'static str,
    /// What waits in it, in words.
    pub holds: &'static str,
    /// The queue.
    pub queue: SqsQueue,
}

/// The queues that a stack may have: the setting with the address, the name, and what waits in it.
const QUEUES: [(&str, &str, &str); 4] = [
    ("sqs_queue_events", "events", "notifications of new objects"),
    ("sqs_queue_jobs", "jobs", "objects that a comparison found missing or different"),
    ("sqs_queue_segments", "segments", "pieces of very large objects"),
    ("sqs_queue_scan", "scan", "ranges of keys to compare"),
];

/// Prepares the clients of the own account. Nothing is asked for.
async fn reach(reach: &Reach) -> Result<Cloud, Failure> {
    let options = CloudOptions {
        profile: reach.profile.clone(),
        region: reach.region.clone(),
        ..CloudOptions::from_vars(variable)
    };
    Ok(Cloud::connect(&options).await?)
}

/// Finds a stack.
pub async fn open(args: &StackArgs) -> Result<Stack, Failure> {
    let (name, cloud) = (&args.stack, reach(&args.reach).await?);
    let found = cloud.parameters().stack(name).await;
    match found {
        Ok(parameter) => Ok(Stack { cloud, parameter }),
        Err(error) if error.is_missing() => {
            let region = cloud.region().map_or_else(String::new, |region| format!(" in {region}"));
            let words = format!("there is no stack {name:?}{region}: no parameter {:?}", StackParameter::name_of(name));
            Err(Failure::usage(words).advise("check the name, --region and --profile"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Finds a stack, if one is named; otherwise the environment has to say everything.
pub async fn open_if_named(args: &StackName) -> Result<(Cloud, Option<StackParameter>), Failure> {
    match args.named() {
        None => Ok((reach(&args.reach).await?, None)),
        Some(named) => open(&named).await.map(|stack| (stack.cloud, Some(stack.parameter))),
    }
}

impl Stack {
    /// The queues that work waits in.
    pub fn queues(&self) -> Vec<Queue> {
        let url = |setting: &str| self.setting(setting).map(|url| self.cloud.queue(url, None));
        let queue = |(setting, name, holds)| Some(Queue { name, holds, queue: url(setting)? });
        QUEUES.into_iter().filter_map(queue).collect()
    }

    /// A setting of the worker, or of the jobsender where the worker has none of that name.
    pub fn setting(&self, name: &str) -> Option<&str> {
        let maps = [&self.parameter.worker, &self.parameter.jobsender];
        let found = maps.into_iter().find_map(|map| map.get(name).filter(|value| !value.is_empty()));
        found.map(String::as_str)
    }

    /// A setting that every stack has.
    pub fn needed(&self, name: &str) -> Result<&str, Failure> {
        let missing =
            || Failure::usage(format!("the stack does not name its {name}: its parameter was changed by hand"));
        self.setting(name).ok_or_else(missing)
    }
}

/// The sizes that functions have by default, because their time and memory are bound. Where a stack leaves them so, it
/// says nothing of other processes.
const OF_FUNCTIONS: [(&str, &str); 3] = [("JobTimeout", "870"), ("MaxThread", "50"), ("MaxParallelFile", "1")];

/// What the environment of a stack's function says to a process that is none.
pub fn for_process(settings: &Settings) -> Settings {
    let is_of_functions = |name: &str, value: &str| OF_FUNCTIONS.contains(&(name, value));
    let meant = settings.iter().filter(|(name, value)| !is_of_functions(name, value));
    meant.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Looks a setting up: in the environment of this process, then in the stack, then among what suits this kind of
/// process. An empty one is not set.
pub fn layers<'a>(
    environment: impl Fn(&str) -> Option<String> + 'a,
    stack: Option<&'a Settings>,
    usual: &'a [(&str, &str)],
) -> impl Fn(&str) -> Option<String> + 'a {
    move |name| {
        let set = |value: &String| !value.is_empty();
        let of_stack = || stack.and_then(|settings| settings.get(name)).filter(|value| set(value)).cloned();
        let of_kind = || usual.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        environment(name).filter(set).or_else(of_stack).or_else(of_kind)
    }
}

/// A variable of this process's environment.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_wins_over_the_stack_and_the_stack_over_what_is_usual() {
        let stack = Settings::from([("MaxThread".into(), "100".into()), ("Bandwidth".into(), String::new())]);
        let environment = |name: &str| (name == "JobTimeout").then(|| "60".to_owned());
        let usual = [("JobTimeout", "3500"), ("MaxThread", "20"), ("MaxParallelFile", "5"), ("Bandwidth", "1000")];
        let find = layers(environment, Some(&stack), &usual);
        assert_eq!(find("JobTimeout").as_deref(), Some("60"));
        assert_eq!(find("MaxThread").as_deref(), Some("100"));
        assert_eq!(find("MaxParallelFile").as_deref(), Some("5"));
        assert_eq!(find("Bandwidth").as_deref(), Some("1000"));
        assert_eq!(find("Verify"), None);
    }

    #[test]
    fn the_default_sizes_of_functions_do_not_bind_other_processes() {
        let stack = [("JobTimeout", "870"), ("MaxThread", "64"), ("MaxParallelFile", "1"), ("MaxRetry", "20")];
        let stack = stack.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let kept: Vec<_> = for_process(&stack).into_keys().collect();
        assert_eq!(kept, ["MaxRetry", "MaxThread"]);
    }
}
