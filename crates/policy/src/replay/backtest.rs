//! A draft beside what is in force, over recorded calls.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use chrono::TimeDelta;
use smallvec::SmallVec;

use super::judge::{Base, Gap, Judge, Judged};
use super::report::{Change, Findings, Report};
use super::{Kind, Recorded};
use crate::compiled::Compiled;
use crate::engine::Step;

/// Shapes that are remembered at once.
const MAX_SHAPES: usize = 1 << 12;

/// Decides recorded calls twice, and tells the two apart. Feed it in the order of time.
///
/// Both sides know the same of each call, so that a document beside itself changes nothing. What
/// neither can know of a value, the outcome that was recorded may tell: a call that was let
/// through then met no rule that stood in its way then.
pub struct Backtest {
    live: Judge,
    draft: Judge,
    then: Vec<Judge>,
    servers: u32,
    shapes: Shapes,
    findings: Findings,
}

/// A server whose calls are fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerAt(u32);

/// A policy that decided some of the calls when they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThenAt(usize);

impl Backtest {
    /// Nothing fed yet. Figures over time are counted in buckets of this length.
    pub fn new(bucket: TimeDelta) -> Self {
        Self {
            live: Judge::default(),
            draft: Judge::default(),
            then: Vec::new(),
            servers: 0,
            shapes: Shapes::default(),
            findings: Findings::new(bucket),
        }
    }

    /// Adds a server, with both documents compiled for its tools.
    pub fn add_server(&mut self, live: Compiled, draft: Compiled) -> ServerAt {
        let at = self.servers;
        self.servers += 1;
        self.live.add(at, live);
        self.draft.add(at, draft);
        ServerAt(at)
    }

    /// Adds a policy, or a version, that decided calls on a server when they were made.
    pub fn add_then(&mut self, server: ServerAt, policy: Compiled) -> ThenAt {
        let mut judge = Judge::default();
        judge.add(server.0, policy);
        self.then.push(judge);
        ThenAt(self.then.len() - 1)
    }

    /// Decides one more call. `then` is the policy that decided it when it was made, if known.
    pub fn feed(&mut self, server: ServerAt, then: Option<ThenAt>, call: &Recorded<'_>) {
        let shape = match call.arguments {
            Some(_) => None,
            None => Some(self.shape(server.0, call)),
        };
        let live = self.live.judge(server.0, shape, call);
        let draft = self.draft.judge(server.0, shape, call);
        let (Some(live), Some(draft)) = (live, draft) else { return };
        let is_open = !live.blanks.is_empty() || !draft.blanks.is_empty();
        let judge = if is_open { then.and_then(|at| self.then.get_mut(at.0)) } else { None };
        let told = judge.and_then(|judge| judge.judge(server.0, shape, call));
        let told = told.as_deref().map(|then| Told { then, call });
        let before = Side { judge: &mut self.live, judged: &live }.fate(server.0, call, told);
        let after = Side { judge: &mut self.draft, judged: &draft }.fate(server.0, call, told);
        let change = compared(&before, &after);
        if let Some((Change::Unknown, _)) = &change {
            let open = if after.open.is_empty() { &before.open } else { &after.open };
            let mut paths: SmallVec<[&str; 4]> = open.iter().map(|gap| &*gap.path).collect();
            paths.sort_unstable();
            paths.dedup();
            paths.into_iter().for_each(|path| self.findings.miss(path));
        }
        self.findings.note(call, change);
    }

    /// What was found.
    pub fn finish(self) -> Report {
        self.findings.report()
    }

    fn shape(&mut self, server: u32, call: &Recorded<'_>) -> usize {
        if self.shapes.is_full() {
            self.shapes = Shapes::default();
            let all = [&mut self.live, &mut self.draft].into_iter().chain(&mut self.then);
            all.for_each(Judge::forget);
        }
        self.shapes.of(server, call)
    }
}

// === Fates ===

/// What becomes of a call under one policy.
struct Fate<'j> {
    kind: FateKind,
    /// By which rule; empty where it passes.
    rule: Arc<str>,
    base: &'j Base,
    /// What it would take to know.
    open: SmallVec<[&'j Gap; 2]>,
    /// Of what is not known: whether a limit would stop it in any case.
    is_over: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FateKind {
    Passes,
    Denied,
    Hidden,
    Limited,
    Gated,
    Unknown,
}

/// One policy, and what it made of a call.
struct Side<'s, 'j> {
    judge: &'s mut Judge,
    judged: &'j Judged,
}

impl<'j> Side<'_, 'j> {
    /// The whole decision, limits included.
    fn fate(self, server: u32, call: &Recorded<'_>, told: Option<Told<'_>>) -> Fate<'j> {
        let judged = self.judged;
        let fate = Fate::of(judged, told);
        let counts = match fate.kind {
            FateKind::Passes => true,
            // What was let through then is counted now.
            FateKind::Unknown => call.was_let_through(),
            _ => false,
        };
        if !counts || judged.asks.is_empty() {
            return fate;
        }
        let over = self.judge.counts.reserve(server, call, &judged.asks, judged.enforced);
        match (over, fate.kind) {
            (Some(rule), FateKind::Passes) => Fate { kind: FateKind::Limited, rule, ..fate },
            (over, _) => Fate { is_over: over.is_some(), ..fate },
        }
    }
}

