//! Every route of the control plane, in one list, in reading order; and the builder that refuses
//! a handler without a guard.

use std::marker::PhantomData;

use axum::Router;
use axum::handler::Handler;
use axum::routing::MethodRouter;
use http::Method;

use crate::app::App;
use crate::guard::{Guard, Guarded, Right};
use crate::surface::Surface;
use crate::{api, assets, layers, oauth, pages};

/// The control plane as a service, with all its layers.
pub fn router(app: App) -> Router {
    layers::around(all().router, &app).with_state(app)
}

/// Only what a load balancer asks, for a process that serves no control plane.
pub fn health(app: App) -> Router {
    layers::around(probes().router, &app).with_state(app)
}

/// Every route with what it asks of its caller.
pub fn table() -> Vec<Route> {
    all().table
}

fn probes() -> Routes {
    Routes::new().get("/healthz", api::health::healthz).get("/readyz", api::health::readyz)
}

fn all() -> Routes {
    let machine_room = probes().get("/static/{hash}/{*path}", assets::serve);
    settings(pages(clients(api(machine_room))))
}

/// For programs.
fn api(routes: Routes) -> Routes {
    routes
        .get("/api/v1/openapi.json", api::openapi::openapi)
        // Accounts.
        .post("/api/v1/auth/signup", api::auth::signup)
        .post("/api/v1/auth/token", api::auth::token)
        .post("/api/v1/auth/refresh", api::auth::refresh)
        .post("/api/v1/auth/logout", api::auth::logout)
        .get("/api/v1/auth/jwks.json", api::auth::jwks)
        .get("/api/v1/me", api::me::me)
        // The organisation and its keys.
        .get("/api/v1/organisation", api::organisation::show)
        .patch("/api/v1/organisation", api::organisation::change)
        .post("/api/v1/organisation/pause", api::organisation::pause)
        .post("/api/v1/organisation/resume", api::organisation::resume)
        .get("/api/v1/api-keys", api::api_keys::list)
        .post("/api/v1/api-keys", api::api_keys::create)
        .delete("/api/v1/api-keys/{id}", api::api_keys::remove)
        // Servers and their tools.
        .get("/api/v1/servers", api::servers::list)
        .post("/api/v1/servers", api::servers::register)
        .get("/api/v1/servers/{id}", api::servers::show)
        .patch("/api/v1/servers/{id}", api::servers::change)
        .delete("/api/v1/servers/{id}", api::servers::remove)
        .post("/api/v1/servers/{id}/pause", api::servers::pause)
        .post("/api/v1/servers/{id}/resume", api::servers::resume)
        .post("/api/v1/servers/{id}/discover", api::servers::discover)
        .get("/api/v1/servers/{id}/tools", api::servers::tools)
        .post("/api/v1/servers/{id}/tools/{tool}/review", api::servers::review)
        // Policies and their versions.
        .get("/api/v1/policy-schema.json", api::policies::schema)
        .post("/api/v1/policies/validate", api::policies::validate)
        .post("/api/v1/policies/evaluate", api::policies::evaluate)
        .post("/api/v1/policies/recommend", api::policies::recommend)
        .post("/api/v1/policies/learn", api::policies::learn)
        .get("/api/v1/policies", api::policies::list)
        .post("/api/v1/policies", api::policies::create)
        .get("/api/v1/policies/{id}", api::policies::show)
        .patch("/api/v1/policies/{id}", api::policies::change)
        .delete("/api/v1/policies/{id}", api::policies::remove)
        .put("/api/v1/policies/{id}/document", api::policies::publish)
        .get("/api/v1/policies/{id}/versions", api::policies::versions::list)
        .get("/api/v1/policies/{id}/versions/{n}", api::policies::versions::show)
        .post("/api/v1/policies/{id}/versions/{n}/restore", api::policies::versions::restore)
        .get("/api/v1/policies/{id}/diff", api::policies::diff::diff)
        .post("/api/v1/policies/diff", api::policies::diff::compare)
        .post("/api/v1/policies/{id}/backtest", api::policies::backtest)
        .get("/api/v1/policies/{id}/tests", api::policies::tests::list)
        .post("/api/v1/policies/{id}/tests", api::policies::tests::add)
        .put("/api/v1/policies/{id}/tests", api::policies::tests::replace)
        .delete("/api/v1/policies/{id}/tests/{n}", api::policies::tests::remove)
        .post("/api/v1/policies/{id}/tests/run", api::policies::tests::run)
        // Grants.
        .get("/api/v1/grants", api::grants::list)
        .post("/api/v1/grants", api::grants::create)
        .get("/api/v1/grants/{id}", api::grants::show)
        .patch("/api/v1/grants/{id}", api::grants::change)
        .put("/api/v1/grants/{id}/bindings/{server_id}/policy", api::grants::bind_policy)
        .post("/api/v1/grants/{id}/rotate", api::grants::rotate)
        .post("/api/v1/grants/{id}/revoke", api::grants::revoke)
        .delete("/api/v1/grants/{id}/connections/{connection}", api::grants::disconnect)
        // Calls.
        .get("/api/v1/calls", api::calls::list)
        .get("/api/v1/calls/export", api::calls::export)
        .get("/api/v1/calls/checkpoints", api::calls::checkpoints)
        .get("/api/v1/calls/{id}", api::calls::show)
        .get("/api/v1/usage", api::usage::usage)
        // Webhooks.
        .get("/api/v1/webhooks", api::webhooks::list)
        .post("/api/v1/webhooks", api::webhooks::create)
        .get("/api/v1/webhooks/{id}", api::webhooks::show)
        .patch("/api/v1/webhooks/{id}", api::webhooks::change)
        .delete("/api/v1/webhooks/{id}", api::webhooks::remove)
        .post("/api/v1/webhooks/{id}/rotate", api::webhooks::rotate)
        .post("/api/v1/webhooks/{id}/test", api::webhooks::test)
        .get("/api/v1/webhooks/{id}/deliveries", api::webhooks::deliveries)
        .post("/api/v1/webhooks/{id}/deliveries/{delivery}/replay", api::webhooks::replay)
        // Who changed what.
        .get("/api/v1/audit-events", api::audit_events::list)
        .get("/api/v1/audit-events/export", api::audit_events::export)
}

