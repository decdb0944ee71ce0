//! What a password must be. Length and a short list of the ones everyone tries; no composition
//! rules (NIST SP 800-63B, 3.1.1.2).

use secrecy::{ExposeSecret, SecretString};

/// Shortest password, in characters.
pub const MIN: usize = 12;
/// Longest password, in bytes: enough for any passphrase, too little to keep a hasher busy.
pub const MAX_BYTES: usize = 512;

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer than [`MIN`] characters.
    #[error("use at least 12 characters; a few words in a row are easy to keep")]
    TooShort,
    /// More than [`MAX_BYTES`] bytes.
    #[error("use at most 512 bytes")]
    TooLong,
    /// Among those everyone tries, or one character repeated.
    #[error("this password is among the first that anyone would try; choose another")]
    Common,
    /// Contains the account's own address or name.
    #[error("do not use your e-mail address as the password")]
    Personal,
}

/// Judges a new password for the account of `email`.
pub fn check(password: &SecretString, email: &str) -> Result<(), WeakPassword> {
    #[expect(
        clippy::disallowed_methods,
        reason = "its length and words are judged here, nothing is kept"
    )]
    let text = password.expose_secret();
    if text.chars().count() < MIN {
        return Err(WeakPassword::TooShort);
    }
    if text.len() > MAX_BYTES {
        return Err(WeakPassword::TooLong);
    }
    let folded = text.to_lowercase();
    let local = email.split('@').next().unwrap_or_default().to_lowercase();
    if folded == email.to_lowercase()
        || (local.len() >= 6 && folded.trim_matches(|c: char| !c.is_alphabetic()) == local)
    {
        return Err(WeakPassword::Personal);
    }
    let core = folded.trim_end_matches(|c: char| c.is_ascii_digit() || "!.?#$@*".contains(c));
    let first = folded.chars().next();
    let one_character = folded.chars().all(|c| Some(c) == first);
    if one_character || COMMON.contains(&folded.as_str()) || COMMON_CORES.contains(&core) {
        return Err(WeakPassword::Common);
    }
    Ok(())
}

const COMMON: [&str; 14] = [
    "123456789012",
    "012345678901",
    "210987654321",
    "1234567890123",
    "123456789abc",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "qwertyuiop12",
    "qwertyuiopas",
    "qwerty123456",
    "asdfghjkl123",
    "iloveyou1234",
    "abcdefghijkl",
    "abcd12345678",
];
const COMMON_CORES: [&str; 12] = [
    "",
    "password",
    "passwort",
    "passw0rd",
    "p@ssw0rd",
    "qwerty",
    "letmein",
    "welcome",
    "changeme",
    "administrator",
    "drawbridge",
    "iloveyou",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(password: &str) -> Result<(), WeakPassword> {
        check(&SecretString::from(password.to_owned()), "adalovelace@example.com")
    }

    #[test]
    fn passphrases_pass_and_the_usual_suspects_do_not() {
        assert_eq!(judged("correct horse battery"), Ok(()));
        assert_eq!(judged("short"), Err(WeakPassword::TooShort));
        assert_eq!(judged("Password2026!"), Err(WeakPassword::Common));
        assert_eq!(judged("aaaaaaaaaaaa"), Err(WeakPassword::Common));
        assert_eq!(judged("123456789012"), Err(WeakPassword::Common));
        assert_eq!(judged("AdaLovelace1"), Err(WeakPassword::Personal));
        assert_eq!(judged(&"x y".repeat(200)), Err(WeakPassword::TooLong));
    }
}
