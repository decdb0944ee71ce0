//! Policies: check, publish, restore, try, recommend. A document is stored in its normal form, and
//! only if it compiles.

use chrono::{DateTime, Utc};
use domain::perm::WritePolicies;
use domain::{Permission, PolicyId, ServerId};
use policy::{Call, Checked, Context, Document, Explanation, Imported, Others, Problem, ToolFacts};
use risk::Style;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use store::Event;
use store::policies::{Policy, PolicyVersion};
use store::tools::Tool;

use super::check::{Change, Checks, label};
use super::tools;
use crate::failure::{Failure, FieldError, Kind};
use crate::guard::Can;

/// Longest comment on a version.
const MAX_COMMENT_CHARS: usize = 500;
/// The member of forms that has the document.
pub(crate) const DOCUMENT: &str = "/document";

/// A policy document as it was written: spaces, order, doubled keys and all. A JSON string is
/// taken for the text of the document, so that a client can send one that is not JSON (yet).
#[derive(Debug, Clone)]
pub(crate) struct DocumentText(pub(crate) String);

impl<'de> Deserialize<'de> for DocumentText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(from)?;
        if raw.get().starts_with('"') {
            return serde_json::from_str(raw.get()).map(Self).map_err(serde::de::Error::custom);
        }
        Ok(Self(raw.get().to_owned()))
    }
}

/// A policy to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyForm {
    /// Its name for people.
    #[schema(example = "Billing, read only")]
    pub(crate) name: String,
    /// The server it is written for; its tools are what warnings go by.
    #[schema(value_type = Option<String>)]
    pub(crate) server_id: Option<ServerId>,
    /// The document.
    #[schema(value_type = Object)]
    pub(crate) document: DocumentText,
}

/// A document to publish.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishForm {
    /// The document.
    #[schema(value_type = Object)]
    pub(crate) document: DocumentText,
    /// What changed, for colleagues.
    pub(crate) comment: Option<String>,
}

/// What to change of a policy itself; what is left out stays.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyPatch {
    /// Its name for people.
    pub(crate) name: Option<String>,
    /// The server it is written for; `null` for none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(crate) server_id: Change<ServerId>,
}

/// A call to try on a document.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvaluateForm {
    /// The document; or name a policy.
    #[schema(value_type = Option<Object>)]
    pub(crate) document: Option<DocumentText>,
    /// The policy whose live document to try; or give a document.
    #[schema(value_type = Option<String>)]
    pub(crate) policy_id: Option<PolicyId>,
    /// The server whose tools to try it with; that of the policy, if left out.
    #[schema(value_type = Option<String>)]
    pub(crate) server_id: Option<ServerId>,
    /// The call.
    pub(crate) call: CallForm,
    /// Who calls, and when.
    #[serde(default)]
    pub(crate) context: ContextForm,
}

/// A call of a tool.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallForm {
    /// The tool's own name.
    #[schema(example = "create_charge")]
    pub(crate) tool: String,
    /// Its arguments.
    #[schema(value_type = Option<Object>)]
    pub(crate) arguments: Option<Box<RawValue>>,
}

/// Who calls, and when.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContextForm {
    /// The grant's label.
    #[serde(default)]
    pub(crate) grant_label: String,
    /// What the client calls itself.
    pub(crate) client_name: Option<String>,
    /// The moment; now, if left out.
    pub(crate) time: Option<DateTime<Utc>>,
}

/// A version that was just published.
pub(crate) struct Published {
    pub(crate) version: i32,
    pub(crate) warnings: Vec<Problem>,
}

