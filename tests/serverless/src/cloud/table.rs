//! The table of records, made as the template makes it.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType,
    },
};

/// A row, by attribute.
pub type Row = HashMap<String, AttributeValue>;

/// The table. Its methods panic where DynamoDB refuses.
#[derive(Clone, Debug)]
pub struct Table {
    client: Client,
    name: String,
}

impl Table {
    /// Makes the table, with its index `open`.
    pub async fn create(client: &Client, name: &str) -> Self {
        let table = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        let table = table
            .attribute_definitions(attribute("Key", ScalarAttributeType::S))
            .attribute_definitions(attribute("Open", ScalarAttributeType::S))
            .attribute_definitions(attribute("Updated", ScalarAttributeType::N))
            .key_schema(key("Key", KeyType::Hash))
            .global_secondary_indexes(open_index());
        table.send().await.expect("a table can be made");
        Self::named(client, name)
    }

    /// The table of this name.
    #[must_use]
    pub fn named(client: &Client, name: &str) -> Self {
        Self { client: client.clone(), name: name.to_owned() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The row of a key.
    pub async fn row(&self, key: &str) -> Option<Row> {
        let key = AttributeValue::S(key.to_owned());
        let request = self.client.get_item().table_name(&self.name).key("Key", key).consistent_read(true);
        request.send().await.expect("a row can be read").item
    }

    /// All rows, in no order.
    pub async fn rows(&self) -> Vec<Row> {
        let pages = self.client.scan().table_name(&self.name).consistent_read(true).into_paginator().items().send();
        pages.collect::<Result<Vec<_>, _>>().await.expect("rows can be read")
    }

    /// Removes a row, as a lost table would.
    pub async fn remove(&self, key: &str) {
        let key = AttributeValue::S(key.to_owned());
        self.client.delete_item().table_name(&self.name).key("Key", key).send().await.expect("a row can be removed");
    }
}

fn attribute(name: &str, of: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition::builder().attribute_name(name).attribute_type(of).build().expect("a complete definition")
}

fn key(name: &str, of: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(of).build().expect("a complete element")
}

fn open_index() -> GlobalSecondaryIndex {
    GlobalSecondaryIndex::builder()
        .index_name("open")
        .key_schema(key("Open", KeyType::Hash))
        .key_schema(key("Updated", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .expect("a complete index")
}
