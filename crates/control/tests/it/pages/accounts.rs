//! Signing up, logging in and out.

use sqlx::PgPool;
use testkit::TestApp;

use super::form;

const ADA: [(&str, &str); 4] = [
    ("name", "Ada Lovelace"),
    ("email", "ada@example.com"),
    ("password", "the weaving of algebraic patterns"),
    ("organisation", "Analytical Engines"),
];

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn signing_up_leads_to_the_overview_with_its_checklist(pool: PgPool) {
    let app = TestApp::new(pool);
    let made = app.anonymous().submit("/signup", &form(&ADA)).await.expect(303);
    assert_eq!(made.header("location"), "/o/analytical-engines/");
    let cookie = made.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let ada = app.anonymous().with_cookie(cookie.split(';').next().unwrap());
    let overview = ada.get("/o/analytical-engines/").await.expect(200);
    assert!(overview.body.contains("From nothing to the first call"), "{}", overview.body);
    assert!(overview.body.contains("ada@example.com"));
    assert_eq!(ada.get("/o").await.expect(303).header("location"), "/o/analytical-engines/");
    let out = ada.submit("/logout", "").await.expect(303);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    let _signed_out = ada.get("/o/analytical-engines/").await.expect(303);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_was_typed_comes_back_but_for_the_password(pool: PgPool) {
    let app = TestApp::new(pool);
    let weak = [ADA[0], ADA[1], ("password", "short-one"), ADA[3]];
    let refused = app.anonymous().submit("/signup", &form(&weak)).await.expect(422);
    assert!(refused.body.contains("value=\"Ada Lovelace\""));
    assert!(refused.body.contains("id=\"password-error\""));
    assert!(!refused.body.contains("short-one"));
    let _made = app.anonymous().submit("/signup", &form(&ADA)).await.expect(303);
    let taken = app.anonymous().submit("/signup", &form(&ADA)).await.expect(409);
    assert!(taken.body.contains("id=\"email-error\""), "{}", taken.body);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_wrong_password_and_an_unknown_address_look_the_same(pool: PgPool) {
    let app = TestApp::new(pool);
    let _made = app.anonymous().submit("/signup", &form(&ADA)).await.expect(303);
    let mut said = Vec::new();
    for email in ["ada@example.com", "eve@example.com"] {
        let typed = [("email", email), ("password", "not the right password")];
        let refused = app.anonymous().submit("/login", &form(&typed)).await.expect(422);
        said.push(refused.body.replace(email, ""));
    }
    assert_eq!(said[0], said[1]);
}
