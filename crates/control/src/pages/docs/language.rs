//! `/docs/policy`: the policy language, whole, on one page, with examples that are tested.

use askama::Template;

use crate::guard::Anyone;
use crate::pages::parts::in_public;
use crate::pages::visitor::Visitor;

/// A document that shows one thing.
struct Example {
    id: &'static str,
    label: &'static str,
    text: &'static str,
}

#[derive(Template)]
#[template(path = "docs/policy.html")]
pub(crate) struct Language {
    signed_in: bool,
    whole: Example,
    conditions: Example,
    limits: Example,
    answers: Example,
    others: Example,
    learning: Example,
    short: Example,
}

in_public!(Language);

const WHOLE: Example = Example {
    id: "example-whole",
    label: "a policy for billing",
    text: r#"{
  "version": "1",
  "default": "deny",
  "hide": ["delete_account", "admin_*"],
  "all_tools": {
    "limits": [{ "counter": "calls", "window": "minute", "max": 60 }]
  },
  "categories": { "read": {} },
  "tools": {
    "create_charge": {
      "validate_arguments": true,
      "require": [{
        "conditions": [{ "path": "args.reason", "op": "exists", "value": true }],
        "on_deny": "Give a reason."
      }],
      "deny_if": [{
        "conditions": [{ "path": "args.amount", "op": "gt", "value": 10000 }],
        "on_deny": "Charges over 10 000 are made by hand."
      }],
      "approve_if": [{
        "conditions": [{ "path": "args.amount", "op": "gt", "value": 1000 }],
        "on_deny": "A person must approve charges over 1 000."
      }],
      "limits": [{
        "counter": "spend", "window": "day", "max": 50000,
        "scope": "server", "increment_from": "args.amount"
      }]
    }
  }
}"#,
};

const CONDITIONS: Example = Example {
    id: "example-conditions",
    label: "conditions on a query and a host",
    text: r#"{
  "version": "1",
  "default": "deny",
  "tools": {
    "run_query": {
      "require": [{
        "conditions": [{ "path": "args.sql", "op": "regex", "value": "(?i)^\\s*select\\b" }],
        "on_deny": "Only SELECT."
      }]
    },
    "connect_host": {
      "deny_if": [{
        "conditions": [{
          "any": [
            { "not": { "path": "args.address", "op": "cidr", "value": "10.0.0.0/8" } },
            { "all": [
              { "path": "args.port", "op": "neq", "value": 443 },
              { "path": "time.hour", "op": "gte", "value": 18 }
            ] }
          ]
        }],
        "on_deny": "Internal hosts only, and after 18:00 UTC only by TLS."
      }]
    },
    "place_order": {
      "require": [{
        "conditions": [{ "path": "args.items[*].price", "op": "lte", "value": 500 }],
        "on_deny": "No item may cost more than 500."
      }]
    }
  }
}"#,
};

const LIMITS: Example = Example {
    id: "example-limits",
    label: "limits of several kinds",
    text: r#"{
  "version": "1",
  "default": "deny",
  "tools": {
    "send_message": {
      "limits": [
        { "counter": "messages", "window": "hour", "max": 100, "scope": "organisation" },
        { "counter": "to-one", "window": 600, "max": 3, "key": "args.recipient" },
        { "counter": "burst", "window": "second", "max": 5, "algorithm": "sliding" }
      ]
    }
  }
}"#,
};

const ANSWERS: Example = Example {
    id: "example-answers",
    label: "what is taken out of answers",
    text: r#"{
  "version": "1",
  "default": "deny",
  "tools": {
    "read_ticket": {
      "response": {
        "max_bytes": 200000,
        "redact": ["secrets", "cards", { "regex": "CUST-[0-9]{6}", "with": "[customer]" }]
      }
    }
  }
}"#,
};

const OTHERS: Example = Example {
    id: "example-others",
    label: "prompts, resources and requests of the server",
    text: r#"{
  "version": "1",
  "default": "deny",
  "tools": { "search": {} },
  "prompts": { "default": "allow", "hide": ["internal_*"] },
  "resources": { "default": "deny", "rules": { "file:///public/**": {} } },
  "server_requests": { "elicitation": "allow", "sampling": "deny", "roots": "deny" }
}"#,
};

const LEARNING: Example = Example {
    id: "example-learning",
    label: "a policy that only observes",
    text: r#"{
  "version": "1",
  "mode": "observe",
  "default": "deny",
  "tools": { "list_customers": {} }
}"#,
};

const SHORT: Example = Example {
    id: "example-short",
    label: "the short forms",
    text: r#"{
  "version": "1",
  "default": "deny",
  "tools": {
    "list_customers": { "action": "allow" },
    "drop_table": { "action": "deny", "reason": "Never from an agent." },
    "delete_account": { "action": "hide" },
    "refund": { "action": "require_approval", "reason": "A person approves refunds." },
    "run_workflow": { "rate_limit": { "max": 10, "window": 60 } }
  }
}"#,
};

/// `GET /docs/policy`.
pub(crate) async fn language(_: Anyone, visitor: Visitor) -> Language {
    Language::of(visitor.signed_in)
}

impl Language {
    const fn of(signed_in: bool) -> Self {
        Self {
            signed_in,
            whole: WHOLE,
            conditions: CONDITIONS,
            limits: LIMITS,
            answers: ANSWERS,
            others: OTHERS,
            learning: LEARNING,
            short: SHORT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl crate::pages::samples::Samples for Language {
        fn samples() -> Vec<Self> {
            vec![Self::of(false), Self::of(true)]
        }
    }

    #[test]
    fn every_example_is_a_policy_without_warnings() {
        for example in [WHOLE, CONDITIONS, LIMITS, ANSWERS, OTHERS, LEARNING, SHORT] {
            let document = policy::parse(example.text)
                .unwrap_or_else(|problems| panic!("{}: {problems:?}", example.id));
            policy::compile(&document, &[]).unwrap();
        }
    }
}
