//! Definitions are other people's text: nothing in them may crash, hang or sway by claims.

use proptest::prelude::*;
use risk::{Assessment, ToolInput, classify};

fn arbitrary(text: &str, schema: &str, annotations: Option<&str>) -> Assessment {
    classify(&ToolInput {
        server_name: text,
        server_description: text,
        name: text,
        title: Some(text),
        description: text,
        input_schema: Some(schema),
        annotations,
    })
}

/// Words that mean something to the classifier, in no sensible order.
fn wordy() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "delete", "get", "or", "and", "Lists", "running", "payment", "cancel", "sql", ",", ".",
        "\n", "clear", "data", "not", "tool", "for", "_", "ß", "İ", "\u{200b}", "run", "search",
        "amount",
    ]);
    prop::collection::vec(word, 0..40).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn any_text_is_survived_and_judged_the_same_twice(text in "\\PC{0,300}", schema in "\\PC{0,200}") {
        let once = arbitrary(&text, &schema, None);
        prop_assert_eq!(&once, &arbitrary(&text, &schema, None));
        prop_assert!(once.confidence <= 100);
    }

    #[test]
    fn words_in_any_order_are_survived(name in wordy(), description in wordy()) {
        let schema = serde_json::json!({ "properties": { name.clone(): { "enum": [description] } } });
        let found = classify(&ToolInput {
            name: &name.replace(' ', "_"),
            description: &description,
            input_schema: Some(&schema.to_string()),
            ..ToolInput::default()
        });
        prop_assert!(!found.evidence.is_empty());
    }

    #[test]
    fn claims_never_lower_anything(
        name in wordy(), description in wordy(),
        read_only in any::<Option<bool>>(), destructive in any::<Option<bool>>(),
    ) {
        let name = name.replace(' ', "_");
        let claims = serde_json::json!({ "readOnlyHint": read_only, "destructiveHint": destructive });
        let claims = claims.to_string();
        let silent = ToolInput { name: &name, description: &description, ..ToolInput::default() };
        let claiming = ToolInput { annotations: Some(&claims), ..silent };
        let (silent, claiming) = (classify(&silent), classify(&claiming));
        prop_assert!(claiming.category >= silent.category);
        prop_assert!(claiming.level >= silent.level);
    }
}

#[test]
fn huge_and_deep_definitions_are_read_only_so_far() {
    let long = "Deletes everything, or lists it. ".repeat(100_000);
    let deep = format!("{}{}", r#"{"properties":{"a":"#.repeat(5_000), "}}".repeat(5_000));
    let found = arbitrary(&long, &deep, Some("{"));
    assert!(found.evidence.iter().all(|evidence| evidence.quote.len() <= 120));
    assert!(found.evidence.len() <= 6);
}

#[test]
fn an_assessment_survives_storage() {
    let found = arbitrary("delete_user", "{}", None);
    let text = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Assessment>(&text).unwrap(), found);
}
