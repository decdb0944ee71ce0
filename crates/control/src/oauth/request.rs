//! An authorization request: which client asks, for which address, and where it is answered.
//!
//! Client and redirect URI are judged first, and a person is told when they are wrong: nobody is
//! sent to an address that was not registered. Everything else is told to the client.

use std::net::IpAddr;

use url::form_urlencoded::Serializer;

use super::client::{Client, stopped};
use super::params::{Doubled, Params};
use super::resource::Resource;
use super::{Refused, Word};
use crate::app::App;
use crate::failure::Failure;
use crate::urls;

/// Longest `state` that is carried.
const MAX_STATE_CHARS: usize = 4_096;
/// Characters of a SHA-256 in base64url.
const CHALLENGE_CHARS: usize = 43;

/// A request that can be put to a person.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) client: Client,
    pub(crate) resource: Resource,
    /// The PKCE challenge, S256.
    pub(crate) challenge: String,
    back: Back,
}

/// Where the client waits for the answer.
#[derive(Debug)]
struct Back {
    redirect_uri: String,
    state: Option<String>,
    issuer: String,
}

/// Why a request is not put to anybody.
#[derive(Debug)]
pub(crate) enum Unasked {
    /// The client or where it wants to be answered is wrong: told to the person.
    Stopped(Failure),
    /// Told to the client, at this URL.
    SentBack(String),
}

impl From<Failure> for Unasked {
    fn from(failure: Failure) -> Self {
        Self::Stopped(failure)
    }
}

impl Asked {
    /// Reads the query of `/authorize`.
    pub(crate) async fn read(app: &App, address: IpAddr, query: &str) -> Result<Self, Unasked> {
        let params = Params::of_query(query);
        let (client, redirect_uri) = who(app, address, &params).await?;
        let state = params.first("state").map(str::to_owned);
        let issuer = urls::issuer(app.settings()).to_owned();
        let back = Back { redirect_uri, state, issuer };
        match what(app, &params) {
            Ok((resource, challenge)) => Ok(Self { client, resource, challenge, back }),
            Err(refused) => Err(back.refused(refused)),
        }
    }

    /// Where the client is sent back to.
    pub(crate) fn redirect_uri(&self) -> &str {
        &self.back.redirect_uri
    }

    /// The URL that tells the client yes.
    pub(crate) fn allowed(&self, code: &str) -> String {
        self.back.url(&[("code", code)])
    }

    /// The URL that tells the client no.
    pub(crate) fn denied(&self) -> String {
        let text = "The person who was asked did not allow it.";
        self.back.url(&[("error", Word::AccessDenied.as_str()), ("error_description", text)])
    }
}

impl Back {
    fn refused(&self, refused: Refused) -> Unasked {
        match refused {
            Refused::Said(word, text) => Unasked::SentBack(
                self.url(&[("error", word.as_str()), ("error_description", &text)]),
            ),
            Refused::Failed(failure) => Unasked::Stopped(failure),
        }
    }

    /// The redirect URI as it was registered, with these parameters, the state and the issuer
    /// (RFC 9207) added.
    fn url(&self, params: &[(&str, &str)]) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(params);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &self.issuer);
        let mark = if self.redirect_uri.contains('?') { '&' } else { '?' };
        format!("{}{mark}{}", self.redirect_uri, query.finish())
    }
}

/// The client, and the one address where it may be answered.
async fn who(app: &App, address: IpAddr, params: &Params) -> Result<(Client, String), Failure> {
    let doubled = |Doubled(name)| stopped(format!("Its request gives {name} twice."));
    let id = params.one("client_id").map_err(doubled)?;
    let id = id.ok_or_else(|| stopped("Its request does not say which client it is."))?;
    let asked = params.one("redirect_uri").map_err(doubled)?;
    let client = Client::find(app, address, id).await?;
    let uri = match (asked, client.redirect_uris.as_slice()) {
        (Some(uri), _) => uri.to_owned(),
        (None, [only]) => only.clone(),
        (None, _) => return Err(stopped("Its request does not say where to send you back to.")),
    };
    if client.may_return_to(&uri) {
        return Ok((client, uri));
    }
    Err(stopped(format!(
        "{} asks to send you back to an address that it did not register. Nobody is sent there. \
         Remove the server in the client and add it again; if this stays, somebody may be \
         pretending to be this client.",
        client.name
    )))
}

/// What is asked for: an address of the gateway, with a challenge.
fn what(app: &App, params: &Params) -> Result<(Resource, String), Refused> {
    let invalid = |text: &'static str| Refused::new(Word::InvalidRequest, text);
    if params.one("state")?.is_some_and(|state| state.len() > MAX_STATE_CHARS) {
        return Err(invalid("state is too long"));
    }
    match params.one("response_type")? {
        Some("code") => {}
        None => return Err(invalid("response_type is required")),
        Some(_) => {
            return Err(Refused::new(Word::UnsupportedResponseType, "only code is supported here"));
        }
    }
    if params.one("response_mode")?.is_some_and(|mode| mode != "query") {
        return Err(invalid("only the response_mode query is supported here"));
    }
    if params.first("request").is_some() || params.first("request_uri").is_some() {
        return Err(invalid("request objects are not supported here"));
    }
    let challenge = params.one("code_challenge")?;
    let challenge = challenge.ok_or_else(|| invalid("code_challenge is required (PKCE)"))?;
    if params.one("code_challenge_method")? != Some("S256") {
        return Err(invalid("the code_challenge_method must be S256"));
    }
    let is_digest = challenge.len() == CHALLENGE_CHARS
        && challenge.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !is_digest {
        return Err(invalid("code_challenge is no SHA-256 in base64url"));
    }
    let target = |text: &'static str| Refused::new(Word::InvalidTarget, text);
    let doubled = |Doubled(_)| target("one resource at a time");
    let uri = params.one("resource").map_err(doubled)?;
    let uri = uri.ok_or_else(|| target("resource is required: the URL of the MCP server here"))?;
    let resource = Resource::read(&app.settings().gateway_url, uri);
    let resource = resource.ok_or_else(|| target("resource is no MCP server of this gateway"))?;
    Ok((resource, challenge.to_owned()))
}
