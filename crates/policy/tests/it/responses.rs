//! What is taken out of answers, and what is left alone.

use std::borrow::Cow;

use crate::support::{compiled, document, facts, for_t, rule, with};
use policy::{Category, Compiled, ResponseRule};
use proptest::prelude::*;

const ALL: &str = r#"{"response":{"redact":["secrets","emails","cards","phones"]}}"#;

fn redacted(rule: &ResponseRule, message: &str) -> String {
    let tape = json::parse(message.as_bytes()).unwrap();
    let edits = rule.redact(tape.root());
    let bytes = json::splice(message.as_bytes(), &edits);
    json::parse(&bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn of_t(policy: &Compiled) -> &ResponseRule {
    policy.response_of_tool("t").unwrap()
}

/// A text as the only one of a tool's result, after.
fn text(kinds: &str, text: &str) -> String {
    // Tilde: these look like real keys only here, and in no search of the repository.
    let text = text.replace('~', "");
    let policy = for_t(&rule(&format!(r#"{{"response":{{"redact":[{kinds}]}}}}"#)));
    let quoted = json::quoted(&text);
    let message = format!(
        r#"{{"jsonrpc":"2.0","id":1,"result":{{"content":[{{"type":"text","text":{quoted}}}]}}}}"#
    );
    let after = redacted(of_t(&policy), &message);
    let tape = json::parse(after.as_bytes()).unwrap();
    let node = tape.root().pointer("/result/content/0/text").unwrap();
    node.as_str().unwrap().into_owned()
}

#[test]
fn secrets_are_found_by_their_shape() {
    let key = "0123456789abcdefABCDEF0123456789abcdef";
    for (secret, all) in [
        ("AK~IAIOSFODNN7EXAMPLE", true),
        (&*format!("gh~p_{key}"), true),
        (&*format!("github~_pat_{key}"), true),
        (&*format!("gl~pat-{key}"), true),
        ("xo~xb-123456789012-abcdefABCDEF", true),
        (&*format!("s~k_live_{key}"), true),
        (&*format!("AI~za{}", "a1".repeat(18).split_at(35).0), true),
        (&*format!("s~k-proj-{key}"), true),
        (&*format!("s~k-ant-api03-{key}"), true),
        (&*format!("np~m_{}", "a1".repeat(18)), true),
        (&*format!("hf~_{key}"), true),
        (&*format!("SG~.{key}.{key}"), true),
        (&*format!("dbg~_{key}"), true),
        ("ey~JhbGciOiJIUzI1NiJ9.ey~JzdWIiOiIxMjM0In0.c2lnbmF0dXJlMTIz", true),
        ("-----BEGIN RSA PRIVATE ~KEY-----\nMIIEow\nAQAB\n-----END RSA PRIVATE ~KEY-----", true),
        ("-----BEGIN PRIVATE ~KEY-----\nMIIEow\nAQAB and it was cut", false),
        ("https://hooks.sl~ack.com/services/T00000000/B00000000/abcdefghijkl", false),
        ("postgres://app:hunter2@db.internal/app", false),
        ("Authorization: Bearer ab12cd34ef56ab78", false),
        ("PASSWORD=swordfish", false),
        ("api_key: 'a1b2c3d4e5f6'", false),
        (r#"{"client_secret": "q9w8e7r6t5"}"#, false),
    ] {
        let found = text("\"secrets\"", &format!("It is {secret} , keep it."));
        assert!(found.contains("[secret]"), "{secret}: {found}");
        if all {
            assert_eq!(found, "It is [secret] , keep it.", "{secret}");
        }
    }
    assert_eq!(
        text("\"secrets\"", "postgres://app:hunter2@db.internal/app"),
        "postgres://app:[secret]@db.internal/app"
    );
}

#[test]
fn what_only_resembles_a_secret_stays() {
    for clean in [
        "The password must be changed every 90 days.",
        "password: required",
        "token: optional",
        "Use ${API_KEY} or api_key=<your key>.",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "123e4567-e89b-12d3-a456-426614174000",
        "task-force-of-the-whole-department-meeting",
        "basic responsibilities of a bearer of news",
        "eyJ is how a token begins",
        "https://example.com:8443/path@2x.png",
    ] {
        assert_eq!(text("\"secrets\"", clean), clean);
    }
}

#[test]
fn addresses_are_found_and_their_neighbours_stay() {
    for (before, after) in [
        ("ada@example.com", "[email]"),
        ("Ada <ada.lovelace+x@sub.example.co.uk>, Bob", "Ada <[email]>, Bob"),
        ("grüße an jörg@müller.de!", "grüße an [email]!"),
        ("mailto:a@b.io?subject=x", "mailto:[email]?subject=x"),
        ("a@b.io,c@d.io;e@f.io", "[email],[email];[email]"),
        ("@scope/pkg@1.2.3 and @ada", "@scope/pkg@1.2.3 and @ada"),
        ("git@github.com:org/repo.git", "git@github.com:org/repo.git"),
        ("root@localhost", "root@localhost"),
        ("5 @ 3.50 each", "5 @ 3.50 each"),
    ] {
        assert_eq!(text("\"emails\"", before), after);
    }
}

#[test]
fn card_numbers_are_those_whose_check_digit_is_right() {
    for (before, after) in [
        ("4111111111111111", "[card number]"),
        ("4111 1111 1111 1111, thanks", "[card number], thanks"),
        ("5500-0000-0000-0004.", "[card number]."),
        ("amex 378282246310005", "amex [card number]"),
        ("4111111111111112", "4111111111111112"),
        ("0000000000000000", "0000000000000000"),
        ("1763885000000", "1763885000000"),
        ("41111111111111111111111", "41111111111111111111111"),
        ("id 4111111111111111-77", "id 4111111111111111-77"),
        ("41111111-1111-1111-8111-111111111111", "41111111-1111-1111-8111-111111111111"),
        ("order_4111111111111111", "order_4111111111111111"),
    ] {
        assert_eq!(text("\"cards\"", before), after);
    }
}

#[test]
fn phone_numbers_are_found_in_the_common_forms() {
    for (before, after) in [
        ("+1 415 555 2671", "[phone number]"),
        ("+49 30 12345678", "[phone number]"),
        ("tel:+14155552671", "tel:[phone number]"),
        ("(415) 555-2671 or 415-555-2671", "[phone number] or [phone number]"),
        ("030 1234567", "[phone number]"),
        ("(call +1 415 555 2671)+1 415 555 2672", "(call [phone number])[phone number]"),
        ("+1 (415) 555 2671)x", "[phone number])x"),
        ("2026-11-25T13:47:31+00:00", "2026-11-25T13:47:31+00:00"),
        ("+1", "+1"),
        ("10.0.0.1:8080", "10.0.0.1:8080"),
        ("1763885000000", "1763885000000"),
        ("123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
        ("v1.2.3+20261125", "v1.2.3+20261125"),
    ] {
        assert_eq!(text("\"phones\"", before), after);
    }
}

#[test]
fn an_own_pattern_is_replaced_by_its_own_words() {
    let own = r#"{"regex":"(?i)project \\w+","with":"a project"}"#;
    assert_eq!(text(own, "About Project Aurora."), "About a project.");
    let literal = r#"{"regex":"(\\d)x","with":"$1"}"#;
    assert_eq!(text(literal, "7x"), "$1", "the words are words, not a template");
    let gone = r#"{"regex":"z","with":""}"#;
    assert_eq!(text(gone, "zaz"), "a");
}

#[test]
fn every_part_of_a_message_that_people_read_is_looked_at() {
    let policy = for_t(&rule(ALL));
    for (before, after) in [
        // Escapes are decoded first; what is around stays as it was written.
        (
            r#"{"result":{ "a" : "\u0061da@ex\u0061mple.com" ,"b":1.50}}"#,
            r#"{"result":{ "a" : "[email]" ,"b":1.50}}"#,
        ),
        (
            r#"{"result":{"structuredContent":{"who":[{"mail":"a@b.io"}]}}}"#,
            r#"{"result":{"structuredContent":{"who":[{"mail":"[email]"}]}}}"#,
        ),
        (
            r#"{"error":{"code":-32000,"message":"no a@b.io","data":{"to":"a@b.io"}}}"#,
            r#"{"error":{"code":-32000,"message":"no [email]","data":{"to":"[email]"}}}"#,
        ),
        (
            r#"{"method":"notifications/message","params":{"level":"info","data":"a@b.io"}}"#,
            r#"{"method":"notifications/message","params":{"level":"info","data":"[email]"}}"#,
        ),
        // Keys too, and none takes another's place.
        (
            r#"{"result":{"x":{"a@b.io":1,"c@d.io":2,"[email]":3}}}"#,
            r#"{"result":{"x":{"[email] 2":1,"[email] 3":2,"[email]":3}}}"#,
        ),
        (r#"{"result":{"a@b.io":1}}"#, r#"{"result":{"[email]":1}}"#),
        // By name, whatever it looks like.
        (
            r#"{"result":{"db":{"password":"x","api_key":"y","userSecret":"z","token_count":"5"}}}"#,
            r#"{"result":{"db":{"password":"[secret]","api_key":"[secret]","userSecret":"[secret]","token_count":"5"}}}"#,
        ),
        (r#"{"result":{"card":4111111111111111}}"#, r#"{"result":{"card":"[card number]"}}"#),
        (r#"{"result":"a@b.io"}"#, r#"{"result":"[email]"}"#),
        (r#"{"result":{"_meta":{"by":"a@b.io"}}}"#, r#"{"result":{"_meta":{"by":"[email]"}}}"#),
        // Text in base64 is text: `a@b.io`.
        (
            r#"{"result":{"contents":[{"uri":"x:y","blob":"YUBiLmlv"}]}}"#,
            r#"{"result":{"contents":[{"uri":"x:y","blob":"W2VtYWlsXQ=="}]}}"#,
        ),
    ] {
        assert_eq!(redacted(of_t(&policy), before), after);
    }
}

#[test]
fn what_the_protocol_goes_on_by_stays() {
    let policy = for_t(&rule(ALL));
    for clean in [
        r#"{"jsonrpc":"2.0","id":"a@b.io","result":{"content":[]}}"#,
        r#"{"result":{"requestState":"a@b.io","taskId":"a@b.io","nextCursor":"a@b.io"}}"#,
        r#"{"result":{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"a@b.io"}}}}"#,
        r#"{"method":"notifications/progress","params":{"progressToken":"a@b.io","progress":1}}"#,
        r#"{"result":{"content":[{"type":"image","mimeType":"image/png","data":"+14155552671"}]}}"#,
        r#"{"result":{"content":[],"n":1.0e2, "x": null}}"#,
    ] {
        assert_eq!(redacted(of_t(&policy), clean), clean);
    }
}

#[test]
fn the_rule_that_applies_says_what_is_done() {
    let text = with(
        r#""categories":{"read":{"response":{"max_bytes":9,"redact":["emails"]}}},
        "tools":{"plain":{},"own":{"response":{"max_bytes":100}},"deny":{"deny_if":[{"conditions":[]}]}},
        "prompts":{"rules":{"p*":{"response":{"redact":["cards"]}}}},
        "resources":{"rules":{"file:///**":{"response":{"redact":["phones"]}}}}"#,
    );
    let tools = ["plain", "own", "other"].map(|name| facts(name, Category::Read));
    let policy = compiled(&text, &tools);
    assert!(policy.response_of_tool("plain").is_none());
    let own = policy.response_of_tool("own").unwrap();
    assert_eq!((own.max_bytes(), own.size_rule()), (Some(100), "/tools/own/response/max_bytes"));
    assert_eq!(policy.response_of_tool("other").unwrap().max_bytes(), Some(9));
    assert!(policy.response_of_tool("unknown").is_none());
    assert!(policy.response_of_prompt("pay").is_some());
    assert!(policy.response_of_prompt("x").is_none());
    assert!(policy.response_of_resource("file:///a").is_some());
    let any = policy.any_response().unwrap();
    assert_eq!(
        (any.max_bytes(), any.size_rule()),
        (Some(9), "/categories/read/response/max_bytes")
    );
    let message = r#"{"params":["a@b.io","4111111111111111","+14155552671","password=x1"]}"#;
    let after = r#"{"params":["[email]","[card number]","[phone number]","password=x1"]}"#;
    assert_eq!(redacted(any, message), after);
    assert!(for_t(&rule("{}")).any_response().is_none());
}

#[test]
fn approvals_are_read_and_written_in_the_largest_unit() {
    let text = with(r#""approvals":{"expires":"7200s","approvers":2}"#);
    let normal = document(&text).to_json();
    assert!(normal.contains("\"expires\": \"2h\""), "{normal}");
    assert!(normal.contains("\"hold\": \"50s\""), "{normal}");
    let policy = compiled(&text, &[]);
    assert_eq!(policy.approvals().expires.as_secs(), 7_200);
    assert_eq!((policy.approvals().hold.as_secs(), policy.approvals().approvers), (50, 2));
    assert_eq!(compiled(&with(r#""tools":{}"#), &[]).approvals().approvers, 1);
}

// === Laws ===

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "\\PC{0,6}",
        Just("ada@example.com".to_owned()),
        Just("4111 1111 1111 1111".to_owned()),
        Just("+1 415 555 2671".to_owned()),
        Just("password=abc123".to_owned()),
        Just(format!("gh{}_{}", "p", "a1B2".repeat(9))),
        Just("-----BEGIN PRIVATE KEY-----".to_owned()),
        Just("[email]".to_owned()),
        Just("://u:p@".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let text = || prop::collection::vec(piece(), 0..5).prop_map(|pieces| pieces.concat());
    let leaf = prop_oneof![
        text().prop_map(serde_json::Value::String),
        any::<i64>().prop_map(Into::into),
        any::<bool>().prop_map(Into::into),
        Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(3, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::Array),
            prop::collection::btree_map(text(), inner, 0..5)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Kinds of values and their places, without what texts say and keys are called.
fn shape(value: &serde_json::Value) -> Cow<'static, str> {
    match value {
        serde_json::Value::Array(items) => {
            format!("[{}]", items.iter().map(shape).collect::<Vec<_>>().join(",")).into()
        }
        serde_json::Value::Object(members) => format!("{{{}}}", members.len()).into(),
        serde_json::Value::String(_) | serde_json::Value::Number(_) => "s".into(),
        _ => "x".into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_left_is_the_same_message_and_has_nothing_more_to_take_out(result in value()) {
        let policy = for_t(&rule(ALL));
        let message = serde_json::json!({"jsonrpc": "2.0", "id": 1, "result": result}).to_string();
        let after = redacted(of_t(&policy), &message);
        let read: serde_json::Value = serde_json::from_str(&after).unwrap();
        prop_assert_eq!(shape(&read["result"]), shape(&result));
        prop_assert_eq!(&redacted(of_t(&policy), &after), &after, "of {}", message);
    }
}

/// A result as the only thing that a rule looks at, after.
fn result(kinds: &str, result: &str) -> String {
    let policy = for_t(&rule(&format!(r#"{{"response":{{"redact":[{kinds}]}}}}"#)));
    let message = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
    let after = redacted(of_t(&policy), &message);
    let start = r#"{"jsonrpc":"2.0","id":1,"result":"#;
    after.strip_prefix(start).unwrap().strip_suffix('}').unwrap().to_owned()
}

#[test]
fn a_value_and_the_text_of_it_lose_the_same() {
    for (before, after) in [
        (r#"{"password":"hunter2"}"#, r#"{"password":"[secret]"}"#),
        (r#"{"token":["abc",{"value":"x"}]}"#, r#"{"token":["[secret]",{"value":"[secret]"}]}"#),
        (r#"{"password":12345678}"#, r#"{"password":"[secret]"}"#),
        (r#"{"set-cookie":["sid=1"],"n":1}"#, r#"{"set-cookie":["[secret]"],"n":1}"#),
        (
            r#"{"a":{"credential":{"v":"s","w":null}}}"#,
            r#"{"a":{"credential":{"v":"[secret]","w":null}}}"#,
        ),
    ] {
        assert_eq!(result("\"secrets\"", before), after);
        // As servers give it beside: once as text, and once as the text of a text.
        let once = json::quoted(before);
        let once_after = json::quoted(after);
        assert_eq!(text("\"secrets\"", before), after);
        assert_eq!(text("\"secrets\"", &format!("[{once}]")), format!("[{once_after}]"));
    }
    // In the middle of prose it is no document any more, and found all the same.
    for before in [
        r#"Saved {"password": "hunter2"} for you"#,
        r#"Saved {\"password\": \"hunter2\"} for you"#,
        "Saved {'password': 'hunter2'} for you",
        r#"Saved {"pin_token": 12345} for you"#,
    ] {
        let after = text("\"secrets\"", before);
        let is_known = !before.contains("pin_token");
        assert_eq!(after.contains("[secret]"), is_known, "{after}");
        assert!(!after.contains("hunter2"), "{after}");
    }
}

#[test]
fn what_stands_beside_a_hit_is_found_too() {
    let number = "+1 415 555 2671";
    let many = [number; 30].join("+");
    assert_eq!(text("\"phones\"", &many), ["[phone number]"; 30].join("+"));
}

#[test]
fn numbers_are_found_as_people_would_write_them() {
    for card in ["4111111111111111", "4111111111111111.0", "4.111111111111111e15"] {
        let after = result("\"cards\"", &format!(r#"{{"card":{card}}}"#));
        assert_eq!(after, r#"{"card":"[card number]"}"#);
    }
    let own = r#"{"regex":"\\b[0-9]{9}\\b","with":"[ssn]"}"#;
    assert_eq!(result(own, r#"{"ssn":123456789,"n":12}"#), r#"{"ssn":"[ssn]","n":12}"#);
}

#[test]
fn base64_is_read_in_every_spelling() {
    // "ada@example.com wrote", then the same with a byte that is no UTF-8.
    for blob in [
        "YWRhQGV4YW1wbGUuY29tIHdyb3Rl",
        "YWRhQGV4YW1wbGUu\\r\\nY29tIHdyb3Rl",
        "YWRhQGV4YW1wbGUuY29tIQ",
        "YWRhQGV4YW1wbGUuY29tIPz_",
        "YWRhQGV4YW1wbGUuY29tIPw=",
    ] {
        let before = format!(r#"{{"contents":[{{"uri":"x:y","blob":"{blob}"}}]}}"#);
        let after = result("\"emails\"", &before);
        assert_ne!(after, before, "{blob}");
        assert!(!after.contains("YWRhQGV4YW1wbGUu"), "{after}");
    }
    let picture = r#"{"content":[{"type":"image","mimeType":"image/png","data":"YWRhQGV4YW1wbGUuY29tIPw="}]}"#;
    assert_eq!(result("\"emails\"", picture), picture, "pictures are not looked into");
}

#[test]
fn no_place_in_a_message_is_passed_over() {
    for place in [
        r#"{"_meta":"ada@example.com"}"#,
        r#"{"_meta":["ada@example.com"]}"#,
        r#"{"_meta":{"ada@example.com":1}}"#,
        r#"{"_meta":{"io.modelcontextprotocol/other":"ada@example.com"}}"#,
        r#"{"requestState":{"a":"ada@example.com"}}"#,
        r#"{"nextCursor":["ada@example.com"]}"#,
    ] {
        assert!(!result("\"emails\"", place).contains('@'), "{place}");
    }
    let state = r#"{"requestState":"ada@example.com","_meta":{"progressToken":"a@example.com"}}"#;
    assert_eq!(result("\"emails\"", state), state, "a client goes on by these");
}

#[test]
fn many_hits_cost_no_more_than_their_number() {
    // Quadratic, each of these takes minutes.
    let keys: Vec<String> = (0..20_000).map(|n| format!(r#""a{n}@example.com":1"#)).collect();
    let after = result("\"emails\"", &format!("{{{}}}", keys.join(",")));
    assert!(after.ends_with(r#""[email] 20000":1}"#));
    let begins = "-----BEGIN PRIVATE KEY-----!".repeat(40_000);
    assert!(text("\"secrets\"", &begins).starts_with("[secret]!"));
}
