//! The tests of a policy: how they go against what is in force, and a form to add one.

use askama::Template;
use axum::response::{IntoResponse, Response};
use domain::PolicyId;
use domain::perm::{View, WritePolicies};
use policy::suite::{Expect, Verdict};
use serde::Deserialize;

use crate::acts;
use crate::acts::policy_tests::Stored;
use crate::extract::{Form, Path};
use crate::failure::{Failure, FieldError};
use crate::guard::Can;
use crate::pages::parts::{
    Choice, Field, Frame, News, Problem, Section, belongs_in_form, count, done, in_frame,
};
use crate::urls;

#[derive(Template)]
#[template(path = "policies/tests.html")]
pub(crate) struct TestList {
    frame: Frame,
    url: String,
    name: String,
    can_write: bool,
    problem: Option<Problem>,
    summary: String,
    failing: bool,
    tests: Vec<Row>,
    form: Fields,
    expectations: Vec<Choice>,
}

struct Row {
    number: i32,
    name: String,
    tool: String,
    arguments: String,
    expect: &'static str,
    passed: bool,
    detail: String,
}

struct Fields {
    name: Field,
    tool: Field,
    arguments: Field,
    expect: Field,
    repeat: Field,
    rule: Field,
    grant: Field,
    client: Field,
    at: Field,
}

in_frame!(TestList);

/// What the form sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    name: String,
    tool: String,
    arguments: String,
    expect: String,
    repeat: String,
    rule: String,
    grant: String,
    client: String,
    at: String,
}

impl Typed {
    /// The test as it stands in a file, or everything that is wrong with it.
    fn test(&self) -> Result<String, Failure> {
        let mut members = Vec::new();
        let mut text = |key: &str, value: &str| {
            members.push(format!("{}:{}", json::quoted(key), json::quoted(value)));
        };
        text("name", self.name.trim());
        text("tool", self.tool.trim());
        text("expect", &self.expect);
        let others = [
            ("rule", &self.rule),
            ("grant", &self.grant),
            ("client", &self.client),
            ("at", &self.at),
        ];
        for (key, value) in others.into_iter().filter(|(_, value)| !value.trim().is_empty()) {
            text(key, value.trim());
        }
        let raw = [("arguments", self.arguments.trim()), ("repeat", self.repeat.trim())];
        let mut wrong = Vec::new();
        for (key, value) in raw.into_iter().filter(|(_, value)| !value.is_empty()) {
            if json::parse(value.as_bytes()).is_ok() {
                members.push(format!("{}:{value}", json::quoted(key)));
            } else {
                wrong.push(FieldError::new(format!("/{key}"), "this is not valid JSON"));
            }
        }
        let written = format!("{{{}}}", members.join(","));
        if wrong.is_empty() {
            return Ok(written);
        }
        // The other fields are judged too: a form names all its errors at once.
        wrong.extend(acts::policy_tests::one(&written).err().into_iter().flatten());
        Err(Failure::invalid(wrong))
    }
}

/// `GET /o/{organisation}/policies/{id}/tests`.
pub(crate) async fn list(
    mut caller: Can<View>,
    news: News,
    Path(id): Path<PolicyId>,
) -> Result<TestList, Failure> {
    TestList::of(&mut caller, news, id, &Typed::default(), None).await
}

/// `POST /o/{organisation}/policies/{id}/tests`: add one.
pub(crate) async fn add(
    mut caller: Can<WritePolicies>,
    Path(id): Path<PolicyId>,
    Form(typed): Form<Typed>,
) -> Result<Response, Failure> {
    let added = match typed.test() {
        Ok(test) => acts::policy_tests::add(&mut caller, id, &test).await,
        Err(failure) => Err(failure),
    };
    match added {
        Ok(_) => {
            // A test may be written first; that what is in force fails it is said at once.
            let verdicts = acts::policy_tests::run(&mut caller, id, None).await?;
            let new = verdicts.iter().find(|verdict| verdict.name == typed.name.trim());
            let text = match new.filter(|verdict| !verdict.passed) {
                Some(verdict) => format!(
                    "Test added, but the version in force fails it. {} A version that fails it is \
                     not published.",
                    verdict.detail
                ),
                None => "Test added. It is asked before each version.".to_owned(),
            };
            Ok(sent_on(&caller, id, &text))
        }
        Err(failure) => {
            let refused = belongs_in_form(failure)?;
            let page =
                TestList::of(&mut caller, News::default(), id, &typed, Some(&refused)).await?;
            Ok((refused.kind().status(), page).into_response())
        }
    }
}

/// `POST /o/{organisation}/policies/{id}/tests/{n}/delete`.
pub(crate) async fn remove(
    mut caller: Can<WritePolicies>,
    Path((id, n)): Path<(PolicyId, i32)>,
) -> Result<Response, Failure> {
    acts::policy_tests::remove(&mut caller, id, n).await?;
    Ok(sent_on(&caller, id, "Test removed."))
}

