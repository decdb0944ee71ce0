//! Minting a grant: the form, and the page that shows its token this once.

use std::collections::HashMap;

use askama::Template;
use axum::response::{IntoResponse, Response};
use domain::perm::ManageGrants;
use domain::{GrantId, PolicyId, ServerId};
use serde::Deserialize;
use store::policies::PolicyName;
use store::servers::ServerName;

use super::Snippet;
use crate::acts;
use crate::acts::grants::{BindingForm, GrantForm, Minted};
use crate::extract::{Form, Query};
use crate::failure::Failure;
use crate::guard::Can;
use crate::pages::parts::{
    Choice, Field, Frame, News, Problem, Section, belongs_in_form, end_of_day, field_errors,
    in_frame,
};
use crate::urls;

// === The form ===

#[derive(Template)]
#[template(path = "grants/new.html")]
pub(crate) struct NewGrant {
    frame: Frame,
    problem: Option<Problem>,
    form: Fields,
    bindings: Vec<BindingRow>,
}

struct Fields {
    label: Field,
    expires_at: Field,
}

struct BindingRow {
    server_id: String,
    server: String,
    chosen: bool,
    policies: Vec<Choice>,
    error: String,
}

in_frame!(NewGrant, GrantMade);

/// What links to the form fill in beforehand.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    server: Option<ServerId>,
    policy: Option<PolicyId>,
}

/// What the form sends: `label`, `expires_at`, `server` once a chosen server, `policy[SERVER]`.
#[derive(Default)]
struct Typed {
    label: String,
    expires_at: String,
    servers: Vec<String>,
    policies: HashMap<String, String>,
}

/// `GET /o/{organisation}/grants/new`.
pub(crate) async fn new(
    mut caller: Can<ManageGrants>,
    news: News,
    Query(wanted): Query<Wanted>,
) -> Result<NewGrant, Failure> {
    let mut typed = Typed::default();
    if let Some(server) = wanted.server {
        typed.servers.push(server.to_string());
        if let Some(policy) = wanted.policy {
            typed.policies.insert(server.to_string(), policy.to_string());
        }
    }
    NewGrant::of(&mut caller, news, &typed, None).await
}

/// `POST /o/{organisation}/grants`. The answer is a page, not a redirect: it is the only time that
/// the token can be shown.
pub(crate) async fn create(
    mut caller: Can<ManageGrants>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let typed = Typed::from(fields);
    let made = match typed.form() {
        Ok(form) => acts::grants::create(&mut caller, form).await,
        Err(failure) => Err(failure),
    };
    match made {
        Ok(minted) => Ok(GrantMade::of(&mut caller, minted, false).await?.into_response()),
        Err(failure) => {
            let refused = belongs_in_form(failure)?;
            let page = NewGrant::of(&mut caller, News::default(), &typed, Some(&refused)).await?;
            Ok((refused.kind().status(), page).into_response())
        }
    }
}

