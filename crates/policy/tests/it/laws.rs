//! What holds for every policy and every call. `PROPTEST_CASES` asks for more cases.

use policy::{Bearing, Call, Category, Compiled, Decision, Document, ToolFacts, ToolState};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{compiled, context, document, said};

const TOOLS: [&str; 6] = ["read_a", "read_b", "write_a", "drop_a", "pay", "odd*name"];

fn facts() -> Vec<ToolFacts> {
    let facts = |(name, category): (&&str, Category)| ToolFacts {
        name: (*name).to_owned(),
        category,
        risk: "high".to_owned(),
        input_schema: Some(r#"{"type":"object","properties":{"a":{"type":"number"}}}"#.to_owned()),
        annotations: Some(r#"{"readOnlyHint":true}"#.to_owned()),
        state: if *name == "read_b" { ToolState::New } else { ToolState::Current },
    };
    let categories = [
        Category::Read,
        Category::Read,
        Category::Write,
        Category::Destructive,
        Category::Financial,
        Category::Execute,
    ];
    TOOLS.iter().zip(categories).map(facts).collect()
}

// === Making documents and calls ===

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(TOOLS.map(|name| name.replace('*', "\\*")).to_vec()),
        prop::sample::select(vec!["read_*", "*_a", "w*", "*a*", "pa?", "gone"])
            .prop_map(str::to_owned),
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-3i64..12).prop_map(Value::from),
        prop::sample::select(vec![json!("x"), json!("10"), json!(true), json!(1.5), json!("/a/b")]),
    ]
}

fn path() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "args.a",
        "args.b",
        "args.c.d",
        "args.l[*]",
        "args.l[*].p",
        "time.hour",
        "grant.label",
        "client.name",
        "tool.annotations.readOnlyHint",
    ])
}

fn test() -> impl Strategy<Value = Value> {
    let number = prop::sample::select(vec!["lt", "lte", "gt", "gte"]);
    let text = prop::sample::select(vec!["regex", "starts_with", "ends_with", "glob", "contains"]);
    let any = prop::sample::select(vec!["eq", "neq"]);
    let several = prop::sample::select(vec!["in", "not_in"]);
    let args =
        prop::sample::select(vec!["args.a", "args.b", "args.c.d", "args.l[*]", "args.l[*].p"]);
    prop_oneof![
        (args.clone(), number, -3i64..12)
            .prop_map(|(p, op, v)| json!({"path":p,"op":op,"value":v})),
        (args, text, "[a-z/]{1,3}").prop_map(|(p, op, v)| json!({"path":p,"op":op,"value":v})),
        (path(), any, scalar()).prop_map(|(p, op, v)| json!({"path":p,"op":op,"value":v})),
        (path(), several, prop::collection::vec(scalar(), 0..3))
            .prop_map(|(p, op, v)| json!({"path":p,"op":op,"value":v})),
        (path(), any_bool()).prop_map(|(p, v)| json!({"path":p,"op":"exists","value":v})),
    ]
}

fn any_bool() -> impl Strategy<Value = bool> {
    any::<bool>()
}

fn condition() -> impl Strategy<Value = Value> {
    test().prop_recursive(2, 6, 2, |inner| {
        let several = prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            inner.prop_map(|c| json!({"not":c})),
            several.clone().prop_map(|c| json!({"any":c})),
            several.prop_map(|c| json!({"all":c})),
        ]
    })
}

fn predicate() -> impl Strategy<Value = Value> {
    prop::collection::vec(condition(), 0..3).prop_map(|c| json!({"conditions":c}))
}

fn limit() -> impl Strategy<Value = Value> {
    let sum = prop::sample::select(vec![None, Some("args.a"), Some("args.l[*].p")]);
    (prop::sample::select(vec!["c", "d"]), 0u32..50, sum).prop_map(|(counter, max, sum)| {
        let mut limit = json!({"counter":counter,"window":"hour","max":max});
        if let Some(sum) = sum {
            limit["increment_from"] = sum.into();
        }
        limit
    })
}

fn gates() -> impl Strategy<Value = Value> {
    let few = || prop::collection::vec(predicate(), 0..2);
    (few(), few(), few(), prop::collection::vec(limit(), 0..2))
        .prop_map(|(r, d, a, l)| json!({"require":r,"deny_if":d,"approve_if":a,"limits":l}))
}

