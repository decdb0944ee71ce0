//! Documents of other kinds: what they become, and what is said of it.

use std::fmt::Write as _;

use policy::{Dialect, Imported, Others, import};

use crate::support::{document, listed, rule, with};

/// The text, what it becomes, and the report or the errors.
fn report(text: &str, others: Others) -> String {
    let mut out = format!("{text}\n---\n");
    match import(text, others) {
        Err(problems) => writeln!(out, "{}", listed(&problems)).unwrap(),
        Ok(Imported { document, dialect, report }) => {
            write!(out, "{}\n{}", dialect.as_str(), document.to_json()).unwrap();
            for note in report {
                let line = note.line.map(|line| format!(", line {line}")).unwrap_or_default();
                let weight = note.weight.as_str();
                write!(
                    out,
                    "\n{weight} \"{}\"{line}\n  {}\n  {}",
                    note.pointer, note.what, note.why
                )
                .unwrap();
            }
        }
    }
    out
}

fn dialect(text: &str) -> Dialect {
    import(text, Others::Inherit).unwrap_or_else(|found| panic!("{text}: {found:?}")).dialect
}

// === Which it is ===

#[test]
fn the_kind_of_a_document_is_seen() {
    let published = rule(r#"{"limits":[{"counter":"c","window":"minute","max":10}]}"#);
    assert_eq!(dialect(&published), Dialect::PolicyLayer);
    assert_eq!(dialect(&with(r#""hide":["*"]"#)), Dialect::PolicyLayer);
    let ours = [
        with(r#""mode":"observe""#),
        with(r#""tools":{"list_*":{}}"#),
        with(r#""categories":{"read":{}}"#),
        with(r#""prompts":{"default":"allow"}"#),
        with(r#""list_denied":false"#),
        with(r#""all_tools":{"deny_if":[{"conditions":[]}]}"#),
        rule(r#"{"validate_arguments":true}"#),
        rule(r#"{"action":"require_approval"}"#),
        rule(r#"{"limits":[{"counter":"c","window":"week","max":1}]}"#),
        rule(r#"{"limits":[{"counter":"c","window":"day","max":1,"scope":"server"}]}"#),
        rule(r#"{"require":[{"conditions":[{"path":"args.a","op":"glob","value":"x"}]}]}"#),
        rule(r#"{"require":[{"conditions":[{"path":"args.a[*]","op":"eq","value":1}]}]}"#),
    ];
    for text in ours {
        assert_eq!(dialect(&text), Dialect::Drawbridge, "{text}");
    }
    assert_eq!(dialect(r#"{"run":{}}"#), Dialect::Fragment);
    assert_eq!(dialect("\u{feff}version: 1\ntools:\n"), Dialect::Intercept);
    assert_eq!(dialect(r#"{"version":"1","tools":{"a":{"rules":[]}}}"#), Dialect::Intercept);
    assert_eq!(dialect("# A comment\n{version: '1', tools: {a: {rules: []}}}"), Dialect::Intercept);
}

#[test]
fn a_document_of_this_language_stays_what_it_is() {
    for text in [rule("{}"), with(r#""mode":"observe","hide":["x_*"]"#)] {
        let imported = import(&text, Others::Inherit).unwrap();
        assert_eq!(imported.document, document(&text));
    }
}

#[test]
fn what_is_no_tool_follows_the_default_and_that_is_said() {
    let published = rule("{}");
    let said = |text: &str, others| import(text, others).unwrap().report;
    let denied = said(&published, Others::Inherit);
    assert_eq!(denied[0].pointer, "/default");
    assert!(denied[0].what.starts_with("Prompts, resources and requests of servers are denied"));

    let allowed = import(&published, Others::Allow).unwrap();
    assert!(allowed.report[0].what.ends_with("are allowed."));
    let meant = with(
        r#""tools":{"t":{}},"prompts":{"default":"allow"},"resources":{"default":"allow"},
            "server_requests":{"sampling":"allow","elicitation":"allow","roots":"allow"}"#,
    );
    assert_eq!(allowed.document, document(&meant));

    // What a document says itself is neither changed nor remarked on.
    let own = with(r#""prompts":{"default":"deny"},"server_requests":{"roots":"deny"}"#);
    assert!(said(&own, Others::Inherit).is_empty());
    let settled = import(&own, Others::Allow).unwrap();
    assert_eq!(settled.report[0].what, "Resources and requests of servers are allowed.");
    let text = settled.document.to_json();
    assert!(
        text.contains(r#""roots": "deny""#) && text.contains(r#""sampling": "allow""#),
        "{text}"
    );

    // Where the default allows, nothing is lost.
    let open = r#"{"version":"1","default":"allow"}"#;
    assert!(said(open, Others::Inherit).is_empty() && said(open, Others::Allow).is_empty());
}

// === Intercept ===

macro_rules! golden {
    ($($name:ident: $text:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(report($text, Others::Inherit));
        }
    )*};
}

golden! {
    an_allow_list: r#"version: "1"
description: "Files"
default: deny
hide:
  - format_disk
tools:
  read_file:
    rules: []
  list_files:
  delete_file:
    rules:
      - name: never
        action: deny
        on_deny: "Files are not deleted by agents"
"#;

    rate_limits_of_a_tool_and_of_all: r#"version: "1"
tools:
  create_issue:
    rules:
      - name: hourly
        rate_limit: 5/hour
        on_deny: "Five issues an hour are enough"
      - rate_limit: 20/day
  "*":
    rules:
      - name: everything
        rate_limit: 60/minute
"#;

    money: r#"version: "1"
tools:
  create_charge:
    rules:
      - name: one charge
        conditions:
          - {path: args.amount, op: lte, value: 50000}
          - {path: args.currency, op: in, value: [usd, eur]}
        on_deny: "Small charges in dollars or euros only"
      - name: a day
        conditions:
          - path: state.create_charge.spent
            op: lt
            value: 1000000
        state:
          counter: spent
          window: day
          increment_from: args.amount
  refund:
    rules:
      - name: spend
        spend:
          per_call: 100.50
          daily: 2000
"#;

    counts_by_hand: r#"version: "1"
tools:
  send:
    rules:
      - name: below five
        conditions:
          - path: state.send.sent
            op: lt
            value: 5
          - path: args.to
            op: exists
            value: true
        state: {counter: sent, window: hour}
      - name: bulk
        conditions:
          - path: state.send.bulk
            op: lte
            value: 100
        state: {counter: bulk, window: day, increment: 30}
"#;

    approvals: r#"version: "1"
tools:
  create_charge:
    rules:
      - name: large
        action: require_approval
        conditions:
          - {path: args.amount, op: gt, value: 50000}
        on_deny: "Large charges need a person"
        approval_timeout: 1h30m
  deploy:
    rules:
      - name: always
        action: require_approval
        approval_timeout: 30m
      - name: not the trial
        action: require_approval
        conditions:
          - {path: args.stage, op: neq, value: trial}
"#;

    types_that_go_does_not_mind: r#"version: "1"
tools:
  move:
    rules:
      - name: equal
        conditions:
          - {path: args.count, op: eq, value: 5}
      - name: different
        conditions:
          - {path: args.count, op: neq, value: 5}
          - {path: args.flag, op: neq, value: "true"}
          - {path: args.branch, op: not_in, value: [main, "1e3", 2.50]}
      - name: ask
        action: require_approval
        conditions:
          - {path: args.size, op: eq, value: "10"}
"#;

    patterns_of_go: r#"version: "1"
tools:
  open:
    rules:
      - name: digits
        conditions:
          - path: args.id
            op: regex
            value: '^\d{4}\b'
          - path: args.name
            op: regex
            value: '^[\w.-]+$'
"#;

    names_that_would_be_globs: r#"version: "1"
default: deny
hide: ["drop_*", 'back\slash']
tools:
  list_*:
    rules: []
  'a\b':
    rules:
      - rate_limit: 1/day
"#;

    everything_hidden: "version: \"1\"\nhide: ['*']\n";

    a_count_of_all_tools_checked_by_one: r#"version: "1"
tools:
  export:
    rules:
      - name: early stop
        conditions:
          - {path: state._global.calls, op: lte, value: 10}
      - name: again
        conditions:
          - {path: state.export._rate_day, op: lt, value: 3}
      - name: a day
        rate_limit: 5/day
  "*":
    rules:
      - name: calls
        conditions:
          - {path: state._global.calls, op: lte, value: 100}
          - {path: state._global.calls, op: exists, value: true}
        state: {counter: calls, window: hour}
"#;

    limits_that_let_nothing_pass: r#"version: "1"
tools:
  a:
    rules:
      - name: none
        conditions: [{path: state.a.n, op: lt, value: 0}]
        state: {counter: n, window: day}
        on_deny: "Closed"
  b:
    rules:
      - name: none
        conditions: [{path: state.b.n, op: lt, value: 1}]
        state: {counter: n, window: day}
  c:
    rules:
      - name: more than can be counted
        conditions: [{path: state.c.n, op: lte, value: 99999999999}]
        state: {counter: n, window: day, increment_from: args.cents}
"#;

    counters_that_count_nothing: r#"version: "1"
tools:
  a:
    rules:
      - name: not bounded
        conditions: [{path: args.x, op: exists, value: true}]
        state: {counter: n, window: day}
      - name: denied anyway
        action: deny
        state: {counter: m, window: day, increment_from: args.x}
"#;

    // === Refused ===

    everything_wrong_is_told_at_once: r#"version: "2"
defualt: deny
hide: [""]
tools:
  a:
    rules:
      - name: x
        acton: deny
      - action: block
      - conditions: []
      - action: deny
        conditions: [{path: args.a, op: eq, value: 1}]
      - rate_limit: 5 per hour
      - rate_limit: 0/hour
      - rate_limit: 5/week
      - rate_limit: 5/hour
        conditions: [{path: args.a, op: eq, value: 1}]
      - action: require_approval
        rate_limit: 5/hour
      - conditions: [{path: args.a, op: equals, value: 1}]
        approval_timeout: 5m
      - action: require_approval
        approval_timeout: soon
      - spend: {}
      - spend: {per_call: -1, weekly: 5}
  b: [1]
  c:
    rule: []
"#;

    conditions_that_cannot_be: r#"version: "1"
tools:
  a:
    rules:
      - name: x
        conditions:
          - {path: amount, op: lte, value: 5}
          - {path: "args.a[*].b", op: eq, value: 5}
          - {path: args.a..b, op: eq, value: 5}
          - {path: args.a, op: lte, value: "5"}
          - {path: args.a, op: in, value: 5}
          - {path: args.a, op: in, value: [[5]]}
          - {path: args.a, op: eq, value: null}
          - {path: args.a, op: eq, value: {b: 1}}
          - {path: args.a, op: exists, value: yes}
          - {path: args.a, op: regex, value: 5}
          - {path: args.a, op: regex, value: "("}
          - {path: args.a, op: regex, value: '\Bx'}
          - {path: args.a, op: neq, value: "[a b]"}
          - {path: args.a, op: eq}
"#;

    counts_that_cannot_be: r#"version: "1"
tools:
  a:
    rules:
      - name: x
        conditions: [{path: state.a.n, op: gte, value: 5}]
        state: {counter: n, window: day}
      - name: y
        conditions: [{path: state.b.n, op: lte, value: 5}]
      - name: z
        conditions: [{path: state.a.nowhere, op: lte, value: 5}]
      - name: w
        conditions: [{path: args.a, op: exists, value: true}]
        state: {counter: sum, window: day, increment_from: args.a}
      - name: v
        conditions: [{path: state.a.q, op: lte, value: 5}]
        state: {counter: q, window: week, increment: -1}
      - name: u
        conditions: [{path: state.a.q, op: lte, value: 5}]
        state: {counter: n, window: day, increment_from: state.a.n}
      - name: t
        action: require_approval
        conditions: [{path: state.a.n, op: gt, value: 5}]
        approval_timeout: 5s
  b:
    rules:
      - name: n
        rate_limit: 1/hour
      - name: m
        rate_limit: 2/hour
"#;

    yaml_that_is_not_plain: r#"version: "1"
tools: &all
  a:
    rules:
      - name: 2026-11-28
        conditions:
          - {path: args.day, op: neq, value: 2026-11-28}
          - {path: args.mode, op: eq, value: 0755}
          - {path: args.hex, op: eq, value: 0xFF}
          - {path: args.t, op: eq, value: !!str 5}
  b: *all
  c:
    rules: []
  c:
    rules: []
"#;

    text_that_is_no_yaml: "version: \"1\"\ntools:\n  a:\n\trules: []\n";

    too_much_for_this_language: "version: \"1\"\nhide:\n  - \"a\\tb\"\ntools:\n  pay:\n    rules:\n      - conditions:\n          - path: args.a\n            op: regex\n            value: 'a{1000}{1000}'\n";
}

#[test]
fn a_bomb_is_refused_quickly() {
    let mut bomb = String::from("version: \"1\"\na0: &a0 [x, x]\n");
    for level in 1..60 {
        writeln!(bomb, "a{level}: &a{level} [*a{0}, *a{0}, *a{0}]", level - 1).unwrap();
    }
    let problems = import(&bomb, Others::Inherit).unwrap_err();
    let refused = |problem: &policy::Problem| problem.detail.starts_with("Anchors and aliases");
    assert!(problems.iter().any(refused) && problems.len() < 200);
    let long = format!("version: \"1\"\ntools:\n{}", "  a: {}\n".repeat(40_000));
    assert!(import(&long, Others::Inherit).unwrap_err()[0].detail.contains("at most"));
}
