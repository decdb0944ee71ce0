//! Servers: register, change, pause, remove. An address is judged before anything is kept.

use std::collections::BTreeMap;

use domain::perm::ManageServers;
use domain::{ServerId, Slug, Transport, UpstreamAuth};
use mcp::client::SendError;
use mcp::headers;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use store::Event;
use store::servers::{NewServer, SealedCredentials, Server};
use url::Url;

use super::check::{Checks, label};
use crate::app::App;
use crate::failure::Failure;
use crate::guard::Can;

/// Longest URL of a server.
const MAX_URL_BYTES: usize = 2_048;
/// The slug at whose place `/servers/new` stands.
const TAKEN_BY_PAGES: &str = "new";
/// Most static headers of a server.
const MAX_HEADERS: usize = 20;

/// A server to register.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerForm {
    /// Its name for people.
    #[schema(example = "Billing")]
    pub(crate) name: String,
    /// Its name in gateway URLs; made from the name, if left out.
    #[schema(example = "billing")]
    pub(crate) slug: Option<String>,
    /// Where its MCP endpoint is.
    #[schema(example = "https://billing.example.com/mcp")]
    pub(crate) url: String,
    /// How to speak to it: `auto`, `streamable_http` or `sse`.
    #[schema(value_type = Option<String>, example = "auto")]
    pub(crate) transport: Option<Transport>,
    /// What to add to each request.
    pub(crate) auth: Option<AuthForm>,
}

/// Credentials for a server. They are sealed, and never come back.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum AuthForm {
    /// None.
    None,
    /// Static headers.
    Headers {
        /// Values by header name.
        #[schema(value_type = BTreeMap<String, String>)]
        headers: BTreeMap<String, SecretString>,
    },
}

/// What to change of a server; what is left out stays.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerPatch {
    /// Its name for people.
    pub(crate) name: Option<String>,
    /// Where its MCP endpoint is. Another origin drops the credentials, unless new ones come too.
    pub(crate) url: Option<String>,
    /// How to speak to it: `auto`, `streamable_http` or `sse`.
    #[schema(value_type = Option<String>)]
    pub(crate) transport: Option<Transport>,
    /// What to add to each request; replaces what was there.
    pub(crate) auth: Option<AuthForm>,
}

/// Registers a server. Discovery is the next step, once this is committed.
pub(crate) async fn register(
    caller: &mut Can<ManageServers>,
    form: ServerForm,
) -> Result<ServerId, Failure> {
    let id = ServerId::fresh(caller.now());
    let mut checks = Checks::default();
    let name = checks.take("/name", label(&form.name));
    let slug = checks.maybe("/slug", form.slug.as_deref().map(slug_of));
    let url = checks.take("/url", address(caller.app(), &form.url).await);
    let credentials = seal(caller, id, form.auth, &mut checks)?;
    let (Some(name), Some(url)) = (name, url) else { return Err(checks.refuse()) };
    checks.done()?;
    let slug = match slug {
        Some(slug) => slug,
        None => free_slug(caller, &name).await?,
    };
    let transport = form.transport.unwrap_or(Transport::Auto);
    let (name, url) = (name.as_str(), url.as_str());
    let new = NewServer { id, slug: &slug, name, url, transport, credentials };
    caller.tx().await?.insert_server(&new).await?;
    caller.commit(Event::ServerRegistered(id)).await?;
    Ok(id)
}

/// Changes a server. True if it must be discovered again.
pub(crate) async fn change(
    caller: &mut Can<ManageServers>,
    id: ServerId,
    patch: ServerPatch,
) -> Result<bool, Failure> {
    let now = find(caller, id).await?;
    // Names are looked up below: not with a transaction open.
    caller.close();
    let mut checks = Checks::default();
    let name = checks.maybe("/name", patch.name.as_deref().map(label));
    let url = match &patch.url {
        Some(text) => checks.take("/url", address(caller.app(), text).await),
        None => None,
    };
    let mut credentials = match patch.auth {
        Some(auth) => Some(seal(caller, id, Some(auth), &mut checks)?),
        None => None,
    };
    checks.done()?;
    let moved = url.as_ref().is_some_and(|url| !same_origin(url, &now.url));
    if moved && credentials.is_none() {
        // They were meant for the old place; the new one must not be told.
        credentials = Some(SealedCredentials::default());
    }
    let url = url.map_or(now.url, String::from);
    let transport = patch.transport.unwrap_or(now.transport);
    let name = name.unwrap_or(now.name);
    let tx = caller.tx().await?;
    if !tx.update_server(id, &name, &url, transport, credentials.as_ref()).await? {
        return Err(Failure::not_found());
    }
    caller.commit(Event::ServerChanged(id)).await?;
    Ok(patch.url.is_some() || patch.transport.is_some() || credentials.is_some())
}

