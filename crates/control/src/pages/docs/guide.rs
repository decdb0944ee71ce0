//! `/docs/`: what a newcomer must know, on one page.

use askama::Template;

use crate::acts::snippets;
use crate::guard::Anyone;
use crate::pages::parts::in_public;
use crate::pages::visitor::Visitor;
use crate::urls;

#[derive(Template)]
#[template(path = "docs/index.html")]
pub(crate) struct Guide {
    signed_in: bool,
    connect_example: String,
    policy_example: &'static str,
    shell_example: &'static str,
    apply_example: &'static str,
    pipeline_example: &'static str,
    refusal_example: &'static str,
}

in_public!(Guide);

const POLICY: &str = r#"{
  "version": "1",
  "default": "deny",
  "hide": ["delete_account"],
  "all_tools": {
    "limits": [{ "counter": "calls-per-minute", "window": "minute", "max": 60, "scope": "grant" }]
  },
  "tools": {
    "list_customers": {},
    "create_charge": {
      "require": [{
        "conditions": [{ "path": "args.reason", "op": "exists", "value": true }],
        "on_deny": "Give a reason."
      }],
      "deny_if": [{
        "conditions": [{ "path": "args.amount", "op": "gt", "value": 10000 }],
        "on_deny": "Too large."
      }],
      "limits": [{ "counter": "create_charge_rate", "window": "minute", "max": 30, "scope": "grant" }]
    }
  }
}"#;

const SHELL: &str = "drawbridge policy check policy.json       # every error, with line and column
drawbridge policy test policy.json        # runs policy.tests.json
drawbridge policy diff old.json new.json  # what changes, in words
drawbridge policy normalise policy.yaml   # PolicyLayer, Intercept";

const APPLY: &str = "export DRAWBRIDGE_URL=https://drawbridge.example.com
export DRAWBRIDGE_API_KEY=dbk_…
drawbridge export org                     # the same bytes every time
drawbridge apply org --dry-run            # the plan, in words
drawbridge apply org --yes --tokens new.jsonl";

const PIPELINE: &str = r"on:
  pull_request:
  push: { branches: [main] }
jobs:
  apply:
    runs-on: ubuntu-latest
    env:
      DRAWBRIDGE_URL: https://drawbridge.example.com
      DRAWBRIDGE_API_KEY: ${{ secrets.DRAWBRIDGE_API_KEY }}
      BILLING_AUTHORIZATION: ${{ secrets.BILLING_AUTHORIZATION }}
    steps:
      - uses: actions/checkout@v4
      - run: drawbridge apply org --dry-run
      - if: github.ref == 'refs/heads/main'
        run: drawbridge apply org --yes";

const REFUSAL: &str = r#"{
  "jsonrpc": "2.0",
  "id": 11,
  "result": {
    "isError": true,
    "content": [
      {
        "type": "text",
        "text": "[POLICY DENIED] Rate limit of 10 per minute reached. Try again in 23 s."
      }
    ]
  }
}"#;

/// `GET /docs/`.
pub(crate) async fn guide(caller: Anyone, visitor: Visitor) -> Guide {
    let base = urls::gateway_base(&caller.app().settings().gateway_url);
    Guide::of(visitor.signed_in, base)
}

impl Guide {
    fn of(signed_in: bool, gateway: &str) -> Self {
        let url = format!("{gateway}/t/acme/billing/mcp");
        let connect = snippets::all("billing", &url, "YOUR_TOKEN").into_iter().next();
        Self {
            signed_in,
            connect_example: connect.map(|snippet| snippet.text).unwrap_or_default(),
            policy_example: POLICY,
            shell_example: SHELL,
            apply_example: APPLY,
            pipeline_example: PIPELINE,
            refusal_example: REFUSAL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl crate::pages::samples::Samples for Guide {
        fn samples() -> Vec<Self> {
            vec![Self::of(false, "http://localhost:8080"), Self::of(true, "https://b.example")]
        }
    }

    #[test]
    fn the_examples_are_what_the_language_takes() {
        policy::parse(POLICY).unwrap();
        serde_json::from_str::<serde_json::Value>(REFUSAL).unwrap();
    }
}
