//! A small Intercept: what its documents say a call comes to, written down independently.

use std::collections::HashMap;

use serde_json::Value;

/// What comes of a call, strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Said {
    Denied,
    Asked,
    Passed,
}

pub(super) struct Proxy<'p> {
    policy: &'p Value,
    /// By scope and counter. Time stands still.
    counted: HashMap<String, i64>,
}

/// A rule with its scope.
type Scoped<'p> = (&'p str, &'p Value);

impl<'p> Proxy<'p> {
    pub(super) fn new(policy: &'p Value) -> Self {
        Self { policy, counted: HashMap::new() }
    }

    /// Decides a call; one that passes is counted if it is sent.
    pub(super) fn call(&mut self, tool: &str, arguments: &Value, is_sent: bool) -> Said {
        let hidden = self.policy["hide"].as_array().unwrap();
        if hidden.iter().any(|name| name == tool || name == "*") {
            return Said::Denied;
        }
        if self.policy["default"] == "deny" && self.policy["tools"].get(tool).is_none() {
            return Said::Denied;
        }
        let rules = self.rules(tool);
        let mut said = Said::Passed;
        for (scope, rule) in &rules {
            let holds = Self::conditions(scope, rule).iter().all(|c| self.holds(c, arguments));
            match rule["action"].as_str().unwrap_or("evaluate") {
                "evaluate" if !holds => return Said::Denied,
                "deny" => return Said::Denied,
                "require_approval" if holds => said = Said::Asked,
                _ => {}
            }
        }
        let Some(after) = self.reserved(&rules, arguments) else { return Said::Denied };
        if said == Said::Passed && is_sent {
            self.counted = after;
        }
        said
    }

    fn rules(&self, tool: &str) -> Vec<Scoped<'p>> {
        let of = |key: &str| self.policy["tools"].get(key).and_then(|t| t["rules"].as_array());
        let name = self.policy["tools"].as_object().unwrap().keys().find(|key| *key == tool);
        let own = of(tool).into_iter().flatten().map(|rule| (name.unwrap().as_str(), rule));
        let every = of("*").into_iter().flatten().map(|rule| ("_global", rule));
        own.chain(every).collect()
    }

    fn conditions(scope: &str, rule: &Value) -> Vec<Value> {
        if let Some((count, window)) = rate(rule) {
            let path = format!("state.{scope}._rate_{window}");
            return vec![serde_json::json!({"path": path, "op": "lte", "value": count})];
        }
        rule["conditions"].as_array().cloned().unwrap_or_default()
    }

    fn holds(&self, condition: &Value, arguments: &Value) -> bool {
        let path = condition["path"].as_str().unwrap();
        let found = if let Some(rest) = path.strip_prefix("args.") {
            rest.split('.').try_fold(arguments, |at, key| at.get(key)).cloned()
        } else {
            let counter = path.strip_prefix("state.").unwrap();
            Some(self.counted.get(counter).copied().unwrap_or_default().into())
        };
        let wanted = &condition["value"];
        let op = condition["op"].as_str().unwrap();
        if op == "exists" {
            return found.is_some_and(|value| !value.is_null()) == wanted.as_bool().unwrap();
        }
        found.is_some_and(|value| judged(op, &value, wanted))
    }

    /// The counters after a call, or `None` if one of them is full.
    fn reserved(&self, rules: &[Scoped<'_>], arguments: &Value) -> Option<HashMap<String, i64>> {
        let mut after = self.counted.clone();
        for (scope, rule) in rules {
            let (counter, by) = match (rate(rule), rule.get("state")) {
                (Some((_, window)), _) => (format!("_rate_{window}"), 1),
                (None, Some(state)) => {
                    (state["counter"].as_str().unwrap().to_owned(), increment(state, arguments)?)
                }
                (None, None) => continue,
            };
            let key = format!("{scope}.{counter}");
            let path = format!("state.{key}");
            let bound = |c: &Value| match c["op"].as_str() {
                Some("lt") if c["path"] == path => Some(whole(&c["value"])? - 1),
                Some("lte") if c["path"] == path => whole(&c["value"]),
                _ => None,
            };
            let Some(limit) = Self::conditions(scope, rule).iter().find_map(bound) else {
                continue;
            };
            let count = after.entry(key).or_default();
            if *count + by > limit {
                return None;
            }
            *count += by;
        }
        Some(after)
    }
}

