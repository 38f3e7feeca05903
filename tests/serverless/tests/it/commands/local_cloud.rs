//! The local cloud as a program of its own: the walk that it prints can be taken.

use std::process::Output;

use emulator::required_python;
use serverless::within;
use tokio::process::Command;

fn local_cloud() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-cloud"));
    command.arg("--check").kill_on_drop(true);
    command
}

async fn output(mut command: Command) -> Output {
    within("the local cloud ends", command.output()).await.expect("the local cloud starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn the_walk_through_the_local_cloud_shows_what_it_says() {
    if required_python().await.is_none() {
        return;
    }
    let output = output(local_cloud()).await;
    let (said, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}\n{errors}");
    for words in ["export AWS_ACCESS_KEY_ID=", "s3 cp hello.txt s3://my-new-bucket/hello.txt", "  6. the log says of"] {
        assert!(said.contains(words), "nothing is said of {words:?}:\n{said}");
    }
}

#[tokio::test]
async fn without_python_the_local_cloud_says_what_it_needs() {
    let mut command = local_cloud();
    command.env("PATH", "/nowhere");
    let output = output(command).await;
    assert_eq!(output.status.code(), Some(2));
    let errors = text(&output.stderr);
    assert!(errors.contains("python3 (3.10 or later) is needed") && !errors.contains("panicked"), "{errors}");
}
