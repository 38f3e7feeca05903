//! The other account's credentials: under the stack's own key, and on no command line.

use serde_json::{Value, json};

use crate::commands::deploying::desk::{Desk, ROUTE, SECRET, credentials};

const NAME: &str = "s3_migration_credentials";
const KEY: &str = "alias/longhaul-credentials";

fn kept(desk: &Desk) -> Value {
    desk.world()["parameters"][NAME].clone()
}

#[tokio::test]
async fn new_credentials_are_kept_under_the_key_of_the_stack_and_nowhere_else() {
    let Some(desk) = Desk::required().await else { return };
    let routes = desk.write("routes.json", ROUTE);
    let variables = [
        ("BUCKET_PARA_FILE", routes.to_str().expect("a plain path")),
        ("OTHER_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("OTHER_SECRET_ACCESS_KEY", SECRET),
        ("OTHER_REGION", "cn-north-1"),
        ("CANARY", "yes"),
    ];
    let deployed =
        desk.deploy(&variables).await.assert_ends(0, &["kept the other account's credentials", "copied to mirror/p/"]);
    assert!(!deployed.said.contains(SECRET), "{}", deployed.said);
    let lines = desk.command_lines();
    assert!(lines.contains("put-parameter") && !lines.contains(SECRET), "{lines}");
    let kept = kept(&desk);
    assert_eq!((&kept["Type"], &kept["KeyId"]), (&json!("SecureString"), &json!(KEY)));
    let value: Value = serde_json::from_str(kept["Value"].as_str().expect("a text")).expect("JSON");
    assert_eq!(value, serde_json::from_str::<Value>(&credentials("cn-north-1")).expect("JSON"));
}

#[tokio::test]
async fn credentials_that_the_functions_could_not_read_are_refused_without_showing_them() {
    let Some(desk) = Desk::with_stack(&[]).await else { return };
    let wrong = json!({ "aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": SECRET, "regoin": "cn-north-1" });
    let file = desk.write("wrong.json", &wrong.to_string());
    let deployed = desk.deploy(&[("CREDENTIALS_FILE", file.to_str().expect("a plain path"))]).await;
    let deployed = deployed.assert_ends(1, &["regoin", "nothing was changed"]).assert_made_nothing();
    assert!(!deployed.said.contains(SECRET), "{}", deployed.said);
}

#[tokio::test]
async fn credentials_under_another_key_stay_with_a_warning_and_new_ones_move() {
    let Some(desk) = Desk::with_stack(&[]).await else { return };
    desk.deploy(&[]).await.assert_ends(0, &[]).assert_silent_about("warning");
    for key in ["alias/aws/ssm", "arn:aws:kms:us-east-1:111122223333:key/of-the-user"] {
        let mut world = desk.world();
        world["parameters"][NAME]["KeyId"] = key.into();
        desk.set_world(&world);
        desk.deploy(&[]).await.assert_ends(0, &["warning", key, KEY]);
        assert_eq!(kept(&desk)["KeyId"], key);
    }
    let file = desk.path("credentials.json");
    desk.deploy(&[("CREDENTIALS_FILE", file.to_str().expect("a plain path"))]).await.assert_ends(0, &[]);
    assert_eq!(kept(&desk)["KeyId"], KEY);
}
