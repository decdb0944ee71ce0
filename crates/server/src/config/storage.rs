//! Where data live: a database of the operator's, or one of our own in the data directory.

use std::path::PathBuf;

use super::Reader;

/// See the module.
pub(crate) struct Storage {
    /// Where the embedded default keeps its database and keys.
    pub(crate) data_dir: PathBuf,
    /// Postgres of the operator's.
    pub(crate) database_url: Option<String>,
    /// Connections to it.
    pub(crate) database_connections: u32,
    /// What the audit may keep on local disk until the database has it.
    pub(crate) spool_max_bytes: u64,
    /// Redis of the operator's.
    pub(crate) redis_url: Option<String>,
}

impl Storage {
    pub(crate) fn read(reader: &mut Reader) -> Self {
        let default = reader.default_data_dir().display().to_string();
        let data_dir = reader.value(
            "DRAWBRIDGE_DATA_DIR",
            "Where the embedded database, generated keys and the audit's spool are kept.",
            default,
        );
        Self {
            data_dir: PathBuf::from(data_dir),
            database_url: reader.secret_url(
                "DATABASE_URL",
                "Postgres 15 or newer. Unset: a private one in the data directory.",
            ),
            database_connections: reader.value(
                "DRAWBRIDGE_DATABASE_CONNECTIONS",
                "Most connections that this process holds to Postgres.",
                20,
            ),
            spool_max_bytes: reader.value(
                "DRAWBRIDGE_SPOOL_MAX_BYTES",
                "Most bytes of the audit that wait in the data directory for the database; past \
                 them calls are refused.",
                1 << 30,
            ),
            redis_url: reader.secret_url(
                "REDIS_URL",
                "Redis 6 or newer, shared by all replicas. Unset: limits are counted in process.",
            ),
        }
    }
}
