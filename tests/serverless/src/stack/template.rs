//! The template of `infra/`, as CloudFormation sees it.

use std::{fs, path::Path};

use emulator::Python;
use serde_json::{Value, json};

const READ: &str = include_str!("template.py");

/// A template in JSON, with all functions in their long forms (`{"Ref": "Table"}`).
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Value);

impl Template {
    /// The one template of longhaul, `infra/template.yaml`.
    ///
    /// # Panics
    /// If it cannot be read.
    pub async fn read(python: &Python) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/template.yaml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self::parse(python, &text).await
    }

    /// Any template, in YAML.
    ///
    /// # Panics
    /// If it is no YAML.
    pub async fn parse(python: &Python, yaml: &str) -> Self {
        Self(python.run(READ, &json!(yaml)).await)
    }

    /// All of it.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.0
    }

    /// The resources of a type, by logical id.
    pub fn resources(&self, of: &str) -> impl Iterator<Item = (&str, &Value)> {
        let all = self.0["Resources"].as_object().into_iter().flatten();
        all.filter(move |(_, resource)| resource["Type"] == of).map(|(id, resource)| (id.as_str(), resource))
    }
}

impl From<Value> for Template {
    /// A template whose functions are in their long forms already.
    fn from(json: Value) -> Self {
        Self(json)
    }
}
