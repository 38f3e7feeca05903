//! CloudWatch's filter patterns for JSON log lines, as far as longhaul's template uses them:
//! `{ $.a.b = "x" && $.c = 5 }`.
//!
//! Everything else is refused, so that a pattern is never taken for another one.

use serde_json::Value;

/// Why a pattern is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    pattern: String,
    rest: String,
}

impl std::fmt::Display for PatternError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the filter pattern {:?} is not understood at {:?}", self.pattern, self.rest)
    }
}

impl std::error::Error for PatternError {}

/// The place of a field, such as `$.record.status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath(Vec<String>);

impl FieldPath {
    /// `None` if it is no path of plain names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let names: Vec<String> = text.strip_prefix("$.")?.split('.').map(str::to_owned).collect();
        let is_plain =
            |name: &String| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
        names.iter().all(is_plain).then_some(Self(names))
    }

    /// The field, if the line has it.
    #[must_use]
    pub fn of<'a>(&self, line: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(line, |value, name| value.get(name))
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    Text(String),
    Number(f64),
}

#[derive(Clone, Debug, PartialEq)]
struct Condition {
    field: FieldPath,
    wanted: Wanted,
}

impl Condition {
    fn holds(&self, line: &Value) -> bool {
        let value = self.field.of(line);
        match &self.wanted {
            Wanted::Text(text) => value.and_then(Value::as_str) == Some(text.as_str()),
            Wanted::Number(number) => value.and_then(Value::as_f64) == Some(*number),
        }
    }
}

/// Conditions that must all hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(Vec<Condition>);

impl Pattern {
    /// # Errors
    /// If the pattern uses anything but equality and `&&`.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut reader = Reader { pattern: text, rest: text };
        reader.expect("{")?;
        let mut conditions = vec![reader.condition()?];
        while reader.takes("&&") {
            conditions.push(reader.condition()?);
        }
        reader.expect("}")?;
        if reader.rest.trim().is_empty() { Ok(Self(conditions)) } else { Err(reader.error()) }
    }

    /// Whether a line is one of those that the pattern means.
    #[must_use]
    pub fn matches(&self, line: &Value) -> bool {
        self.0.iter().all(|condition| condition.holds(line))
    }
}

struct Reader<'a> {
    pattern: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn error(&self) -> PatternError {
        PatternError { pattern: self.pattern.to_owned(), rest: self.rest.to_owned() }
    }

    fn takes(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), PatternError> {
        if self.takes(token) { Ok(()) } else { Err(self.error()) }
    }

    /// Everything to the next space, bracket or operator.
    fn word(&mut self) -> &'a str {
        let start = self.rest.trim_start();
        let end = start.find(|c: char| c.is_whitespace() || "{}()=!<>&|\"".contains(c)).unwrap_or(start.len());
        let (word, rest) = start.split_at(end);
        self.rest = rest;
        word
    }

    fn condition(&mut self) -> Result<Condition, PatternError> {
        let field = FieldPath::parse(self.word()).ok_or_else(|| self.error())?;
        self.expect("=")?;
        let wanted = if self.takes("\"") { self.quoted()? } else { self.number()? };
        Ok(Condition { field, wanted })
    }

    fn quoted(&mut self) -> Result<Wanted, PatternError> {
        let (text, rest) = self.rest.split_once('"').ok_or_else(|| self.error())?;
        // A star stands for anything, a backslash for what follows: neither is known here.
        if text.contains(['*', '\\']) {
            return Err(self.error());
        }
        self.rest = rest;
        Ok(Wanted::Text(text.to_owned()))
    }

    fn number(&mut self) -> Result<Wanted, PatternError> {
        self.word().parse().map(Wanted::Number).map_err(|_| self.error())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matches(pattern: &str, line: &Value) -> bool {
        Pattern::parse(pattern).unwrap().matches(line)
    }

    #[test]
    fn all_conditions_must_hold() {
        let pattern = r#"{ $.event = "object" && $.outcome = "copied" }"#;
        assert!(matches(pattern, &json!({ "event": "object", "outcome": "copied", "key": "k" })));
        assert!(!matches(pattern, &json!({ "event": "object", "outcome": "failed" })));
        assert!(!matches(pattern, &json!({ "outcome": "copied" })));
    }

    #[test]
    fn fields_may_lie_deep() {
        let pattern = r#"{ $.type = "platform.report" && $.record.status = "timeout" }"#;
        assert!(matches(pattern, &json!({ "type": "platform.report", "record": { "status": "timeout" } })));
        assert!(!matches(pattern, &json!({ "type": "platform.report", "record.status": "timeout" })));
    }

    #[test]
    fn a_text_is_no_number() {
        assert!(matches("{ $.code = 5 }", &json!({ "code": 5 })));
        assert!(!matches("{ $.code = 5 }", &json!({ "code": "5" })));
        assert!(!matches(r#"{ $.code = "5" }"#, &json!({ "code": 5 })));
    }

    #[test]
    fn texts_may_hold_what_else_has_a_meaning() {
        assert!(matches(r#"{$.a="x && } ="}"#, &json!({ "a": "x && } =" })));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let patterns = [
            "",
            "ERROR",
            "{ $.a }",
            r#"{ $.a != "x" }"#,
            r#"{ $.a = "x" || $.b = "y" }"#,
            r#"{ $.a = "x*" }"#,
            r#"{ $.a[0] = "x" }"#,
            "{ $.a > 5 }",
            "{ $.a IS NULL }",
            r#"{ ($.a = "x") }"#,
            r#"{ $.a = "x" } { $.b = "y" }"#,
            r#"{ $.a = "x"#,
        ];
        for pattern in patterns {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
