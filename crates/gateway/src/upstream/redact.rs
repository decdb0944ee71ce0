//! What the policy takes out of answers and of what comes with them, last of all: whatever a
//! server sends has passed here before a client sees it.

use std::sync::Arc;

use mcp::message::{self, Message, MessageKind};
use policy::ResponseRule;

use super::answer::bad_answer;
use super::judge::{Act, Judge, Judged, spliced};
use crate::refusal::{Refusal, Ruling};

impl Judge {
    /// A judged message without what the policy takes out of it.
    pub(super) fn redacted(&self, data: &[u8], judged: Judged) -> Judged {
        let is_answer = judged.seen.is_some() && (!self.is_unasked || self.awaited.is_some());
        if is_answer && self.response.is_none() {
            return judged;
        }
        let bytes = match &judged.act {
            Act::Pass => data,
            Act::Replace(bytes) => bytes,
            Act::Drop | Act::Decline(_) | Act::Refuse(_) => return judged,
        };
        let Ok(message) = message::parse_from_upstream(bytes) else {
            return Act::Refuse(bad_answer()).into();
        };
        let is_others = self.is_unasked || message.kind() == MessageKind::Response;
        let rule = if is_others && !is_answer { self.any_rule() } else { self.response.clone() };
        let Some(rule) = rule else { return judged };
        if let Some(act) = self.too_long(&rule, data, &message, &judged) {
            return Judged { act, seen: judged.seen };
        }
        match rule.redact(message.root()) {
            edits if edits.is_empty() => judged,
            edits => Judged { act: spliced(&message, &edits), seen: judged.seen },
        }
    }

    /// Whether anything is taken out of what passes here.
    pub(super) fn takes_out(&self) -> bool {
        self.response.is_some() || (self.is_unasked && self.any_rule().is_some())
    }

    /// Everything that any rule takes out: for what is not known to be of one call.
    fn any_rule(&self) -> Option<Arc<ResponseRule>> {
        let binding = self.scope.binding(&self.gw)?;
        binding.policy.as_ref()?.compiled.any_response().cloned()
    }

    /// What becomes of a message that is longer than its rule lets through.
    fn too_long(
        &self,
        rule: &ResponseRule,
        data: &[u8],
        message: &Message<'_>,
        judged: &Judged,
    ) -> Option<Act> {
        let most = rule.max_bytes()?;
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        if length <= most {
            return None;
        }
        Some(match message.kind() {
            MessageKind::Response if judged.seen.is_some() => {
                Act::Refuse(Refusal::Denied(Ruling {
                    rule: rule.size_rule().to_owned(),
                    message: format!(
                        "The call was made, but its answer has {length} bytes, and the policy \
                         lets at most {most} through. Ask for less."
                    ),
                }))
            }
            MessageKind::Request => self.declined(message),
            MessageKind::Response | MessageKind::Notification => Act::Drop,
        })
    }
}
