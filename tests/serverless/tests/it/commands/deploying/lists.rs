//! Ignore lists, read as the functions read them.

use crate::commands::deploying::desk::Desk;

async fn desk() -> Option<Desk> {
    Desk::with_stack(&[("OperatorPrincipals", "")]).await
}

#[tokio::test]
async fn a_byte_order_mark_and_line_ends_of_windows_void_no_pattern() {
    let Some(desk) = desk().await else { return };
    desk.write("repository/infra/ignore_list.txt", "\u{feff}*.tmp\r\nphotos/private/*\r\n");
    desk.deploy(&[]).await.assert_ends(0, &["+ *.tmp"]);
    assert_eq!(desk.parameter("IgnoreList"), "*.tmp\nphotos/private/*");
}

#[tokio::test]
async fn a_line_that_would_name_nothing_is_refused_before_anything_is_made() {
    let Some(desk) = desk().await else { return };
    let cases = [
        ("*.tmp\n\u{200b}photos/private/*\n", "line 2"),
        ("*.tmp\u{2028}photos/private/*\n", "line 1"),
        ("# one\ns3://settings/one.txt\ns3://settings/two.txt\n", "line 3"),
    ];
    for (text, line) in cases {
        desk.write("repository/infra/ignore_list.txt", text);
        desk.deploy(&[]).await.assert_ends(1, &[line, "cannot be used"]).assert_made_nothing();
    }
    // The same, where samconfig.toml has it.
    desk.write("repository/infra/ignore_list.txt", "");
    let set = "[default.deploy.parameters.parameter_overrides]\nIgnoreList = \"*.tmp\\n\u{2060}*.log\"\n";
    desk.write("repository/infra/samconfig.toml", set);
    desk.deploy(&[]).await.assert_ends(1, &["line 2", "U+2060"]).assert_made_nothing();
}

#[tokio::test]
async fn a_list_that_is_an_object_becomes_its_address_with_the_right_to_read_it() {
    let Some(desk) = desk().await else { return };
    desk.write("repository/infra/ignore_list.txt", "# kept elsewhere\ns3://settings/lists/ignore.txt\n");
    desk.deploy(&[]).await.assert_ends(0, &["IgnoreListObject: (empty) -> settings/lists/ignore.txt"]);
    assert_eq!(desk.parameter("IgnoreListObject"), "settings/lists/ignore.txt");
}

#[tokio::test]
async fn long_lists_are_divided_and_longer_ones_uploaded_without_losing_a_line() {
    let Some(desk) = desk().await else { return };
    let lines = |count: usize| (0..count).map(|n| format!("photos/folder-{n:04}/*.ü{n}\n")).collect::<String>();
    let long = lines(200);
    assert!((4096..8000).contains(&long.len()), "{}", long.len());
    desk.write("repository/infra/ignore_list.txt", &long);
    desk.deploy(&[]).await.assert_ends(0, &[]);
    let parts = ["IgnoreList", "IgnoreListMore"].map(|name| desk.parameter(name));
    assert!(parts.iter().all(|part| part.len() <= 4096));
    assert_eq!(parts.join("\n"), long.trim_end());

    let longer = lines(400);
    desk.write("repository/infra/ignore_list.txt", &longer);
    desk.deploy(&[]).await.assert_ends(1, &["IGNORE_LIST_BUCKET is needed"]).assert_made_nothing();
    desk.deploy(&[("IGNORE_LIST_BUCKET", "settings")])
        .await
        .assert_ends(0, &["uploaded to s3://settings/longhaul/longhaul/ignore_list.txt"]);
    assert_eq!(desk.parameter("IgnoreListObject"), "settings/longhaul/longhaul/ignore_list.txt");
    assert_eq!(desk.world()["uploaded"]["s3://settings/longhaul/longhaul/ignore_list.txt"], longer.as_str());
    // The next one knows the bucket.
    desk.deploy(&[]).await.assert_ends(0, &["No parameter of the stack changes"]);
}
