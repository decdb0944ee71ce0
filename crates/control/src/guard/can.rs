//! The guard of everything that belongs to an organisation.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use chrono::{DateTime, Utc};
use domain::{OrganisationId, Permission, Role, Slug, UserId};
use http::request::Parts;
use store::{Actor, Event, Tenant, TenantTx};

use super::principal::Principal;
use super::{Guard, Right};
use crate::app::App;
use crate::failure::{Failure, Kind};

/// Lets in who holds the permission `P` in an organisation, and carries the way to its data: one
/// transaction, opened on first use and confined to it by the database.
pub struct Can<P> {
    app: App,
    principal: Principal,
    tx: Option<TenantTx>,
    permission: PhantomData<fn() -> P>,
}

impl<P: Permission> Guard for Can<P> {
    const RIGHT: Right = Right::Permission { name: P::NAME, least: P::LEAST };
}

impl<P: Permission> FromRequestParts<App> for Can<P> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let principal = Principal::of(parts, app).await?;
        if !P::held_by(principal.role) {
            return Err(too_low(principal.role, P::LEAST));
        }
        Ok(Self { app: app.clone(), principal, tx: None, permission: PhantomData })
    }
}

impl<P> Can<P> {
    /// The transaction of this request. Reads may leave it open; it rolls back when dropped.
    pub(crate) async fn tx(&mut self) -> Result<&mut TenantTx, Failure> {
        if self.tx.is_none() {
            self.tx = Some(self.app.store().tenant(self.principal.tenant()).await?);
        }
        self.tx.as_mut().ok_or_else(|| Failure::internal("a transaction was not opened"))
    }

    /// Writes the audit row and commits, as one; then waits until this replica's gateway enforces
    /// the change. Without anything written there is nothing to commit.
    pub(crate) async fn commit(&mut self, event: Event) -> Result<(), Failure> {
        if let Some(tx) = self.tx.take() {
            tx.commit(event).await?;
            self.app.changes().changed(self.principal.organisation).await;
        }
        Ok(())
    }

    /// Ends the transaction without keeping anything, so that none is open while the outside
    /// world is waited for.
    pub(crate) fn close(&mut self) {
        self.tx = None;
    }

    /// The shared state.
    pub(crate) const fn app(&self) -> &App {
        &self.app
    }

    /// The time now.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.app.now()
    }

    /// The organisation.
    pub(crate) const fn organisation(&self) -> OrganisationId {
        self.principal.organisation
    }

    /// The organisation's name in URLs.
    pub(crate) const fn slug(&self) -> &Slug {
        &self.principal.slug
    }

    /// The organisation and who acts in it, for acts that open their own transactions.
    pub(crate) const fn tenant(&self) -> Tenant {
        self.principal.tenant()
    }

    /// Who acts.
    pub(crate) const fn actor(&self) -> Actor {
        self.principal.actor
    }

    /// Who acts, if it is a person.
    pub(crate) const fn user(&self) -> Option<UserId> {
        match self.principal.actor {
            Actor::User(id) => Some(id),
            Actor::Key(_) | Actor::System => None,
        }
    }

    /// The caller's role. For showing; what it may do is asked with [`Can::may`].
    pub(crate) const fn role(&self) -> Role {
        self.principal.role
    }

    /// Whether the caller also holds `Q`: for what an answer shows and offers, never for what a
    /// request changes.
    pub(crate) fn may<Q: Permission>(&self) -> bool {
        Q::held_by(self.principal.role)
    }
}

fn too_low(role: Role, least: Role) -> Failure {
    Failure::new(
        Kind::Forbidden,
        format!("This needs the role {least}; yours is {role}. Ask an admin of the organisation."),
    )
}
