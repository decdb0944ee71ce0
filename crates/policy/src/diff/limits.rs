//! Limits: which of the old became which of the new, and which way that goes.

use super::gates::{matched, retext};
use super::{Bearing, Changes, label};
use crate::limit::{Algorithm, Limit, Measure, Scope};
use crate::problem::{child, item};
use crate::window::Window;

impl Changes {
    pub(super) fn limits(&mut self, called: &str, at: &str, old: &[Limit], new: &[Limit]) {
        let at = child(at, "limits");
        let same_count = |a: &Limit, b: &Limit| {
            a.counter == b.counter
                && a.window == b.window
                && a.scope == b.scope
                && a.measure == b.measure
                && a.key == b.key
        };
        let same_counter = |a: &Limit, b: &Limit| a.counter == b.counter && a.measure == b.measure;
        let alike = |a: &Limit, b: &Limit| a.measure == b.measure;
        let pairs = matched(old, new, &[&|a, b| a == b, &same_count, &same_counter, &alike]);
        for (was, is) in pairs {
            match (was, is) {
                (Some((_, was)), Some((n, is))) => self.limit(called, &item(&at, n), was, is),
                (None, Some((n, is))) => {
                    let summary = format!("{called}: new limit of {}", words(is));
                    self.add(item(&at, n), Bearing::Stricter, summary);
                }
                (Some((n, was)), None) => {
                    let summary = format!("{called}: limit of {} removed", words(was));
                    self.gone(item(&at, n), Bearing::Looser, summary);
                }
                (None, None) => {}
            }
        }
    }

    fn limit(&mut self, called: &str, at: &str, old: &Limit, new: &Limit) {
        if old == new {
            return;
        }
        let bearing = bearing(old, new);
        let only_max = Limit { max: new.max, on_deny: new.on_deny.clone(), ..old.clone() } == *new;
        if only_max && old.max != new.max {
            let (was, is) = (old.shown(old.max), new.shown(new.max));
            let summary = format!("{called}: limit {was} → {is} {}", what_and_when(new));
            self.add(at, bearing, summary);
        } else if !only_max {
            let counter = if old.counter == new.counter {
                String::new()
            } else {
                format!(
                    ", counted as {} and no longer as {}",
                    label(&new.counter),
                    label(&old.counter)
                )
            };
            let summary = format!("{called}: limit of {} → {}{counter}", words(old), words(new));
            self.add(at, bearing, summary);
        }
        if let Some(summary) = retext(called, old.on_deny.as_deref(), new.on_deny.as_deref()) {
            self.add(at, Bearing::Neither, summary);
        }
    }
}

/// The limit in plain words: `30 calls a minute for each grant`.
pub(super) fn words(limit: &Limit) -> String {
    let whose = match limit.scope {
        Scope::Grant => "for each grant",
        Scope::Session => "for each session",
        Scope::Server => "for the server",
        Scope::Organisation => "for the organisation",
    };
    let across = if limit.across_servers { " across servers" } else { "" };
    let sliding = if limit.algorithm == Algorithm::Sliding { ", sliding" } else { "" };
    let key = limit.key.as_ref();
    let key = key.map_or(String::new(), |key| format!(", apart for each {}", key.subject()));
    let max = limit.shown(limit.max);
    format!("{max} {} {whose}{across}{key}{sliding}", what_and_when(limit))
}

/// `calls a minute`, `of amount a day`.
fn what_and_when(limit: &Limit) -> String {
    let what = match &limit.measure {
        Measure::Calls => "calls".to_owned(),
        Measure::Sum(path) => format!("of {}", path.subject()),
    };
    match limit.window {
        Window::Hour => format!("{what} an hour"),
        Window::Seconds(secs) => format!("{what} in {secs} seconds"),
        named => format!("{what} a {named}"),
    }
}

fn bearing(old: &Limit, new: &Limit) -> Bearing {
    if (Limit { on_deny: old.on_deny.clone(), ..new.clone() }) == *old {
        return Bearing::Neither;
    }
    match (is_within(new, old), is_within(old, new)) {
        (true, true) => Bearing::Neither,
        (true, false) => Bearing::Stricter,
        (false, true) => Bearing::Looser,
        (false, false) => Bearing::Either,
    }
}

/// Whether whatever keeps within `tight` keeps within `wide`.
fn is_within(tight: &Limit, wide: &Limit) -> bool {
    let same_things = tight.counter == wide.counter
        && tight.measure == wide.measure
        && tight.key == wide.key
        && (tight.algorithm == wide.algorithm || wide.algorithm == Algorithm::Fixed);
    same_things
        && tight.max <= wide.max
        && spans(tight.window, wide.window)
        && gathers(tight.scope, wide.scope)
        && (tight.spans_servers() || !wide.spans_servers())
        // A sliding window weighs its own neighbour only.
        && (tight.algorithm == Algorithm::Fixed || tight.window == wide.window)
}

/// Whether each window of `inner` lies within one window of `outer`.
fn spans(outer: Window, inner: Window) -> bool {
    let (long, short) = (outer.longest_secs(), inner.longest_secs());
    match (outer, inner) {
        _ if outer == inner => true,
        // Neither begins where the epoch's seconds do, but each day does.
        (Window::Month | Window::Week, Window::Seconds(secs)) => 86_400 % secs == 0,
        (Window::Month, inner) => !matches!(inner, Window::Week | Window::Month),
        (Window::Week, inner) => short <= 86_400 && inner.name().is_some(),
        (_, Window::Week | Window::Month) => false,
        _ => long >= short && long % short == 0,
    }
}

/// Whether all calls of one subject of `inner` are of one subject of `outer`.
const fn gathers(outer: Scope, inner: Scope) -> bool {
    const fn breadth(scope: Scope) -> u8 {
        match scope {
            Scope::Session => 0,
            Scope::Grant => 1,
            Scope::Server => 2,
            Scope::Organisation => 3,
        }
    }
    breadth(outer) >= breadth(inner)
}
