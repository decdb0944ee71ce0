//! The description of the API, generated from the handlers; who may call what comes from the
//! route table, so that it cannot be forgotten or lie.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::Method;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, Ref, ResponseBuilder};

use crate::failure::{Failure, FieldError, Kind, Problem};
use crate::guard::{Anyone, Right};
use crate::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Drawbridge",
        description = "The admin API of Drawbridge, a gateway with policy on every MCP tool call. \
                       Send an API key (`dbk_…`) or an access token as `Authorization: Bearer`; \
                       the organisation is the credential's. Times are UTC, RFC 3339. Errors are \
                       problem+json (RFC 9457)."
    ),
    paths(
        super::auth::signup::signup,
        super::auth::token::token,
        super::auth::refresh::refresh,
        super::auth::logout::logout,
        super::me::me,
        super::organisation::show::show,
        super::organisation::change::change,
        super::organisation::pause::pause,
        super::organisation::pause::resume,
        super::api_keys::list::list,
        super::api_keys::create::create,
        super::api_keys::remove::remove,
        super::servers::list::list,
        super::servers::register::register,
        super::servers::show::show,
        super::servers::change::change,
        super::servers::remove::remove,
        super::servers::pause::pause,
        super::servers::pause::resume,
        super::servers::discover::discover,
        super::servers::tools::tools,
        super::servers::review::review,
        super::policies::list::list,
        super::policies::create::create,
        super::policies::show::show,
        super::policies::change::change,
        super::policies::remove::remove,
        super::policies::publish::publish,
        super::policies::versions::list,
        super::policies::versions::show,
        super::policies::versions::restore,
        super::policies::diff::diff,
        super::policies::diff::compare,
        super::policies::tests::list,
        super::policies::tests::add,
        super::policies::tests::replace,
        super::policies::tests::remove,
        super::policies::tests::run,
        super::policies::validate::validate,
        super::policies::evaluate::evaluate,
        super::policies::recommend::recommend,
        super::policies::backtest::backtest,
        super::policies::backtest::learn,
        super::policies::schema::schema,
        super::grants::list::list,
        super::grants::create::create,
        super::grants::show::show,
        super::grants::change::change,
        super::grants::bind_policy::bind_policy,
        super::grants::rotate::rotate,
        super::grants::revoke::revoke,
        super::calls::list::list,
        super::calls::show::show,
        super::usage::usage,
        openapi,
    ),
    components(schemas(Problem, FieldError))
)]
struct Description;

const BEARER: &str = "bearer";

static TEXT: LazyLock<Result<String, serde_json::Error>> =
    LazyLock::new(|| description().to_pretty_json());

/// `GET /api/v1/openapi.json`: this API, described in OpenAPI 3.1.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "about",
    responses((status = 200, body = Object)))]
pub(crate) async fn openapi(_: Anyone) -> Result<Response, Failure> {
    match &*TEXT {
        Ok(text) => {
            let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")];
            Ok((headers, text.as_str()).into_response())
        }
        Err(cause) => Err(Failure::internal(cause.to_string())),
    }
}

/// The whole description.
pub fn description() -> utoipa::openapi::OpenApi {
    let mut api = Description::openapi();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key (dbk_…), or an access token of /api/v1/auth/token."))
        .build();
    api.components
        .get_or_insert_with(Components::new)
        .add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    let rights: HashMap<(Method, &str), Right> =
        routes::table().into_iter().map(|r| ((r.method, r.path), r.right)).collect();
    for (path, item) in &mut api.paths.paths {
        for (method, operation) in operations(item) {
            if let Some(right) = rights.get(&(method.clone(), path.as_str())) {
                complete(operation, *right, &method);
            }
        }
    }
    api
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

/// Adds who may call it, and the failures that follow from that.
fn complete(operation: &mut Operation, right: Right, method: &Method) {
    let mut kinds = vec![];
    if let Right::Permission { name, least } = right {
        operation.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
        let text = operation.description.take().unwrap_or_default();
        let gap = if text.is_empty() { "" } else { "\n\n" };
        operation.description = Some(format!("{text}{gap}Needs `{name}`: role {least} or above."));
        kinds.extend([Kind::Unauthenticated, Kind::Forbidden, Kind::NotFound]);
    }
    if *method != Method::GET || operation.parameters.is_some() {
        kinds.push(Kind::Invalid);
    }
    if *method == Method::POST || *method == Method::PUT || *method == Method::PATCH {
        kinds.extend([Kind::Malformed, Kind::Conflict]);
    }
    for kind in kinds {
        let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new()
            .description(kind.title())
            .content("application/problem+json", problem)
            .build();
        let status = kind.status().as_str().to_owned();
        operation.responses.responses.entry(status).or_insert_with(|| response.into());
    }
}
