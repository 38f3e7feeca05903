//! Where `scripts/deploy.sh` is run: a copy of the repository's scripts and templates, and programs that stand for AWS's.
//!
//! `world.json` is the account: what the stand-ins say, and what a deployment makes of it. Each call of the AWS CLI is held to
//! botocore's model of the service, and each of SAM's to its options: one that they do not know fails the test.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use emulator::{Python, required_python};
use serde_json::{Map, Value, json};
use serverless::{Template, longhaul, within};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command};

const AWS: &str = include_str!("stubs/aws.py");
const SAM: &str = include_str!("stubs/sam.py");
const CHECK: &str = include_str!("stubs/check.py");
/// The secret of the other account.
pub const SECRET: &str = "wJalrXUtnFEMIEXAMPLEKEY";
/// One route, as `BUCKET_PARA_FILE` and `BucketPara` have it.
pub const ROUTE: &str = r#"[{"src_bucket":"photos","src_prefix":"","des_bucket":"mirror","des_prefix":"p"}]"#;
/// Who deploys.
const CALLER: &str = "arn:aws:sts::111122223333:assumed-role/administrators/ann";

/// The place.
pub struct Desk {
    folder: TempDir,
    python: Python,
    template: Template,
}

/// What a deployment came to.
pub struct Deployed {
    /// Its exit code.
    pub code: Option<i32>,
    /// All that it said.
    pub said: String,
    calls: Vec<Value>,
}

impl Desk {
    /// A fresh checkout, and an account with the bucket `photos` in it.
    pub async fn required() -> Option<Self> {
        let python = required_python().await?;
        let template = Template::read(&python).await;
        let desk = Self { folder: tempfile::tempdir().expect("a temporary folder"), python, template };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for part in ["scripts", "infra"] {
            copy_tree(&root.join(part), &desk.path("repository").join(part));
        }
        let _ = fs::remove_file(desk.path("repository/infra/samconfig.toml"));
        desk.write("template.json", &desk.template.json().to_string());
        let world = json!({ "caller": CALLER, "stack": null, "parameters": {}, "buckets": ["photos"], "uploaded": {} });
        desk.write("world.json", &world.to_string());
        desk.write("credentials.json", &credentials("cn-north-1"));
        desk.write_programs();
        Some(desk)
    }

    /// The same, where a stack with these parameters is deployed, and the defaults for all others.
    pub async fn with_stack(parameters: &[(&str, &str)]) -> Option<Self> {
        let desk = Self::required().await?;
        let defaults = desk.template.json()["Parameters"].as_object().into_iter().flatten();
        let mut values: Map<String, Value> =
            defaults.map(|(name, parameter)| (name.clone(), text_of(&parameter["Default"]).into())).collect();
        let usual = [("BucketPara", ROUTE), ("OwnBucketArns", "arn:aws:s3:::photos")];
        values.extend(usual.iter().chain(parameters).map(|(name, value)| ((*name).to_owned(), (*value).into())));
        let listed = |name: &str| text_of(&values[name]);
        let list = [listed("IgnoreList"), listed("IgnoreListMore")];
        let list = list.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join("\n");
        let parameter = |value: String| json!({ "Type": "String", "Value": value });
        let mut world = desk.world();
        world["parameters"] = json!({
            "s3_migration_bucket_para": parameter(listed("BucketPara")),
            "s3_migrate_ignore_list": parameter(list),
            "s3_migration_credentials":
                { "Type": "SecureString", "Value": credentials("cn-north-1"), "KeyId": "alias/longhaul-credentials" },
        });
        let pair = |(name, value): (String, Value)| json!({ "ParameterKey": name, "ParameterValue": value });
        let values: Vec<Value> = values.into_iter().map(pair).collect();
        world["stack"] = json!({ "StackName": "longhaul", "Parameters": values, "Outputs": [] });
        desk.set_world(&world);
        Some(desk)
    }

    /// A file of this place.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of this place: `repository/infra/ignore_list.txt`.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    /// The account.
    pub fn world(&self) -> Value {
        serde_json::from_str(&self.read("world.json")).expect("JSON")
    }

    /// Makes the account another one.
    pub fn set_world(&self, world: &Value) {
        self.write("world.json", &world.to_string());
    }

    /// A parameter of the deployed stack.
    pub fn parameter(&self, name: &str) -> String {
        self.parameters().get(name).map(text_of).unwrap_or_else(|| panic!("the stack has no parameter {name}"))
    }

    /// All parameters of the deployed stack.
    pub fn parameters(&self) -> Map<String, Value> {
        let world = self.world();
        let pairs = world["stack"]["Parameters"].as_array().into_iter().flatten();
        pairs.map(|pair| (text_of(&pair["ParameterKey"]), pair["ParameterValue"].clone())).collect()
    }

