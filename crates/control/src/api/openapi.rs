//! The description of the API, generated from the handlers; who may call what comes from the
//! route table, so that it cannot be forgotten or lie. [`describe`] completes it.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::Components;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::describe::{self, BEARER};
use crate::failure::{Failure, FieldError, Problem};
use crate::guard::Anyone;
use crate::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Drawbridge",
        description = "The admin API of Drawbridge, a gateway with policy on every MCP tool call. \
                       Send an API key (`dbk_…`) or an access token as `Authorization: Bearer`; \
                       the organisation is the credential's. Times are UTC, RFC 3339. Errors are \
                       problem+json (RFC 9457). Lists come in pages: pass `next_cursor` as `cursor`. Every \
                       answer says in `RateLimit` what is left of the credential's minute."
    ),
    paths(
        super::auth::signup::signup,
        super::auth::token::token,
        super::auth::refresh::refresh,
        super::auth::logout::logout,
        super::auth::jwks::jwks,
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
        super::policies::import::import,
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
        super::grants::disconnect::disconnect,
        super::calls::list::list,
        super::calls::show::show,
        super::calls::export::export,
        super::calls::checkpoints::checkpoints,
        super::usage::usage,
        super::webhooks::list::list,
        super::webhooks::create::create,
        super::webhooks::show::show,
        super::webhooks::change::change,
        super::webhooks::remove::remove,
        super::webhooks::rotate::rotate,
        super::webhooks::test::test,
        super::webhooks::deliveries::deliveries,
        super::webhooks::deliveries::replay,
        super::audit_events::list::list,
        super::audit_events::export::export,
        openapi,
    ),
    components(schemas(Problem, FieldError))
)]
struct Description;

static TEXT: LazyLock<Result<String, serde_json::Error>> =
    LazyLock::new(|| serde_json::to_string_pretty(&description()));

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
pub fn description() -> Value {
    let mut api = Description::openapi();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key (dbk_…), or an access token of /api/v1/auth/token."))
        .build();
    api.components
        .get_or_insert_with(Components::new)
        .add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    // Nothing of it is a map with keys that are no text.
    let api = serde_json::to_value(&api).unwrap_or_default();
    describe::complete(api, &routes::table())
}
