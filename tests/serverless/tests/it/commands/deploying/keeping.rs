//! What is set stays set.

use crate::commands::deploying::desk::Desk;

const DEPLOYED: [(&str, &str); 7] = [
    ("IgnoreList", "*.tmp\nphotos/private/*"),
    ("IgnoreListMore", "*.bak"),
    ("DesBucketDefault", "mirror"),
    ("DesPrefixDefault", "from-here"),
    ("MaxThread", "7"),
    ("AlarmEmail", "ann@example.com"),
    ("OperatorPrincipals", "arn:aws:iam::111122223333:role/operators"),
];

#[tokio::test]
async fn an_update_from_a_fresh_checkout_keeps_all_that_is_deployed() {
    let Some(desk) = Desk::with_stack(&DEPLOYED).await else { return };
    let before = desk.parameters();
    desk.deploy(&[]).await.assert_ends(0, &["No parameter of the stack changes"]);
    assert_eq!(desk.parameters(), before);
}

#[tokio::test]
async fn what_samconfig_sets_wins_over_the_example_and_over_what_is_deployed() {
    let Some(desk) = Desk::with_stack(&DEPLOYED).await else { return };
    let set = |lines: &str| {
        let head = "version = 0.1\n[default.deploy.parameters.parameter_overrides]\nDesBucketDefault = \"other\"\n";
        desk.write("repository/infra/samconfig.toml", &format!("{head}{lines}\n"));
    };
    set("IgnoreList = \"*.log\"");
    desk.write("repository/infra/ignore_list.txt", "*.of-the-file\n");
    let words = ["samconfig.toml sets the ignore list", "DesBucketDefault: mirror -> other", "- *.tmp", "+ *.log"];
    desk.deploy(&[]).await.assert_ends(0, &words);
    let names =
        ["IgnoreList", "IgnoreListMore", "IgnoreListObject", "DesBucketDefault", "DesPrefixDefault", "MaxThread"];
    assert_eq!(names.map(|name| desk.parameter(name)), ["*.log", "", "", "other", "from-here", "7"]);

    set("IgnoreListObject = \"settings/list.txt\"\nDesPrefixDefault = \"\"");
    desk.deploy(&[]).await.assert_ends(0, &["IgnoreListObject: (empty) -> settings/list.txt"]);
    assert_eq!(names.map(|name| desk.parameter(name)), ["# Nothing.", "", "settings/list.txt", "other", "", "7"]);
}

#[tokio::test]
async fn what_would_change_is_shown_first_and_nothing_is_made_without_consent() {
    let Some(desk) = Desk::with_stack(&DEPLOYED).await else { return };
    desk.write("repository/infra/ignore_list.txt", "# ours\n*.log\nphotos/private/*\n");
    let before = desk.world();
    // The stack's name, PUT or GET, e-mail and processor as they are; not other credentials; and no.
    let refused = desk.deploy_with_answers(&[], "\n\n\n\nn\nn\n").await;
    refused
        .assert_ends(
            1,
            &["IgnoreList:", "- *.tmp", "+ *.log", "IgnoreListMore: *.bak -> (empty)", "nothing was changed"],
        )
        .assert_made_nothing();
    assert_eq!(desk.world(), before);
    desk.deploy_with_answers(&[], "\n\n\n\nn\ny\n").await.assert_ends(0, &["+ *.log"]);
    assert_eq!(desk.parameter("IgnoreList"), "# ours\n*.log\nphotos/private/*");
}

#[tokio::test]
async fn a_list_is_emptied_only_by_a_file_that_is_named() {
    let Some(desk) = Desk::with_stack(&DEPLOYED).await else { return };
    let empty = desk.write("empty.txt", "# nothing\n");
    let empty = empty.to_str().expect("a plain path");
    desk.deploy(&[("IGNORE_LIST_FILE", empty)]).await.assert_ends(0, &["- *.tmp", "IgnoreListMore: *.bak -> (empty)"]);
    assert_eq!(["IgnoreList", "IgnoreListMore"].map(|name| desk.parameter(name)), ["# nothing", ""]);
}

#[tokio::test]
async fn a_change_by_hand_is_named_before_it_is_replaced() {
    let Some(desk) = Desk::with_stack(&DEPLOYED).await else { return };
    let mut world = desk.world();
    world["parameters"]["s3_migrate_ignore_list"]["Value"] = "*.tmp\n*.by-hand".into();
    desk.set_world(&world);
    desk.deploy(&[]).await.assert_ends(0, &["No parameter of the stack changes"]);
    desk.write("repository/infra/ignore_list.txt", "*.log\n");
    desk.deploy_with_answers(&[], "\n\n\n\nn\nn\n")
        .await
        .assert_ends(1, &["by hand", "*.by-hand"])
        .assert_made_nothing();
}

#[tokio::test]
async fn a_stack_without_routes_stays_without_them() {
    let parameters = [("BucketPara", "[]"), ("OperatorPrincipals", "")];
    let Some(desk) = Desk::with_stack(&parameters).await else { return };
    let before = desk.parameters();
    desk.deploy(&[]).await.assert_ends(0, &["No parameter of the stack changes"]);
    assert_eq!(desk.parameters(), before);
}

#[tokio::test]
async fn whoever_deploys_first_may_send() {
    let Some(desk) = Desk::required().await else { return };
    let credentials = desk.path("credentials.json");
    let credentials = credentials.to_str().expect("a plain path");
    let answers = [("SOURCE_BUCKET", "photos"), ("DES_BUCKET", "mirror"), ("CREDENTIALS_FILE", credentials)];
    desk.deploy(&answers)
        .await
        .assert_ends(0, &["The stack is new", "OperatorPrincipals: arn:aws:iam::111122223333:role/administrators"]);
    let role = "arn:aws:iam::111122223333:role/";
    assert_eq!(desk.parameter("OperatorPrincipals"), format!("{role}administrators,{role}*/administrators"));
    assert_eq!(desk.parameter("OwnBucketArns"), "arn:aws:s3:::photos");
}
