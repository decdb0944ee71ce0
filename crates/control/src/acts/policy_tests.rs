//! Policy tests: kept beside a policy, run against a document, and asked before it is published.

use domain::perm::WritePolicies;
use domain::{Permission, PolicyId, ServerId};
use policy::suite::{self, Test, Verdict};
use policy::{Document, Problem, ToolFacts};
use store::Event;
use store::policy_tests::PolicyTest;

use super::policies::{self, DocumentText};
use super::tools;
use crate::failure::{Failure, FieldError, Kind};
use crate::guard::Can;

/// A stored test, read.
pub(crate) struct Stored {
    pub(crate) number: i32,
    pub(crate) test: Test,
}

/// The tests of a policy, in their order.
pub(crate) async fn list<P>(caller: &mut Can<P>, id: PolicyId) -> Result<Vec<Stored>, Failure> {
    let rows = caller.tx().await?.list_policy_tests(id).await?;
    rows.iter().map(stored).collect()
}

fn stored(row: &PolicyTest) -> Result<Stored, Failure> {
    let test =
        one(&row.test).map_err(|_found| Failure::internal("a stored test cannot be read"))?;
    Ok(Stored { number: row.number, test })
}

/// Adds a test, given as it stands in a file; gives its number.
pub(crate) async fn add(
    caller: &mut Can<WritePolicies>,
    id: PolicyId,
    written: &str,
) -> Result<i32, Failure> {
    let test = one(written).map_err(Failure::invalid)?;
    locked(caller, id).await?;
    if caller.tx().await?.list_policy_tests(id).await?.len() >= suite::MAX_TESTS {
        let detail = format!("a policy may have at most {} tests", suite::MAX_TESTS);
        return Err(Failure::invalid_at("", detail));
    }
    let number = insert(caller, id, &test).await?;
    caller.commit(Event::PolicyTestsChanged(id)).await?;
    Ok(number)
}

/// Puts the tests of a file in the place of those that are there.
pub(crate) async fn replace(
    caller: &mut Can<WritePolicies>,
    id: PolicyId,
    file: &str,
) -> Result<(), Failure> {
    let error = |problem| located("", problem);
    let tests = suite::parse(file)
        .map_err(|problems| Failure::invalid(problems.into_iter().map(error).collect()))?;
    locked(caller, id).await?;
    caller.tx().await?.clear_policy_tests(id).await?;
    for test in &tests {
        insert(caller, id, test).await?;
    }
    caller.commit(Event::PolicyTestsChanged(id)).await
}

/// Removes a test.
pub(crate) async fn remove(
    caller: &mut Can<WritePolicies>,
    id: PolicyId,
    number: i32,
) -> Result<(), Failure> {
    if !caller.tx().await?.delete_policy_test(id, number).await? {
        return Err(Failure::not_found());
    }
    caller.commit(Event::PolicyTestsChanged(id)).await
}

/// Runs the tests of a policy: against a draft, or else against what is in force.
pub(crate) async fn run<P: Permission>(
    caller: &mut Can<P>,
    id: PolicyId,
    draft: Option<&DocumentText>,
) -> Result<Vec<Verdict>, Failure> {
    let policy = policies::find(caller, id).await?;
    let live = DocumentText(policy.document);
    let document = policies::parsed(draft.unwrap_or(&live))?;
    let tests = list(caller, id).await?;
    verdicts(caller, &document, policy.server_id, &tests).await
}

/// What a test of its policy would find of a call on a document, whatever the test expects.
pub(crate) async fn try_test<P: Permission>(
    caller: &mut Can<P>,
    id: PolicyId,
    document: &DocumentText,
    test: Test,
) -> Result<Verdict, Failure> {
    let policy = policies::find(caller, id).await?;
    let document = policies::parsed(document)?;
    let alone = [Stored { number: 0, test }];
    let mut verdicts = verdicts(caller, &document, policy.server_id, &alone).await?;
    verdicts.pop().ok_or_else(|| Failure::internal("a test has no verdict"))
}

/// Refuses a document that a test of its policy fails, naming each that does. Holds the policy, so
/// that it can be published in the same transaction.
pub(super) async fn guard(
    caller: &mut Can<WritePolicies>,
    id: PolicyId,
    document: &Document,
    server: Option<ServerId>,
) -> Result<(), Failure> {
    locked(caller, id).await?;
    let tests = list(caller, id).await?;
    let verdicts = verdicts(caller, document, server, &tests).await?;
    let failed = tests.iter().zip(verdicts).filter(|(_, verdict)| !verdict.passed);
    let errors: Vec<_> = failed
        .map(|(stored, verdict)| {
            let detail = format!("The test “{}” fails. {}", verdict.name, verdict.detail);
            FieldError::new(format!("/tests/{}", stored.number), detail)
        })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(Failure::invalid(errors)) }
}

async fn verdicts<P: Permission>(
    caller: &mut Can<P>,
    document: &Document,
    server: Option<ServerId>,
    stored: &[Stored],
) -> Result<Vec<Verdict>, Failure> {
    let tests: Vec<Test> = stored.iter().map(|stored| stored.test.clone()).collect();
    if tests.is_empty() {
        return Ok(Vec::new());
    }
    let facts = match server {
        Some(server) => tools::facts(&tools::list(caller, server).await?.1),
        None => imagined(&tests),
    };
    suite::run(document, &facts, &tests, caller.now()).map_err(policies::uncompiled)
}

/// What a policy without a server is tested on: the tools that its tests name.
fn imagined(tests: &[Test]) -> Vec<ToolFacts> {
    let names: std::collections::BTreeSet<&str> = tests.iter().map(|t| t.tool.as_str()).collect();
    names.into_iter().map(tools::imagined).collect()
}

async fn locked(caller: &mut Can<WritePolicies>, id: PolicyId) -> Result<(), Failure> {
    let found = caller.tx().await?.lock_policy(id).await?;
    if found { Ok(()) } else { Err(Failure::not_found()) }
}

async fn insert(
    caller: &mut Can<WritePolicies>,
    id: PolicyId,
    test: &Test,
) -> Result<i32, Failure> {
    let written = serde_json::to_string(test).map_err(Failure::internal)?;
    // Postgres has no NUL, and a row of this length would be refused by the schema.
    if written.contains('\0')
        || test.name.contains('\0')
        || written.len() > suite::MAX_ARGUMENTS_BYTES * 2
    {
        return Err(Failure::new(Kind::Invalid, "This test is too long to be kept."));
    }
    Ok(caller.tx().await?.insert_policy_test(id, &test.name, &written).await?)
}

/// One test, given as it stands in a file, or everything that is wrong with it.
pub(crate) fn one(text: &str) -> Result<Test, Vec<FieldError>> {
    // What is not one JSON value by itself must not become one inside the file around it.
    if json::parse(text.as_bytes()).is_err() {
        return Err(vec![FieldError::new("", "this is not valid JSON")]);
    }
    let file = format!(r#"{{"version":"1","tests":[{text}]}}"#);
    let error = |problem| located("/tests/0", problem);
    let mut tests = suite::parse(&file)
        .map_err(|problems| problems.into_iter().map(error).collect::<Vec<_>>())?;
    tests.pop().ok_or_else(|| vec![FieldError::new("", "this is not a test")])
}

fn located(below: &str, problem: Problem) -> FieldError {
    let pointer = problem.pointer.strip_prefix(below).unwrap_or(&problem.pointer);
    FieldError::new(pointer, problem.detail)
}
