//! What can go wrong on the way out, and whether the request may have left.

use std::error::Error;
use std::io;

use super::address::Refused;
use super::connector::ConnectError;

/// Why there is no answer. The texts are for people.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The address may not be connected to.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// The host has no address.
    #[error("The server's host name could not be resolved.")]
    Unresolvable(#[source] Option<io::Error>),
    /// No connection could be made.
    #[error("The server cannot be reached.")]
    ConnectFailed(#[source] Box<dyn Error + Send + Sync>),
    /// The connection was made, but the server's certificate is not to be trusted.
    #[error("The server's TLS certificate could not be verified.")]
    Certificate(#[source] rustls::Error),
    /// No answer in time.
    #[error("The server did not answer in time.")]
    TimedOut {
        /// Whether the server may have received the request.
        sent: bool,
    },
    /// A server of the old transport names no address of its own to post to.
    #[error("The server's event stream names no address of its own to send messages to.")]
    Endpoint,
    /// The connection ended before the answer.
    #[error("The connection to the server broke off.")]
    Broken {
        /// Whether the server may have received the request.
        sent: bool,
        /// The cause.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl SendError {
    /// Whether any byte of the request may have reached the server. If not, nothing happened
    /// there and what was reserved for the call can be given back.
    pub fn sent(&self) -> bool {
        match self {
            Self::TimedOut { sent } | Self::Broken { sent, .. } => *sent,
            Self::Refused(_)
            | Self::Endpoint
            | Self::Unresolvable(_)
            | Self::ConnectFailed(_)
            | Self::Certificate(_) => false,
        }
    }
}

impl From<ConnectError> for SendError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Refused(why) => Self::Refused(why),
            ConnectError::Unresolvable(cause) => Self::Unresolvable(cause),
            ConnectError::Failed(cause) => Self::ConnectFailed(cause.into()),
            ConnectError::TimedOut => Self::TimedOut { sent: false },
        }
    }
}

impl From<hyper_util::client::legacy::Error> for SendError {
    fn from(error: hyper_util::client::legacy::Error) -> Self {
        if !error.is_connect() {
            // hyper says "cancelled" of a request that it never began to write.
            let never_sent = find::<hyper::Error>(&error).is_some_and(hyper::Error::is_canceled);
            return Self::Broken { sent: !never_sent, source: error.into() };
        }
        match find::<ConnectError>(&error) {
            Some(ConnectError::Refused(why)) => return Self::Refused(why.clone()),
            Some(ConnectError::TimedOut) => return Self::TimedOut { sent: false },
            Some(ConnectError::Unresolvable(_)) => return Self::Unresolvable(None),
            Some(ConnectError::Failed(_)) | None => {}
        }
        match find::<rustls::Error>(&error) {
            Some(tls @ rustls::Error::InvalidCertificate(_)) => Self::Certificate(tls.clone()),
            _ => Self::ConnectFailed(error.into()),
        }
    }
}

/// The first cause of that type. `io::Error` hides what it wraps from `source`, so it is opened.
fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = match inside {
            Some(inside) => Some(inside),
            None => error.source(),
        };
    }
    None
}

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is larger than the limit.
    #[error("The server's answer is larger than {limit} bytes.")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The connection ended before the body did.
    #[error("The connection to the server broke off.")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
}
