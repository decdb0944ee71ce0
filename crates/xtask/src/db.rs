//! `cargo xtask db …` and `drift`: the descriptions of our SQL, checked against a real database.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use embedded::Binaries;

use crate::services::Services;
use crate::shell::{
    cargo, offline_cargo, output, root, run, say, stop_in_order, wait_for_interrupt,
};

/// The database of developers.
#[derive(clap::Subcommand)]
pub(crate) enum Task {
    /// Write `.sqlx` anew from the migrations and the queries.
    Prepare,
    /// Run a Postgres and a Redis until Ctrl-C, and print how to use them.
    Start,
}

/// Does one of the tasks.
pub(crate) fn db(task: &Task) -> Result<()> {
    stop_in_order()?;
    match task {
        Task::Prepare => prepare(),
        Task::Start => start(),
    }
}

/// Fails if the committed `.sqlx` is not what the queries and the migrations give.
pub(crate) fn drift() -> Result<()> {
    stop_in_order()?;
    prepare()?;
    let changed = output("git", &["-C", &root().to_string_lossy(), "status", "--short", ".sqlx"])
        .context("cannot ask git what changed")?;
    if changed.is_empty() {
        return Ok(());
    }
    bail!(".sqlx was out of date; commit what `cargo xtask db prepare` wrote:\n{changed}")
}

fn start() -> Result<()> {
    let services = Services::start()?;
    let environment = services.environment();
    let [(_, database), _] = &environment;
    migrate(database)?;
    for (name, value) in environment {
        println!("export {name}={value}");
    }
    say("running; Ctrl-C ends it and removes the data");
    wait_for_interrupt();
    Ok(())
}

fn prepare() -> Result<()> {
    let services = Services::start()?;
    let [(_, database), _] = services.environment();
    migrate(&database)?;
    let folder = root().join(".sqlx");
    // What is no longer asked must go too. Kept aside until the new ones are whole.
    let before = root().join("target/sqlx-before");
    let _ = fs::remove_dir_all(&before);
    if folder.exists() {
        fs::rename(&folder, &before).context("cannot put .sqlx aside")?;
    }
    let described = describe(&database, &folder);
    if described.is_err() && before.exists() {
        let _ = fs::remove_dir_all(&folder);
        fs::rename(&before, &folder).context("cannot put .sqlx back")?;
    }
    described
}

fn describe(database: &str, folder: &PathBuf) -> Result<()> {
    fs::create_dir_all(folder).context("cannot make .sqlx")?;
    // The macros write while they expand, so the crates that use them must be compiled again.
    for source in sources_with_sql()? {
        touch(&source)?;
    }
    let mut check = cargo(&["check", "--workspace", "--all-targets"]);
    check
        .env("SQLX_OFFLINE", "false")
        .env("DATABASE_URL", database)
        .env("SQLX_OFFLINE_DIR", folder);
    run(&mut check)?;
    let count = fs::read_dir(folder).context("cannot list .sqlx")?.count();
    say(&format!("{count} queries described in .sqlx"));
    // The builds that follow read the files: make sure they agree.
    run(&mut offline_cargo(&["check", "--package", "store", "--quiet"]))
}

/// The roots of all compilations that may hold a checked query.
fn sources_with_sql() -> Result<Vec<PathBuf>> {
    let crates = fs::read_dir(root().join("crates")).context("cannot list crates")?;
    let with_sql = crates.flatten().map(|entry| entry.path()).filter(|folder| {
        fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("\nsqlx."))
    });
    let sources = with_sql.flat_map(|folder| {
        ["src/lib.rs", "src/main.rs", "tests/it/main.rs"].map(|source| folder.join(source))
    });
    Ok(sources.filter(|source| source.is_file()).collect())
}

fn touch(path: &PathBuf) -> Result<()> {
    let file = fs::File::options().append(true).open(path);
    file.and_then(|file| file.set_modified(std::time::SystemTime::now()))
        .with_context(|| format!("cannot touch {}", path.display()))
}

/// Applies the migrations in order of their names: the product's own command needs the
/// descriptions that we are about to write.
fn migrate(database: &str) -> Result<()> {
    let psql = Binaries::find(None).context("Postgres is not installed")?.program("psql");
    let folder = root().join("migrations");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .with_context(|| format!("cannot list {}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "sql"))
        .collect();
    files.sort();
    for file in files {
        let mut command = Command::new(&psql);
        command.args([database, "-qX", "--single-transaction", "-v", "ON_ERROR_STOP=1", "-f"]);
        run(command.arg(&file).stdin(Stdio::null()))
            .with_context(|| format!("the migration {} failed", file.display()))?;
    }
    Ok(())
}
