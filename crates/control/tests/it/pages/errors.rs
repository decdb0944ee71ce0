//! Failures as pages; public pages; news.

use sqlx::PgPool;
use testkit::TestApp;

use super::at;

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn public_pages_are_there_for_everybody(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    for path in ["/", "/docs/", "/docs", "/docs/policy", "/docs/api", "/signup", "/login"] {
        let page = app.anonymous().get(path).await.expect(200);
        assert!(page.header("content-security-policy").starts_with("default-src 'self'"));
        assert!(page.body.contains("<h1"), "{path}");
    }
    assert!(t.viewer().get("/").await.expect(200).body.contains("Open the dashboard"));
    assert!(app.anonymous().get("/robots.txt").await.expect(200).body.contains("Disallow: /o/"));
    let icon = app.anonymous().get("/favicon.svg").await.expect(303).header("location");
    let _icon = app.anonymous().get(&icon).await.expect(200);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn failures_are_pages_that_say_what_to_do(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let lost = app.anonymous().get("/nowhere").await.expect(404);
    assert!(lost.body.contains("There is nothing here") && lost.body.contains("<h1"));
    let forbidden = t.viewer().get(&at(&t, "servers/new")).await.expect(403);
    assert!(forbidden.body.contains("This needs the role admin"), "{}", forbidden.body);
    let ended = app.anonymous().submit(&at(&t, "grants"), "label=x").await.expect(401);
    assert!(ended.body.contains("what you typed is still in it"), "{}", ended.body);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn news_is_told_once_and_is_text(pool: PgPool) {
    let app = TestApp::new(pool);
    let t = app.tenant("acme").await;
    let request = t.viewer().request(http::Method::GET, &at(&t, "grants"));
    let news = "drawbridge-news=%3Cb%3EHello";
    let page =
        t.viewer().send(request.header("cookie", news).body("".into()).unwrap()).await.expect(200);
    assert!(page.body.contains("&#60;b&#62;Hello"), "{}", page.body);
    assert!(page.header("set-cookie").starts_with("drawbridge-news=; Path=/; Max-Age=0"));
    let page = t.viewer().get(&at(&t, "grants")).await.expect(200);
    assert_eq!(page.header("set-cookie"), "");
}
