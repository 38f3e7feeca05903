//! What CloudWatch would have counted in log lines, by the metric filters of a template.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    cloudwatch::pattern::{FieldPath, Pattern},
    stack::Template,
};

/// One value that a metric gets, with its dimensions.
#[derive(Clone, Debug, PartialEq)]
pub struct Datum {
    /// The value.
    pub value: f64,
    /// The dimensions, by name.
    pub dimensions: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Amount {
    Fixed(f64),
    Field(FieldPath),
}

/// One metric filter: which lines of which log group give which values to which metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricFilter {
    /// The name of the metric.
    pub metric: String,
    /// The logical id of the log group, or its name.
    pub log_group: String,
    pattern: Pattern,
    amount: Amount,
    dimensions: Vec<(String, FieldPath)>,
}

impl MetricFilter {
    /// What the metric gets from these lines. A line without the value, or without a dimension, gives nothing.
    #[must_use]
    pub fn data(&self, lines: &[Value]) -> Vec<Datum> {
        lines.iter().filter(|line| self.pattern.matches(line)).filter_map(|line| self.datum(line)).collect()
    }

    fn datum(&self, line: &Value) -> Option<Datum> {
        let value = match &self.amount {
            Amount::Fixed(value) => *value,
            Amount::Field(field) => field.of(line)?.as_f64()?,
        };
        let dimension = |(name, field): &(String, FieldPath)| Some((name.clone(), text(field.of(line)?)?));
        Some(Datum { value, dimensions: self.dimensions.iter().map(dimension).collect::<Option<_>>()? })
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// All metric filters of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    filters: Vec<MetricFilter>,
}

impl Metrics {
    /// # Panics
    /// If the template holds a filter that is not understood.
    #[must_use]
    pub fn of(template: &Template) -> Self {
        let resources = template.resources("AWS::Logs::MetricFilter");
        Self { filters: resources.flat_map(|(id, resource)| filters(id, &resource["Properties"])).collect() }
    }

    /// The filters.
    #[must_use]
    pub fn filters(&self) -> &[MetricFilter] {
        &self.filters
    }

    /// What a metric gets from these lines of a log group, which is named by its logical id.
    ///
    /// # Panics
    /// If nothing of this log group goes into such a metric.
    #[must_use]
    pub fn data(&self, metric: &str, log_group: &str, lines: &[Value]) -> Vec<Datum> {
        let fits = |filter: &&MetricFilter| filter.metric == metric && filter.log_group == log_group;
        let filters: Vec<&MetricFilter> = self.filters.iter().filter(fits).collect();
        assert!(!filters.is_empty(), "no filter makes {metric} of {log_group}");
        filters.into_iter().flat_map(|filter| filter.data(lines)).collect()
    }

    /// The sum of [`data`](Self::data).
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn sum(&self, metric: &str, log_group: &str, lines: &[Value]) -> f64 {
        self.data(metric, log_group, lines).iter().map(|datum| datum.value).sum()
    }
}

fn filters(id: &str, properties: &Value) -> Vec<MetricFilter> {
    let pattern = properties["FilterPattern"].as_str().unwrap_or_else(|| panic!("{id} has no pattern"));
    let pattern = Pattern::parse(pattern).unwrap_or_else(|error| panic!("{id}: {error}"));
    let group = &properties["LogGroupName"];
    let log_group = group["Ref"].as_str().or(group.as_str()).unwrap_or_else(|| panic!("{id} has no log group"));
    let transformations = properties["MetricTransformations"].as_array().into_iter().flatten();
    let filter = |transformation: &Value| MetricFilter {
        metric: plain(id, &transformation["MetricName"]),
        log_group: log_group.to_owned(),
        pattern: pattern.clone(),
        amount: amount(id, &transformation["MetricValue"]),
        dimensions: dimensions(id, &transformation["Dimensions"]),
    };
    transformations.map(filter).collect()
}

fn plain(id: &str, value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{id}: {value} is no plain text")).to_owned()
}

fn field(id: &str, text: &str) -> FieldPath {
    FieldPath::parse(text).unwrap_or_else(|| panic!("{id}: {text} is no field"))
}

fn amount(id: &str, value: &Value) -> Amount {
    if let Some(number) = value.as_f64() {
        return Amount::Fixed(number);
    }
    let text = plain(id, value);
    text.parse().map_or_else(|_| Amount::Field(field(id, &text)), Amount::Fixed)
}

fn dimensions(id: &str, list: &Value) -> Vec<(String, FieldPath)> {
    let list = list.as_array().into_iter().flatten();
    list.map(|each| (plain(id, &each["Key"]), field(id, &plain(id, &each["Value"])))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metrics() -> Vec<MetricFilter> {
        let transformations = json!([
            { "MetricNamespace": { "Ref": "Namespace" }, "MetricName": "Objects", "MetricValue": "1" },
            { "MetricName": "Bytes", "MetricValue": "$.size_bytes" },
            { "MetricName": "Reasons", "MetricValue": 1, "Dimensions": [{ "Key": "reason", "Value": "$.why.code" }] },
        ]);
        let properties = json!({
            "LogGroupName": { "Ref": "WorkerLog" },
            "FilterPattern": "{ $.event = \"object\" }",
            "MetricTransformations": transformations,
        });
        filters("Filter", &properties)
    }

    fn lines() -> Vec<Value> {
        vec![
            json!({ "event": "object", "size_bytes": 5, "why": { "code": "gone" } }),
            json!({ "event": "object", "size_bytes": 7 }),
            json!({ "event": "object" }),
            json!({ "event": "traffic", "size_bytes": 1000 }),
        ]
    }

    fn of(metrics: Vec<MetricFilter>) -> Metrics {
        Metrics { filters: metrics }
    }

    #[test]
    fn a_fixed_value_counts_lines_and_a_field_adds_up() {
        let metrics = of(metrics());
        assert_eq!(metrics.sum("Objects", "WorkerLog", &lines()), 3.0);
        assert_eq!(metrics.sum("Bytes", "WorkerLog", &lines()), 12.0);
    }

    #[test]
    fn dimensions_come_from_the_line() {
        let data = of(metrics()).data("Reasons", "WorkerLog", &lines());
        let dimensions = BTreeMap::from([("reason".to_owned(), "gone".to_owned())]);
        assert_eq!(data, [Datum { value: 1.0, dimensions }]);
    }

    #[test]
    #[should_panic(expected = "no filter makes Objects of JobsenderLog")]
    fn a_metric_that_nothing_feeds_is_a_mistake() {
        let _ = of(metrics()).sum("Objects", "JobsenderLog", &lines());
    }
}
