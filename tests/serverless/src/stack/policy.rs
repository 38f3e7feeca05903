//! What a policy of a resource says to a request, by IAM's rules for those parts that the template uses. No emulator asks it.

use serde_json::Value;

/// What a policy says. Whoever is in the same account may also be allowed by a policy of its own, unless this one denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Whatever other policies say.
    Denied,
    /// Here and at once.
    Allowed,
    /// Nothing. A service that is not allowed here is not allowed at all.
    Silent,
}

/// A request, as IAM sees it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    action: String,
    service: Option<String>,
    keys: Vec<(String, String)>,
}

impl Request {
    /// Of nobody that is known: without a signature.
    #[must_use]
    pub fn anonymous(action: &str) -> Self {
        Self { action: action.to_owned(), ..Self::default() }.with("aws:SecureTransport", "true")
    }

    /// Of a user or a role. Of a session, the ARN is that of its role.
    #[must_use]
    pub fn of_principal(action: &str, arn: &str) -> Self {
        Self::anonymous(action).with("aws:PrincipalArn", arn).with("aws:PrincipalIsAWSService", "false")
    }

    /// Of a service, for a resource of an account.
    #[must_use]
    pub fn of_service(action: &str, service: &str, account: &str, source: &str) -> Self {
        let request = Self::anonymous(action).with("aws:PrincipalIsAWSService", "true");
        let request = request.with("aws:SourceAccount", account).with("aws:SourceArn", source);
        Self { service: Some(service.to_owned()), ..request }
    }

    /// With a key of the context, or another value of one.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.keys.retain(|(known, _)| known != key);
        self.keys.push((key.to_owned(), value.to_owned()));
        self
    }

    fn key(&self, name: &str) -> Option<&str> {
        self.keys.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What the statements of a policy say to a request.
///
/// # Panics
/// If they use what is not known here.
#[must_use]
pub fn verdict(policy: &Value, request: &Request) -> Verdict {
    let statements = policy["Statement"].as_array().expect("a list of statements");
    let meant = |effect: &str| {
        let mut of_effect = statements.iter().filter(|statement| statement["Effect"] == effect);
        of_effect.any(|statement| is_meant(statement, request))
    };
    match (meant("Deny"), meant("Allow")) {
        (true, _) => Verdict::Denied,
        (false, true) => Verdict::Allowed,
        (false, false) => Verdict::Silent,
    }
}

fn is_meant(statement: &Value, request: &Request) -> bool {
    let mut conditions = statement["Condition"].as_object().into_iter().flatten();
    texts(&statement["Action"]).any(|action| is_like(action, &request.action))
        && is_principal(&statement["Principal"], request)
        && conditions.all(|(operator, keys)| {
            let mut keys = keys.as_object().expect("keys").iter();
            keys.all(|(key, values)| holds(operator, request.key(key), values))
        })
}

fn is_principal(principal: &Value, request: &Request) -> bool {
    if *principal == "*" {
        return true;
    }
    if let Some(service) = &request.service {
        return texts(&principal["Service"]).any(|named| named == service);
    }
    // The account itself stands for all whom its own policies permit it too.
    let account = |arn: &str| arn.split(':').nth(4).map(str::to_owned);
    let own = request.key("aws:PrincipalArn").and_then(account);
    own.is_some() && texts(&principal["AWS"]).any(|named| named.ends_with(":root") && account(named) == own)
}

fn holds(operator: &str, value: Option<&str>, wanted: &Value) -> bool {
    let wanted = || texts(wanted);
    match operator {
        "Bool" | "StringEquals" => value.is_some_and(|value| wanted().any(|wanted| wanted == value)),
        "BoolIfExists" => value.is_none_or(|value| wanted().any(|wanted| wanted == value)),
        "ArnLike" => value.is_some_and(|value| wanted().any(|wanted| is_arn_like(wanted, value))),
        // What is negated holds where there is nothing to compare.
        "ArnNotLike" => value.is_none_or(|value| !wanted().any(|wanted| is_arn_like(wanted, value))),
        other => panic!("the operator {other} is not known here"),
    }
}

/// Each of the six parts of an ARN for itself.
fn is_arn_like(pattern: &str, arn: &str) -> bool {
    let (patterns, parts): (Vec<_>, Vec<_>) = (pattern.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    patterns.len() == parts.len() && patterns.iter().zip(parts).all(|(pattern, part)| is_like(pattern, part))
}

/// `*` is any text, `?` one character.
fn is_like(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => {
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| is_like(rest.as_str(), &text[at..]))
        }
        Some(char) => {
            let mut text = text.chars();
            text.next().is_some_and(|given| char == '?' || char == given) && is_like(rest.as_str(), text.as_str())
        }
    }
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    items.iter().filter_map(Value::as_str)
}
