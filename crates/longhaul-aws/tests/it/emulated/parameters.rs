//! Parameters, and the object that one of them can name.

use aws_sdk_ssm::types::ParameterType;
use longhaul::store::error::chain;
use longhaul_aws::ParameterError;

use crate::emulated::world::World;

#[tokio::test]
async fn parameters_on_an_emulator_are_read_as_they_should_be() {
    let Some(world) = World::start().await else { return };
    assert_a_parameter_is_read_once_until_it_is_forgotten(&world).await;
    assert_what_is_wrong_is_not_remembered(&world).await;
    assert_an_ignore_list_stands_in_its_parameter_or_in_an_object(&world).await;
    assert_a_stack_describes_itself(&world).await;
}

async fn put(world: &World, name: &str, value: &str) {
    let request = world.clients.ssm.put_parameter().name(name).value(value).overwrite(true);
    request.r#type(ParameterType::SecureString).send().await.unwrap();
}

async fn assert_a_parameter_is_read_once_until_it_is_forgotten(world: &World) {
    let parameters = world.cloud.parameters();
    let missing = parameters.text("name").await.unwrap_err();
    assert!(missing.is_missing() && !missing.is_retryable());
    put(world, "name", "first").await;
    assert_eq!(parameters.text("name").await.unwrap(), "first", "and it is decrypted");
    put(world, "name", "second").await;
    let asked = world.cloud.requests().ssm();
    assert_eq!(parameters.text("name").await.unwrap(), "first");
    assert_eq!(world.cloud.requests().ssm(), asked);
    parameters.forget("name");
    assert_eq!(parameters.text("name").await.unwrap(), "second");
}

async fn assert_what_is_wrong_is_not_remembered(world: &World) {
    let parameters = world.cloud.parameters();
    put(world, "credentials", r#"{"aws_access_key_id":"AKIDEXAMPLE"}"#).await;
    let error = parameters.credentials("credentials").await.unwrap_err();
    assert!(matches!(error, ParameterError::Credentials { .. }), "{error}");
    let keys = r#""aws_access_key_id":"AKIDEXAMPLE","aws_secret_access_key":"secret""#;
    put(world, "credentials", &format!("{{{keys},\"region\":\"cn-north-1\"}}")).await;
    let other = parameters.credentials("credentials").await.unwrap();
    let store = world.cloud.other_store(&other).await.unwrap();
    assert_eq!(store.endpoint(), "https://s3.cn-north-1.amazonaws.com.cn");

    put(world, "routes", r#"[{"src_bucket":"src"}]"#).await;
    assert!(matches!(parameters.routes("routes").await, Err(ParameterError::Routes { .. })));
    put(world, "routes", r#"[{"src_bucket":"src","src_prefix":"","des_bucket":"des","des_prefix":"p"}]"#).await;
    assert_eq!(parameters.routes("routes").await.unwrap()[0].des_prefix, "p");
}

async fn assert_an_ignore_list_stands_in_its_parameter_or_in_an_object(world: &World) {
    let (parameters, own) = (world.cloud.parameters(), world.cloud.own_store());
    put(world, "short", "# comment\n*.tmp\n").await;
    let list = parameters.ignore_list("short", own).await.unwrap();
    assert!(list.ignores("bucket", "a/b.tmp") && !list.ignores("bucket", "a/b"));

    put(world, "marked", "\u{feff}*.tmp\r\nbucket/x\r\n").await;
    let list = parameters.ignore_list("marked", own).await.unwrap();
    assert!(list.ignores("bucket", "a.tmp") && list.ignores("bucket", "x"));
    put(world, "void", "*.tmp\n\u{200b}bucket/x\n").await;
    let words = chain(&parameters.ignore_list("void", own).await.unwrap_err());
    assert!(words.contains("\"void\"") && words.contains("line 2") && words.contains("U+200B"), "{words}");

    put(world, "long", "# where the list is\ns3://lists/ignore list.txt\n").await;
    let error = parameters.ignore_list("long", own).await.unwrap_err();
    assert!(matches!(error, ParameterError::IgnoreList { .. }), "{error}");
    world.clients.s3.create_bucket().bucket("lists").send().await.unwrap();
    let body = aws_sdk_s3::primitives::ByteStream::from_static(b"bucket/secret/*\n");
    world.clients.s3.put_object().bucket("lists").key("ignore list.txt").body(body).send().await.unwrap();
    let list = parameters.ignore_list("long", own).await.unwrap();
    assert!(list.ignores("bucket", "secret/a") && !list.ignores("bucket", "a"));
    let body = aws_sdk_s3::primitives::ByteStream::from_static(b"# more\ns3://lists/other.txt\n");
    world.clients.s3.put_object().bucket("lists").key("ignore list.txt").body(body).send().await.unwrap();
    let words = chain(&parameters.ignore_list("long", own).await.unwrap_err());
    assert!(words.contains("s3://lists/ignore list.txt") && words.contains("line 2"), "{words}");
}

async fn assert_a_stack_describes_itself(world: &World) {
    let worker = r#"{"table_queue_name":"t","sqs_queue_jobs":"https://q/1/jobs","sqs_queue_parked":"https://q/1/p"}"#;
    let value = format!(r#"{{"version":1,"region":"eu-west-1","worker":{worker},"jobsender":{{}}}}"#);
    put(world, "/longhaul/photos", &value).await;
    let stack = world.cloud.parameters().stack("photos").await.unwrap();
    assert_eq!(stack.worker_settings().unwrap().table, "t");
    assert!(stack.jobsender_settings().is_err());
    assert!(world.cloud.parameters().stack("other").await.unwrap_err().is_missing());
}
