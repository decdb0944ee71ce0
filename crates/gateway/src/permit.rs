//! May it: the only maker of a [`Permit`], without which nothing is sent. One match over all
//! methods, without a wildcard: a new method does not compile until it is judged here.

use std::sync::Arc;

use mcp::lists::{Element, Keep, ListKind};
use mcp::method::Method;
use mcp::version::Era;
use policy::{Compiled, Context, Decision, Limits, Refused, ResponseRule, ServerRequest};

use crate::call::{Call, Verdict};
use crate::refusal::{Refusal, Ruling, Thing};
use crate::tasks;
use crate::view::{BindingView, GrantView};

/// A call that the policy lets pass, to one server, once its limits are reserved.
pub(crate) struct Permit<'v> {
    binding: &'v Arc<BindingView>,
    limits: Option<Limits<'v>>,
    verdict: Verdict,
}

impl<'v> Permit<'v> {
    /// Taken apart by the limits, which make a pass of it.
    pub(crate) fn into_parts(self) -> (&'v Arc<BindingView>, Option<Limits<'v>>, Verdict) {
        (self.binding, self.limits, self.verdict)
    }

    fn plain(binding: &'v Arc<BindingView>) -> Self {
        Self { binding, limits: None, verdict: Verdict::allowed() }
    }
}

/// Judges a request for one server. `subject` is what it is about in the server's own terms.
#[deny(clippy::wildcard_enum_match_arm)]
pub(crate) fn authorize<'v>(
    grant: &GrantView,
    binding: &'v Arc<BindingView>,
    call: &Call<'_>,
    subject: &str,
) -> Result<Permit<'v>, Refusal> {
    let method = call.method();
    if !method.exists_in(call.dialect.era) {
        return Err(Refusal::UnknownMethod);
    }
    // Clients have been seen to say it again when they ask about the task.
    let asks_for_task = call.message.is_task_augmented() && !tasks::is_of_tasks(method);
    if asks_for_task && method != Method::ToolsCall {
        return Err(Refusal::BadParams("Only tools/call can be run as a task."));
    }
    let judge = Judge { grant, binding, call };
    match method {
        // What opens and keeps a session, and what is filtered on its way back.
        Method::Initialize
        | Method::Ping
        | Method::ServerDiscover
        | Method::ToolsList
        | Method::PromptsList
        | Method::ResourcesList
        | Method::ResourcesTemplatesList
        | Method::LoggingSetLevel
        // Of the server's tasks only the grant's own are shown.
        | Method::TasksList
        // To stop a task is never refused.
        | Method::TasksCancel => Ok(Permit::plain(binding)),
        Method::ToolsCall => judge.tool(subject),
        Method::PromptsGet => judge.prompt(subject),
        Method::ResourcesRead | Method::ResourcesSubscribe | Method::ResourcesUnsubscribe => {
            judge.resource(subject)
        }
        Method::CompletionComplete => judge.completion(),
        Method::SubscriptionsListen => judge.subscriptions(),
        // The task was opened, so it is its grant's; its tool is the subject.
        Method::TasksGet | Method::TasksUpdate | Method::TasksResult => {
            gives_result(binding, subject, &call.subject())?;
            Ok(Permit::plain(binding))
        }
        // What only a server asks, and what is no request.
        Method::SamplingCreateMessage
        | Method::ElicitationCreate
        | Method::RootsList
        | Method::Initialized
        | Method::Cancelled
        | Method::Progress
        | Method::RootsListChanged
        | Method::LogMessage
        | Method::ToolsListChanged
        | Method::PromptsListChanged
        | Method::ResourcesListChanged
        | Method::ResourcesUpdated
        | Method::SubscriptionsAcknowledged
        | Method::TasksStatus
        | Method::TasksChanged
        | Method::ElicitationComplete
        | Method::Unknown => Err(Refusal::UnknownMethod),
    }
}