fn rule() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({})),
        prop::sample::select(vec!["allow", "deny", "hide", "require_approval"])
            .prop_map(|action| json!({"action":action})),
        Just(json!({"rate_limit":{"max":3,"window":60}})),
        gates(),
        gates().prop_map(|mut gates| {
            gates["validate_arguments"] = true.into();
            gates
        }),
    ]
}

fn text() -> impl Strategy<Value = String> {
    let head = (any::<bool>(), any::<bool>(), any::<bool>());
    let hide = prop::collection::vec(name(), 0..3);
    let tools = prop::collection::btree_map(name(), rule(), 0..4);
    let categories = prop::collection::btree_map(
        prop::sample::select(vec!["read", "write", "destructive"]),
        gates(),
        0..2,
    );
    (head, hide, gates(), tools, categories).prop_map(|(head, hide, all, tools, categories)| {
        let (allow, observe, list_denied) = head;
        json!({
            "version": "1",
            "default": if allow { "allow" } else { "deny" },
            "mode": if observe { "observe" } else { "enforce" },
            "list_denied": list_denied,
            "hide": hide,
            "all_tools": all,
            "tools": tools,
            "categories": categories,
        })
        .to_string()
    })
}

fn arguments() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        3 => scalar(),
        1 => Just(Value::Null),
        1 => prop::collection::vec(scalar(), 0..3).prop_map(Value::from),
        1 => scalar().prop_map(|v| json!({"d":v})),
        1 => prop::collection::vec(scalar().prop_map(|v| json!({"p":v})), 0..3).prop_map(Value::from),
    ];
    let key = prop::sample::select(vec!["a", "b", "c", "l", "A", "x"]);
    prop::collection::btree_map(key, value, 0..4).prop_map(|map| json!(map).to_string())
}

fn tool() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(TOOLS.to_vec()).prop_map(str::to_owned),
        1 => Just("gone".to_owned()),
    ]
}

fn decided(policy: &Compiled, tool: &str, arguments: &str) -> String {
    let tape = json::parse(arguments.as_bytes()).unwrap();
    let context = context();
    let call = Call { tool, arguments: Some(tape.root()), context: &context };
    let decision = policy.decide(&call);
    let limits = match &decision {
        Decision::Allow { limits, .. } | Decision::Approve { limits, .. } => {
            let one =
                |request: &policy::LimitRequest<'_>| (request.rule.to_owned(), request.amount);
            format!("{:?}", limits.requests().iter().map(one).collect::<Vec<_>>())
        }
        Decision::Refuse(_) => String::new(),
    };
    format!("{} {limits}", said(&decision))
}

/// The document with something added to one of its lists of gates.
fn extended(text: &str, pointer: &str, list: &str, addition: &Value) -> Document {
    let mut value: Value = serde_json::from_str(text).unwrap();
    let gates = value.pointer_mut(pointer).unwrap();
    gates[list].as_array_mut().unwrap().push(addition.clone());
    document(&value.to_string())
}

fn can_pass(policy: &Compiled, tool: &str, arguments: &str) -> bool {
    let said = decided(policy, tool, arguments);
    said.starts_with("allowed") || said.starts_with("observed") || said.starts_with("approval")
}

// === The laws ===