/// Stops forwarding to a server, or goes on.
pub(crate) async fn pause(
    caller: &mut Can<ManageServers>,
    id: ServerId,
    paused: bool,
) -> Result<(), Failure> {
    let since = paused.then(|| caller.now());
    if !caller.tx().await?.pause_server(id, since).await? {
        return Err(Failure::not_found());
    }
    let event = if paused { Event::ServerPaused(id) } else { Event::ServerResumed(id) };
    caller.commit(event).await
}

/// Removes a server with its tools and bindings.
pub(crate) async fn remove(caller: &mut Can<ManageServers>, id: ServerId) -> Result<(), Failure> {
    if !caller.tx().await?.delete_server(id).await? {
        return Err(Failure::not_found());
    }
    caller.commit(Event::ServerRemoved(id)).await
}

/// The server of this id.
pub(crate) async fn find<P>(caller: &mut Can<P>, id: ServerId) -> Result<Server, Failure> {
    caller.tx().await?.find_server(id).await?.ok_or_else(Failure::not_found)
}

/// A URL that may be connected to, as far as can be told now. A name that does not resolve is let
/// through: discovery will say so, and the guard checks again at each connection.
pub(super) async fn address(app: &App, text: &str) -> Result<Url, String> {
    let text = text.trim();
    let url: Url = text.parse().map_err(|_unreadable| match text {
        "" => "this is required".to_owned(),
        _ => "enter a whole URL, such as https://example.com/mcp".to_owned(),
    })?;
    if url.as_str().len() > MAX_URL_BYTES {
        return Err(format!("use at most {MAX_URL_BYTES} characters"));
    }
    match app.upstream().resolve_and_check(&url).await {
        Err(SendError::Refused(why)) => Err(why.to_string()),
        Ok(_) | Err(_) => Ok(url),
    }
}

fn same_origin(url: &Url, old: &str) -> bool {
    Url::parse(old).is_ok_and(|old| old.origin() == url.origin())
}

/// Checks and seals credentials for one server.
fn seal(
    caller: &Can<ManageServers>,
    id: ServerId,
    form: Option<AuthForm>,
    checks: &mut Checks,
) -> Result<SealedCredentials, Failure> {
    let Some(AuthForm::Headers { headers }) = form else {
        return Ok(SealedCredentials::default());
    };
    if headers.is_empty() || headers.len() > MAX_HEADERS {
        checks.wrong("/auth/headers", format!("name 1 to {MAX_HEADERS} headers"));
    }
    for (name, value) in &headers {
        #[expect(clippy::disallowed_methods, reason = "its form is judged, nothing is kept")]
        let judged = headers::credential(name, value.expose_secret());
        let pointer = format!("/auth/headers/{}", name.replace('~', "~0").replace('/', "~1"));
        checks.take(pointer, judged);
    }
    let header_names = headers.keys().cloned().collect();
    let sealed = UpstreamAuth::Headers(headers)
        .seal(caller.app().keyring(), caller.organisation(), id)
        .map_err(Failure::internal)?;
    Ok(SealedCredentials { header_names, sealed })
}

/// A slug as it was typed.
fn slug_of(text: &str) -> Result<Slug, String> {
    match text.parse::<Slug>() {
        Ok(slug) if slug.as_str() == TAKEN_BY_PAGES => {
            Err(format!("`{TAKEN_BY_PAGES}` has a meaning of its own; choose another"))
        }
        read => read.map_err(|error| error.to_string()),
    }
}

/// The first slug like this name that no other server has.
async fn free_slug(caller: &mut Can<ManageServers>, name: &str) -> Result<Slug, Failure> {
    let plain = Slug::from_name(name, "server");
    // Numbers shorten a long slug, so that all with its beginning are asked for.
    let head: String = plain.as_str().chars().take(Slug::MAX - 5).collect();
    let taken = caller.tx().await?.server_slugs_like(&head).await?;
    let is_free = |slug: &Slug| {
        slug.as_str() != TAKEN_BY_PAGES && !taken.iter().any(|taken| taken == slug.as_str())
    };
    let numbered = (2..1_000).map(|n| plain.numbered(n));
    let free = std::iter::once(plain.clone()).chain(numbered).find(is_free);
    Ok(free.unwrap_or(plain))
}
