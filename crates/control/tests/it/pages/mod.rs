//! The pages, as a browser without scripts sees them.

mod accounts;
mod backtests;
mod calls;
mod errors;
mod grants;
mod policies;
mod policy_tests;
mod servers;
mod settings;

use testkit::{Actor, Answer, Tenant};

/// Fields as a browser sends them.
fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Sends a form that is done, and follows where it leads.
async fn done(actor: &Actor, path: &str, fields: &[(&str, &str)]) -> Answer {
    let sent = actor.submit(path, &form(fields)).await.expect(303);
    let news = sent.header("set-cookie");
    let next = actor.get(&sent.header("location")).await.expect(200);
    // The news is for whoever brings its cookie.
    assert!(news.starts_with("drawbridge-news="), "{news}");
    next
}

/// The value of the first attribute that begins with `start` in a page.
fn after<'a>(page: &'a str, start: &str) -> &'a str {
    let (_, rest) = page.split_once(start).unwrap_or_else(|| panic!("no {start} in {page}"));
    rest.split('"').next().unwrap()
}

/// The path of a page of this tenant.
fn at(t: &Tenant, rest: &str) -> String {
    format!("/o/{}/{rest}", t.slug)
}