proptest! {
    #[test]
    fn a_diff_is_empty_only_for_the_same_and_its_bearing_holds(
        old in text(), new in text(), tool in tool(), arguments in arguments(),
    ) {
        let (a, b) = (document(&old), document(&new));
        let changes = policy::diff(&a, &b);
        prop_assert_eq!(changes.is_empty(), a == b);
        let never = |way| changes.iter().all(|c| c.bearing == way || c.bearing == Bearing::Neither);
        // Naming a tool exactly accepts its new definition, which no document alone can say.
        let mut facts = facts();
        for fact in &mut facts {
            fact.state = ToolState::Current;
        }
        let [was, is] = [&old, &new].map(|text| {
            let policy = compiled(text, &facts);
            can_pass(&policy, &tool, &arguments)
        });
        prop_assert!(!(never(Bearing::Stricter) && is && !was), "{:#?}", changes);
        prop_assert!(!(never(Bearing::Looser) && was && !is), "{:#?}", changes);
    }

    #[test]
    fn hidden_is_never_callable_and_callable_is_listed(
        text in text(), tool in tool(), arguments in arguments(),
    ) {
        let policy = compiled(&text, &facts());
        let said = decided(&policy, &tool, &arguments);
        if can_pass(&policy, &tool, &arguments) {
            prop_assert!(policy.lists(&tool), "{} {}", tool, said);
        }
        let is_hidden = policy.rule_for(&tool).is_none_or(|rule| rule.stance == policy::Stance::Hide);
        if is_hidden {
            prop_assert!(said.starts_with("hidden"), "{}", said);
            prop_assert!(!policy.lists(&tool));
        }
    }

    #[test]
    fn a_decision_is_the_same_every_time_and_is_what_the_explanation_says(
        text in text(), tool in tool(), arguments in arguments(),
    ) {
        let policy = compiled(&text, &facts());
        let first = decided(&policy, &tool, &arguments);
        prop_assert_eq!(&first, &decided(&policy, &tool, &arguments));
        prop_assert_eq!(&first, &decided(&compiled(&text, &facts()), &tool, &arguments));

        let tape = json::parse(arguments.as_bytes()).unwrap();
        let context = context();
        let call = Call { tool: &tool, arguments: Some(tape.root()), context: &context };
        let explanation = policy.explain(&call);
        let parts = [explanation.outcome, &*explanation.rule, &*explanation.message];
        let words = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        prop_assert_eq!(words, said(&policy.decide(&call)));
        if explanation.outcome == "allowed" {
            prop_assert!(explanation.steps.iter().all(|step| !step.refuses));
        }
    }

    #[test]
    fn the_normal_form_is_stable_and_means_the_same(
        text in text(), tool in tool(), arguments in arguments(),
    ) {
        let written = document(&text);
        let normal = written.to_json();
        let again = document(&normal);
        prop_assert_eq!(&again, &written);
        prop_assert_eq!(&again.to_json(), &normal);
        let before = decided(&compiled(&text, &facts()), &tool, &arguments);
        prop_assert_eq!(before, decided(&compiled(&normal, &facts()), &tool, &arguments));
    }

    #[test]
    fn rule_ids_point_into_the_normal_form(
        text in text(), tool in tool(), arguments in arguments(),
    ) {
        let policy = compiled(&text, &facts());
        let tape = json::parse(arguments.as_bytes()).unwrap();
        let context = context();
        let call = Call { tool: &tool, arguments: Some(tape.root()), context: &context };
        let rule = policy.explain(&call).rule;
        if rule.starts_with('/') {
            let normal: Value = serde_json::from_str(&document(&text).to_json()).unwrap();
            prop_assert!(normal.pointer(&rule).is_some(), "{} in {}", rule, normal);
        }
    }

    #[test]
    fn more_deny_if_or_limits_never_allow_more(
        text in text(), tool in tool(), arguments in arguments(),
        predicate in predicate(), limit in limit(),
    ) {
        let before = can_pass(&compiled(&text, &facts()), &tool, &arguments);
        for (list, addition) in [("deny_if", &predicate), ("require", &predicate),
                                 ("approve_if", &predicate), ("limits", &limit)] {
            let more = extended(&text, "/all_tools", list, addition);
            let after = policy::compile(&more, &facts()).unwrap();
            prop_assert!(before || !can_pass(&after, &tool, &arguments), "{} {}", list, addition);
        }
    }

    #[test]
    fn observe_refuses_only_what_the_first_steps_refuse(
        text in text(), tool in tool(), arguments in arguments(),
    ) {
        let mut value: Value = serde_json::from_str(&text).unwrap();
        value["mode"] = "observe".into();
        let observed = decided(&compiled(&value.to_string(), &facts()), &tool, &arguments);
        value["mode"] = "enforce".into();
        let enforced = decided(&compiled(&value.to_string(), &facts()), &tool, &arguments);
        let is_early = |said: &str| said.starts_with("hidden") || said.starts_with("quarantined");
        prop_assert_eq!(is_early(&observed), is_early(&enforced));
        prop_assert_eq!(enforced.starts_with("allowed"), observed.starts_with("allowed"));
        prop_assert!(!observed.starts_with("denied") && !observed.starts_with("approval"));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[\\[\\]{}\",:a-z0-9. \\\\*_-]{0,200}") {
        let _ = policy::check(&text, Some(&facts()));
        let _ = policy::parse_import(&text);
    }

    #[test]
    fn no_mutilated_document_makes_anything_panic(text in text(), at in 0usize..2_000, with in "[\\[\\]{}\",:0-9n]") {
        let at = at % text.len();
        let mutilated: String = text
            .char_indices()
            .map(|(index, char)| if index == at { with.clone() } else { char.to_string() })
            .collect();
        let checked = policy::check(&mutilated, Some(&facts()));
        prop_assert_eq!(checked.valid, checked.errors.is_empty());
    }
}
