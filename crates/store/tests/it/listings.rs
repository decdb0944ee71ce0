//! What a discovery does to the pinned definitions.

use domain::{ServerId, ToolState};
use sqlx::PgPool;
use store::tools::{ListedTool, ToolChanges};

use crate::Org;

fn tool(name: &str, fingerprint: u8) -> ListedTool {
    ListedTool {
        name: name.to_owned(),
        title: None,
        description: format!("{name} {fingerprint}"),
        definition: format!(r#"{{"name":"{name}","v":{fingerprint}}}"#),
        input_schema: None,
        annotations: None,
        fingerprint: [fingerprint; 32],
        category: "read".to_owned(),
        level: "low".to_owned(),
        assessment: serde_json::json!({}),
    }
}

async fn apply(org: &Org, server: ServerId, tools: &[ListedTool], pin_all: bool) -> ToolChanges {
    let mut tx = org.tx().await;
    let changes = tx.apply_listing(server, tools, pin_all).await.unwrap();
    tx.commit_unaudited("a listing of a test").await.unwrap();
    changes
}

async fn states(org: &Org, server: ServerId) -> Vec<(String, ToolState)> {
    let tools = org.tx().await.list_tools(server).await.unwrap();
    tools.into_iter().map(|tool| (tool.name, tool.state)).collect()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_first_listing_is_pinned_and_later_ones_are_compared_with_it(pool: PgPool) {
    let org = Org::new(&pool, "ours").await;
    let server = org.server("a").await;
    let first = apply(&org, server, &[tool("b", 1), tool("a", 1), tool("c", 1)], true).await;
    assert_eq!(first, ToolChanges { added: 3, changed: 0, removed: 0 });
    let again = apply(&org, server, &[tool("b", 1), tool("a", 1), tool("c", 1)], false).await;
    assert_eq!(again, ToolChanges::default());

    let later = apply(&org, server, &[tool("a", 2), tool("b", 1), tool("d", 1)], false).await;
    assert_eq!(later, ToolChanges { added: 1, changed: 1, removed: 1 });
    let expected = [
        ("a", ToolState::Changed),
        ("b", ToolState::Current),
        ("d", ToolState::New),
        ("c", ToolState::Removed),
    ];
    assert_eq!(states(&org, server).await, expected.map(|(n, s)| (n.to_owned(), s)));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn only_the_reviewed_definition_is_accepted(pool: PgPool) {
    let org = Org::new(&pool, "ours").await;
    let server = org.server("a").await;
    apply(&org, server, &[tool("a", 1)], true).await;
    apply(&org, server, &[tool("a", 2)], false).await;
    let pinned = org.tx().await.list_tools(server).await.unwrap().remove(0);
    assert_eq!((pinned.fingerprint[0], pinned.description.as_str()), (1, "a 1"));

    let mut tx = org.tx().await;
    assert!(!tx.accept_tool(server, &tool("a", 3)).await.unwrap());
    assert!(tx.accept_tool(server, &tool("a", 2)).await.unwrap());
    tx.commit_unaudited("a review of a test").await.unwrap();
    assert_eq!(states(&org, server).await, [("a".to_owned(), ToolState::Current)]);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_definition_that_changes_back_is_released(pool: PgPool) {
    let org = Org::new(&pool, "ours").await;
    let server = org.server("a").await;
    apply(&org, server, &[tool("a", 1)], true).await;
    apply(&org, server, &[tool("a", 2)], false).await;
    apply(&org, server, &[tool("a", 1)], false).await;
    assert_eq!(states(&org, server).await, [("a".to_owned(), ToolState::Current)]);
}
