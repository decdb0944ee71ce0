//! Mistake 27 of the protocol notes; the others are with the gateway.

use serde_json::json;
use sqlx::PgPool;

use super::{World, register};

/// Redirect URIs were taken too strictly: three at once of which one was unknown failed the set
/// (bytebase#20510, accounted#2225); a port that the client picked was not the registered one
/// (vscode#278512); a published document could not name the port at all (sas-mcp-server#58).
#[sqlx::test(migrator = "store::MIGRATOR")]
async fn mistake_27_redirect_uris_are_taken_too_strictly(pool: PgPool) {
    let mut world = World::new(&pool).await;
    let cursor = [
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "https://www.cursor.com/agents/mcp/oauth/callback",
        "http://localhost:8787/callback",
        "an odd one",
    ];
    let code = [
        "https://vscode.dev/redirect",
        "https://insiders.vscode.dev/redirect",
        "http://127.0.0.1/",
        "http://127.0.0.1:33418/",
    ];
    let cases: [(&[&str], &[&str], &[&str]); 4] = [
        (
            &cursor,
            &[cursor[0], cursor[1], cursor[2], "http://localhost:51234/callback"],
            &["cursor://elsewhere/oauth/callback", "https://www.cursor.com/agents/mcp/oauth"],
        ),
        (
            &code,
            &[code[0], "http://127.0.0.1:50001/", "http://127.0.0.1:50001", "http://127.0.0.1/"],
            &["https://vscode.dev/redirect/x", "http://127.0.0.1:50001/x", "http://evil.example/"],
        ),
        (
            &["http://localhost:3118/callback"],
            &["http://localhost:60000/callback"],
            &["http://localhost.evil.example:60000/callback", "https://localhost:3118/callback"],
        ),
        (
            &["http://localhost/callback", "http://127.0.0.1/callback"],
            &["http://localhost:1455/callback", "http://127.0.0.1:9/callback"],
            &["http://10.0.0.1/callback"],
        ),
    ];
    for (registered, fine, refused) in cases {
        world.client = register(&world.app, registered).await;
        let ask = async |uri: &str| {
            let request = world.changed(&[("redirect_uri", uri)]);
            world.app.anonymous().get(&format!("/authorize?{request}")).await
        };
        for uri in fine {
            let on = ask(uri).await.expect(303).header("location");
            assert!(on.starts_with("/o/acme/authorize?"), "{uri}: {on}");
        }
        for uri in refused {
            let stopped = ask(uri).await.expect(400);
            assert!(stopped.header("location").is_empty(), "{uri}");
        }
    }
    // With the port it asked with, the client redeems what it got.
    let uri = "http://localhost:61999/callback";
    let answer = world.allow(&world.changed(&[("redirect_uri", uri)])).await.expect(303);
    let to = answer.header("location");
    assert!(to.starts_with(uri), "{to}");
    let code = super::carried(&to, "code").unwrap();
    let _issued = world.redeem(&code, &[("redirect_uri", uri)]).await.expect(200);
    let none = json!({ "redirect_uris": ["an odd one"] });
    let _refused = world.app.anonymous().post("/register", none).await.expect(400);
}