/// Makes a policy with its first version.
pub(crate) async fn create(
    caller: &mut Can<WritePolicies>,
    form: PolicyForm,
) -> Result<(PolicyId, Vec<Problem>), Failure> {
    let mut checks = Checks::default();
    let name = checks.take("/name", label(&form.name));
    let facts = match form.server_id {
        Some(server) => facts_of(caller, server, &mut checks).await?,
        None => None,
    };
    let read = read(&form.document, facts.as_deref(), &mut checks);
    let (Some(name), Some((document, warnings))) = (name, read) else {
        return Err(checks.refuse());
    };
    checks.done()?;
    let id = PolicyId::fresh(caller.now());
    let text = document.to_json();
    caller.tx().await?.insert_policy(id, &name, form.server_id, &text, "").await?;
    caller.commit(Event::PolicyCreated(id)).await?;
    Ok((id, warnings))
}

/// Publishes a document as a new version. With `expected`, only over that version.
pub(crate) async fn publish(
    caller: &mut Can<WritePolicies>,
    id: PolicyId,
    expected: Option<i32>,
    form: &PublishForm,
) -> Result<Published, Failure> {
    let policy = find(caller, id).await?;
    let mut checks = Checks::default();
    let comment = checks.take("/comment", comment(form.comment.as_deref()));
    let facts = match policy.server_id {
        Some(server) => facts_of(caller, server, &mut checks).await?,
        None => None,
    };
    let read = read(&form.document, facts.as_deref(), &mut checks);
    let (Some(comment), Some((document, warnings))) = (comment, read) else {
        return Err(checks.refuse());
    };
    checks.done()?;
    super::policy_tests::guard(caller, id, &document, policy.server_id).await?;
    let tx = caller.tx().await?;
    let version = tx.publish_policy(id, expected, &document.to_json(), &comment).await?;
    let version = version.ok_or_else(Failure::not_found)?;
    caller.commit(Event::PolicyPublished { policy: id, version }).await?;
    Ok(Published { version, warnings })
}

/// Publishes the document of an older version again. With `expected`, only over that version.
pub(crate) async fn restore(
    caller: &mut Can<WritePolicies>,
    id: PolicyId,
    version: i32,
    expected: Option<i32>,
) -> Result<Published, Failure> {
    let old = caller.tx().await?.find_policy_version(id, version).await?;
    let old = old.ok_or_else(Failure::not_found)?;
    let comment = Some(format!("Version {version} restored"));
    let form = PublishForm { document: DocumentText(old.document), comment };
    publish(caller, id, expected, &form).await
}

/// Changes the name, or the server it is written for.
pub(crate) async fn change(
    caller: &mut Can<WritePolicies>,
    id: PolicyId,
    patch: PolicyPatch,
) -> Result<(), Failure> {
    let policy = find(caller, id).await?;
    let mut checks = Checks::default();
    let name = checks.maybe("/name", patch.name.as_deref().map(label));
    checks.done()?;
    let name = name.unwrap_or(policy.name);
    let server = patch.server_id.over(policy.server_id);
    caller.tx().await?.update_policy(id, &name, server).await?;
    caller.commit(Event::PolicyRenamed(id)).await
}

/// Removes a policy that is attached to nothing.
pub(crate) async fn remove(caller: &mut Can<WritePolicies>, id: PolicyId) -> Result<(), Failure> {
    if !caller.tx().await?.delete_policy(id).await? {
        return Err(Failure::not_found());
    }
    caller.commit(Event::PolicyRemoved(id)).await
}

/// The policy of this id.
pub(crate) async fn find<P>(caller: &mut Can<P>, id: PolicyId) -> Result<Policy, Failure> {
    caller.tx().await?.find_policy(id).await?.ok_or_else(Failure::not_found)
}

/// Everything there is to say of a text, as a policy for a server where one is named.
pub(crate) async fn validate<P: Permission>(
    caller: &mut Can<P>,
    text: &str,
    server: Option<ServerId>,
) -> Result<Checked, Failure> {
    let mut checks = Checks::default();
    let facts = match server {
        Some(server) => facts_of(caller, server, &mut checks).await?,
        None => None,
    };
    checks.done()?;
    Ok(policy::check(text, facts.as_deref()))
}

