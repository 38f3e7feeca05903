//! What cannot work is refused with words that help.

use serverless::{Cloud, Longhaul};

#[tokio::test]
async fn a_worker_without_a_stack_names_the_variables_that_it_lacks() {
    let words = ["table_queue_name", "sqs_queue_jobs", "sqs_queue_parked", "--stack"];
    Longhaul::alone().run(&["work"]).await.assert_exit(1).assert_says(&words);
}

#[tokio::test]
async fn a_jobsender_without_a_stack_names_the_variables_that_it_lacks() {
    Longhaul::alone().run(&["send"]).await.assert_exit(1).assert_says(&["table_queue_name", "sqs_queue", "--stack"]);
}

#[tokio::test]
async fn a_variable_that_cannot_be_used_is_named_with_its_value() {
    let longhaul = Longhaul::alone().with("MaxThread", "many");
    longhaul.run(&["work"]).await.assert_exit(1).assert_says(&["MaxThread", "many"]);
}

#[tokio::test]
async fn commands_of_a_stack_want_its_name() {
    let longhaul = Longhaul::alone();
    for words in [["parked", "list"].as_slice(), &["parked", "redrive", "--all"], &["bucket", "connect", "photos"]] {
        longhaul.run(words).await.assert_exit(1).assert_says(&["--stack"]);
    }
}

#[tokio::test]
async fn what_is_redriven_must_be_said_in_exactly_one_way() {
    let longhaul = Longhaul::alone();
    let redrive = ["parked", "redrive", "--stack", "test"];
    longhaul.run(&redrive).await.assert_exit(1).assert_says(&["--reason", "--all", "--id"]);
    let both = [&redrive[..], &["--all", "--id", "1"]].concat();
    longhaul.run(&both).await.assert_exit(1).assert_says(&["--all", "--id"]);
}

#[tokio::test]
async fn a_stack_has_no_ledger_file() {
    let words = ["status", "--stack", "test", "--ledger", "ledger.sqlite"];
    Longhaul::alone().run(&words).await.assert_exit(1).assert_says(&["--ledger", "--stack"]);
}

#[tokio::test]
async fn a_number_out_of_range_is_named() {
    let longhaul = Longhaul::alone();
    longhaul.run(&["work", "--messages", "0"]).await.assert_exit(1).assert_says(&["--messages", "0"]);
    longhaul.run(&["work", "--visibility", "1"]).await.assert_exit(1).assert_says(&["--visibility", "3..=43200"]);
}

#[tokio::test]
async fn a_stack_that_is_not_there_is_named() {
    let Some(cloud) = Cloud::required().await else { return };
    let longhaul = Longhaul::of(&cloud).await;
    for command in [["work"].as_slice(), &["send"], &["status"], &["parked", "list"]] {
        let words = [command, &["--stack", "nowhere"]].concat();
        longhaul.run(&words).await.assert_exit(1).assert_says(&["nowhere", "us-east-1", "--region"]);
    }
}

#[tokio::test]
async fn a_queue_that_is_not_there_ends_the_worker_at_its_start() {
    let Some(cloud) = Cloud::required().await else { return };
    let longhaul = Longhaul::of(&cloud).await;
    let missing = format!("{}-missing", cloud.jobs.url());
    let longhaul = longhaul.with("sqs_queue_jobs", &missing);
    longhaul.run_on_stack("work", &[]).await.assert_exit(1).assert_says(&["jobs-missing"]);
}
