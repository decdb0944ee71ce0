//! A private Postgres and Redis for the length of one command. They end with it, however it ends.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio, id};

use anyhow::{Context as _, Result};
use embedded::{Durability, Install, Postgres, Redis, Settings};

use crate::shell::{say, target};

/// Ends and removes everything once its standard input closes, which the system does even when
/// we are killed. Arguments: the processes of Postgres and Redis, then the folders.
const WATCH: &str = r#"
cat >/dev/null
kill -INT "$1"; kill "$2"; postgres=$1; shift 2
for i in $(seq 100); do kill -0 "$postgres" 2>/dev/null || break; sleep 0.1; done
rm -rf "$@"
"#;

/// Running servers. Dropping them stops them and removes their data.
pub(crate) struct Services {
    postgres: Option<Postgres>,
    redis: Redis,
    watch: Child,
    dir: PathBuf,
}

impl Services {
    /// Starts both, on ports and in folders that nobody else uses.
    pub(crate) fn start() -> Result<Self> {
        let dir = target().join("test-services").join(id().to_string());
        let settings = Settings {
            durability: Durability::Fast,
            max_connections: 300,
            progress: &say,
            ..Settings::new("drawbridge", dir.join("postgres"))
        };
        let postgres = Postgres::start(&settings)?;
        let redis = Redis::start(&dir.join("redis"), Install::IfAllowed, &say)?;
        let watch = watch(&postgres, &redis, &dir)?;
        Ok(Self { postgres: Some(postgres), redis, watch, dir })
    }

    /// The settings by which programs find them.
    pub(crate) fn environment(&self) -> [(&'static str, String); 2] {
        let postgres = self.postgres.as_ref().map(Postgres::url).unwrap_or_default();
        [("DATABASE_URL", postgres), ("REDIS_URL", self.redis.url())]
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        // From here on we do it ourselves. Each failure leaves the others to be tried.
        let _ = self.watch.kill();
        let _ = self.watch.wait();
        if let Some(Err(error)) = self.postgres.take().map(Postgres::remove) {
            say(&error.to_string());
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn watch(postgres: &Postgres, redis: &Redis, dir: &Path) -> Result<Child> {
    let processes = [postgres.pid(), redis.pid().unwrap_or_default()].map(|pid| pid.to_string());
    Command::new("/bin/sh")
        .args(["-c", WATCH, "sh"])
        .args(processes)
        .args([postgres.folder(), dir])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot run /bin/sh")
}
