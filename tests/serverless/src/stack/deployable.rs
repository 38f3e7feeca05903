//! What a template needs before the emulator can deploy it; no more than this is changed.
//!
//! - Code is taken from S3 instead of being built.
//! - Alarms on metric math are left out: the emulator refuses them.
//! - `MaximumConcurrency` becomes a number: CloudFormation turns the text of a parameter into one, the emulator does
//!   not, and its mappings then stand still.

use serde_json::Value;

use crate::{lambda::Program, stack::template::Template};

/// The template with the code at these places, such as `s3://code/worker.zip`, for these values of its parameters.
///
/// # Panics
/// If a function is neither of the two programs.
pub(crate) fn deployable(template: &Template, parameters: &[(&str, &str)], place: impl Fn(Program) -> String) -> Value {
    let mut deployable = template.json().clone();
    for (id, function) in template.resources("AWS::Serverless::Function") {
        let properties = &mut deployable["Resources"][id]["Properties"];
        properties["CodeUri"] = Value::String(place(program_of(id, function)));
        change(&mut properties["Events"], "MaximumConcurrency", &|value: &Value| number(template, parameters, value));
    }
    if let Some(resources) = deployable["Resources"].as_object_mut() {
        resources.retain(|_, resource| !is_metric_math(resource));
    }
    deployable
}

/// What `sam build` builds for a function.
fn program_of(id: &str, function: &Value) -> Program {
    let binary = &function["Metadata"]["BuildProperties"]["Binary"];
    let program = Program::ALL.into_iter().find(|program| *binary == program.name());
    program.unwrap_or_else(|| panic!("{id} is built from {binary}, which is no program of longhaul"))
}

/// Changes every field of this name, however deep, since conditions may stand around it.
fn change(value: &mut Value, name: &str, to: &impl Fn(&Value) -> Value) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                if key == name {
                    *field = to(field);
                } else {
                    change(field, name, to);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| change(item, name, to)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_metric_math(resource: &Value) -> bool {
    resource["Type"] == "AWS::CloudWatch::Alarm" && !resource["Properties"]["Metrics"].is_null()
}

/// The number that the parameter has to which `value` refers. What is no number stays: its condition leaves it out.
fn number(template: &Template, parameters: &[(&str, &str)], value: &Value) -> Value {
    let Some(name) = value["Ref"].as_str() else { return value.clone() };
    let given = parameters.iter().find(|(given, _)| *given == name).map(|(_, value)| Value::from(*value));
    let setting = given.unwrap_or_else(|| template.json()["Parameters"][name]["Default"].clone());
    let number = setting.as_u64().or_else(|| setting.as_str()?.parse().ok());
    number.map_or_else(|| value.clone(), Value::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn function(binary: &str) -> Value {
        let scaling = json!({ "MaximumConcurrency": { "Ref": "Most" } });
        let concurrency = json!({ "ScalingConfig": { "Fn::If": ["Bounded", scaling, { "Ref": "AWS::NoValue" }] } });
        json!({
            "Type": "AWS::Serverless::Function",
            "Metadata": { "BuildProperties": { "Binary": binary } },
            "Properties": { "CodeUri": "../crates", "Events": { "Jobs": { "Properties": concurrency } } },
        })
    }

    fn deployed(parameters: &[(&str, &str)]) -> Value {
        let template = Template::from(json!({
            "Parameters": { "Most": { "Type": "Number", "Default": 100 } },
            "Resources": {
                "A": function("worker"),
                "B": function("jobsender"),
                "Queue": { "Type": "AWS::SQS::Queue" },
                "Plain": { "Type": "AWS::CloudWatch::Alarm", "Properties": { "MetricName": "Errors" } },
                "Math": { "Type": "AWS::CloudWatch::Alarm", "Properties": { "Metrics": [] } },
            },
        }));
        deployable(&template, parameters, |program| format!("s3://code/{}.zip", program.name()))
    }

    #[test]
    fn code_is_taken_from_elsewhere() {
        let deployed = deployed(&[]);
        assert_eq!(deployed["Resources"]["A"]["Properties"]["CodeUri"], "s3://code/worker.zip");
        assert_eq!(deployed["Resources"]["B"]["Properties"]["CodeUri"], "s3://code/jobsender.zip");
    }

    #[test]
    fn only_alarms_on_metric_math_are_left_out() {
        let deployed = deployed(&[]);
        let is_there = |id: &str| !deployed["Resources"][id].is_null();
        assert_eq!(["A", "B", "Queue", "Plain", "Math"].map(is_there), [true, true, true, true, false]);
    }

    #[test]
    fn the_concurrency_is_the_given_number_or_the_default() {
        let concurrency = |template: &Value| {
            template["Resources"]["A"]["Properties"]["Events"]["Jobs"]["Properties"]["ScalingConfig"]["Fn::If"][1]
                .clone()
        };
        assert_eq!(concurrency(&deployed(&[])), json!({ "MaximumConcurrency": 100 }));
        assert_eq!(concurrency(&deployed(&[("Most", "3")])), json!({ "MaximumConcurrency": 3 }));
        assert_eq!(concurrency(&deployed(&[("Most", "")])), json!({ "MaximumConcurrency": { "Ref": "Most" } }));
    }
}
