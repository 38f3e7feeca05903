//! What CloudFormation makes of a template's values, under given parameters.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use serverless::Template;

/// A template with values for its parameters. What is left out (`AWS::NoValue`) is null.
pub struct Evaluated<'a> {
    template: &'a Template,
    parameters: BTreeMap<String, Value>,
}

impl<'a> Evaluated<'a> {
    /// The given parameters have these values, all others their defaults.
    pub fn new(template: &'a Template, given: &[(&str, &str)]) -> Self {
        let declared = template.json()["Parameters"].as_object().into_iter().flatten();
        let parameters = declared.map(|(name, parameter)| {
            let given = given.iter().find(|(given, _)| given == name).map(|(_, value)| Value::from(*value));
            (name.clone(), typed(parameter, given.unwrap_or_else(|| parameter["Default"].clone())))
        });
        Self { template, parameters: parameters.collect() }
    }

    /// The properties of a resource.
    pub fn properties(&self, resource: &str) -> Value {
        let found = &self.template.json()["Resources"][resource];
        assert!(found.is_object(), "there is no resource {resource}");
        self.value(&found["Properties"])
    }

    /// Whether a named condition holds.
    pub fn holds(&self, name: &str) -> bool {
        self.condition(&self.template.json()["Conditions"][name])
    }

    fn condition(&self, condition: &Value) -> bool {
        let (function, arguments) = only_field(condition).unwrap_or_else(|| panic!("no condition: {condition}"));
        let all = || arguments.as_array().into_iter().flatten();
        match function {
            "Condition" => self.holds(text(arguments)),
            "Fn::Equals" => self.value(&arguments[0]) == self.value(&arguments[1]),
            "Fn::Not" => !self.condition(&arguments[0]),
            "Fn::And" => all().all(|one| self.condition(one)),
            "Fn::Or" => all().any(|one| self.condition(one)),
            other => panic!("the function {other} is not known here"),
        }
    }

    /// A value with all functions carried out; of another resource only its name is known.
    pub fn value(&self, value: &Value) -> Value {
        if let Some((function, arguments)) = only_field(value)
            && (function == "Ref" || function.starts_with("Fn::"))
        {
            return self.function(function, arguments);
        }
        let is_there = |value: &Value| !value.is_null();
        match value {
            Value::Array(items) => items.iter().map(|item| self.value(item)).filter(is_there).collect(),
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.clone(), self.value(value)));
                Value::Object(fields.filter(|(_, value)| is_there(value)).collect::<Map<_, _>>())
            }
            plain => plain.clone(),
        }
    }

    fn function(&self, function: &str, arguments: &Value) -> Value {
        match function {
            "Ref" => self.reference(text(arguments)),
            "Fn::GetAtt" => Value::from(format!("attribute {arguments}")),
            "Fn::If" if self.holds(text(&arguments[0])) => self.value(&arguments[1]),
            "Fn::If" => self.value(&arguments[2]),
            "Fn::Join" => {
                let items = self.value(&arguments[1]);
                let items: Vec<&str> = items.as_array().into_iter().flatten().map(text).collect();
                items.join(text(&arguments[0])).into()
            }
            "Fn::Split" => {
                let whole = self.value(&arguments[1]);
                text(&whole).split(text(&arguments[0])).collect::<Vec<_>>().into()
            }
            "Fn::Sub" => self.substituted(arguments),
            other => panic!("the function {other} is not known here"),
        }
    }

    fn reference(&self, name: &str) -> Value {
        match name {
            "AWS::NoValue" => Value::Null,
            "AWS::Partition" => "aws".into(),
            name => self.parameters.get(name).cloned().unwrap_or_else(|| name.into()),
        }
    }

    fn substituted(&self, arguments: &Value) -> Value {
        let mut rest = arguments.as_str().unwrap_or_else(|| text(&arguments[0]));
        let mut whole = String::new();
        while let Some((before, behind)) = rest.split_once("${") {
            let (name, behind) = behind.split_once('}').expect("a name ends with a brace");
            whole.push_str(before);
            whole.push_str(self.reference(name).as_str().unwrap_or(name));
            rest = behind;
        }
        (whole + rest).into()
    }
}

fn typed(parameter: &Value, value: Value) -> Value {
    match (parameter["Type"].as_str(), value.as_str()) {
        (Some("CommaDelimitedList"), Some(list)) => list.split(',').collect::<Vec<_>>().into(),
        _ => value,
    }
}

fn only_field(value: &Value) -> Option<(&str, &Value)> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    fields.iter().next().map(|(name, value)| (name.as_str(), value))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
