//! The person's yes. (Their no is a link back to the client: it changes nothing here.)

use std::collections::HashMap;

use axum::response::{IntoResponse, Redirect, Response};
use domain::perm::ManageGrants;

use super::show::{Consent, in_browser};
use crate::acts;
use crate::acts::connections::{Bound, Chosen, ChosenPolicy, NewGrant};
use crate::extract::Form;
use crate::failure::Failure;
use crate::guard::{Address, Can};
use crate::oauth::request::{Asked, Unasked};
use crate::pages::parts::{belongs_in_form, end_of_day};

/// In place of a policy's id: the one that is recommended for the server.
pub(super) const RECOMMENDED: &str = "recommended";
/// In place of a grant's id: a new one.
pub(super) const NEW: &str = "new";

/// What the form sends: `request` as the client sent it, `grant` (an id, or `new`), and of a new
/// one `label`, `expires_at`, `server` once a chosen server, `policy[SERVER]`.
#[derive(Default)]
pub(super) struct Typed {
    pub(super) request: String,
    pub(super) grant: String,
    pub(super) label: String,
    pub(super) expires_at: String,
    pub(super) servers: Vec<String>,
    pub(super) policies: HashMap<String, String>,
}

/// `POST /o/{organisation}/authorize`: on to the client, with a code.
pub(crate) async fn allow(
    mut caller: Can<ManageGrants>,
    Address(address): Address,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let typed = Typed::from(fields);
    let asked = match Asked::read(caller.app(), address, &typed.request).await {
        Ok(asked) => asked,
        Err(Unasked::SentBack(url)) => return Ok(Redirect::to(&url).into_response()),
        Err(Unasked::Stopped(failure)) => return Err(failure),
    };
    if asked.resource.organisation != *caller.slug() {
        return Err(Failure::not_found());
    }
    let allowed = match typed.chosen() {
        Ok(chosen) => acts::connections::allow(&mut caller, &asked, chosen).await,
        Err(failure) => Err(failure),
    };
    match allowed {
        Ok(code) => Ok(Redirect::to(&asked.allowed(code.reveal())).into_response()),
        Err(failure) => {
            let refused = belongs_in_form(failure)?;
            let page = Consent::of(&mut caller, &asked, &typed, Some(&refused)).await?;
            Ok(in_browser((refused.kind().status(), page).into_response(), &asked))
        }
    }
}

impl From<Vec<(String, String)>> for Typed {
    fn from(fields: Vec<(String, String)>) -> Self {
        let mut typed = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                "request" => typed.request = value,
                "grant" => typed.grant = value,
                "label" => typed.label = value,
                "expires_at" => typed.expires_at = value,
                "server" => typed.servers.push(value),
                _ => {
                    let server = name.strip_prefix("policy[").and_then(|n| n.strip_suffix(']'));
                    if let Some(server) = server {
                        typed.policies.insert(server.to_owned(), value);
                    }
                }
            }
        }
        typed
    }
}

impl Typed {
    fn chosen(&self) -> Result<Chosen, Failure> {
        match self.grant.as_str() {
            "" => Err(Failure::invalid_at("/grant", "choose what the client may call with")),
            NEW => Ok(Chosen::New(self.grant()?)),
            id => {
                let id = id.parse().map_err(|error| Failure::invalid_at("/grant", error))?;
                Ok(Chosen::Existing(id))
            }
        }
    }

    fn grant(&self) -> Result<NewGrant, Failure> {
        let expires_at = end_of_day(&self.expires_at)
            .map_err(|error| Failure::invalid_at("/expires_at", error))?;
        let bindings: Result<_, Failure> = self.servers.iter().map(|s| self.bound(s)).collect();
        Ok(NewGrant { label: self.label.clone(), expires_at, bindings: bindings? })
    }

    fn bound(&self, server: &str) -> Result<Bound, Failure> {
        let unknown = |error| Failure::invalid_at("/bindings", error);
        let policy = match self.policies.get(server).map(String::as_str) {
            None | Some("") => ChosenPolicy::None,
            Some(RECOMMENDED) => ChosenPolicy::Recommended,
            Some(id) => ChosenPolicy::Existing(id.parse().map_err(unknown)?),
        };
        Ok(Bound { server: server.parse().map_err(unknown)?, policy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_read_as_its_template_sends_it() {
        let server = format!("srv_{}", "0".repeat(32));
        let policy = format!("policy[{server}]");
        let sent = [
            ("request", "client_id=x"),
            ("grant", "new"),
            ("label", "Claude"),
            ("server", server.as_str()),
            (policy.as_str(), "recommended"),
        ];
        let sent: Vec<_> = sent.map(|(n, v)| (n.to_owned(), v.to_owned())).into();
        let typed = Typed::from(sent);
        assert_eq!(typed.request, "client_id=x");
        let Ok(Chosen::New(grant)) = typed.chosen() else { panic!("a new grant") };
        assert_eq!((grant.label.as_str(), grant.bindings.len()), ("Claude", 1));
        assert_eq!(grant.bindings[0].policy, ChosenPolicy::Recommended);
        let of = |grant: &str| Typed { grant: grant.to_owned(), ..Typed::default() }.chosen();
        assert_eq!(of("").err().unwrap().fields()[0].pointer, "/grant");
        assert_eq!(of("srv_1").err().unwrap().fields()[0].pointer, "/grant");
    }
}
