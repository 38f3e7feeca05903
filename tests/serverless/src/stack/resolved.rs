//! The template with its parameters filled in, as CloudFormation does it: conditions decided, functions replaced.

use serde_json::{Map, Value, json};

use crate::stack::template::Template;

/// The account that everything is in.
pub const ACCOUNT: &str = "111122223333";
/// The name of the stack.
pub const STACK_NAME: &str = "longhaul";

/// What CloudFormation fills in for every stack.
const PSEUDO: [(&str, &str); 5] = [
    ("AWS::Partition", "aws"),
    ("AWS::Region", "us-east-1"),
    ("AWS::AccountId", ACCOUNT),
    ("AWS::StackName", STACK_NAME),
    ("AWS::URLSuffix", "amazonaws.com"),
];

/// A template and values for its parameters.
#[derive(Clone, Debug)]
pub struct Resolved<'a> {
    template: &'a Template,
    parameters: &'a [(&'a str, &'a str)],
}

impl<'a> Resolved<'a> {
    /// With these values, and the defaults of all others.
    #[must_use]
    pub fn new(template: &'a Template, parameters: &'a [(&'a str, &'a str)]) -> Self {
        Self { template, parameters }
    }

    /// The properties of a resource.
    ///
    /// # Panics
    /// If there is no such resource, or its properties use what is not known here.
    #[must_use]
    pub fn properties(&self, id: &str) -> Value {
        let found = &self.template.json()["Resources"][id];
        assert!(found.is_object(), "there is no resource {id}");
        self.value(&found["Properties"]).unwrap_or_default()
    }

    /// The ARN that a role or a queue has here; of other resources nobody asks what it is.
    #[must_use]
    pub fn arn(&self, id: &str) -> String {
        match self.template.json()["Resources"][id]["Type"].as_str() {
            Some("AWS::IAM::Role") => format!("arn:aws:iam::{ACCOUNT}:role/{STACK_NAME}-{id}-0A1B2C"),
            Some("AWS::SQS::Queue") => format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{id}"),
            _ => format!("the ARN of {id}"),
        }
    }

    /// `None` is what the template calls `AWS::NoValue`.
    fn value(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(items) => Some(items.iter().filter_map(|item| self.value(item)).collect()),
            Value::Object(fields) => match fields.iter().next() {
                Some((name, argument)) if name == "Ref" || name.starts_with("Fn::") => self.function(name, argument),
                _ => Some(Value::Object(self.fields(fields))),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(value.clone()),
        }
    }

    fn fields(&self, fields: &Map<String, Value>) -> Map<String, Value> {
        fields.iter().filter_map(|(name, value)| Some((name.clone(), self.value(value)?))).collect()
    }

    fn function(&self, name: &str, argument: &Value) -> Option<Value> {
        let text = |value: &Value| self.value(value).and_then(|value| value.as_str().map(str::to_owned));
        Some(match name {
            "Ref" if *argument == "AWS::NoValue" => return None,
            "Ref" => self.reference(argument.as_str()?),
            "Fn::GetAtt" => json!(self.arn(argument[0].as_str()?)),
            "Fn::Sub" => json!(self.filled_in(argument.as_str()?)),
            "Fn::If" => {
                let branch = if self.condition(argument[0].as_str()?) { &argument[1] } else { &argument[2] };
                return self.value(branch);
            }
            "Fn::Join" => {
                let items = self.value(&argument[1])?;
                let items: Vec<&str> = items.as_array()?.iter().filter_map(Value::as_str).collect();
                json!(items.join(argument[0].as_str()?))
            }
            "Fn::Split" => json!(text(&argument[1])?.split(argument[0].as_str()?).collect::<Vec<_>>()),
            other => panic!("the function {other} is not known here"),
        })
    }

    fn reference(&self, name: &str) -> Value {
        if let Some((_, value)) = PSEUDO.iter().find(|(pseudo, _)| *pseudo == name) {
            return json!(value);
        }
        let Some(parameter) = self.template.json()["Parameters"].get(name) else { return json!(format!("the {name}")) };
        let given = self.parameters.iter().find(|(given, _)| *given == name).map(|(_, value)| json!(value));
        let value = given.unwrap_or_else(|| parameter["Default"].clone());
        match (parameter["Type"].as_str(), value.as_str()) {
            (Some("CommaDelimitedList"), Some("")) => json!([]),
            (Some("CommaDelimitedList"), Some(list)) => json!(list.split(',').collect::<Vec<_>>()),
            _ => value,
        }
    }

    /// A text with `${Name}` and `${Name.Arn}` in it.
    fn filled_in(&self, text: &str) -> String {
        let Some((before, rest)) = text.split_once("${") else { return text.to_owned() };
        let (name, after) = rest.split_once('}').expect("a name ends");
        let value = match name.strip_suffix(".Arn") {
            Some(id) => self.arn(id),
            None => self.reference(name).as_str().expect("a text").to_owned(),
        };
        format!("{before}{value}{}", self.filled_in(after))
    }

    /// Whether a condition holds that has a name.
    ///
    /// # Panics
    /// If it uses what is not known here.
    #[must_use]
    pub fn condition(&self, name: &str) -> bool {
        self.holds(&self.template.json()["Conditions"][name])
    }

    fn holds(&self, condition: &Value) -> bool {
        let (name, argument) = condition.as_object().and_then(|fields| fields.iter().next()).expect("a condition");
        let all = || argument.as_array().expect("a list").iter();
        match name.as_str() {
            "Condition" => self.condition(argument.as_str().expect("a name")),
            "Fn::Equals" => self.value(&argument[0]) == self.value(&argument[1]),
            "Fn::Not" => !self.holds(&argument[0]),
            "Fn::And" => all().all(|each| self.holds(each)),
            "Fn::Or" => all().any(|each| self.holds(each)),
            other => panic!("the condition {other} is not known here"),
        }
    }
}