/// Whether what a tool's task came to may be given out, by the policy of this moment. `shown` is
/// what the client calls the task.
pub(crate) fn gives_result(binding: &BindingView, tool: &str, shown: &str) -> Result<(), Refusal> {
    let thing = || Thing::Task(shown.to_owned());
    let Some(policy) = &binding.policy else {
        return Err(refused(policy::Refusal::no_policy(), thing()));
    };
    policy.compiled.gives_result(tool).map_err(|refusal| refused(refusal, thing()))
}

/// What is done to the answer to a request, and to all that comes with it. `subject` is what the
/// request is about in the server's own terms.
pub(crate) fn response_of<'v>(
    binding: &'v BindingView,
    method: Method,
    subject: &str,
) -> Option<&'v Arc<ResponseRule>> {
    let compiled = &binding.policy.as_ref()?.compiled;
    match method {
        Method::ToolsCall
        | Method::TasksGet
        | Method::TasksUpdate
        | Method::TasksCancel
        | Method::TasksResult => compiled.response_of_tool(subject),
        Method::PromptsGet => compiled.response_of_prompt(subject),
        Method::ResourcesRead => compiled.response_of_resource(subject),
        // What the server says of itself and lists: definitions, not answers.
        Method::Initialize | Method::Ping | Method::ServerDiscover => None,
        method if ListKind::of(method).is_some_and(|list| list != ListKind::Tasks) => None,
        // Whatever else it is, it may hold anybody's.
        _ => compiled.any_response(),
    }
}

/// Whether a client's notification is passed on to the server.
pub(crate) fn forwards_notification(method: Method, era: Era) -> bool {
    let from_clients =
        [Method::Initialized, Method::Cancelled, Method::Progress, Method::RootsListChanged];
    method.exists_in(era) && from_clients.contains(&method)
}

struct Judge<'j, 'v, 'm> {
    grant: &'j GrantView,
    binding: &'v Arc<BindingView>,
    call: &'j Call<'m>,
}

