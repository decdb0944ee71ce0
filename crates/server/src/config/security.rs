//! Keys, sign-up, and which upstream addresses may be reached.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mcp::client::AllowRange;

use super::{Http, Reader, Storage};

/// See the module.
pub(crate) struct Security {
    /// From which every other key is derived.
    pub(crate) master_key: MasterKey,
    /// Who may make an account.
    pub(crate) signup: Signup,
    /// Private ranges that upstream servers may live in.
    pub(crate) upstream_allow: Vec<AllowRange>,
    /// Certificate authorities of upstream servers, beside the public ones.
    pub(crate) upstream_ca_file: Option<PathBuf>,
    /// Whether the built-in demo server runs.
    pub(crate) demo: bool,
    /// What hashing a password costs.
    pub(crate) password_cost: PasswordCost,
    /// Which of the keys derived for access tokens signs them.
    pub(crate) access_key_version: u16,
}

/// Where the master key comes from.
pub(crate) enum MasterKey {
    /// Given: 32 bytes.
    Given(Box<[u8; 32]>),
    /// Read from a file, which must exist.
    File(PathBuf),
    /// Generated at the first start and kept in this file (0600).
    Generated(PathBuf),
}

/// Parameters of argon2id; hashes made with others are renewed at the next sign-in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PasswordCost {
    /// KiB of memory.
    pub(crate) memory_kib: u32,
    /// Passes over it.
    pub(crate) passes: u32,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signup {
    Open,
    Invite,
    Closed,
}

impl FromStr for Signup {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "open" => Ok(Self::Open),
            "invite" => Ok(Self::Invite),
            "closed" => Ok(Self::Closed),
            _ => Err("choose open, invite or closed"),
        }
    }
}

impl fmt::Display for Signup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Invite => "invite",
            Self::Closed => "closed",
        })
    }
}

impl Security {
    pub(crate) fn read(reader: &mut Reader, http: &Http, storage: &Storage) -> Self {
        let loopback = http.listen.ip().is_loopback();
        Self {
            master_key: master_key(reader, storage),
            signup: reader.value(
                "DRAWBRIDGE_SIGNUP",
                "Who may make an account: open, invite or closed. Open by default on loopback only.",
                if loopback { Signup::Open } else { Signup::Invite },
            ),
            upstream_allow: reader.list(
                "DRAWBRIDGE_UPSTREAM_ALLOW",
                "Private ranges that upstream servers may live in: cidr[:port],…",
            ),
            upstream_ca_file: reader.path(
                "DRAWBRIDGE_UPSTREAM_CA_FILE",
                "Certificate authorities (PEM) that upstream servers may have their certificates \
                 from, besides the public ones.",
            ),
            demo: reader.value(
                "DRAWBRIDGE_DEMO",
                "Whether the built-in demo MCP server runs; by default on loopback only.",
                loopback,
            ),
            access_key_version: reader.value(
                "DRAWBRIDGE_ACCESS_KEY_VERSION",
                "Which key signs access tokens; one more rotates it. The one before and the one \
                 after are accepted too, so replicas may change one by one.",
                1,
            ),
            password_cost: PasswordCost {
                memory_kib: reader.value(
                    "DRAWBRIDGE_PASSWORD_MEMORY_KIB",
                    "Memory that hashing one password takes (argon2id).",
                    19_456,
                ),
                passes: reader.value(
                    "DRAWBRIDGE_PASSWORD_PASSES",
                    "Passes over that memory.",
                    2,
                ),
            },
        }
    }
}

fn master_key(reader: &mut Reader, storage: &Storage) -> MasterKey {
    const NAME: &str = "DRAWBRIDGE_MASTER_KEY";
    let given =
        reader.secret(NAME, "32 random bytes, base64; everything secret is sealed with it.");
    let file = reader.path(
        "DRAWBRIDGE_MASTER_KEY_FILE",
        "A file with that key. Unset: generated in the data directory, but never beside DATABASE_URL.",
    );
    match (given, file) {
        (Some(_), Some(_)) => {
            reader.problem(NAME, "give the key or the file with it, not both");
            MasterKey::Generated(PathBuf::new())
        }
        (Some(text), None) => match decode_key(&text) {
            Ok(key) => MasterKey::Given(key),
            Err(detail) => {
                reader.problem(NAME, detail);
                MasterKey::Generated(PathBuf::new())
            }
        },
        (None, Some(path)) => MasterKey::File(path),
        (None, None) => {
            if storage.database_url.is_some() {
                reader.problem(
                    NAME,
                    "with DATABASE_URL set, give the key too: make one with `openssl rand -base64 32` \
                     and use the same for every replica",
                );
            }
            MasterKey::Generated(storage.data_dir.join("keys").join("master.key"))
        }
    }
}

/// The key of its base64 form.
pub(crate) fn decode_key(text: &str) -> Result<Box<[u8; 32]>, &'static str> {
    STANDARD
        .decode(text.trim())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .map(Box::new)
        .ok_or("this is not 32 bytes in base64; make one with `openssl rand -base64 32`")
}
