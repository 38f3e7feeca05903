//! A slip of the finger in a place is an error, and never a copy into a folder of this machine.

use std::{fs, path::Path, process::Output};

use end_to_end::World;

async fn world() -> World {
    let world = World::with_objects(&["a.txt"]).await;
    fs::create_dir(world.work().join("photos")).expect("a folder");
    fs::write(world.work().join("photos/a.jpg"), "photo").expect("a file");
    world
}

fn run(world: &World, args: &[&str]) -> Output {
    world.command(args).arg("--log-level").arg("off").output().expect("the command runs")
}

/// It is refused in these words, and no file or folder was made.
fn assert_refused(world: &World, args: &[&str], words: &str) {
    let before = names(&world.work());
    let output = run(world, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(words), "{args:?}: nothing is said of {words:?}: {said}");
    assert_eq!(names(&world.work()), before, "{args:?} made something");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn what_looks_like_an_address_is_no_path_on_either_side_of_any_command() {
    let world = world().await;
    let endpoint = world.server.endpoint();
    for slip in [
        "s3:/dst/x",
        "s3//dst/x",
        "s3:dst/x",
        "S3://dst/x",
        "b:dst/x",
        "arn:aws:s3:::dst/x",
        "s3：//dst/x",
        "gs://dst/x",
        "oss://dst/x",
        "https://dst.s3.amazonaws.com/x",
        "dst.s3.eu-west-1.amazonaws.com/x",
    ] {
        let words = "did you mean s3://dst/x?";
        assert_refused(&world, &["copy", "photos", slip, "--ledger", "../ledger"], words);
        assert_refused(
            &world,
            &["copy", "s3://src/", slip, "--from-endpoint", &endpoint, "--ledger", "../ledger"],
            words,
        );
        assert_refused(&world, &["copy", slip, "photos", "--ledger", "../ledger"], words);
        assert_refused(&world, &["copy", "photos", "s3://dst/x", "--keys-from", slip, "--ledger", "../ledger"], words);
        assert_refused(&world, &["ls", slip], words);
        assert_refused(&world, &["uploads", "list", slip, "--ledger", "../ledger"], words);
    }
    assert_eq!(fs::read_dir(world.work().join("photos")).expect("a folder").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_about_a_store_beside_a_folder_is_an_error() {
    let world = world().await;
    let endpoint = world.server.endpoint();
    for (flag, value) in [
        ("--to-profile", "p"),
        ("--to-endpoint", "http://127.0.0.1:1"),
        ("--to-region", "r"),
        ("--to-provider", "gcs"),
        ("--storage-class", "NEARLINE"),
    ] {
        assert_refused(&world, &["copy", "photos", "dst/x", flag, value], "did you mean s3://dst/x?");
        assert_refused(&world, &["copy", "s3://src/", "./x", "--from-endpoint", &endpoint, flag, value], flag);
        fs::write(world.path("set.toml"), format!("{} = \"{value}\"\n", &flag[2..])).expect("a file");
        assert_refused(
            &world,
            &["copy", "photos", "dst/x", "--local", "--config", "../set.toml"],
            "did you mean s3://dst/x?",
        );
    }
    for flag in [
        "--from-profile=p",
        "--from-endpoint=http://127.0.0.1:1",
        "--from-region=r",
        "--from-provider=gcs",
        "--no-sign-request",
        "--request-payer",
    ] {
        let name = flag.split('=').next().expect("a name");
        assert_refused(&world, &["copy", "photos", "s3://dst/x", flag], &format!("{name} is about a store"));
    }
    assert_refused(&world, &["ls", "photos", "--profile", "p"], "did you mean s3://photos?");
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_to_folder_is_copied_only_where_it_is_asked_for() {
    let world = world().await;
    assert_refused(&world, &["copy", "photos", "dst/x", "--ledger", "../ledger"], "did you mean s3://dst/x?");
    assert_refused(&world, &["copy", "./photos", "./there", "--ledger", "../ledger"], "--local");
    assert_refused(&world, &["copy", "./photos", "s3://dst/x", "--local", "--ledger", "../ledger"], "--local");
    let output = run(&world, &["copy", "./photos", "./b:dst/x", "--local", "--ledger", "../ledger"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(fs::read_to_string(world.work().join("b:dst/x/a.jpg")).expect("the copy"), "photo");
    let back = run(&world, &["copy", "./b:dst", "there", "--local", "--ledger", "../ledger"]);
    assert_eq!(back.status.code(), Some(0), "{back:?}");
    assert_eq!(fs::read_to_string(world.work().join("there/x/a.jpg")).expect("the copy"), "photo");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dash_is_no_file_name() {
    let world = world().await;
    let endpoint = world.server.endpoint();
    let copy = ["copy", "s3://src/", "there", "--from-endpoint", &endpoint];
    assert_refused(&world, &["copy", "s3://src/", "-", "--from-endpoint", &endpoint], "no file name");
    assert_refused(&world, &["copy", "-", "s3://dst/x"], "no file name");
    for flag in ["--report", "--ledger", "--keys-from"] {
        assert_refused(&world, &[&copy[..], &[flag, "-"]].concat(), "no file name");
    }
    let logged = world.command(&[&copy[..], &["--log-file", "-"]].concat()).output().expect("the command runs");
    assert_eq!((logged.status.code(), names(&world.work()).contains(&"-".to_owned())), (Some(1), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_in_a_store_is_read_with_the_flags_of_the_source_beside_a_folder() {
    let world = world().await;
    world.put("src", "keys.txt", "a.jpg\n");
    let endpoint = world.server.endpoint();
    let sides =
        ["--from-endpoint", &endpoint, "--from-provider", "aws", "--to-endpoint", &endpoint, "--to-provider", "aws"];
    let copy = ["copy", "photos", "s3://dst/x", "--keys-from", "s3://src/keys.txt", "--ledger", "../ledger"];
    let output = run(&world, &[&copy[..], &sides].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(world.there(), ["x/a.jpg"]);
}
