//! The versions of a policy: the list of them, and what changed between two.

use std::collections::HashMap;

use askama::Template;
use domain::perm::{View, WritePolicies};
use domain::{Permission, PolicyId};
use serde::{Deserialize, Serialize};
use store::policies::PolicyVersion;

use super::edit::author;
use super::lines::{Line, lines};
use crate::acts;
use crate::acts::policies::DocumentText;
use crate::extract::{Json, Path, Query};
use crate::failure::{Failure, Kind};
use crate::guard::Can;
use crate::pages::parts::{Choice, Frame, News, Problem, Section, Time, count, in_frame};
use crate::urls;

/// More changes than this are counted, not listed.
const MAX_SHOWN: usize = 500;

#[derive(Template)]
#[template(path = "policies/versions.html")]
pub(crate) struct VersionList {
    frame: Frame,
    url: String,
    name: String,
    can_write: bool,
    problem: Option<Problem>,
    /// The version in force.
    live: i32,
    versions: Vec<Row>,
    from: Vec<Choice>,
    to: Vec<Choice>,
}

struct Row {
    version: i32,
    is_live: bool,
    /// What changed since the version before; empty for the first.
    changes_url: String,
    comment: String,
    author: String,
    time: Time,
}

#[derive(Template)]
#[template(path = "policies/diff.html")]
pub(crate) struct VersionDiff {
    frame: Frame,
    url: String,
    name: String,
    can_write: bool,
    from: i32,
    to: i32,
    /// Which of the two can be restored: the older one, unless it is in force.
    restore: Option<i32>,
    /// The version in force.
    live: i32,
    comment: String,
    summary: String,
    changes: Vec<Changed>,
    more: String,
    lines: Vec<Line>,
}

/// A change as pages and scripts show it.
#[derive(Debug, Serialize)]
pub(crate) struct Changed {
    pointer: String,
    removed: bool,
    bearing: &'static str,
    label: &'static str,
    tone: &'static str,
    summary: String,
}

in_frame!(VersionList);
in_frame!(VersionDiff);

impl From<policy::Change> for Changed {
    fn from(change: policy::Change) -> Self {
        let (label, tone) = match change.bearing {
            policy::Bearing::Looser => ("Looser", "amber"),
            policy::Bearing::Stricter => ("Stricter", "blue"),
            policy::Bearing::Either => ("Either way", "violet"),
            policy::Bearing::Neither => ("Same effect", "slate"),
        };
        Self {
            pointer: change.pointer,
            removed: change.removed,
            bearing: change.bearing.as_str(),
            label,
            tone,
            summary: change.summary,
        }
    }
}

/// `GET /o/{organisation}/policies/{id}/versions`.
pub(crate) async fn list(
    mut caller: Can<View>,
    news: News,
    Path(id): Path<PolicyId>,
) -> Result<VersionList, Failure> {
    VersionList::of(&mut caller, news, id, None).await
}

impl VersionList {
    pub(super) async fn of<P: Permission>(
        caller: &mut Can<P>,
        news: News,
        id: PolicyId,
        refused: Option<&Failure>,
    ) -> Result<Self, Failure> {
        let frame = Frame::of(caller, news, Section::Policies).await?;
        let policy = acts::policies::find(caller, id).await?;
        let versions = caller.tx().await?.list_policy_versions(id).await?;
        // Accounts are no tenant's: they are looked up with no transaction open.
        caller.close();
        let mut names: HashMap<String, String> = HashMap::new();
        for version in &versions {
            if !names.contains_key(&version.author) {
                names.insert(version.author.clone(), author(caller, &version.author).await?);
            }
        }
        let url = urls::item(caller.slug(), "policies", id);
        let now = caller.now();
        let choices = |chosen: i32| {
            let choice = |v: &PolicyVersion| {
                let label = format!("Version {}", v.version);
                Choice::of(v.version.to_string(), label, &chosen.to_string())
            };
            versions.iter().map(choice).collect()
        };
        let (from, to) = (choices((policy.version - 1).max(1)), choices(policy.version));
        let row = |version: PolicyVersion| Row {
            version: version.version,
            is_live: version.version == policy.version,
            changes_url: if version.version > 1 {
                format!("{url}/diff?from={}&to={}", version.version - 1, version.version)
            } else {
                String::new()
            },
            comment: version.comment,
            author: names.get(&version.author).cloned().unwrap_or_default(),
            time: Time::of(version.created_at, now),
        };
        Ok(Self {
            frame,
            name: policy.name,
            can_write: caller.may::<WritePolicies>(),
            problem: refused.map(|refused| problem(refused, policy.version)),
            live: policy.version,
            versions: versions.into_iter().map(row).collect(),
            from,
            to,
            url,
        })
    }
}

/// Why a version was not restored.
fn problem(refused: &Failure, live: i32) -> Problem {
    if refused.kind() == Kind::Stale {
        let detail = format!(
            "Someone published meanwhile: version {live} is in force now. Look at its changes; \
             restoring from here replaces it."
        );
        return Problem::new("Nothing was restored", detail);
    }
    let told = Problem::of(Some(refused), &[]).map(|told| told.detail).unwrap_or_default();
    Problem::new("Nothing was restored", told)
}

