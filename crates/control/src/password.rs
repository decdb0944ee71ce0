//! Password hashes: argon2id, off the async threads, as many at once as there are cores. An
//! unknown account costs the same time as a wrong password.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords {
    hasher: Argon2<'static>,
    turns: Arc<Semaphore>,
    /// What the password of an unknown account is checked against.
    decoy: Arc<str>,
}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// Not the password, or no such account.
    Wrong,
    /// The password.
    Right,
    /// The password, hashed with parameters of another time: hash it again.
    RightButOld,
}

/// Hashing failed; the password is not at fault.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The parameters, or a stored hash, are not valid.
    #[error("the password cannot be hashed")]
    Hash(#[source] argon2::password_hash::Error),
    /// The process is stopping, or the hasher panicked.
    #[error("the password hasher stopped")]
    Stopped,
}

impl Passwords {
    /// With these parameters; at most `at_once` hashes at the same time.
    pub fn new(params: Params, at_once: usize) -> Result<Self, HashError> {
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash_with(&hasher, b"nobody has this password")?;
        Ok(Self { hasher, turns: Arc::new(Semaphore::new(at_once.max(1))), decoy: decoy.into() })
    }

    /// The hash to store.
    pub async fn hash(&self, password: SecretString) -> Result<String, HashError> {
        let hasher = self.hasher.clone();
        self.off_thread(move || hash_with(&hasher, bytes(&password))).await
    }

    /// Checks `password` against the stored hash; against the decoy where there is no account.
    pub async fn check(
        &self,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<Checked, HashError> {
        let hasher = self.hasher.clone();
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.as_ref().to_owned());
        self.off_thread(move || {
            let parsed = PasswordHash::new(&stored).map_err(|e| HashError::Hash(e.into()))?;
            let right = hasher.verify_password(bytes(&password), &parsed).is_ok();
            let current = Params::try_from(&parsed).is_ok_and(|p| same_cost(&p, hasher.params()))
                && parsed.algorithm.as_str() == "argon2id";
            Ok(match (known && right, current) {
                (false, _) => Checked::Wrong,
                (true, true) => Checked::Right,
                (true, false) => Checked::RightButOld,
            })
        })
        .await
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let turn =
            Arc::clone(&self.turns).acquire_owned().await.map_err(|_closed| HashError::Stopped)?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|_stopped| HashError::Stopped)?
    }
}

fn same_cost(a: &Params, b: &Params) -> bool {
    (a.m_cost(), a.t_cost(), a.p_cost()) == (b.m_cost(), b.t_cost(), b.p_cost())
}

fn hash_with(hasher: &Argon2<'_>, password: &[u8]) -> Result<String, HashError> {
    hasher.hash_password(password).map(|hash| hash.to_string()).map_err(HashError::Hash)
}

#[expect(clippy::disallowed_methods, reason = "the bytes go straight into the hash")]
fn bytes(password: &SecretString) -> &[u8] {
    password.expose_secret().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords(memory_kib: u32) -> Passwords {
        Passwords::new(Params::new(memory_kib, 1, 1, None).unwrap(), 1).unwrap()
    }

    #[tokio::test]
    async fn the_password_is_told_from_others_and_from_no_account() {
        let passwords = passwords(64);
        let stored = passwords.hash("correct horse".into()).await.unwrap();
        let check = |text: &str, stored| passwords.check(text.to_owned().into(), stored);
        assert_eq!(check("correct horse", Some(stored.clone())).await.unwrap(), Checked::Right);
        assert_eq!(check("wrong horse", Some(stored)).await.unwrap(), Checked::Wrong);
        assert_eq!(check("nobody has this password", None).await.unwrap(), Checked::Wrong);
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_right_but_old() {
        let stored = passwords(64).hash("correct horse".into()).await.unwrap();
        let checked = passwords(128).check("correct horse".into(), Some(stored)).await.unwrap();
        assert_eq!(checked, Checked::RightButOld);
    }
}
