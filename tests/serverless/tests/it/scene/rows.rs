//! What the table says of copies.

use aws_sdk_dynamodb::types::AttributeValue;
use serverless::{Cloud, OTHER_BUCKET, Row};

/// The key of a copy's row.
pub fn row_key(cloud: &Cloud, key: &str) -> String {
    format!("{}/{OTHER_BUCKET}/{key}", cloud.other.endpoint())
}

/// The row of a copy.
pub async fn row(cloud: &Cloud, key: &str) -> Option<Row> {
    cloud.table.row(&row_key(cloud, key)).await
}

/// The row of a copy that must have one.
pub async fn known_row(cloud: &Cloud, key: &str) -> Row {
    row(cloud, key).await.unwrap_or_else(|| panic!("the table does not know {key}"))
}

/// The state of a copy.
pub async fn state(cloud: &Cloud, key: &str) -> Option<String> {
    row(cloud, key).await.and_then(|row| text(&row, "State").map(str::to_owned))
}

/// A text or a number.
pub fn text<'a>(row: &'a Row, name: &str) -> Option<&'a str> {
    row.get(name).and_then(plain)
}

/// A text or a number of the record itself.
pub fn recorded<'a>(row: &'a Row, name: &str) -> Option<&'a str> {
    match row.get("Record")? {
        AttributeValue::M(record) => record.get(name).and_then(plain),
        _ => None,
    }
}

fn plain(value: &AttributeValue) -> Option<&str> {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => Some(text),
        _ => None,
    }
}
