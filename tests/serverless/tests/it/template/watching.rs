//! Metrics, the dashboard and the alarm that the original's users know.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use serverless::{Metrics, Template};

use crate::template::{list, template};

/// The original's sums by the minute.
const SUMS: [&str; 6] =
    ["Downloading-bytes", "Uploading-bytes", "Completed-bytes", "ERROR-Logs", "WARNING-Logs", "TIMEOUT-Logs"];
/// Its one metric that is no sum.
const MEMORY: &str = "MaxMemoryUsed";
/// Metrics of AWS itself that its dashboard shows.
const OF_SERVICES: [&str; 7] = [
    "ConcurrentExecutions",
    "Invocations",
    "Errors",
    "Throttles",
    "Duration",
    "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible",
];

/// The widgets that draw metrics.
fn widgets(template: &Template) -> Vec<Value> {
    let dashboards: Vec<&Value> = template.resources("AWS::CloudWatch::Dashboard").map(|(_, board)| board).collect();
    let [dashboard] = dashboards.as_slice() else { panic!("{} dashboards", dashboards.len()) };
    let text = dashboard["Properties"]["DashboardBody"]["Fn::Sub"][0].as_str().expect("a text with names in it");
    let body: Value = serde_json::from_str(text).expect("JSON, whatever the names stand for");
    let widgets = list(&body["widgets"]).into_iter().filter(|widget| widget["type"] == "metric");
    widgets.map(|widget| widget["properties"].clone()).collect()
}

/// Whether a widget draws a metric in itself; what is only reckoned with is not visible.
fn shows(widget: &Value, metric: &str) -> bool {
    let lines = list(&widget["metrics"]);
    let mut visible = lines.iter().filter(|line| list(line).iter().all(|part| part["visible"] != false));
    visible.any(|line| list(line).contains(&&json!(metric)))
}

#[tokio::test]
async fn the_metrics_of_the_original_exist_under_their_names() {
    let Some(template) = template().await else { return };
    let metrics = Metrics::of(&template);
    let made: BTreeSet<(&str, &str)> =
        metrics.filters().iter().map(|filter| (filter.log_group.as_str(), filter.metric.as_str())).collect();
    for metric in SUMS.into_iter().chain([MEMORY]) {
        assert!(made.contains(&("WorkerLog", metric)), "{metric}");
    }
    for metric in ["ERROR-Logs", "WARNING-Logs", "TIMEOUT-Logs"] {
        assert!(made.contains(&("JobsenderLog", metric)), "{metric}");
    }
    for (id, filter) in template.resources("AWS::Logs::MetricFilter") {
        for transformation in list(&filter["Properties"]["MetricTransformations"]) {
            assert_eq!(transformation["MetricNamespace"], json!({ "Ref": "MetricNamespace" }), "{id}");
        }
    }
}

#[tokio::test]
async fn the_dashboard_shows_what_the_originals_did_by_the_minute() {
    let Some(template) = template().await else { return };
    let widgets = widgets(&template);
    for metric in SUMS {
        let summed = widgets.iter().any(|widget| {
            shows(widget, metric)
                && widget["stat"] == "Sum"
                && widget["period"] == 60
                && shows(widget, "${MetricNamespace}")
        });
        assert!(summed, "no widget shows sums of {metric} by the minute");
    }
    for metric in OF_SERVICES.into_iter().chain([MEMORY]) {
        let shown = widgets.iter().any(|widget| shows(widget, metric) && widget["period"] == 60);
        assert!(shown, "no widget shows {metric} by the minute");
    }
}

#[tokio::test]
async fn parked_messages_raise_an_alarm_that_is_mailed() {
    let Some(template) = template().await else { return };
    let alarms = template.resources("AWS::CloudWatch::Alarm").map(|(_, alarm)| &alarm["Properties"]);
    let parked = json!([{ "Name": "QueueName", "Value": { "Fn::GetAtt": ["ParkedQueue", "QueueName"] } }]);
    let alarms: Vec<&Value> = alarms.filter(|alarm| alarm["Dimensions"] == parked).collect();
    let [alarm] = alarms.as_slice() else { panic!("{} alarms on parked messages", alarms.len()) };
    assert_eq!(alarm["MetricName"], "ApproximateNumberOfMessagesVisible");
    assert_eq!((&alarm["ComparisonOperator"], &alarm["Threshold"]), (&json!("GreaterThanThreshold"), &json!(0)));
    let topic = json!({ "Ref": "AlarmTopic" });
    assert_eq!(alarm["AlarmActions"], json!([topic]));
    let mut subscriptions = template.resources("AWS::SNS::Subscription").map(|(_, it)| &it["Properties"]);
    let mailed = json!({ "TopicArn": topic, "Protocol": "email", "Endpoint": { "Ref": "AlarmEmail" } });
    assert!(subscriptions.any(|subscription| *subscription == mailed));
}

#[tokio::test]
async fn a_comparison_that_was_forced_raises_an_alarm_that_is_mailed() {
    let Some(template) = template().await else { return };
    let forced = json!({ "event": "gate", "level": "WARN", "message": "the last scan is not through" });
    let others = [json!({ "event": "gate", "level": "INFO" }), json!({ "event": "list-changed", "level": "WARN" })];
    let lines = [others.as_slice(), &[forced]].concat();
    assert_eq!(Metrics::of(&template).sum("Forced-scans", "JobsenderLog", &lines), 1.0);
    let alarms = template.resources("AWS::CloudWatch::Alarm").map(|(_, alarm)| &alarm["Properties"]);
    let alarms: Vec<&Value> = alarms.filter(|alarm| alarm["MetricName"] == "Forced-scans").collect();
    let [alarm] = alarms.as_slice() else { panic!("{} alarms on forced comparisons", alarms.len()) };
    assert_eq!(alarm["Namespace"], json!({ "Ref": "MetricNamespace" }));
    assert_eq!((&alarm["ComparisonOperator"], &alarm["Threshold"]), (&json!("GreaterThanThreshold"), &json!(0)));
    assert_eq!(alarm["AlarmActions"], json!([{ "Ref": "AlarmTopic" }]));
}