impl<'v> Judge<'_, 'v, '_> {
    fn context(&self) -> Context<'_> {
        Context {
            grant_label: &self.grant.label,
            client_name: self.call.client.as_ref().map(|client| client.name.as_str()),
            now: self.call.at,
        }
    }

    fn compiled(&self) -> Result<&'v Compiled, Refusal> {
        let no_policy = || refused(policy::Refusal::no_policy(), Thing::Tool(String::new()));
        self.binding.policy.as_ref().map(|policy| &policy.compiled).ok_or_else(no_policy)
    }

    fn tool(&self, name: &str) -> Result<Permit<'v>, Refusal> {
        let context = self.context();
        let call = policy::Call {
            tool: name,
            arguments: self.call.message.arguments(),
            context: &context,
        };
        let decision = self.compiled()?.decide(&call);
        self.permit(decision, || Thing::Tool(self.call.subject().into_owned()))
    }

    fn prompt(&self, name: &str) -> Result<Permit<'v>, Refusal> {
        self.prompt_named(name, self.call.message.arguments(), &self.call.subject())
    }

    fn prompt_named(
        &self,
        name: &str,
        arguments: Option<json::Node<'_>>,
        shown: &str,
    ) -> Result<Permit<'v>, Refusal> {
        let decision = self.compiled()?.prompt(name, arguments, &self.context());
        self.permit(decision, || Thing::Prompt(shown.to_owned()))
    }

    fn resource(&self, uri: &str) -> Result<Permit<'v>, Refusal> {
        let decision = self.compiled()?.resource(uri, &self.context());
        self.permit(decision, || Thing::Resource(uri.to_owned()))
    }

    /// Suggestions are given for what could be had now, and for nothing else. They count nothing.
    fn completion(&self) -> Result<Permit<'v>, Refusal> {
        let of = self.call.message.param("ref");
        let text = |key| of.and_then(|of| of.get(key)).and_then(json::Node::as_str);
        let judged = match (text("name"), text("uri")) {
            (Some(name), None) => self.prompt_named(&name, None, &name),
            (None, Some(uri)) => self.resource(&uri),
            _ => Err(Refusal::BadParams("\"params.ref\" must name a prompt or a resource.")),
        };
        judged.map(|_permit| Permit::plain(self.binding))
    }

    /// A stream of changes may watch only what could be read.
    fn subscriptions(&self) -> Result<Permit<'v>, Refusal> {
        let compiled = self.compiled()?;
        let wanted = self.call.message.param("notifications");
        let watched = wanted.and_then(|wanted| wanted.get("resourceSubscriptions"));
        if watched.is_some_and(|watched| watched.kind() != json::Kind::Array) {
            return Err(Refusal::BadParams("\"resourceSubscriptions\" must be an array of URIs."));
        }
        for uri in watched.into_iter().flat_map(json::Node::items) {
            let not_a_uri = Refusal::BadParams("\"resourceSubscriptions\" holds URIs.");
            let uri = uri.as_str().ok_or(not_a_uri)?;
            let decision = compiled.resource(&uri, &self.context());
            self.permit(decision, || Thing::Resource(uri.into_owned()))?;
        }
        Ok(Permit::plain(self.binding))
    }

    fn permit(
        &self,
        decision: Decision<'v>,
        thing: impl FnOnce() -> Thing,
    ) -> Result<Permit<'v>, Refusal> {
        match decision {
            Decision::Allow { limits, observed } => {
                let verdict = observed.map_or_else(Verdict::allowed, |observed| {
                    Verdict::observed(observed.rule, &observed.message)
                });
                Ok(Permit { binding: self.binding, limits: Some(limits), verdict })
            }
            Decision::Approve { rule, message, .. } => Err(Refusal::Approval(Ruling {
                rule: rule.to_owned(),
                message: message.to_owned(),
            })),
            Decision::Refuse(refusal) => Err(refused(refusal, thing())),
        }
    }
}

fn refused(refusal: policy::Refusal<'_>, thing: Thing) -> Refusal {
    let ruling = Ruling { rule: refusal.rule.to_owned(), message: refusal.message.into_owned() };
    match refusal.outcome {
        Refused::Denied => Refusal::Denied(ruling),
        Refused::Quarantined => Refusal::Quarantined(ruling),
        Refused::Hidden if ruling.rule == policy::rule::UNKNOWN_TOOL => {
            Refusal::Hidden(thing, policy::rule::UNKNOWN_TOOL)
        }
        Refused::Hidden => Refusal::Hidden(thing, policy::rule::HIDDEN),
    }
}

// === The way back ===

/// Whether an element of a list is shown to whoever holds this binding.
pub(crate) fn shows(binding: &BindingView, list: ListKind, element: &Element<'_>) -> Keep {
    let Some(policy) = &binding.policy else { return Keep::Drop };
    let name = element.name.as_ref();
    let is_shown = match list {
        ListKind::Tools => policy.compiled.lists(name),
        ListKind::Prompts => policy.compiled.lists_prompt(name),
        ListKind::Resources | ListKind::ResourceTemplates => policy.compiled.lists_resource(name),
        // By the tool they came of, which their names do not say: see the judge.
        ListKind::Tasks => false,
    };
    if is_shown { Keep::Keep } else { Keep::Drop }
}

/// Whether a server may ask this of whoever holds this binding.
pub(crate) fn may_ask(binding: &BindingView, method: Method) -> bool {
    let kind = match method {
        Method::Ping => return true,
        Method::SamplingCreateMessage => ServerRequest::Sampling,
        Method::ElicitationCreate => ServerRequest::Elicitation,
        Method::RootsList => ServerRequest::Roots,
        _ => return false,
    };
    let policy = binding.policy.as_ref();
    policy.is_some_and(|policy| policy.compiled.server_request(kind))
}
