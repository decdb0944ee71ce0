//! No document and no call make a decision take long: what costs too much is refused. Shown by
//! the refusal and not by a clock, which a busy machine would set off.

use crate::support::{for_t, judged, outcome, rule, tools, with};

fn denying(conditions: &[String]) -> policy::Compiled {
    for_t(&rule(&format!(r#"{{"deny_if":[{{"conditions":[{}]}}]}}"#, conditions.join(","))))
}

#[test]
fn a_long_list_alone_is_judged() {
    let test = r#"{"path":"args.l[*]","op":"eq","value":7}"#.to_owned();
    let numbers = vec!["1"; 200_000].join(",");
    assert_eq!(outcome(&denying(&[test]), &format!("{{\"l\":[{numbers}]}}")), "allowed");
}

#[test]
fn thousands_of_conditions_on_a_long_list_are_refused() {
    let test = |n| format!(r#"{{"path":"args.l[*]","op":"eq","value":{n}}}"#);
    let tests: Vec<_> = (2..2_000).map(test).collect();
    let numbers = vec!["1"; 500_000].join(",");
    let said = judged(&denying(&tests), "t", &format!("{{\"l\":[{numbers}]}}"));
    assert!(said.contains("must be smaller, as the whole call takes too long"), "{said}");
}

#[test]
fn a_long_list_of_values_costs_no_more_than_a_short_one() {
    let values: Vec<_> = (0..20_000).map(|n| format!("\"v{n}\"")).collect();
    let test = format!(r#"{{"path":"args.l[*]","op":"in","value":[{}]}}"#, values.join(","));
    let policy = denying(&[test]);
    let texts = vec!["\"x\""; 100_000].join(",");
    assert_eq!(judged(&policy, "t", &format!("{{\"l\":[{texts}]}}")), "allowed");
    assert_eq!(outcome(&policy, r#"{"l":["x","v19999"]}"#), "denied");
    assert_eq!(outcome(&policy, r#"{"l":[1]}"#), "allowed");
}

#[test]
fn many_patterns_on_a_long_text_are_refused() {
    let test = |n| format!(r#"{{"path":"args.s","op":"regex","value":"[01]*1[01]{{12}}x{n}"}}"#);
    let tests: Vec<_> = (0..400).map(test).collect();
    let said = judged(&denying(&tests), "t", &format!("{{\"s\":\"{}\"}}", "01".repeat(500_000)));
    assert!(said.contains("s must be smaller"), "{said}");
}

#[test]
fn one_large_pattern_on_a_long_text_is_refused() {
    let test = r#"{"path":"args.s","op":"regex","value":"1[01]{20000}x"}"#.to_owned();
    let policy = denying(&[test]);
    let said = judged(&policy, "t", &format!("{{\"s\":\"{}\"}}", "01".repeat(10_000)));
    assert!(said.contains("s must be smaller"), "{said}");
    assert_eq!(outcome(&policy, r#"{"s":"0110"}"#), "allowed");
}

#[test]
fn an_ordinary_pattern_has_room_for_a_large_file() {
    let tests = ["(?i)drop\\\\s+table", "password\\\\s*=", "^rm -rf"];
    let tests =
        tests.map(|p| format!(r#"{{"path":"args.s","op":"regex","value":"{p}"}}"#)).join(",");
    let any = format!(r#"{{"any":[{tests}]}}"#);
    let policy = denying(&[any]);
    assert_eq!(outcome(&policy, &format!("{{\"s\":\"{}\"}}", "word ".repeat(200_000))), "allowed");
}

#[test]
fn patterns_that_are_too_large_end_a_document_and_not_an_afternoon() {
    let pattern = |n: usize| {
        format!(r#"{{"path":"args.s","op":"regex","value":"((x{{{n}}}){{1000}}){{1000}}"}}"#)
    };
    let tests: Vec<_> = (0..1_000).map(|n| pattern(900 + n)).collect();
    let text = rule(&format!(r#"{{"deny_if":[{{"conditions":[{}]}}]}}"#, tests.join(",")));
    let problems = policy::parse(&text).unwrap_err();
    let said = |words: &str| problems.iter().filter(|p| p.detail.contains(words)).count();
    // Only so many are compiled; a list of errors has 500.
    assert_eq!((said("too large when compiled"), said("too large together")), (17, 483));
}

#[test]
fn thousands_of_unknown_names_are_not_each_compared_with_each_tool() {
    let names: Vec<_> = (0..1_900).map(|n| format!("\"{:x<60}{n:04}\"", "")).collect();
    let text = with(&format!(r#""hide":[{}]"#, names.join(",")));
    let known: Vec<_> = (0..1_084).map(|n| format!("{:x<60}z{n:03}", "")).collect();
    let known = tools(&known.iter().map(String::as_str).collect::<Vec<_>>());
    let checked = policy::check(&text, Some(&known));
    assert_eq!(checked.warnings.len(), 200);
    let suggested = checked.warnings.iter().filter(|w| w.suggestion.is_some()).count();
    assert_eq!(suggested, 20);
}

#[test]
fn lists_that_begin_alike_are_refused() {
    let ones = vec!["1"; 900].join(",");
    let values: Vec<_> = (0..128).map(|n| format!("[{ones},{n}]")).collect();
    let test = format!(r#"{{"path":"args.l[*]","op":"in","value":[{}]}}"#, values.join(","));
    let policy = denying(&[test]);
    let said = |count: usize| {
        let items = vec![format!("[{ones},-1]"); count].join(",");
        judged(&policy, "t", &format!("{{\"l\":[{items}]}}"))
    };
    assert_eq!(said(10), "allowed");
    assert!(said(1_500).contains("must be smaller"));
}

#[test]
fn a_wide_object_compared_with_a_wide_object_is_refused() {
    let members: Vec<_> = (0..12_000).map(|n| format!("\"k{n}\":1")).collect();
    let object = format!("{{{}}}", members.join(","));
    let test = format!(r#"{{"path":"args.o","op":"eq","value":{object}}}"#);
    let policy = denying(&[test]);
    let said = judged(&policy, "t", &format!("{{\"o\":{object}}}"));
    assert!(said.contains("o must be smaller"), "{said}");
}

#[test]
fn many_searches_in_a_wide_object_are_refused() {
    let test = |n| format!(r#"{{"path":"args.o.k{n}","op":"eq","value":1}}"#);
    let tests: Vec<_> = (0..3_000).map(test).collect();
    let keys: Vec<_> = (0..60_000).map(|n| format!("\"x{n}\":1")).collect();
    let said = judged(&denying(&tests), "t", &format!("{{\"o\":{{{}}}}}", keys.join(",")));
    assert!(said.contains("o must be smaller"), "{said}");
}

#[test]
fn many_sums_over_a_long_list_are_refused() {
    let limit =
        |n| format!(r#"{{"counter":"c{n}","window":"day","max":9,"increment_from":"args.l[*]"}}"#);
    let limits: Vec<_> = (0..64).map(limit).collect();
    let policy = for_t(&rule(&format!(r#"{{"limits":[{}]}}"#, limits.join(","))));
    let zeros = vec!["0"; 500_000].join(",");
    let said = judged(&policy, "t", &format!("{{\"l\":[{zeros}]}}"));
    assert!(said.contains("must be smaller"), "{said}");
}