/// What a document of another kind becomes, with the warnings of the new one.
pub(crate) async fn import<P: Permission>(
    caller: &mut Can<P>,
    text: &str,
    server: Option<ServerId>,
    others: Others,
) -> Result<(Imported, Vec<Problem>), Failure> {
    let mut checks = Checks::default();
    let facts = match server {
        Some(server) => facts_of(caller, server, &mut checks).await?,
        None => None,
    };
    let imported = policy::import(text, others);
    let imported = imported.map_err(|problems| checks.add(located("/text", problems))).ok();
    let Some(imported) = imported else { return Err(checks.refuse()) };
    checks.done()?;
    let warnings = policy::warnings(&imported.document, facts.as_deref());
    Ok((imported, warnings))
}

/// What a document would decide of a call, and why. Nothing is consumed or recorded.
pub(crate) async fn evaluate<P: Permission>(
    caller: &mut Can<P>,
    form: EvaluateForm,
) -> Result<Explanation, Failure> {
    let (text, server) = match (form.document, form.policy_id) {
        (Some(text), None) => (text, form.server_id),
        (None, Some(id)) => {
            let policy = find(caller, id).await?;
            (DocumentText(policy.document), form.server_id.or(policy.server_id))
        }
        _ => return Err(Failure::invalid_at("/document", "give either a document or a policy_id")),
    };
    let mut checks = Checks::default();
    let facts = match server {
        Some(server) => facts_of(caller, server, &mut checks).await?,
        None => Some(vec![tools::imagined(&form.call.tool)]),
    };
    let document = checked(&text, &mut checks);
    let (Some(document), Some(facts)) = (document, facts) else { return Err(checks.refuse()) };
    explain(&document, &facts, &form.call, &form.context, caller.now())
}