/// For MCP clients that log in.
fn clients(routes: Routes) -> Routes {
    routes
        .get("/.well-known/oauth-authorization-server", oauth::metadata)
        .get("/authorize", oauth::authorize)
        .post("/token", oauth::token)
        .post("/register", oauth::register)
        .post("/revoke", oauth::revoke)
}

/// For people.
fn pages(routes: Routes) -> Routes {
    routes
        // Public pages.
        .get("/", pages::landing::landing)
        .get("/docs", pages::docs::guide)
        .get("/docs/", pages::docs::guide)
        .get("/docs/policy", pages::docs::language)
        .get("/docs/api", pages::docs::api)
        .get("/favicon.svg", pages::files::favicon)
        .get("/favicon.ico", pages::files::favicon)
        .get("/robots.txt", pages::files::robots)
        // Accounts in the browser.
        .get("/signup", pages::auth::signup_form)
        .post("/signup", pages::auth::signup)
        .get("/login", pages::auth::login_form)
        .post("/login", pages::auth::login)
        .post("/logout", pages::auth::logout)
        .get("/o", pages::auth::home)
        // Pages of an organisation.
        .get("/o/{organisation}", pages::overview::show)
        .get("/o/{organisation}/", pages::overview::show)
        .get("/o/{organisation}/servers", pages::servers::list)
        .post("/o/{organisation}/servers", pages::servers::register)
        .get("/o/{organisation}/servers/new", pages::servers::new)
        .get("/o/{organisation}/servers/{server}", pages::servers::show)
        .post("/o/{organisation}/servers/{server}", pages::servers::change)
        .get("/o/{organisation}/servers/{server}/edit", pages::servers::edit)
        .post("/o/{organisation}/servers/{server}/discover", pages::servers::discover)
        .post("/o/{organisation}/servers/{server}/review", pages::servers::review)
        .post("/o/{organisation}/servers/{server}/pause", pages::servers::pause)
        .post("/o/{organisation}/servers/{server}/resume", pages::servers::resume)
        .post("/o/{organisation}/servers/{server}/delete", pages::servers::remove)
        .get("/o/{organisation}/policies", pages::policies::list)
        .post("/o/{organisation}/policies", pages::policies::create)
        .get("/o/{organisation}/policies/new", pages::policies::new)
        .post("/o/{organisation}/policies/new", pages::policies::filled)
        .get("/o/{organisation}/policies/learn", pages::policies::learn)
        .post("/o/{organisation}/policies/learn", pages::policies::learned)
        .get("/o/{organisation}/policies/{id}", pages::policies::show)
        .post("/o/{organisation}/policies/{id}", pages::policies::publish)
        .post("/o/{organisation}/policies/{id}/validate", pages::policies::validate)
        .get("/o/{organisation}/policies/{id}/fields", pages::policies::fields)
        .post("/o/{organisation}/policies/{id}/restore", pages::policies::restore)
        .post("/o/{organisation}/policies/{id}/delete", pages::policies::remove)
        .get("/o/{organisation}/policies/{id}/versions", pages::policies::versions)
        .get("/o/{organisation}/policies/{id}/diff", pages::policies::diff)
        .post("/o/{organisation}/policies/{id}/compare", pages::policies::compare)
        .get("/o/{organisation}/policies/{id}/try", pages::policies::try_call)
        .post("/o/{organisation}/policies/{id}/try", pages::policies::try_answer)
        .get("/o/{organisation}/policies/{id}/backtest", pages::policies::backtest)
        .post("/o/{organisation}/policies/{id}/backtest", pages::policies::backtested)
        .post("/o/{organisation}/policies/{id}/draft", pages::policies::draft)
        .get("/o/{organisation}/policies/{id}/tests", pages::policies::tests)
        .post("/o/{organisation}/policies/{id}/tests", pages::policies::add_test)
        .post("/o/{organisation}/policies/{id}/tests/{n}/delete", pages::policies::remove_test)
        .get("/o/{organisation}/grants", pages::grants::list)
        .post("/o/{organisation}/grants", pages::grants::create)
        .get("/o/{organisation}/grants/new", pages::grants::new)
        .get("/o/{organisation}/grants/{id}", pages::grants::show)
        .get("/o/{organisation}/grants/{id}/live", pages::grants::live)
        .post(
            "/o/{organisation}/grants/{id}/connections/{connection}/delete",
            pages::grants::disconnect,
        )
        .get("/o/{organisation}/authorize", pages::consent::show)
        .post("/o/{organisation}/authorize", pages::consent::allow)
        .post("/o/{organisation}/grants/{id}/bindings/{server_id}", pages::grants::bind)
        .post("/o/{organisation}/grants/{id}/rotate", pages::grants::rotate)
        .post("/o/{organisation}/grants/{id}/revoke", pages::grants::revoke)
        .get("/o/{organisation}/calls", pages::calls::list)
        .get("/o/{organisation}/calls/{id}", pages::calls::show)
}

