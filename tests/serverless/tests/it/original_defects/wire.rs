//! What requests to DynamoDB say of attributes.

use serde_json::Value;
use serverless::Asked;

/// Words of expressions, in any case of letters (Amazon DynamoDB Developer Guide, "Expressions").
const KEYWORDS: [&str; 9] = ["SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "IN", "BETWEEN"];

/// Their functions, which are written in small letters.
const FUNCTIONS: [&str; 8] = [
    "attribute_exists",
    "attribute_not_exists",
    "attribute_type",
    "begins_with",
    "contains",
    "size",
    "if_not_exists",
    "list_append",
];

/// Older parameters, which name attributes and know no aliases.
const LEGACY: [&str; 7] = [
    "AttributesToGet",
    "AttributeUpdates",
    "ConditionalOperator",
    "Expected",
    "KeyConditions",
    "QueryFilter",
    "ScanFilter",
];

/// All expressions of a request, those of its parts among them.
pub fn expressions(request: &Value) -> Vec<String> {
    let mut found = Vec::new();
    match request {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name.ends_with("Expression") => found.push(text.clone()),
                    value => found.extend(expressions(value)),
                }
            }
        }
        Value::Array(items) => found.extend(items.iter().flat_map(expressions)),
        _ => {}
    }
    found
}

/// The names in an expression that stand for attributes and are no aliases.
pub fn bare_names(expression: &str) -> Vec<&str> {
    let words = expression.split(|c: char| !(c.is_alphanumeric() || "_#:".contains(c)));
    let is_bare = |word: &&str| {
        let is_alias = word.starts_with(['#', ':']);
        let is_number = word.starts_with(|c: char| c.is_ascii_digit());
        let is_word = KEYWORDS.contains(&word.to_ascii_uppercase().as_str()) || FUNCTIONS.contains(word);
        !(word.is_empty() || is_alias || is_number || is_word)
    };
    words.filter(is_bare).collect()
}

/// The requests that would fail with a reserved word, in words.
pub fn unaliased(asked: &[Asked]) -> Vec<String> {
    let wrong = asked.iter().filter(|asked| {
        let bare = expressions(&asked.body).iter().any(|expression| !bare_names(expression).is_empty());
        bare || LEGACY.iter().any(|name| !asked.body[name].is_null())
    });
    wrong.map(|asked| format!("{} {}", asked.operation, asked.body)).collect()
}

#[test]
fn bare_names_are_told_from_aliases_and_words() {
    assert_eq!(bare_names("SET Size = :size, #a = if_not_exists(#a, :one)"), ["Size"]);
    assert_eq!(bare_names("attribute_not_exists(#key) AND #list[0].name = :x"), ["name"]);
}
