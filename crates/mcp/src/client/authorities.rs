//! Whom servers may have their certificates from: the public authorities, and the operator's own.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Certificate authorities beside the public ones. None by default.
#[derive(Debug, Clone)]
pub struct Authorities(RootCertStore);

/// Why a file of authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadAuthorities {
    /// There is no certificate in it.
    #[error("there is no certificate in it; write them as PEM (-----BEGIN CERTIFICATE-----)")]
    Empty,
    /// It is no PEM.
    #[error("it is not PEM: {0}")]
    Unreadable(#[source] rustls::pki_types::pem::Error),
    /// What is in it is no certificate of an authority.
    #[error("certificate {number} in it cannot be used: {cause}")]
    Unusable {
        /// Which one, counted from 1.
        number: usize,
        /// Why.
        #[source]
        cause: rustls::Error,
    },
}

impl Default for Authorities {
    fn default() -> Self {
        Self(RootCertStore::empty())
    }
}

impl Authorities {
    /// Those of a PEM file. All must be readable: one that is passed over in silence would be
    /// missed only when its server is called.
    pub fn from_pem(pem: &[u8]) -> Result<Self, BadAuthorities> {
        let mut store = RootCertStore::empty();
        for (found, number) in CertificateDer::pem_slice_iter(pem).zip(1..) {
            let certificate = found.map_err(BadAuthorities::Unreadable)?;
            let added = store.add(certificate);
            added.map_err(|cause| BadAuthorities::Unusable { number, cause })?;
        }
        if store.is_empty() { Err(BadAuthorities::Empty) } else { Ok(Self(store)) }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn and_public(mut self) -> RootCertStore {
        self.0.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        self.0
    }
}