fn sent_on<P>(caller: &Can<P>, id: PolicyId, text: &str) -> Response {
    let url = urls::item(caller.slug(), "policies", id);
    done(caller.app().settings(), &format!("{url}/tests"), text)
}

impl TestList {
    async fn of<P: domain::Permission>(
        caller: &mut Can<P>,
        news: News,
        id: PolicyId,
        typed: &Typed,
        refused: Option<&Failure>,
    ) -> Result<Self, Failure> {
        let frame = Frame::of(caller, news, Section::Policies).await?;
        let policy = acts::policies::find(caller, id).await?;
        let tests = acts::policy_tests::list(caller, id).await?;
        let verdicts = acts::policy_tests::run(caller, id, None).await?;
        let failed = verdicts.iter().filter(|verdict| !verdict.passed).count();
        let field = |value: &str, pointer| Field::of(value).judged(refused, pointer);
        let shown = [
            "/name",
            "/tool",
            "/arguments",
            "/expect",
            "/repeat",
            "/rule",
            "/grant",
            "/client",
            "/at",
        ];
        Ok(Self {
            frame,
            url: urls::item(caller.slug(), "policies", id),
            name: policy.name,
            can_write: caller.may::<WritePolicies>(),
            problem: Problem::of(refused, &shown),
            summary: summary(verdicts.len(), failed),
            failing: failed > 0,
            tests: tests.into_iter().zip(verdicts).map(|(test, v)| Row::of(test, v)).collect(),
            form: Fields {
                name: field(&typed.name, "/name"),
                tool: field(&typed.tool, "/tool"),
                arguments: field(&typed.arguments, "/arguments"),
                expect: field(&typed.expect, "/expect"),
                repeat: field(&typed.repeat, "/repeat"),
                rule: field(&typed.rule, "/rule"),
                grant: field(&typed.grant, "/grant"),
                client: field(&typed.client, "/client"),
                at: field(&typed.at, "/at"),
            },
            expectations: Expect::ALL
                .map(|expect| Choice::of(expect.as_str(), label(expect), &typed.expect))
                .into(),
        })
    }
}

impl Row {
    fn of(Stored { number, test }: Stored, verdict: Verdict) -> Self {
        Self {
            number,
            arguments: test.arguments.map(|raw| raw.get().to_owned()).unwrap_or_default(),
            name: test.name,
            tool: test.tool,
            expect: label(test.expect),
            passed: verdict.passed,
            detail: verdict.detail,
        }
    }
}

fn summary(all: usize, failed: usize) -> String {
    let n = |n: usize| i128::try_from(n).unwrap_or(0);
    match (all, failed) {
        (0, _) => String::new(),
        (all, 0) => format!("{}, and the version in force passes.", count(n(all), "test")),
        (all, failed) => {
            format!("The version in force fails {failed} of {}.", count(n(all), "test"))
        }
    }
}

/// What a test expects, as a choice.
pub(super) const fn label(expect: Expect) -> &'static str {
    match expect {
        Expect::Allow => "Allowed",
        Expect::Deny => "Denied",
        Expect::Hide => "Hidden",
        Expect::Approve => "Held for a person",
        Expect::Limit => "Stopped by a limit",
    }
}

#[cfg(test)]
mod samples {
    use super::*;
    use crate::pages::samples::{HOSTILE, Samples, frame};

    impl Samples for TestList {
        fn samples() -> Vec<Self> {
            let of = |text: &str, rows, can_write| {
                let field = || Field { value: text.to_owned(), error: text.to_owned() };
                Self {
                    frame: frame(Section::Policies, text),
                    url: "/o/acme/policies/pol_1".to_owned(),
                    name: text.to_owned(),
                    can_write,
                    problem: Some(Problem::new("Nothing was saved", text)),
                    summary: text.to_owned(),
                    failing: can_write,
                    tests: (1..=rows)
                        .map(|number| Row {
                            number,
                            name: text.to_owned(),
                            tool: text.to_owned(),
                            arguments: text.to_owned(),
                            expect: "Denied",
                            passed: number == 1,
                            detail: text.to_owned(),
                        })
                        .collect(),
                    form: Fields {
                        name: field(),
                        tool: field(),
                        arguments: field(),
                        expect: field(),
                        repeat: field(),
                        rule: field(),
                        grant: field(),
                        client: field(),
                        at: field(),
                    },
                    expectations: vec![Choice::of("deny", "Denied", "deny")],
                }
            };
            vec![of("shop", 0, false), of("shop", 2, true), of(HOSTILE, 3, true)]
        }
    }
}
