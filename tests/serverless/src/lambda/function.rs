//! A Lambda's process: started as Lambda starts it, asked, killed, and read.

use std::{
    fs::{self, File, OpenOptions},
    path::Path,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    sync::{Notify, watch},
    task::JoinHandle,
};

use crate::{
    cloud::Environment,
    lambda::{
        desk::Desk,
        program::Program,
        runtime_api::{Answer, Invocation, RuntimeApi},
    },
    waiting::{until, within},
};

/// A process of a Lambda, with a Runtime API of its own. It is killed when this is dropped.
#[derive(Debug)]
pub struct Function {
    api: RuntimeApi,
    id: u32,
    started: Instant,
    kill: Arc<Notify>,
    ended: watch::Receiver<Option<ExitStatus>>,
    // Holds the child, which is killed when this task is.
    watching: JoinHandle<()>,
    folder: TempDir,
}

impl Function {
    /// Starts a process with this environment, what Lambda itself adds to it, and nothing else.
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn start(program: Program, environment: &Environment) -> Self {
        Self::start_binary(program, &program.binary(), environment).await
    }

    /// The same for this build of the program.
    ///
    /// # Panics
    /// If it cannot be started.
    pub async fn start_binary(program: Program, binary: &Path, environment: &Environment) -> Self {
        let api = RuntimeApi::start().await.expect("there is a free port");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = output_in(folder.path());
        let mut command = Command::new(binary);
        command.env_clear().envs(reserved(program, &api)).envs(environment).current_dir(folder.path());
        // One file and no pipes: nobody has to read them for the process to go on.
        let errors = output.try_clone().expect("a file can be written to by two");
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let started = Instant::now();
        let child = command.kill_on_drop(true).spawn().expect("the function starts");
        let id = child.id().expect("a child that was not waited for has an id");
        let kill = Arc::new(Notify::new());
        let (end, ended) = watch::channel(None);
        let watching = tokio::spawn(watch_over(child, Arc::clone(&kill), end, api.desk()));
        Self { api, id, started, kill, ended, watching, folder }
    }

    /// Its Runtime API.
    #[must_use]
    pub fn api(&self) -> &RuntimeApi {
        &self.api
    }

    /// The id of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Waits until it has asked for work.
    ///
    /// # Panics
    /// If it ends first, or takes longer than [`LIMIT`](crate::LIMIT).
    pub async fn ready(&self) {
        let mut ended = self.ended.clone();
        within("the function asks for work", async {
            tokio::select! {
                () = self.api.polled() => {}
                _ = ended.wait_for(Option::is_some) => panic!("the function ended at its start:\n{}", self.output()),
            }
        })
        .await;
    }

    /// From its start to its first question for work.
    #[must_use]
    pub fn time_to_first_poll(&self) -> Option<Duration> {
        self.api.first_poll().map(|poll| poll.duration_since(self.started))
    }

    /// Puts work before it, which it has so long for.
    #[must_use]
    pub fn begin(&self, payload: &Value, deadline: Duration) -> Invocation {
        self.api.begin(payload, deadline)
    }

    /// Puts work before it and waits for what comes of it. As Lambda does, it kills a process that is too late.
    ///
    /// # Panics
    /// If the process lives and takes no work.
    pub async fn invoke(&self, payload: &Value, deadline: Duration) -> Answer {
        let answer = self.api.invoke(payload, deadline).await;
        if answer == Answer::TimedOut {
            self.kill().await;
        }
        answer
    }

    /// Kills it as the kernel would (SIGKILL), and waits until it is no more.
    pub async fn kill(&self) {
        self.kill.notify_one();
        self.ended().await;
    }

    /// Waits until it is no more.
    ///
    /// # Panics
    /// If that takes longer than [`LIMIT`](crate::LIMIT).
    pub async fn ended(&self) -> ExitStatus {
        let mut ended = self.ended.clone();
        let status = within("the function ends", ended.wait_for(Option::is_some)).await.map(|status| *status);
        status.ok().flatten().expect("the task that watches over the function tells how it ended")
    }

    /// Everything it wrote, to both outputs.
    #[must_use]
    pub fn output(&self) -> String {
        fs::read(self.folder.path().join(OUTPUT))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The lines it logged, which are JSON objects.
    #[must_use]
    pub fn logs(&self) -> Vec<Value> {
        self.output().lines().filter_map(object).collect()
    }

    /// The lines it wrote that are no JSON objects, such as those of a panic.
    #[must_use]
    pub fn plain_lines(&self) -> Vec<String> {
        self.output().lines().filter(|line| object(line).is_none()).map(str::to_owned).collect()
    }

    /// Its lines of this event.
    #[must_use]
    pub fn events(&self, event: &str) -> Vec<Value> {
        self.logs().into_iter().filter(|line| line["event"] == event).collect()
    }

    /// Waits for a line, and gives the first that fits.
    ///
    /// # Panics
    /// If none comes within [`LIMIT`](crate::LIMIT).
    pub async fn logged(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        until(what, async || self.logs().into_iter().find(|line| fits(line))).await
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.watching.abort();
        if std::thread::panicking() {
            eprintln!("--- the function's output\n{}", self.output());
        }
    }
}

const OUTPUT: &str = "output";

/// Lines of several writers do not mix in a file that is only added to.
fn output_in(folder: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(folder.join(OUTPUT)).expect("a file for the output")
}

fn object(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok().filter(Value::is_object)
}

/// Sees the process to its end, whoever brings it about.
async fn watch_over(mut child: Child, kill: Arc<Notify>, end: watch::Sender<Option<ExitStatus>>, desk: Arc<Desk>) {
    tokio::select! {
        _ = child.wait() => {}
        () = kill.notified() => {
            // It may just have ended by itself.
            let _ = child.start_kill();
        }
    }
    let status = child.wait().await.expect("a child can be waited for");
    desk.close();
    end.send_replace(Some(status));
}

/// What Lambda sets in a function with JSON logs.
fn reserved(program: Program, api: &RuntimeApi) -> Vec<(&'static str, String)> {
    let name = program.name();
    vec![
        ("AWS_LAMBDA_RUNTIME_API", api.address()),
        ("AWS_LAMBDA_FUNCTION_NAME", name.to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2000/01/01/[$LATEST]00000000000000000000000000000000".to_owned()),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO".to_owned()),
        ("_HANDLER", "bootstrap".to_owned()),
        ("TZ", ":UTC".to_owned()),
    ]
}
