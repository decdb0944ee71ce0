//! Every validation error: what is wrong, where, all of it at once.

use std::fmt::Write as _;

use crate::support::{listed, rule, with};

/// The documents and what is said of each.
fn report(texts: &[&str]) -> String {
    let mut out = String::new();
    for text in texts {
        let Err(problems) = policy::parse(text) else { panic!("accepted: {text}") };
        writeln!(out, "{text}\n{}\n", listed(&problems)).unwrap();
    }
    out
}

fn report_rules(rules: &[&str]) -> String {
    report(&rules.iter().map(|text| rule(text)).collect::<Vec<_>>().each_ref_str())
}

fn report_tests(tests: &[&str]) -> String {
    let wrap = |test: &&str| rule(&format!(r#"{{"deny_if":[{{"conditions":[{test}]}}]}}"#));
    report(&tests.iter().map(wrap).collect::<Vec<_>>().each_ref_str())
}

fn report_limits(limits: &[&str]) -> String {
    let wrap = |limit: &&str| rule(&format!(r#"{{"limits":[{limit}]}}"#));
    report(&limits.iter().map(wrap).collect::<Vec<_>>().each_ref_str())
}

trait EachRef {
    fn each_ref_str(&self) -> Vec<&str>;
}

impl EachRef for Vec<String> {
    fn each_ref_str(&self) -> Vec<&str> {
        self.iter().map(String::as_str).collect()
    }
}

#[test]
fn text_that_is_not_json() {
    insta::assert_snapshot!(report(&[
        "",
        "{",
        "{\"version\": \"1\",\n  \"default\": \"deny\",\n}",
        "{\"version\": 01}",
        "{\"version\": NaN}",
        "{'version': '1'}",
        "{\"version\": \"1\"} extra",
        "\u{feff}{}",
    ]));
}

#[test]
fn documents_that_are_none() {
    insta::assert_snapshot!(report(&["[]", "null", "\"deny\"", "{}"]));
}

#[test]
fn versions_and_defaults() {
    insta::assert_snapshot!(report(&[
        r#"{"version": 1, "default": "deny"}"#,
        r#"{"version": "2", "default": "deny"}"#,
        r#"{"version": "1", "default": "denied"}"#,
        r#"{"version": "1", "default": null}"#,
        r#"{"version": "1", "default": "deny", "mode": "observ"}"#,
    ]));
}

#[test]
fn keys_that_nobody_knows() {
    insta::assert_snapshot!(report(&[
        r#"{"version":"1","default":"deny","hidden":["a"],"tool":{}}"#,
        r#"{"version":"1","default":"deny","something_else":1}"#,
        &with(r#""all_tools":{"limit":[],"rate_limit":{}}"#),
        &with(r#""prompts":{"defaults":"deny"}"#),
        &with(r#""server_requests":{"sample":"deny"}"#),
        &rule(r#"{"require_if":[],"requires":[],"limit":[],"rules":[]}"#),
        &rule(r#"{"deny_if":[{"condition":[],"onDeny":"No."}]}"#),
        &rule(r#"{"limits":[{"counter":"c","window":"day","max":1,"scop":"grant"}]}"#),
        &rule(r#"{"rate_limit":{"maximum":10,"window":60}}"#),
    ]));
}

#[test]
fn keys_that_are_there_twice() {
    insta::assert_snapshot!(report(&[
        "{\"version\":\"1\",\n \"default\":\"deny\",\n \"default\":\"allow\"}",
        &with(r#""tools":{"a":{},"b":{},"a":{"action":"deny"}}"#),
        &rule(
            r#"{"deny_if":[{"conditions":[{"path":"args.a","op":"eq","value":{"k":1,"\u006b":2}}]}]}"#
        ),
    ]));
}

#[test]
fn wrong_types() {
    insta::assert_snapshot!(report(&[
        &with(r#""hide":"delete_account""#),
        &with(r#""hide":[1,null,{}]"#),
        &with(r#""tools":["a"]"#),
        &with(r#""tools":{"a":"allow"}"#),
        &with(r#""categories":[]"#),
        &with(r#""all_tools":null"#),
        &with(r#""prompts":false"#),
        &with(r#""prompts":{"rules":[]}"#),
        &with(r#""resources":"deny""#),
        &with(r#""server_requests":"deny""#),
        &with(r#""server_requests":{"roots":true}"#),
        &with(r#""list_denied":"false""#),
        &rule(r#"{"require":{},"deny_if":"x","approve_if":5,"limits":{},"validate_arguments":1}"#),
        &rule(r#"{"require":[5],"deny_if":[{"conditions":{},"on_deny":5}]}"#),
        &rule(r#"{"rate_limit":10}"#),
    ]));
}

#[test]
fn names_that_cannot_be() {
    insta::assert_snapshot!(report(&[
        &with(r#""hide":["","a\\","x\u0007"]"#),
        &with(r#""tools":{"*":{}}"#),
        &with(r#""tools":{"**":{"action":"deny"}}"#),
        &with(r#""tools":{"":{},"a\\b":{}}"#),
        &with(r#""prompts":{"rules":{"*":{}}}"#),
        &with(r#""resources":{"rules":{"**":{},"file:///a/../b":{}}}"#),
        &with(r#""categories":{"reads":{},"desctructive":{},"other":{}}"#),
    ]));
}

#[test]
fn predicates() {
    insta::assert_snapshot!(report_rules(&[
        r#"{"deny_if":[{}]}"#,
        r#"{"deny_if":[{"on_deny":"No."}]}"#,
        r#"{"deny_if":[{"path":"args.a","op":"exists","value":true}]}"#,
        r#"{"require":[{"conditions":[],"on_deny":""}]}"#,
        r#"{"require":[{"conditions":["args.a exists"]}]}"#,
    ]));
}

#[test]
fn conditions() {
    insta::assert_snapshot!(report_tests(&[
        "{}",
        r#"{"path":"args.a"}"#,
        r#"{"op":"eq","value":1}"#,
        r#"{"path":"args.a","op":"eq","value":1,"not":{}}"#,
        r#"{"any":[],"all":[]}"#,
        r#"{"any":[]}"#,
        r#"{"all":{}}"#,
        r#"{"not":[]}"#,
        r#"{"not":{"path":"args.a","op":"eq"}}"#,
        r#"{"path":"args.a","operator":"eq","value":1}"#,
    ]));
}

#[test]
fn operators() {
    insta::assert_snapshot!(report_tests(&[
        r#"{"path":"args.a","op":"equal","value":1}"#,
        r#"{"path":"args.a","op":">","value":1}"#,
        r#"{"path":"args.a","op":"matches","value":"x"}"#,
        r#"{"path":"args.a","op":"frobnicate","value":1}"#,
        r#"{"path":"args.a","op":5,"value":1}"#,
        r#"{"path":"args.a","op":"GT","value":1}"#,
    ]));
}

#[test]
fn values_of_operators() {
    insta::assert_snapshot!(report_tests(&[
        r#"{"path":"args.a","op":"gt","value":"10000"}"#,
        r#"{"path":"args.a","op":"gt","value":null}"#,
        r#"{"path":"args.a","op":"in","value":"x"}"#,
        r#"{"path":"args.a","op":"not_in","value":{}}"#,
        r#"{"path":"args.a","op":"exists","value":"true"}"#,
        r#"{"path":"args.a","op":"regex","value":"("}"#,
        r#"{"path":"args.a","op":"regex","value":"(?=x)"}"#,
        r#"{"path":"args.a","op":"regex","value":"(a{1000}){1000}"}"#,
        r#"{"path":"args.a","op":"regex","value":["rm"]}"#,
        r#"{"path":"args.a","op":"starts_with","value":1}"#,
        r#"{"path":"args.a","op":"ends_with","value":[]}"#,
        r#"{"path":"args.a","op":"glob","value":"/srv/../etc/*"}"#,
        r#"{"path":"args.a","op":"glob","value":"a\\"}"#,
        r#"{"path":"args.a","op":"cidr","value":"10.0.0.1/8"}"#,
        r#"{"path":"args.a","op":"cidr","value":["10.0.0.0/8","nowhere"]}"#,
        r#"{"path":"args.a","op":"cidr","value":8}"#,
        r#"{"path":"args.a","op":"length_lte","value":-1}"#,
        r#"{"path":"args.a","op":"length_lte","value":"5"}"#,
    ]));
}

#[test]
fn numbers_that_cannot_be_judged() {
    insta::assert_snapshot!(report_tests(&[
        r#"{"path":"args.a","op":"gt","value":1e999}"#,
        r#"{"path":"args.a","op":"eq","value":12345678901234567890123456789012345}"#,
        r#"{"path":"args.a","op":"in","value":[1,{"deep":[1e-401]}]}"#,
    ]));
}

#[test]
fn paths() {
    insta::assert_snapshot!(report_tests(&[
        r#"{"path":"amount","op":"gt","value":1}"#,
        r#"{"path":"arg.amount","op":"gt","value":1}"#,
        r#"{"path":"args","op":"exists","value":true}"#,
        r#"{"path":"args.","op":"exists","value":true}"#,
        r#"{"path":"args..a","op":"exists","value":true}"#,
        r#"{"path":"args.items[0].price","op":"gt","value":1}"#,
        r#"{"path":"args.items[*","op":"gt","value":1}"#,
        r#"{"path":"tool.categories","op":"eq","value":"read"}"#,
        r#"{"path":"grant.name","op":"eq","value":"a"}"#,
        r#"{"path":7,"op":"eq","value":"a"}"#,
        r#"{"path":"state.t.c","op":"lt","value":1}"#,
    ]));
}

#[test]
fn attributes() {
    insta::assert_snapshot!(report_tests(&[
        r#"{"path":"tool.category","op":"eq","value":"destructiv"}"#,
        r#"{"path":"tool.category","op":"gte","value":3}"#,
        r#"{"path":"tool.risk","op":"in","value":["high","criticla"]}"#,
        r#"{"path":"time.weekday","op":"eq","value":1}"#,
        r#"{"path":"time.weekday","op":"in","value":["monday","Sunday"]}"#,
        r#"{"path":"time.hour","op":"regex","value":"1."}"#,
    ]));
}

#[test]
fn limits() {
    insta::assert_snapshot!(report_limits(&[
        "{}",
        "5",
        r#"{"counter":"","window":"minute","max":1}"#,
        r#"{"counter":"a\u0000b","window":"minute","max":1}"#,
        r#"{"counter":"c","window":"minutes","max":1}"#,
        r#"{"counter":"c","window":0,"max":1}"#,
        r#"{"counter":"c","window":2678401,"max":1}"#,
        r#"{"counter":"c","window":1.5,"max":1}"#,
        r#"{"counter":"c","window":"60","max":1}"#,
        r#"{"counter":"c","window":"minute","max":"10"}"#,
        r#"{"counter":"c","window":"minute","max":-1}"#,
        r#"{"counter":"c","window":"minute","max":1.5}"#,
        r#"{"counter":"c","window":"minute","max":9007199254740992}"#,
        r#"{"counter":"c","window":"minute","max":1e999}"#,
        r#"{"counter":"c","window":"day","max":9007199255,"increment_from":"args.a"}"#,
        r#"{"counter":"c","window":"day","max":0.0000001,"increment_from":"args.a"}"#,
        r#"{"counter":"c","window":"day","max":-0.5,"increment_from":"args.a"}"#,
        r#"{"counter":"c","window":"day","max":5,"increment_from":"amount"}"#,
        r#"{"counter":"c","window":"day","max":5,"increment_from":"time.hour"}"#,
        r#"{"counter":"c","window":"day","max":5,"scope":"organization"}"#,
        r#"{"counter":"c","window":"day","max":5,"scope":"user"}"#,
        r#"{"counter":"c","window":"day","max":5,"scope":"server","across_servers":true}"#,
        r#"{"counter":"c","window":"day","max":5,"key":"args.items[*].id"}"#,
        r#"{"counter":"c","window":"day","max":5,"algorithm":"slide"}"#,
    ]));
}

#[test]
fn sugar_that_does_not_mean_anything() {
    insta::assert_snapshot!(report_rules(&[
        r#"{"action":"denied"}"#,
        r#"{"action":true}"#,
        r#"{"reason":"Because."}"#,
        r#"{"action":"deny","reason":5}"#,
        r#"{"rate_limit":{"max":10}}"#,
        r#"{"rate_limit":{"max":0.5,"window":"fortnight"}}"#,
    ]));
    insta::assert_snapshot!(
        "a_category_cannot_hide",
        report(&[&with(r#""categories":{"destructive":{"action":"hide"}}"#)])
    );
}

#[test]
fn what_answers_and_approvals_cannot_be() {
    insta::assert_snapshot!(report(&[
        &rule(r#"{"response":{}}"#),
        &rule(r#"{"response":[]}"#),
        &rule(r#"{"response":{"max_byte":0,"max_bytes":0.5,"redact":"emails"}}"#),
        &rule(r#"{"response":{"max_bytes":2000000000,"redact":["email","ibans",5]}}"#),
        &rule(
            r#"{"response":{"redact":[{"regex":"("},{"regex":"a*","with":"x"},
            {"regex":"a","with":"banana"},{"regex":"a","with":5,"flags":"i"}]}}"#
        ),
        &with(r#""all_tools":{"response":{"max_bytes":5}}"#),
        &with(r#""approvals":{"expires":"1 hour","hold":"10m","approvers":3,"approver":1}"#),
        &with(r#""approvals":{"expires":3600,"hold":"-1s","approvers":"2"}"#),
    ]));
}

#[test]
fn prompts_and_resources_lack_some_things() {
    insta::assert_snapshot!(report(&[
        &with(
            r#""prompts":{"rules":{"p":{"validate_arguments":true,"deny_if":[{"conditions":[
            {"path":"tool.category","op":"eq","value":"read"}]}]}}}"#
        ),
        &with(
            r#""resources":{"rules":{"file:///**":{"require":[{"conditions":[
            {"path":"args.uri","op":"exists","value":true}]}],
            "limits":[{"counter":"c","window":"day","max":1,"increment_from":"args.n"}]}}}"#
        ),
    ]));
}

#[test]
fn all_errors_are_reported_at_once_in_the_order_of_the_text() {
    insta::assert_snapshot!(report(&[r#"{
  "version": "1",
  "defualt": "deny",
  "hide": ["ok", 5],
  "tools": {
    "pay": {
      "require": [{"conditions": [{"path": "amount", "op": "exist", "value": true}]}],
      "deny_if": [{"conditions": [{"path": "args.amount", "op": "gt", "value": "10"}]}],
      "limits": [{"counter": "c", "window": "minutes", "max": -1, "scope": "grants"}]
    },
    "*": {}
  },
  "list_denied": 1
}"#]));
}

#[test]
fn documents_beyond_the_bounds() {
    let long = format!(r#"{{"version":"1","default":"deny","$schema":"{}"}}"#, "x".repeat(262_144));
    let one = policy::parse(&long).unwrap_err();
    assert_eq!(listed(&one), "\"\" 1:1 The document has 262189 bytes; it may have at most 262144.");

    let names: Vec<_> = (0..2_001).map(|n| format!("\"t{n}\":{{}}")).collect();
    let many = policy::parse(&with(&format!(r#""tools":{{{}}}"#, names.join(",")))).unwrap_err();
    assert_eq!(listed(&many), "\"\" 1:1 The document has 2001 rules; it may have at most 2000.");

    let globs: Vec<_> = (0..2_001).map(|n| format!("\"*{n}\"")).collect();
    let text = with(&format!(r#""hide":[{}]"#, globs.join(",").replace('*', "")));
    assert!(policy::parse(&text).is_ok(), "exact names are as many as fit");
    let (here, there) = globs.split_at(1_000);
    let text = with(&format!(
        r#""hide":[{}],"resources":{{"hide":[{}]}}"#,
        here.join(","),
        there.join(",")
    ));
    let many = policy::parse(&text).unwrap_err();
    assert_eq!(listed(&many), "\"\" 1:1 The document hides 2001 globs; it may hide at most 2000.");

    let limit = r#"{"counter":"c","window":"day","max":1}"#;
    let limits = |count| vec![limit; count].join(",");
    let text = with(&format!(
        r#""all_tools":{{"limits":[{}]}},"tools":{{"a":{{"limits":[{}]}},"b":{{"limits":[{}]}},
            "c":{{}}}}"#,
        limits(60),
        limits(5),
        limits(4)
    ));
    let problems = policy::parse(&text).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].pointer, "/tools/a");
    assert!(problems[0].detail.contains("65 limits"), "{}", problems[0].detail);

    let sugared = with(&format!(
        r#""tools":{{"a":{{"limits":[{}],"rate_limit":{{"max":1,"window":60}}}}}}"#,
        limits(64)
    ));
    assert_eq!(policy::parse(&sugared).unwrap_err().len(), 1);
}

#[test]
fn nesting_beyond_sixteen() {
    let nested = |depth: usize| {
        let (open, close) = (r#"{"not":"#.repeat(depth), "}".repeat(depth));
        let test = r#"{"path":"args.a","op":"eq","value":1}"#;
        rule(&format!(r#"{{"deny_if":[{{"conditions":[{open}{test}{close}]}}]}}"#))
    };
    assert!(policy::parse(&nested(9)).is_ok());
    let problems = policy::parse(&nested(10)).unwrap_err();
    assert!(problems[0].detail.contains("nested more than 16 deep"), "{problems:?}");
    let bomb = format!("{}{}", "[".repeat(60), "]".repeat(60));
    assert!(policy::parse(&with(&format!(r#""hide":{bomb}"#))).is_err());
    let deeper = "[".repeat(100_000);
    assert!(listed(&policy::parse(&deeper).unwrap_err()).contains("not valid JSON"));
}

#[test]
fn patterns_that_are_too_large_together() {
    let pattern = |n: usize| {
        format!(r#"{{"path":"args.a","op":"regex","value":"^\\w{{{}}}x{n}"}}"#, 30 + n % 3)
    };
    let patterns: Vec<_> = (0..40).map(pattern).collect();
    let text = rule(&format!(r#"{{"deny_if":[{{"conditions":[{}]}}]}}"#, patterns.join(",")));
    let problems = policy::parse(&text).unwrap_err();
    assert!(problems[0].detail.contains("too large together"), "{}", problems[0].detail);
}

#[test]
fn an_endless_list_of_errors_ends() {
    let hide = vec!["5"; 20_000].join(",");
    let problems = policy::parse(&with(&format!(r#""hide":[{hide}]"#))).unwrap_err();
    assert_eq!(problems.len(), 500);
}

#[test]
fn problems_are_told_as_json() {
    let problems = policy::parse(r#"{"version":"1","default":"deny","hidee":[]}"#).unwrap_err();
    insta::assert_json_snapshot!(problems, @r#"
    [
      {
        "pointer": "/hidee",
        "line": 1,
        "column": 33,
        "detail": "\"hidee\" is not a key of a policy document. Did you mean \"hide\"?",
        "suggestion": "hide"
      }
    ]
    "#);
}
