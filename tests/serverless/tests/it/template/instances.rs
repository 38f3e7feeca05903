//! The templates of machines: what a shell on them may do.

use std::{fs, path::Path};

use emulator::required_python;
use serde_json::Value;
use serverless::Template;

use crate::template::{all_cases, list};

async fn read(name: &str) -> Option<Template> {
    let python = required_python().await?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra").join(name);
    Some(Template::parse(&python, &fs::read_to_string(path).expect("a template")).await)
}

/// What a role may do, each with its resource.
fn actions(role: &Value) -> Vec<(&str, String)> {
    let policies = list(&role["Properties"]["Policies"]).into_iter();
    let statements = policies.flat_map(|policy| all_cases(&policy["PolicyDocument"]["Statement"]));
    statements
        .flat_map(|statement| {
            let resource = statement["Resource"].to_string();
            all_cases(&statement["Action"])
                .into_iter()
                .filter_map(Value::as_str)
                .map(move |action| (action, resource.clone()))
        })
        .collect()
}

#[tokio::test]
async fn a_shell_on_an_instance_reads_no_parameter_but_the_settings_of_its_stack() {
    for name in ["nat-bbr.yaml", "fleet.yaml"] {
        let Some(template) = read(name).await else { return };
        let (id, role) = template.resources("AWS::IAM::Role").next().expect("a role");
        let managed = role["Properties"]["ManagedPolicyArns"].to_string();
        assert!(!managed.contains("aws:policy/"), "{name}: {id} has what AWS manages: {managed}");
        let actions = actions(role);
        assert!(actions.iter().all(|(action, _)| !action.contains('*')), "{name}: {actions:?}");
        let of_ssm: Vec<_> = actions.iter().filter(|(action, _)| action.starts_with("ssm")).collect();
        let (shell, others): (Vec<_>, Vec<_>) = of_ssm.into_iter().partition(|(_, resource)| resource == "\"*\"");
        let shell: Vec<&str> = shell.into_iter().map(|(action, _)| *action).collect();
        let needed = [
            "ssm:UpdateInstanceInformation",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ];
        assert_eq!(shell, needed, "{name}");
        for (action, resource) in others {
            assert!(
                *action == "ssm:GetParameter" && resource.contains("/longhaul/${LonghaulStack}\""),
                "{name}: {resource}"
            );
        }
    }
}

/// By this path the queues know a fleet as one of the stack's.
#[tokio::test]
async fn the_role_of_a_fleet_is_where_the_queues_look_for_it() {
    let Some(template) = read("fleet.yaml").await else { return };
    let (_, role) = template.resources("AWS::IAM::Role").next().expect("a role");
    assert_eq!(role["Properties"]["Path"]["Fn::Sub"], "/longhaul/${LonghaulStack}/");
}