/// Which versions.
#[derive(Debug, Deserialize)]
pub(crate) struct Between {
    from: Option<i32>,
    to: Option<i32>,
}

/// `GET /o/{organisation}/policies/{id}/diff?from=&to=`.
pub(crate) async fn diff(
    mut caller: Can<View>,
    news: News,
    Path(id): Path<PolicyId>,
    Query(between): Query<Between>,
) -> Result<VersionDiff, Failure> {
    let frame = Frame::of(&mut caller, news, Section::Policies).await?;
    let policy = acts::policies::find(&mut caller, id).await?;
    let (old, new, changes) =
        acts::policies::diff(&mut caller, id, between.from, between.to).await?;
    let older = old.version.min(new.version);
    Ok(VersionDiff {
        frame,
        url: urls::item(caller.slug(), "policies", id),
        name: policy.name,
        can_write: caller.may::<WritePolicies>(),
        from: old.version,
        to: new.version,
        restore: (older != policy.version).then_some(older),
        live: policy.version,
        comment: new.comment,
        summary: summary(&changes),
        more: match changes.len().saturating_sub(MAX_SHOWN) {
            0 => String::new(),
            more => format!("and {} more", counted(more, "change")),
        },
        changes: changes.into_iter().take(MAX_SHOWN).map(Changed::from).collect(),
        lines: lines(&old.document, &new.document),
    })
}

/// The draft of the builder.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Draft {
    document: DocumentText,
}

/// What a draft would change, for the builder's script.
#[derive(Serialize)]
pub(crate) struct Compared {
    summary: String,
    changes: Vec<Changed>,
}

/// `POST /o/{organisation}/policies/{id}/compare`: the draft against what is in force.
pub(crate) async fn compare(
    mut caller: Can<View>,
    Path(id): Path<PolicyId>,
    Json(draft): Json<Draft>,
) -> Result<Json<Compared>, Failure> {
    let changes = acts::policies::compare(&mut caller, id, &draft.document).await?;
    let summary = summary(&changes);
    let changes = changes.into_iter().take(MAX_SHOWN).map(Changed::from).collect();
    Ok(Json(Compared { summary, changes }))
}

/// All changes in one sentence.
fn summary(changes: &[policy::Change]) -> String {
    let of = |bearing| changes.iter().filter(|change| change.bearing == bearing).count();
    if changes.is_empty() {
        return "Nothing changed: both documents are the same.".to_owned();
    }
    let parts = [
        (of(policy::Bearing::Looser), "looser"),
        (of(policy::Bearing::Stricter), "stricter"),
        (of(policy::Bearing::Either), "either way"),
        (of(policy::Bearing::Neither), "without effect"),
    ];
    let said: Vec<_> =
        parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, way)| format!("{n} {way}")).collect();
    format!("{}: {}.", counted(changes.len(), "change"), said.join(", "))
}

fn counted(n: usize, noun: &str) -> String {
    count(i128::try_from(n).unwrap_or(0), noun)
}

#[cfg(test)]
mod samples {
    use super::*;
    use crate::pages::samples::{HOSTILE, Samples, frame, time};

    impl Samples for VersionList {
        fn samples() -> Vec<Self> {
            let of = |text: &str, can_write| Self {
                frame: frame(Section::Policies, text),
                url: "/o/acme/policies/pol_1".to_owned(),
                name: text.to_owned(),
                can_write,
                problem: can_write.then(|| Problem::new("Nothing was restored", text)),
                live: 2,
                versions: (1..=2)
                    .map(|version| Row {
                        version,
                        is_live: version == 2,
                        changes_url: "/o/acme/policies/pol_1/diff?from=1&to=2".to_owned(),
                        comment: text.to_owned(),
                        author: text.to_owned(),
                        time: time(),
                    })
                    .collect(),
                from: vec![Choice::of("1", text, "1")],
                to: vec![Choice::of("2", text, "2")],
            };
            vec![of("shop", false), of(HOSTILE, true)]
        }
    }

    impl Samples for VersionDiff {
        fn samples() -> Vec<Self> {
            let of = |text: &str, can_write| Self {
                frame: frame(Section::Policies, text),
                url: "/o/acme/policies/pol_1".to_owned(),
                name: text.to_owned(),
                can_write,
                from: 1,
                to: 2,
                restore: Some(1),
                live: 2,
                comment: text.to_owned(),
                summary: text.to_owned(),
                changes: vec![Changed {
                    pointer: text.to_owned(),
                    removed: can_write,
                    bearing: "looser",
                    label: "Looser",
                    tone: "amber",
                    summary: text.to_owned(),
                }],
                more: text.to_owned(),
                lines: ["same", "gone", "new", "cut"]
                    .map(|kind| Line { kind, text: text.to_owned() })
                    .into(),
            };
            vec![of("shop", false), of(HOSTILE, true)]
        }
    }
}
