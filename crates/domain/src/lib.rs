//! The words of the product and its pure rules: ids, organisation, role, permission, grant, call,
//! secrets. No I/O, no async, no HTTP; the time is always an argument or comes from [`Clock`].
//!
//! Start at [`id`] for what things are called, [`perm`] for who may do what, [`secret`] for what
//! is shown once, [`vault`] for what is stored sealed, [`call`] for what the gateway records,
//! [`chain`] for how that is proved.

pub mod arguments;
pub mod call;
pub mod chain;
pub mod clock;
pub mod email;
pub mod id;
pub mod password;
pub mod perm;
pub mod secret;
pub mod server;
pub mod settings;
pub mod slug;
pub mod vault;

pub use arguments::SealedArguments;
pub use call::{CallRecord, Outcome};
pub use clock::Clock;
pub use email::Email;
pub use id::{
    ApiKeyId, AttemptId, CallId, CheckpointId, ClientId, ConnectionId, DeliveryId, EventId,
    GrantId, OrganisationId, PolicyId, ServerId, SessionId, UserId, WebhookId,
};
pub use perm::{Permission, Role};
pub use server::{ServerStatus, ToolState, Transport, UpstreamAuth};
pub use settings::{OrganisationSettings, RedisFailure};
pub use slug::Slug;