impl<'j> Fate<'j> {
    fn of(judged: &'j Judged, told: Option<Told<'_>>) -> Self {
        let base = &judged.base;
        let settled = |kind, rule: &Arc<str>| {
            let rule = Arc::clone(rule);
            Self { kind, rule, base, open: SmallVec::new(), is_over: false }
        };
        let mut open = SmallVec::new();
        let mut asks = None;
        // A policy that only observes lets pass whatever it finds.
        for gap in judged.blanks.iter().filter(|_| !judged.observes) {
            match told.and_then(|told| told.lets_pass(gap)) {
                Some(true) => {}
                Some(false) if gap.step == Step::ApproveIf => asks = asks.or(Some(&gap.rule)),
                Some(false) if gap.step == Step::Limit => {
                    return settled(FateKind::Limited, &gap.rule);
                }
                Some(false) => return settled(FateKind::Denied, &gap.rule),
                None => open.push(gap),
            }
        }
        match (base, asks) {
            (Base::Denied(rule), _) => settled(FateKind::Denied, rule),
            (Base::Hidden(rule), _) => settled(FateKind::Hidden, rule),
            _ if !open.is_empty() => {
                let rule = open.first().map(|gap: &&Gap| Arc::clone(&gap.rule)).unwrap_or_default();
                Self { kind: FateKind::Unknown, rule, base, open, is_over: false }
            }
            (_, Some(rule)) | (Base::Gated(rule), None) => settled(FateKind::Gated, rule),
            (Base::Passes, None) => settled(FateKind::Passes, &Arc::default()),
        }
    }
}

/// What the draft would change, and by which rule.
fn compared(before: &Fate<'_>, after: &Fate<'_>) -> Option<(Change, Arc<str>)> {
    let change = match (before.kind, after.kind) {
        (FateKind::Unknown, FateKind::Unknown) if asks_the_same(before, after) => return None,
        (_, FateKind::Unknown) => Change::Unknown,
        (FateKind::Unknown, _) => return Some((Change::Unknown, Arc::clone(&before.rule))),
        (before, after) if before == after => return None,
        (_, FateKind::Passes) => return Some((Change::Allowed, Arc::clone(&before.rule))),
        (_, FateKind::Denied) => Change::Denied,
        (_, FateKind::Hidden) => Change::Hidden,
        (_, FateKind::Limited) => Change::Limited,
        (_, FateKind::Gated) => Change::Gated,
    };
    Some((change, Arc::clone(&after.rule)))
}

/// Whether both depend on the same, so that they come to the same.
fn asks_the_same(before: &Fate<'_>, after: &Fate<'_>) -> bool {
    let is_gated = |fate: &Fate<'_>| matches!(fate.base, Base::Gated(_));
    before.open.len() == after.open.len()
        && (is_gated(before), before.is_over) == (is_gated(after), after.is_over)
        && before.open.iter().zip(&after.open).all(|(a, b)| a.is_same_as(b))
}

/// What the recorded outcome tells of what the policy of that time could have asked.
#[derive(Clone, Copy)]
struct Told<'t> {
    then: &'t Judged,
    call: &'t Recorded<'t>,
}

impl Told<'_> {
    /// Whether this let the call pass then; `None` where the record does not tell.
    fn lets_pass(self, gap: &Gap) -> Option<bool> {
        let blanks = &self.then.blanks;
        let at = blanks.iter().position(|known| known.is_same_as(gap))?;
        let refused = blanks.iter().position(|known| *known.rule == *self.call.rule);
        if refused == Some(at) {
            return Some(false);
        }
        match self.call.outcome {
            "allowed" | "upstream_error" => Some(true),
            "cancelled" if self.call.rule.is_empty() => Some(true),
            // The steps come in one order, so what comes before the one that refused let it pass.
            "limited" | "denied" | "approval_required" | "observed" => {
                let is_earlier = refused.is_some_and(|refused| at < refused);
                let is_earlier_step = gap.step.is_before_rule(self.call.rule);
                (is_earlier || is_earlier_step).then_some(true)
            }
            _ => None,
        }
    }
}

// === Shapes ===

/// Calls that differ only in their time, their caller and their values, counted up.
#[derive(Default)]
struct Shapes {
    hasher: RandomState,
    by_hash: HashMap<u64, SmallVec<[Shape; 1]>>,
    count: usize,
}

struct Shape {
    at: usize,
    server: u32,
    kind: Kind,
    target: Box<str>,
    names: Box<[String]>,
}

impl Shapes {
    fn is_full(&self) -> bool {
        self.count >= MAX_SHAPES
    }

    fn of(&mut self, server: u32, call: &Recorded<'_>) -> usize {
        let hash = self.hasher.hash_one((server, call.kind, call.target, call.names));
        let alike = self.by_hash.entry(hash).or_default();
        if let Some(known) = alike.iter().find(|shape| shape.fits(server, call)) {
            return known.at;
        }
        let at = self.count;
        self.count += 1;
        let (target, names) = (call.target.into(), call.names.into());
        alike.push(Shape { at, server, kind: call.kind, target, names });
        at
    }
}

impl Shape {
    fn fits(&self, server: u32, call: &Recorded<'_>) -> bool {
        (self.server, self.kind) == (server, call.kind)
            && *self.target == *call.target
            && *self.names == *call.names
    }
}