/// As Go turns a double into a whole number.
#[expect(clippy::cast_possible_truncation, reason = "the proxy cuts numbers off, too")]
fn whole(value: &Value) -> Option<i64> {
    Some(value.as_f64()? as i64)
}

fn rate(rule: &Value) -> Option<(i64, &str)> {
    let (count, window) = rule.get("rate_limit")?.as_str()?.split_once('/')?;
    Some((count.parse().unwrap(), window))
}

/// `None` where the argument is no number: such a call is refused.
fn increment(state: &Value, arguments: &Value) -> Option<i64> {
    match state.get("increment_from").and_then(Value::as_str) {
        Some(path) => {
            let keys = path.strip_prefix("args.").unwrap().split('.');
            whole(keys.into_iter().try_fold(arguments, |at, key| at.get(key))?)
        }
        None => Some(state.get("increment").and_then(Value::as_i64).unwrap_or(1)),
    }
}

fn judged(op: &str, value: &Value, wanted: &Value) -> bool {
    let within = || wanted.as_array().unwrap().iter().any(|item| equal(value, item));
    let numbers = value.as_f64().zip(wanted.as_f64());
    match op {
        "eq" => equal(value, wanted),
        "neq" => !equal(value, wanted),
        "in" => within(),
        "not_in" => !within(),
        "lt" => numbers.is_some_and(|(a, b)| a < b),
        "lte" => numbers.is_some_and(|(a, b)| a <= b),
        "gt" => numbers.is_some_and(|(a, b)| a > b),
        "gte" => numbers.is_some_and(|(a, b)| a >= b),
        "contains" => match (value, wanted) {
            (Value::String(text), Value::String(part)) => text.contains(part),
            (Value::Array(items), wanted) => items.iter().any(|item| equal(item, wanted)),
            _ => false,
        },
        "regex" => value.as_str().is_some_and(|text| found(wanted.as_str().unwrap(), text)),
        other => panic!("{other}"),
    }
}

#[expect(clippy::float_cmp, reason = "the proxy compares doubles, too")]
fn equal(value: &Value, wanted: &Value) -> bool {
    match value.as_f64().zip(wanted.as_f64()) {
        Some((a, b)) => a == b,
        None => printed(value, true) == printed(wanted, false),
    }
}

/// As Go prints it. Every number of an argument is a double; of a policy, only one with a point.
fn printed(value: &Value, is_argument: bool) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(yes) => yes.to_string(),
        Value::String(text) => text.clone(),
        Value::Number(number) if !is_argument && number.is_i64() => number.to_string(),
        Value::Number(number) => double(number.as_f64().unwrap()),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| printed(item, is_argument)).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(members) => {
            let member = |(key, value)| format!("{key}:{}", printed(value, is_argument));
            format!("map[{}]", members.iter().map(member).collect::<Vec<_>>().join(" "))
        }
    }
}

fn double(number: f64) -> String {
    let text = format!("{number:e}");
    let (digits, power) = text.split_once('e').unwrap();
    match power.parse::<i32>().unwrap() {
        -4..21 if number.abs() < 1e6 => number.to_string(),
        power => format!("{digits}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs()),
    }
}

/// The few patterns of the tests, by hand: classes are of ASCII.
fn found(pattern: &str, text: &str) -> bool {
    match pattern {
        "" => true,
        "^main$" => text == "main",
        r"\d" => text.contains(|c: char| c.is_ascii_digit()),
        r"^[\w]*$" => text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
        other => panic!("{other}"),
    }
}