/// Settings of an organisation.
fn settings(routes: Routes) -> Routes {
    routes
        .get("/o/{organisation}/settings/organisation", pages::settings::organisation::show)
        .post("/o/{organisation}/settings/organisation", pages::settings::organisation::change)
        .post("/o/{organisation}/settings/pause", pages::settings::organisation::pause)
        .post("/o/{organisation}/settings/resume", pages::settings::organisation::resume)
        .get("/o/{organisation}/settings/api-keys", pages::settings::api_keys::list)
        .post("/o/{organisation}/settings/api-keys", pages::settings::api_keys::create)
        .post("/o/{organisation}/settings/api-keys/{id}/delete", pages::settings::api_keys::remove)
        .get("/o/{organisation}/settings/webhooks", pages::settings::webhooks::list)
        .post("/o/{organisation}/settings/webhooks", pages::settings::webhooks::create)
        .get("/o/{organisation}/settings/webhooks/{id}", pages::settings::webhooks::show)
        .post("/o/{organisation}/settings/webhooks/{id}", pages::settings::webhooks::change)
        .post("/o/{organisation}/settings/webhooks/{id}/pause", pages::settings::webhooks::pause)
        .post("/o/{organisation}/settings/webhooks/{id}/resume", pages::settings::webhooks::resume)
        .post("/o/{organisation}/settings/webhooks/{id}/rotate", pages::settings::webhooks::rotate)
        .post("/o/{organisation}/settings/webhooks/{id}/test", pages::settings::webhooks::test)
        .post(
            "/o/{organisation}/settings/webhooks/{id}/deliveries/{delivery}/replay",
            pages::settings::webhooks::replay,
        )
        .post("/o/{organisation}/settings/webhooks/{id}/delete", pages::settings::webhooks::remove)
        .get("/o/{organisation}/settings/audit", pages::settings::audit::show)
        .get("/o/{organisation}/settings/audit/export", pages::settings::audit::export)
}

