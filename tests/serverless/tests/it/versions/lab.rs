//! Buckets of every kind, a jobsender and a worker with their switches, and looks at what came of them.

use serde_json::Value;
use serverless::{Cloud, Function, OTHER_BUCKET, Program, Setup};
use test_s3::{Access, FaultRule, RequestRecord, Versioning};

use crate::scene::{EMPTY, LARGE, MIB, denied, impatient, known_row, put_into, route, run, text};

/// Whether versions may be listed, and read by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    Granted,
    Denied,
}

/// A source bucket.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub bucket: &'static str,
    pub versioning: Versioning,
    pub permission: Permission,
}

impl Kind {
    const fn new(bucket: &'static str, versioning: Versioning, permission: Permission) -> Self {
        Self { bucket, versioning, permission }
    }

    /// Where an object of this bucket goes.
    pub fn destination(self, key: &str) -> String {
        format!("{}/{key}", self.bucket)
    }
}

/// All of them.
pub const KINDS: [Kind; 6] = [
    Kind::new("versioned", Versioning::Enabled, Permission::Granted),
    Kind::new("versioned-denied", Versioning::Enabled, Permission::Denied),
    Kind::new("suspended", Versioning::Suspended, Permission::Granted),
    Kind::new("suspended-denied", Versioning::Suspended, Permission::Denied),
    Kind::new("never", Versioning::Never, Permission::Granted),
    Kind::new("never-denied", Versioning::Never, Permission::Denied),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    Off,
    On,
}

impl Switch {
    fn text(self) -> &'static str {
        match self {
            Self::Off => "False",
            Self::On => "True",
        }
    }
}

/// The three switches.
#[derive(Clone, Copy, Debug)]
pub struct Switches {
    pub jobsender_compare_version_id: Switch,
    pub update_version_id: Switch,
    pub get_object_with_version_id: Switch,
}

/// One combination, and everything around it.
pub struct Lab {
    pub jobsender: Function,
    pub worker: Function,
    pub switches: Switches,
    // The last, so that the functions end before what they talk to.
    pub cloud: Cloud,
}

impl Lab {
    /// The lab of a test, with an object of either size in every bucket.
    pub async fn start(switches: Switches) -> Option<Self> {
        let cloud = Cloud::required_as(Setup::cheap()).await?;
        KINDS.into_iter().zip(1..).for_each(|(kind, seed)| fill(&cloud, kind, seed));
        cloud
            .parameters
            .set_routes(&KINDS.map(|kind| route(kind.bucket, "", OTHER_BUCKET, kind.bucket)).to_vec().into())
            .await;
        Some(Self {
            jobsender: jobsender(&cloud, switches).await,
            worker: worker(&cloud, switches).await,
            switches,
            cloud,
        })
    }

    /// What an assertion says.
    pub fn case(&self, kind: Kind) -> String {
        format!("{:?} with {:?}", kind, self.switches)
    }

    /// One run of the jobsender.
    pub async fn compare(&self) -> Value {
        run(&self.jobsender).await
    }

    /// Whether jobs are left.
    pub async fn has_jobs(&self) -> bool {
        self.cloud.jobs.depth().await != EMPTY
    }

    /// Writes another object of the same size in place of this one, and gives the version that was there.
    pub fn replace(&self, kind: Kind, key: &str) -> String {
        let store = self.cloud.own.store();
        let old = store.get(kind.bucket, key).expect("the test made it").version_id.clone();
        assert!(store.overwrite(kind.bucket, key), "{key} is replaced in {}", kind.bucket);
        old
    }

    /// The bytes of the source, and those of its copy.
    pub fn both(&self, kind: Kind, key: &str) -> [Option<String>; 2] {
        let copy = kind.destination(key);
        [self.cloud.own.store().sha256(kind.bucket, key), self.cloud.other.store().sha256(OTHER_BUCKET, &copy)]
    }

    /// How often the copy was written.
    pub fn writes(&self, kind: Kind, key: &str) -> usize {
        self.cloud.other.store().versions(OTHER_BUCKET, &kind.destination(key)).len()
    }

    /// The version of the source that the table has as copied.
    pub async fn recorded_version(&self, kind: Kind, key: &str) -> Option<String> {
        version_in_table(&self.cloud, &kind.destination(key)).await
    }

    /// Reads of the large object of a bucket, in their order.
    pub fn reads(&self, kind: Kind) -> Vec<RequestRecord> {
        let is_read = |request: &RequestRecord| {
            request.operation == "GetObject"
                && request.bucket.as_deref() == Some(kind.bucket)
                && request.key.as_deref() == Some("large")
        };
        self.cloud.own.requests().into_iter().filter(is_read).collect()
    }
}

/// The attribute `versionId` of a destination object's row.
pub async fn version_in_table(cloud: &Cloud, destination_key: &str) -> Option<String> {
    text(&known_row(cloud, destination_key).await, "versionId").map(str::to_owned)
}

/// The id as records have it: `null` is none.
pub fn real(version: &str) -> Option<String> {
    Some(version.to_owned()).filter(|version| version != "null")
}

fn fill(cloud: &Cloud, kind: Kind, seed: u64) {
    let store = cloud.own.store();
    // A bucket whose versioning was suspended still shows the versions of before.
    let earlier = if kind.versioning == Versioning::Never { Versioning::Never } else { Versioning::Enabled };
    store.create_bucket(kind.bucket, earlier);
    put_into(cloud, kind.bucket, "small", &format!("small of {}", kind.bucket));
    store.put_synthetic_with_crc(kind.bucket, "large", seed, LARGE);
    store.create_bucket(kind.bucket, kind.versioning);
    if kind.permission == Permission::Denied {
        store.set_access(kind.bucket, "ListObjectVersions", Access::Denied);
        cloud.own.faults().add(FaultRule::new(denied()).with_version().in_bucket(kind.bucket));
    }
}

async fn jobsender(cloud: &Cloud, switches: Switches) -> Function {
    let environment = cloud
        .jobsender_environment()
        .with("JobsenderCompareVersionId", switches.jobsender_compare_version_id.text())
        .with("MultipartThreshold", MIB.to_string());
    Function::start(Program::Jobsender, &environment).await
}

/// Parts go one after the other, and a failed one ends the leg.
async fn worker(cloud: &Cloud, switches: Switches) -> Function {
    let environment = impatient(cloud)
        .with("UpdateVersionId", switches.update_version_id.text())
        .with("GetObjectWithVersionId", switches.get_object_with_version_id.text());
    Function::start(Program::Worker, &environment).await
}
