//! `/`: what this is, in one screen.

use askama::Template;

use super::parts::in_public;
use super::visitor::Visitor;
use crate::guard::Anyone;

#[derive(Template)]
#[template(path = "landing.html")]
pub(crate) struct Landing {
    signed_in: bool,
    policy_example: &'static str,
    answer_example: &'static str,
}

in_public!(Landing);

/// The published example, which the language takes to the letter.
const POLICY: &str = r#"{
  "version": "1",
  "default": "deny",
  "tools": {
    "run_workflow": {
      "limits": [
        {
          "counter": "run_workflow_rate",
          "window": "minute",
          "max": 10,
          "scope": "grant"
        }
      ]
    }
  }
}"#;

const ANSWER: &str = r#"{
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

/// `GET /`.
pub(crate) async fn landing(_: Anyone, visitor: Visitor) -> Landing {
    Landing { signed_in: visitor.signed_in, policy_example: POLICY, answer_example: ANSWER }
}

#[cfg(test)]
impl super::samples::Samples for Landing {
    fn samples() -> Vec<Self> {
        let of = |signed_in| Self { signed_in, policy_example: POLICY, answer_example: ANSWER };
        vec![of(false), of(true)]
    }
}
