//! `drawbridge audit`: what can be said of an export without asking anybody.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use domain::chain::{Checkpoint, Found, PublicKey, Verifier};
use serde::Deserialize;

use super::say;

/// What can be done with an audit log.
#[derive(Subcommand)]
pub(super) enum Task {
    /// Checks the hash chain of an NDJSON export of calls or of audit events, offline.
    Verify(Verify),
}

#[derive(clap::Args)]
pub(super) struct Verify {
    /// The export: `/api/v1/calls/export` or `/api/v1/audit-events/export`, as it came.
    file: PathBuf,
    /// Signed heads to compare with: an answer of `/api/v1/calls/checkpoints`.
    #[arg(long, value_name = "FILE", requires = "key")]
    checkpoints: Option<PathBuf>,
    /// The key that signed them: `x` of the key set at `/api/v1/auth/jwks.json`.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// An export with a filter leaves rows out; that is no fault then.
    #[arg(long)]
    filtered: bool,
}

/// Runs it. Whatever is not true is an error.
pub(super) fn run(task: Task) -> Result<()> {
    let Task::Verify(verify) = task;
    say(&told(&verify.run()?))
}

impl Verify {
    fn run(&self) -> Result<Found> {
        let signed = match (&self.checkpoints, &self.key) {
            (Some(file), Some(key)) => checkpoints(file, key)?,
            _ => Vec::new(),
        };
        let latest = signed.iter().map(|checkpoint| checkpoint.seq).max();
        let mut verifier = Verifier::with(signed);
        let file = File::open(&self.file)
            .with_context(|| format!("cannot read {}", self.file.display()))?;
        for (at, line) in BufReader::new(file).lines().enumerate() {
            let line = line.with_context(|| format!("line {} is no text", at + 1))?;
            verifier.take(&line).with_context(|| format!("line {}", at + 1))?;
        }
        let found = verifier.found;
        if found.gaps > 0 && !self.filtered {
            bail!(
                "rows are missing in {} places; if the export was filtered, say --filtered",
                found.gaps
            );
        }
        if latest > found.last && !self.filtered {
            bail!("row {} was signed, and the export ends before it", latest.unwrap_or_default());
        }
        Ok(found)
    }
}

/// The signed heads of a file; each must be signed by the key.
fn checkpoints(file: &Path, key: &str) -> Result<Vec<Checkpoint>> {
    #[derive(Deserialize)]
    struct Listed {
        data: Vec<Checkpoint>,
    }
    let key = PublicKey::from_text(key).context("--key is no Ed25519 key in base64url")?;
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let listed: Listed = serde_json::from_str(&text)
        .with_context(|| format!("{} is no answer with checkpoints", file.display()))?;
    if let Some(unsigned) = listed.data.iter().find(|checkpoint| !checkpoint.is_signed_by(&key)) {
        bail!("the checkpoint of row {} is not signed by this key", unsigned.seq);
    }
    Ok(listed.data)
}

fn told(found: &Found) -> String {
    let rows = |(count, last): (u64, Option<u64>)| match (count, found.first, last) {
        (0, ..) | (_, None, _) | (_, _, None) => "no row has a place in the chain".to_owned(),
        (count, Some(first), Some(last)) => {
            format!("{count} rows, {first} to {last}, are as they were written")
        }
    };
    let parts = [
        (found.signed, "of them are signed"),
        (found.gaps, "times rows are left out"),
        (found.unchained, "older rows of which nothing can be said"),
    ];
    let more = parts.into_iter().filter(|(count, _)| *count > 0);
    let more = more.map(|(count, what)| format!("; {count} {what}"));
    std::iter::once(rows((found.rows, found.last))).chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use domain::OrganisationId;
    use domain::chain::{Line, START, Signer, hex, link};
    use serde_json::value::RawValue;

    /// An export of three rows, and a signed head.
    fn written(folder: &Path) -> (Verify, [u8; 32]) {
        let (mut previous, mut text) = (START, String::new());
        for seq in 1..=3 {
            let entry = format!("{{\"n\":{seq}}}");
            let digest = link(&previous, seq, entry.as_bytes());
            let line = Line {
                seq: Some(seq),
                previous: Some(hex(&previous)),
                digest: Some(hex(&digest)),
                entry: RawValue::from_string(entry).unwrap(),
            };
            text.push_str(&serde_json::to_string(&line).unwrap());
            text.push('\n');
            previous = digest;
        }
        let signer = Signer::new(&[1; 32]);
        let (id, at) = (OrganisationId::fresh(DateTime::UNIX_EPOCH), DateTime::UNIX_EPOCH);
        let head = signer.checkpoint(id, "calls", (3, &previous), at);
        let listed = serde_json::json!({ "data": [head], "next_cursor": null });
        fs::write(folder.join("calls.ndjson"), text).unwrap();
        fs::write(folder.join("signed.json"), listed.to_string()).unwrap();
        let verify = Verify {
            file: folder.join("calls.ndjson"),
            checkpoints: Some(folder.join("signed.json")),
            key: Some(signer.public().text()),
            filtered: false,
        };
        (verify, previous)
    }

    #[test]
    fn an_export_as_it_came_is_true_to_its_signed_end() {
        let folder = tempfile::tempdir().unwrap();
        let (verify, _) = written(folder.path());
        let found = verify.run().unwrap();
        assert_eq!(told(&found), "3 rows, 1 to 3, are as they were written; 1 of them are signed");
    }

    #[test]
    fn what_is_changed_cut_off_or_signed_by_another_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let (verify, _) = written(folder.path());
        let whole = fs::read_to_string(&verify.file).unwrap();
        let refused = |text: &str| {
            fs::write(&verify.file, text).unwrap();
            format!("{:#}", verify.run().unwrap_err())
        };
        assert!(refused(&whole.replace("\"n\":2", "\"n\":7")).contains("row 2 was changed"));
        let lines: Vec<&str> = whole.lines().collect();
        assert!(refused(&lines[..2].join("\n")).contains("row 3 was signed"));
        assert!(refused(&[lines[0], lines[2]].join("\n")).contains("rows are missing"));
        fs::write(&verify.file, &whole).unwrap();
        let other = Signer::new(&[2; 32]).public().text();
        let refused = Verify { key: Some(other), ..verify }.run().unwrap_err();
        assert!(refused.to_string().contains("not signed by this key"));
    }
}
