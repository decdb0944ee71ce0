//! Whether a document says nothing that PolicyLayer could not say.

use crate::condition::{Condition, Op};
use crate::document::{Document, Gates, Mode, Rule};
use crate::limit::{Algorithm, Limit, Scope};
use crate::window::Window;

pub(super) fn is_policy_layer(document: &Document) -> bool {
    let Document {
        schema,
        default: _,
        mode,
        hide,
        all_tools,
        categories,
        tools,
        prompts,
        resources,
        server_requests,
        list_denied,
        approvals,
    } = document;
    let shared = Gates { limits: all_tools.limits.clone(), ..Gates::default() };
    schema.is_none()
        && *mode == Mode::Enforce
        && hide.iter().all(|name| name == "*" || !name.contains('*'))
        && *all_tools == shared
        && all_tools.limits.iter().all(is_plain_limit)
        && categories.is_empty()
        && tools.iter().all(|(name, rule)| !name.contains('*') && is_plain_rule(rule))
        && prompts.is_none()
        && resources.is_none()
        && server_requests.is_empty()
        && *list_denied
        && approvals.is_none()
}

fn is_plain_rule(rule: &Rule) -> bool {
    let Rule { gates, validate_arguments, response } = rule;
    let predicates = || gates.require.iter().chain(&gates.deny_if);
    gates.approve_if.is_empty()
        && !validate_arguments
        && response.is_none()
        && predicates().flat_map(|predicate| &predicate.conditions).all(is_plain_condition)
        && gates.limits.iter().all(is_plain_limit)
}

fn is_plain_condition(condition: &Condition) -> bool {
    let Condition::Test(test) = condition else { return false };
    let further = [Op::StartsWith, Op::EndsWith, Op::Glob, Op::Cidr, Op::LengthLte];
    test.path.is_of_arguments() && !test.path.has_each() && !further.contains(&test.op)
}

fn is_plain_limit(limit: &Limit) -> bool {
    matches!(limit.window, Window::Minute | Window::Hour | Window::Day)
        && limit.scope == Scope::Grant
        && !limit.across_servers
        && limit.key.is_none()
        && limit.algorithm == Algorithm::Fixed
}
