//! What the policy takes out of answers and of what comes with them, last of all: whatever a
//! server sends has passed here before a client sees it.

use mcp::message::{self, Message, MessageKind};
use policy::ResponseRule;

use super::answer::bad_answer;
use super::judge::{Act, Judge, Judged, spliced};
use crate::refusal::{Refusal, Ruling};

impl Judge {
    /// A judged message without what the policy takes out of it.
    pub(super) fn redacted(&self, data: &[u8], judged: Judged) -> Judged {
        // Of a stream of its own it is not known whose messages they are.
        let any = self.is_unasked.then(|| self.scope.binding(&self.gw)).flatten();
        let any = any.as_ref().and_then(|binding| binding.policy.as_ref());
        let any = any.and_then(|policy| policy.compiled.any_response());
        if any.is_none() && self.response.is_none() {
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
        let is_recalled = message.kind() == MessageKind::Response && self.awaited.is_some();
        let rule = if self.is_unasked && !is_recalled { any } else { self.response.as_ref() };
        let is_list = matches!(self.list(&message), Ok(Some(_)));
        let Some(rule) = rule.filter(|_| !is_list) else { return judged };
        if let Some(act) = self.too_long(rule, data, &message, &judged) {
            return Judged { act, seen: judged.seen };
        }
        match rule.redact(message.root()) {
            edits if edits.is_empty() => judged,
            edits => Judged { act: spliced(&message, &edits), seen: judged.seen },
        }
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
                        "The answer has {length} bytes, and the policy lets at most {most} through. \
                     Ask for less."
                    ),
                }))
            }
            MessageKind::Request => self.declined(message),
            MessageKind::Response | MessageKind::Notification => Act::Drop,
        })
    }
}