impl From<Vec<(String, String)>> for Typed {
    fn from(fields: Vec<(String, String)>) -> Self {
        let mut typed = Self::default();
        for (name, value) in fields {
            match name.as_str() {
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
    fn form(&self) -> Result<GrantForm, Failure> {
        let expires_at = end_of_day(&self.expires_at)
            .map_err(|error| Failure::invalid_at("/expires_at", error))?;
        let bindings = self.servers.iter().map(|server| self.binding(server)).collect();
        let bindings: Result<_, Failure> = bindings;
        Ok(GrantForm { label: self.label.clone(), bindings: bindings?, expires_at })
    }

    fn binding(&self, server: &str) -> Result<BindingForm, Failure> {
        let unknown = |error| Failure::invalid_at("/bindings", error);
        let policy = self.policies.get(server).filter(|policy| !policy.is_empty());
        Ok(BindingForm {
            server_id: server.parse().map_err(unknown)?,
            policy_id: policy.map(|policy| policy.parse()).transpose().map_err(unknown)?,
        })
    }
}

impl NewGrant {
    async fn of(
        caller: &mut Can<ManageGrants>,
        news: News,
        typed: &Typed,
        refused: Option<&Failure>,
    ) -> Result<Self, Failure> {
        let frame = Frame::of(caller, news, Section::Grants).await?;
        let servers = caller.tx().await?.list_server_names().await?;
        let policies = caller.tx().await?.list_policy_names().await?;
        let only = servers.len() == 1;
        let row = |server: &ServerName| BindingRow::of(server, &policies, typed, only, refused);
        let bindings: Vec<BindingRow> = servers.iter().map(row).collect();
        let mut shown = vec!["/label".to_owned(), "/expires_at".to_owned()];
        shown.extend((0..typed.servers.len()).flat_map(|at| {
            [format!("/bindings/{at}/server_id"), format!("/bindings/{at}/policy_id")]
        }));
        let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
        Ok(Self {
            frame,
            problem: Problem::of(refused, &shown),
            form: Fields {
                label: Field::of(&typed.label).judged(refused, "/label"),
                expires_at: Field::of(&typed.expires_at).judged(refused, "/expires_at"),
            },
            bindings,
        })
    }
}

impl BindingRow {
    /// A row; the only server there is, is chosen from the start, under the policy written for it.
    fn of(
        server: &ServerName,
        policies: &[PolicyName],
        typed: &Typed,
        only: bool,
        refused: Option<&Failure>,
    ) -> Self {
        let id = server.id.to_string();
        let at = typed.servers.iter().position(|chosen| *chosen == id);
        let written_for = policies.iter().find(|policy| policy.server_id == Some(server.id));
        let default = written_for.map(|policy| policy.id.to_string()).unwrap_or_default();
        let chosen_policy = typed.policies.get(&id).unwrap_or(&default);
        let of =
            |policy: &PolicyName| Choice::of(policy.id.to_string(), &policy.name, chosen_policy);
        let none = Choice::of("", "No policy (all refused)", chosen_policy);
        let error = at.map(|at| field_errors(refused, &format!("/bindings/{at}/")));
        Self {
            chosen: at.is_some() || (only && refused.is_none()),
            policies: std::iter::once(none).chain(policies.iter().map(of)).collect(),
            server: server.name.clone(),
            error: error.unwrap_or_default(),
            server_id: id,
        }
    }
}

// === The page with the token ===

#[derive(Template)]
#[template(path = "grants/created.html")]
pub(crate) struct GrantMade {
    frame: Frame,
    rotated: bool,
    grant: Fresh,
    servers: Vec<ServerUrl>,
    snippets: Vec<Snippet>,
    live_url: String,
}

struct Fresh {
    url: String,
    label: String,
    token: String,
    gateway_url: String,
}

struct ServerUrl {
    id: String,
    name: String,
    url: String,
}

impl GrantMade {
    /// The page of a minted or rotated grant.
    pub(super) async fn of(
        caller: &mut Can<ManageGrants>,
        minted: Minted,
        rotated: bool,
    ) -> Result<Self, Failure> {
        let frame = Frame::of(caller, News::default(), Section::Grants).await?;
        let Minted { grant, bindings, token } = minted;
        let token = token.reveal();
        let addresses = acts::grants::addresses(caller, &bindings);
        let snippets = acts::grants::snippets(caller, &bindings, token);
        let url = |slug: &str| addresses.servers.get(slug).cloned().unwrap_or_default();
        let servers = bindings.iter().map(|binding| ServerUrl {
            id: binding.server_id.to_string(),
            name: binding.server_name.clone(),
            url: url(binding.server_slug.as_str()),
        });
        Ok(Self {
            frame,
            rotated,
            servers: servers.collect(),
            snippets: snippets.into_iter().map(Snippet::from).collect(),
            live_url: live_url(caller, grant.id),
            grant: Fresh {
                url: urls::item(caller.slug(), "grants", grant.id),
                label: grant.label,
                token: token.to_owned(),
                gateway_url: addresses.all,
            },
        })
    }
}

/// Where the first call of a grant can be waited for.
pub(super) fn live_url<P>(caller: &Can<P>, grant: GrantId) -> String {
    format!("{}/live", urls::item(caller.slug(), "grants", grant))
}

#[cfg(test)]
pub(super) mod samples {
    use super::*;
    use crate::acts::snippets;
    use crate::pages::samples::{HOSTILE, Samples, frame};

    impl Samples for NewGrant {
        fn samples() -> Vec<Self> {
            let of = |text: &str, rows, error: &str| Self {
                frame: frame(Section::Grants, text),
                problem: None,
                form: Fields {
                    label: Field { value: text.to_owned(), error: error.to_owned() },
                    expires_at: Field::default(),
                },
                bindings: (0..rows)
                    .map(|n| BindingRow {
                        server_id: format!("srv_{n}"),
                        server: text.to_owned(),
                        chosen: n == 0,
                        policies: vec![Choice::of("", text, "")],
                        error: error.to_owned(),
                    })
                    .collect(),
            };
            vec![of("", 0, ""), of("ci", 1, ""), of(HOSTILE, 3, HOSTILE)]
        }
    }

    impl Samples for GrantMade {
        fn samples() -> Vec<Self> {
            let of = |text: &str, rotated| Self {
                frame: frame(Section::Grants, text),
                rotated,
                grant: Fresh {
                    url: "/o/acme/grants/grt_1".to_owned(),
                    label: text.to_owned(),
                    token: "dbg_x".to_owned(),
                    gateway_url: "http://localhost:8080/t/acme/mcp".to_owned(),
                },
                servers: vec![ServerUrl {
                    id: "srv_1".to_owned(),
                    name: text.to_owned(),
                    url: "http://localhost:8080/t/acme/shop/mcp".to_owned(),
                }],
                snippets: sample_snippets(text),
                live_url: "/o/acme/grants/grt_1/live".to_owned(),
            };
            vec![of("ci", false), of(HOSTILE, true)]
        }
    }

    /// Snippets of every client.
    pub(in super::super) fn sample_snippets(token: &str) -> Vec<Snippet> {
        let all = snippets::all("acme", "http://localhost:8080/t/acme/mcp", token);
        all.into_iter().map(Snippet::from).collect()
    }

    #[test]
    fn the_form_is_read_as_its_template_sends_it() {
        let sent =
            [("label", "ci"), ("server", "srv_1"), ("policy[srv_1]", ""), ("policy[srv_2]", "x")];
        let sent: Vec<_> = sent.map(|(n, v)| (n.to_owned(), v.to_owned())).into();
        let typed = Typed::from(sent);
        assert_eq!((typed.label.as_str(), typed.servers.len()), ("ci", 1));
        assert_eq!(typed.policies.len(), 2);
        assert_eq!(typed.form().unwrap_err().fields()[0].pointer, "/bindings");
    }
}