/// One route, as it stands in the table.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path, with `{placeholders}`.
    pub path: &'static str,
    /// What it asks of its caller.
    pub right: Right,
}

impl Route {
    /// The surface it belongs to.
    pub fn surface(&self) -> Surface {
        Surface::of(self.path)
    }
}

/// The builder of routes. A handler whose first argument is no guard does not compile:
///
/// ```
/// use control::guard::Anyone;
/// async fn open(_: Anyone) -> &'static str { "public, said aloud" }
/// control::routes::Routes::new().get("/open", open);
/// ```
///
/// ```compile_fail
/// async fn naked() -> &'static str { "whoever" }
/// control::routes::Routes::new().get("/naked", naked);
/// ```
#[derive(Default)]
pub struct Routes {
    router: Router<App>,
    table: Vec<Route>,
}

impl Routes {
    /// No routes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers `GET` (and `HEAD`) of `path`.
    #[must_use]
    pub fn get<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: Guarded + 'static,
    {
        self.add(Method::GET, path, axum::routing::get(handler), PhantomData::<T>)
    }

    /// Answers `POST` of `path`.
    #[must_use]
    pub fn post<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: Guarded + 'static,
    {
        self.add(Method::POST, path, axum::routing::post(handler), PhantomData::<T>)
    }

    /// Answers `PUT` of `path`.
    #[must_use]
    pub fn put<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: Guarded + 'static,
    {
        self.add(Method::PUT, path, axum::routing::put(handler), PhantomData::<T>)
    }

    /// Answers `PATCH` of `path`.
    #[must_use]
    pub fn patch<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: Guarded + 'static,
    {
        self.add(Method::PATCH, path, axum::routing::patch(handler), PhantomData::<T>)
    }

    /// Answers `DELETE` of `path`.
    #[must_use]
    pub fn delete<H, T>(self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: Guarded + 'static,
    {
        self.add(Method::DELETE, path, axum::routing::delete(handler), PhantomData::<T>)
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where routes are declared")]
    fn add<T: Guarded>(
        mut self,
        method: Method,
        path: &'static str,
        answer: MethodRouter<App>,
        _arguments: PhantomData<T>,
    ) -> Self {
        self.router = self.router.route(path, answer);
        self.table.push(Route { method, path, right: T::Guard::RIGHT });
        self
    }
}