    /// Deploys, and asks nothing.
    pub async fn deploy(&self, variables: &[(&str, &str)]) -> Deployed {
        self.run(&["--yes"], variables, "").await
    }

    /// Deploys, and answers what is asked.
    pub async fn deploy_with_answers(&self, variables: &[(&str, &str)], answers: &str) -> Deployed {
        self.run(&[], variables, answers).await
    }

    /// All that programs were told on their command lines.
    pub fn command_lines(&self) -> String {
        let calls = self.calls().into_iter().map(|call| call["words"].to_string());
        calls.chain([self.read("argv.txt")]).collect::<Vec<_>>().join("\n")
    }

    async fn run(&self, words: &[&str], variables: &[(&str, &str)], answers: &str) -> Deployed {
        let _ = fs::remove_file(self.path("calls.jsonl"));
        let mut command = Command::new("bash");
        command.arg("scripts/deploy.sh").args(words).current_dir(self.path("repository")).env_clear();
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        for (name, file) in [("STUB_PLACE", ""), ("HOME", "home"), ("TMPDIR", "tmp"), ("LONGHAUL_BIN", "bin/longhaul")]
        {
            command.env(name, self.path(file));
        }
        command.env("AWS_REGION", "us-east-1").env("CANARY", "no").envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("bash starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A script that ends early reads nothing; its exit tells of it.
        let _ = stdin.write_all(answers.as_bytes()).await;
        drop(stdin);
        let output = within("the deployment ends", child.wait_with_output()).await.expect("a child can be waited for");
        let said = [output.stdout, output.stderr].concat();
        let deployed = Deployed {
            code: output.status.code(),
            said: String::from_utf8_lossy(&said).into_owned(),
            calls: self.calls(),
        };
        self.assert_models_met(&deployed).await;
        deployed
    }

    async fn assert_models_met(&self, deployed: &Deployed) {
        let aws: Vec<&Value> = deployed.calls.iter().filter(|call| call["program"] == "aws").collect();
        let refused = self.python.run(CHECK, &json!(aws)).await;
        assert_eq!(refused, json!([]), "{}", deployed.said);
        assert_eq!(self.read("refused.txt"), "", "{}", deployed.said);
        let left = fs::read_dir(self.path("tmp")).expect("a folder").count();
        assert_eq!(left, 0, "files are left behind: {}", deployed.said);
    }

    fn calls(&self) -> Vec<Value> {
        self.read("calls.jsonl").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// A file of this place; empty if there is none.
    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn write_programs(&self) {
        let python = self.python.program().display();
        for (name, script) in [("aws", AWS), ("sam", SAM)] {
            let script = self.write(&format!("stubs/{name}.py"), script);
            self.write_program(name, &format!("exec {python} {} \"$@\"", script.display()));
        }
        self.write_program("cargo", "");
        self.write_program("cargo-lambda", "");
        // What programs are told is written down, and nothing is asked of a bucket.
        let told = "printf '%s\\n' \"$*\" >>\"$STUB_PLACE/argv.txt\"";
        let connect = "[ \"$1\" != bucket ] || exit 0";
        self.write_program("longhaul", &format!("{told}\n{connect}\nexec {} \"$@\"", longhaul().display()));
        // The real one is behind this folder.
        self.write_program("python3", &format!("{told}\nPATH=${{PATH#*:}}\nexport PATH\nexec python3 \"$@\""));
        for folder in ["tmp", "home"] {
            fs::create_dir(self.path(folder)).expect("a folder");
        }
    }

    fn write_program(&self, name: &str, body: &str) {
        let path = self.write(&format!("bin/{name}"), &format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode is set");
    }
}

impl Deployed {
    /// Itself, if it ended with this code and said all of these words.
    pub fn assert_ends(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.said);
        for word in words {
            assert!(self.said.contains(word), "nothing is said of {word:?}:\n{}", self.said);
        }
        self
    }

    /// Itself, if it did not say this word.
    pub fn assert_silent_about(self, word: &str) -> Self {
        assert!(!self.said.contains(word), "{}", self.said);
        self
    }

    /// Itself, if nothing was made.
    pub fn assert_made_nothing(self) -> Self {
        let makes = ["deploy", "put-parameter", "cp", "build"];
        let made: Vec<&Value> = self
            .calls
            .iter()
            .filter(|call| makes.iter().any(|verb| call["words"].to_string().contains(&format!("\"{verb}\""))))
            .collect();
        assert!(made.is_empty(), "{made:?}\n{}", self.said);
        self
    }
}

/// The other account's credentials, with a region.
pub fn credentials(region: &str) -> String {
    json!({ "aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": SECRET, "region": region }).to_string()
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| if value.is_null() { String::new() } else { value.to_string() }, str::to_owned)
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).expect("an entry");
        if path.is_dir() {
            copy_tree(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).expect("a file is copied");
        }
    }
}
