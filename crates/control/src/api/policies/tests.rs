//! Policy tests: example calls with the decision that is expected of them. Publishing is refused
//! while one of them fails.

use axum::response::{IntoResponse, Response};
use domain::PolicyId;
use domain::perm::{View, WritePolicies};
use policy::suite::{Test, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::acts;
use crate::acts::policies::DocumentText;
use crate::acts::policy_tests::Stored;
use crate::answer::{Created, NoContent};
use crate::extract::{Json, Path};
use crate::failure::Failure;
use crate::guard::Can;

/// The tests of a policy: the file that `drawbridge policy test` reads, but for the numbers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TestsView {
    data: Vec<TestView>,
}

/// One test.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TestView {
    /// Its number within the policy.
    number: i32,
    /// The test: `name`, `tool`, `arguments`, `at`, `grant`, `client`, `repeat`, `expect`, `rule`.
    #[schema(value_type = Object)]
    test: Test,
}

impl From<Stored> for TestView {
    fn from(Stored { number, test }: Stored) -> Self {
        Self { number, test }
    }
}

/// The number of a test that was just added.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct NewTestView {
    number: i32,
}

/// What to run the tests against.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunForm {
    /// A draft; without it, what is in force.
    #[schema(value_type = Option<Object>)]
    document: Option<DocumentText>,
}

/// How the tests went.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RunView {
    /// Whether all of them did.
    passed: bool,
    /// Each with what came of it, and the explanation.
    #[schema(value_type = Vec<Object>)]
    verdicts: Vec<Verdict>,
}

/// `GET /api/v1/policies/{id}/tests`: its tests, in the order in which they were added.
#[utoipa::path(get, path = "/api/v1/policies/{id}/tests", tag = "policies",
    params(("id" = String, Path)), responses((status = 200, body = TestsView)))]
pub(crate) async fn list(
    mut caller: Can<View>,
    Path(id): Path<PolicyId>,
) -> Result<Json<TestsView>, Failure> {
    acts::policies::find(&mut caller, id).await?;
    let tests = acts::policy_tests::list(&mut caller, id).await?;
    Ok(Json(TestsView { data: tests.into_iter().map(TestView::from).collect() }))
}

/// `POST /api/v1/policies/{id}/tests`: add one.
#[utoipa::path(post, path = "/api/v1/policies/{id}/tests", tag = "policies",
    params(("id" = String, Path)), request_body = Object,
    responses((status = 201, body = NewTestView)))]
pub(crate) async fn add(
    mut caller: Can<WritePolicies>,
    Path(id): Path<PolicyId>,
    Json(test): Json<Box<RawValue>>,
) -> Result<Created<NewTestView>, Failure> {
    let number = acts::policy_tests::add(&mut caller, id, test.get()).await?;
    Ok(Created(NewTestView { number }))
}

/// `PUT /api/v1/policies/{id}/tests`: put a file, `{"version": "1", "tests": […]}`, in the place of
/// all that are there.
#[utoipa::path(put, path = "/api/v1/policies/{id}/tests", tag = "policies",
    params(("id" = String, Path)), request_body = Object,
    responses((status = 200, body = TestsView)))]
pub(crate) async fn replace(
    mut caller: Can<WritePolicies>,
    Path(id): Path<PolicyId>,
    Json(file): Json<Box<RawValue>>,
) -> Result<Response, Failure> {
    acts::policy_tests::replace(&mut caller, id, file.get()).await?;
    let tests = acts::policy_tests::list(&mut caller, id).await?;
    let data = tests.into_iter().map(TestView::from).collect();
    Ok(Json(TestsView { data }).into_response())
}

/// `DELETE /api/v1/policies/{id}/tests/{n}`: remove one.
#[utoipa::path(delete, path = "/api/v1/policies/{id}/tests/{n}", tag = "policies",
    params(("id" = String, Path), ("n" = i32, Path)), responses((status = 204)))]
pub(crate) async fn remove(
    mut caller: Can<WritePolicies>,
    Path((id, n)): Path<(PolicyId, i32)>,
) -> Result<NoContent, Failure> {
    acts::policy_tests::remove(&mut caller, id, n).await?;
    Ok(NoContent)
}

/// `POST /api/v1/policies/{id}/tests/run`: run them, against a draft or what is in force.
#[utoipa::path(post, path = "/api/v1/policies/{id}/tests/run", tag = "policies",
    params(("id" = String, Path)), request_body = RunForm,
    responses((status = 200, body = RunView)))]
pub(crate) async fn run(
    mut caller: Can<View>,
    Path(id): Path<PolicyId>,
    Json(form): Json<RunForm>,
) -> Result<Json<RunView>, Failure> {
    let verdicts = acts::policy_tests::run(&mut caller, id, form.document.as_ref()).await?;
    Ok(Json(RunView { passed: verdicts.iter().all(|verdict| verdict.passed), verdicts }))
}
