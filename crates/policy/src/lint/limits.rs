//! Warnings about limits: those that never bite, and those that do not protect.

use super::found::Warning;
use crate::document::{Document, Gates};
use crate::limit::{Algorithm, Limit, Measure, Scope};
use crate::problem::{child, item};
use crate::window::Window;

/// Limits that are easy to get around, and those that let nothing pass.
pub(super) fn weak(document: &Document, found: &mut Vec<Warning>) {
    for (pointer, gates) in document.tool_gates() {
        for (index, limit) in gates.limits.iter().enumerate() {
            let at = || item(&child(&pointer, "limits"), index);
            if limit.max == 0 && limit.measure == Measure::Calls {
                let detail = "A maximum of 0 lets no call pass: \"action\": \"deny\" says so.";
                found.push(Warning::new(at(), detail));
            }
            if limit.scope == Scope::Session {
                let detail = "A client can open as many sessions as it likes, so this is no \
                              security limit.";
                found.push(Warning::new(at(), detail));
            }
            let keyless = |other: &&Limit| other.key.is_none();
            let beside = gates.limits.iter().chain(&document.all_tools.limits);
            if limit.key.is_some() && beside.filter(keyless).count() == 0 {
                let detail = "Whoever chooses the key chooses the count: set a limit without \
                              \"key\" beside this one.";
                found.push(Warning::new(at(), detail));
            }
        }
    }
}

/// Limits that another one, which meets all the same calls, always reaches first.
pub(super) fn never_reached(document: &Document, found: &mut Vec<Warning>) {
    let shared = &document.all_tools;
    for (pointer, gates) in document.tool_gates() {
        let others: Vec<&Limit> = if std::ptr::eq(gates, shared) {
            gates.limits.iter().collect()
        } else {
            gates.limits.iter().chain(&shared.limits).collect()
        };
        for (index, limit) in gates.limits.iter().enumerate() {
            let first = others.iter().enumerate().find(|(at, other)| {
                let is_earlier = other.max < limit.max || (other.max == limit.max && *at < index);
                *at != index && is_earlier && covers(other, limit)
            });
            if let Some((_, other)) = first
                && !counts_elsewhere(document, gates, limit)
            {
                let detail = format!(
                    "This is never reached: the limit of {} per {} ends first.",
                    other.max, other.window
                );
                found.push(Warning::new(item(&child(&pointer, "limits"), index), detail));
            }
        }
    }
}

/// Whether every window of `wide` holds all calls that a window of `narrow` inside it counts.
fn covers(wide: &Limit, narrow: &Limit) -> bool {
    let is_plain = |limit: &Limit| {
        limit.measure == Measure::Calls
            && limit.key.is_none()
            && limit.algorithm == Algorithm::Fixed
    };
    let is_scope_wider = match (wide.scope, narrow.scope) {
        (wide, narrow) if wide == narrow => wide.eq(&narrow),
        (Scope::Organisation, _) | (Scope::Server | Scope::Grant, Scope::Session) => true,
        (Scope::Server, Scope::Grant) => !narrow.across_servers,
        _ => false,
    };
    let is_reach_wider = wide.spans_servers() || !narrow.spans_servers();
    is_plain(wide)
        && is_plain(narrow)
        && is_scope_wider
        && is_reach_wider
        && nests(narrow.window, wide.window)
}

/// Whether each window of the one kind lies within one of the other kind.
fn nests(inner: Window, outer: Window) -> bool {
    const DAY_SECS: u32 = 86_400;
    let (inside, outside) = (inner.longest_secs(), outer.longest_secs());
    match (inner, outer) {
        (inner, outer) if inner == outer => true,
        (Window::Week | Window::Month, _) => false,
        (_, Window::Week | Window::Month) => DAY_SECS.is_multiple_of(inside),
        _ => outside.is_multiple_of(inside),
    }
}

/// Whether other rules count into the same count, which can then fill up without these calls.
fn counts_elsewhere(document: &Document, gates: &Gates, limit: &Limit) -> bool {
    let others = document.tool_gates().filter(|(_, other)| !std::ptr::eq(*other, gates));
    let mut limits = others.flat_map(|(_, other)| &other.limits);
    limits.any(|other| {
        (&other.counter, other.window, other.scope) == (&limit.counter, limit.window, limit.scope)
    })
}
