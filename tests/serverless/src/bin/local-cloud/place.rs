//! What runs: the emulator with the deployed stack, and the S3 of the other account.

use std::{
    error::Error,
    io::{self, Write as _},
    net::{Ipv4Addr, TcpListener},
    time::Instant,
};

use aws_sdk_s3::primitives::ByteStream;
use emulator::Emulator;
use serde_json::json;
use serverless::{Clients, Parameters, Stack, other_account};
use test_s3::{Options, Server, Versioning};

/// The name of the stack.
pub const STACK: &str = "longhaul";
/// The stack makes it: what is put into it is copied at once.
pub const NEW: &str = "my-new-bucket";
/// It was there before the stack, with objects in it.
pub const OLD: &str = "my-old-bucket";
/// The bucket of the other account.
pub const THEIRS: &str = "their-bucket";
/// Where the copies of the new bucket are in it.
pub const NEW_COPIES: &str = "new";
/// Where the copies of the old bucket are in it.
pub const OLD_COPIES: &str = "old";
/// What the old bucket holds: keys and texts.
pub const OLD_OBJECTS: [(&str, &str); 3] = [
    ("letters/1.txt", "It was there before the stack."),
    ("letters/2.txt", "So was this one."),
    ("notes.tmp", "The ignore list keeps it here."),
];

/// Everything that runs.
pub struct Place {
    /// The SDK's clients of the own account.
    pub clients: Clients,
    /// The S3 of the other account.
    pub other: Server,
    /// The stack.
    pub stack: Stack,
    // The last, so that it ends after all that talks to it.
    emulator: Emulator,
}

impl Place {
    /// Starts all of it, and says so as it goes. A port of 0 is any free one.
    pub async fn start(port: u16, other_port: u16) -> Result<Self, Box<dyn Error>> {
        // Before anything takes long.
        for port in [port, other_port] {
            is_free(port).map_err(|error| format!("port {port} cannot be used: {error}"))?;
        }
        println!("Starting (the first time, Python packages are installed: half a minute or so)");
        let emulator = said("1/4  an emulator of AWS, as your account", start_emulator(port)).await?;
        let options = Options { port: other_port, ..Options::default() };
        let other = said("2/4  a second S3, as the other account", other_account(options)).await;
        other.store().create_bucket(THEIRS, Versioning::Enabled);
        let clients = Clients::new(&emulator);
        said("3/4  a bucket that is filled already, and the other account's credentials", prepare(&clients, &other))
            .await;
        let stack = said("4/4  the stack of infra/template.yaml, with both Lambdas", deploy(&emulator)).await;
        Ok(Self { clients, other, stack, emulator })
    }

    /// Where the own account's services listen.
    pub fn endpoint(&self) -> String {
        self.emulator.endpoint()
    }
}

fn is_free(port: u16) -> io::Result<()> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(drop)
}

/// Does something, and says how long it took.
async fn said<T>(what: &str, work: impl Future<Output = T>) -> T {
    print!("  {what} ... ");
    // Whoever cannot see it misses nothing else.
    let _ = io::stdout().flush();
    let began = Instant::now();
    let done = work.await;
    println!("{:.1} s", began.elapsed().as_secs_f64());
    done
}

async fn start_emulator(port: u16) -> Result<Emulator, emulator::NotHere> {
    if port == 0 { Emulator::start().await } else { Emulator::start_on(port).await }
}

async fn prepare(clients: &Clients, other: &Server) {
    Parameters::new(&clients.ssm).set_other_account(other).await;
    clients.s3.create_bucket().bucket(OLD).send().await.expect("a new emulator makes buckets");
    for (key, text) in OLD_OBJECTS {
        let body = ByteStream::from_static(text.as_bytes());
        let put = clients.s3.put_object().bucket(OLD).key(key).body(body).send().await;
        put.expect("a new emulator takes objects");
    }
}

async fn deploy(emulator: &Emulator) -> Stack {
    let route = json!({ "src_bucket": OLD, "src_prefix": "", "des_bucket": THEIRS, "des_prefix": OLD_COPIES });
    let routes = json!([route]).to_string();
    let old_bucket = format!("arn:aws:s3:::{OLD}");
    let parameters = [
        ("NewBucketName", NEW),
        ("OwnBucketArns", old_bucket.as_str()),
        ("DesBucketDefault", THEIRS),
        ("DesPrefixDefault", NEW_COPIES),
        ("BucketPara", routes.as_str()),
        ("IgnoreList", "*.tmp"),
        ("ScheduleExpression", "rate(1 minute)"),
    ];
    Stack::deploy(emulator, STACK, &parameters).await
}