fn explain(
    document: &Document,
    facts: &[ToolFacts],
    call: &CallForm,
    context: &ContextForm,
    now: DateTime<Utc>,
) -> Result<Explanation, Failure> {
    let compiled = policy::compile(document, facts).map_err(uncompiled)?;
    let arguments = call.arguments.as_ref().map_or("null", |raw| raw.get());
    let wrong = |detail: String| Failure::invalid_at("/call/arguments", detail);
    let tape = json::parse(arguments.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    let root = tape.root();
    if !root.is_null() && !root.is_object() {
        return Err(wrong("arguments are an object, by name".to_owned()));
    }
    Ok(compiled.explain(&Call {
        tool: &call.tool,
        arguments: (!root.is_null()).then_some(root),
        context: &Context {
            grant_label: &context.grant_label,
            client_name: context.client_name.as_deref(),
            now: context.time.unwrap_or(now),
        },
    }))
}

/// The recommended document for a server's tools.
pub(crate) async fn recommend<P: Permission>(
    caller: &mut Can<P>,
    server: ServerId,
    style: Style,
) -> Result<serde_json::Value, Failure> {
    let mut checks = Checks::default();
    let Some(tools) = tools_of(caller, server, &mut checks).await? else {
        return Err(checks.refuse());
    };
    Ok(recommended(&tools, style))
}

/// The recommended document for these tools, as far as they are listed.
pub(crate) fn recommended(tools: &[Tool], style: Style) -> serde_json::Value {
    let listed = tools.iter().filter(|tool| tool.state != domain::ToolState::Removed);
    let assessed: Vec<_> = listed.filter_map(|t| Some((t, tools::assessment(t)?))).collect();
    let inputs: Vec<_> =
        assessed.iter().map(|(t, a)| (t.name.as_str(), a, t.input_schema.as_deref())).collect();
    risk::recommended_policy(&inputs, style)
}

/// The document and its warnings, or everything that is wrong with it.
fn read(
    text: &DocumentText,
    facts: Option<&[ToolFacts]>,
    checks: &mut Checks,
) -> Option<(Document, Vec<Problem>)> {
    let document = checked(text, checks)?;
    // What cannot be compiled must not be published: it would deny everything.
    if let Err(problems) = policy::compile(&document, facts.unwrap_or_default()) {
        checks.add(located(DOCUMENT, problems));
        return None;
    }
    let warnings = policy::warnings(&document, facts);
    Some((document, warnings))
}

/// The document of a text; everything that is wrong with it goes to the checks.
pub(crate) fn checked(text: &DocumentText, checks: &mut Checks) -> Option<Document> {
    match policy::parse(&text.0) {
        Ok(document) => Some(document),
        Err(problems) => {
            checks.add(located(DOCUMENT, problems));
            None
        }
    }
}

/// The document of a text, or everything that is wrong with it.
pub(crate) fn parsed(text: &DocumentText) -> Result<Document, Failure> {
    let mut checks = Checks::default();
    checked(text, &mut checks).ok_or_else(|| checks.refuse())
}

/// That a document cannot be made ready to decide.
pub(crate) fn uncompiled(problems: Vec<Problem>) -> Failure {
    Failure::invalid(located(DOCUMENT, problems))
}

/// What changed between two versions: to the live one if none is named, from the one before.
pub(crate) async fn diff<P>(
    caller: &mut Can<P>,
    id: PolicyId,
    from: Option<i32>,
    to: Option<i32>,
) -> Result<(PolicyVersion, PolicyVersion, Vec<policy::Change>), Failure> {
    let to = match to {
        Some(to) => to,
        None => find(caller, id).await?.version,
    };
    let old = version(caller, id, from.unwrap_or_else(|| to.saturating_sub(1).max(1))).await?;
    let new = version(caller, id, to).await?;
    let changes = policy::diff(&kept(&old.document)?, &kept(&new.document)?);
    Ok((old, new, changes))
}

/// What a draft would change of what is in force.
pub(crate) async fn compare<P>(
    caller: &mut Can<P>,
    id: PolicyId,
    draft: &DocumentText,
) -> Result<Vec<policy::Change>, Failure> {
    let live = find(caller, id).await?;
    Ok(policy::diff(&kept(&live.document)?, &parsed(draft)?))
}

/// One version.
pub(crate) async fn version<P>(
    caller: &mut Can<P>,
    id: PolicyId,
    version: i32,
) -> Result<PolicyVersion, Failure> {
    let found = caller.tx().await?.find_policy_version(id, version).await?;
    found.ok_or_else(Failure::not_found)
}

/// A document that was checked before it was stored.
fn kept(text: &str) -> Result<Document, Failure> {
    policy::parse(text).map_err(|_found| Failure::internal("a stored document cannot be read"))
}

/// Problems of a document as errors of the form that has it in this member.
pub(crate) fn located(member: &str, problems: Vec<Problem>) -> Vec<FieldError> {
    let error = |problem: Problem| FieldError {
        pointer: format!("{member}{}", problem.pointer),
        detail: problem.detail,
        line: Some(problem.line),
        column: Some(problem.column),
    };
    problems.into_iter().map(error).collect()
}

async fn facts_of<P: Permission>(
    caller: &mut Can<P>,
    server: ServerId,
    checks: &mut Checks,
) -> Result<Option<Vec<ToolFacts>>, Failure> {
    Ok(tools_of(caller, server, checks).await?.map(|tools| tools::facts(&tools)))
}

/// The tools of the server that a form names.
async fn tools_of<P: Permission>(
    caller: &mut Can<P>,
    server: ServerId,
    checks: &mut Checks,
) -> Result<Option<Vec<Tool>>, Failure> {
    match tools::list(caller, server).await {
        Ok((_, tools)) => Ok(Some(tools)),
        Err(failure) if failure.kind() == Kind::NotFound => {
            checks.wrong("/server_id", "there is no such server");
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

fn comment(text: Option<&str>) -> Result<String, String> {
    let text = text.unwrap_or_default().trim();
    if text.chars().count() > MAX_COMMENT_CHARS {
        return Err(format!("use at most {MAX_COMMENT_CHARS} characters"));
    }
    if text.contains('\0') {
        return Err("use plain text".to_owned());
    }
    Ok(text.to_owned())
}
