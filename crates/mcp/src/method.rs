//! Every method of every revision, as one enum: a match on it cannot forget one.

use crate::version::Era;

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $eras:ident;)*) => {
        /// A method of the protocol. Both directions, both eras, and the Tasks extension.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Method {
            $($(#[$doc])* $variant,)*
            /// Anything else. Never forwarded.
            Unknown,
        }

        impl Method {
            /// Every method but [`Method::Unknown`].
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The method of that exact name.
            pub fn named(name: &str) -> Self {
                match name {
                    $($name => Self::$variant,)*
                    _ => Self::Unknown,
                }
            }

            /// The name on the wire; empty for [`Method::Unknown`].
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Unknown => "",
                }
            }

            /// Whether the era has this method.
            pub fn exists_in(self, era: Era) -> bool {
                match self {
                    $(Self::$variant => $eras(era),)*
                    Self::Unknown => false,
                }
            }
        }
    };
}

fn both(_: Era) -> bool {
    true
}

fn legacy(era: Era) -> bool {
    era == Era::Legacy
}

fn modern(era: Era) -> bool {
    era == Era::Modern
}

methods! {
    /// Opens a legacy session.
    Initialize = "initialize", legacy;
    /// Asks whether the other side is there.
    Ping = "ping", legacy;
    /// What a server is and speaks.
    ServerDiscover = "server/discover", modern;
    /// One page of tools.
    ToolsList = "tools/list", both;
    /// Runs a tool.
    ToolsCall = "tools/call", both;
    /// One page of prompts.
    PromptsList = "prompts/list", both;
    /// Renders a prompt.
    PromptsGet = "prompts/get", both;
    /// One page of resources.
    ResourcesList = "resources/list", both;
    /// One page of resource templates.
    ResourcesTemplatesList = "resources/templates/list", both;
    /// Reads a resource.
    ResourcesRead = "resources/read", both;
    /// Asks to be told of a resource's changes.
    ResourcesSubscribe = "resources/subscribe", legacy;
    /// Takes that back.
    ResourcesUnsubscribe = "resources/unsubscribe", legacy;
    /// Suggestions for an argument.
    CompletionComplete = "completion/complete", both;
    /// How much the server should log to the client.
    LoggingSetLevel = "logging/setLevel", legacy;
    /// A long stream of notifications.
    SubscriptionsListen = "subscriptions/listen", modern;
    /// The state of a task.
    TasksGet = "tasks/get", both;
    /// Input for a task that waits for some.
    TasksUpdate = "tasks/update", modern;
    /// Stops a task.
    TasksCancel = "tasks/cancel", both;
    /// What a task came to: a real tool result.
    TasksResult = "tasks/result", legacy;
    /// The tasks of the session.
    TasksList = "tasks/list", legacy;
    /// From the server: have the client's model write something.
    SamplingCreateMessage = "sampling/createMessage", legacy;
    /// From the server: ask the person.
    ElicitationCreate = "elicitation/create", legacy;
    /// From the server: which folders the client works in.
    RootsList = "roots/list", legacy;
    /// The client is ready.
    Initialized = "notifications/initialized", legacy;
    /// A request is no longer wanted.
    Cancelled = "notifications/cancelled", both;
    /// How far a request has come.
    Progress = "notifications/progress", both;
    /// The client's folders changed.
    RootsListChanged = "notifications/roots/list_changed", legacy;
    /// A log line of the server.
    LogMessage = "notifications/message", both;
    /// The tools changed.
    ToolsListChanged = "notifications/tools/list_changed", both;
    /// The prompts changed.
    PromptsListChanged = "notifications/prompts/list_changed", both;
    /// The resources changed.
    ResourcesListChanged = "notifications/resources/list_changed", both;
    /// A watched resource changed.
    ResourcesUpdated = "notifications/resources/updated", both;
    /// What a `subscriptions/listen` will deliver.
    SubscriptionsAcknowledged = "notifications/subscriptions/acknowledged", modern;
    /// A task changed its state (2025-11-25).
    TasksStatus = "notifications/tasks/status", legacy;
    /// A task changed its state (the extension of 2026-07-28).
    TasksChanged = "notifications/tasks", modern;
    /// An elicitation by URL is done.
    ElicitationComplete = "notifications/elicitation/complete", legacy;
}

impl Method {
    /// The member of `params` that names what the method is about: a string it cannot do
    /// without. In the modern era the `Mcp-Name` header mirrors it.
    pub fn subject(self) -> Option<&'static str> {
        match self {
            Self::ToolsCall | Self::PromptsGet => Some("name"),
            Self::ResourcesRead | Self::ResourcesSubscribe | Self::ResourcesUnsubscribe => {
                Some("uri")
            }
            Self::TasksGet | Self::TasksUpdate | Self::TasksCancel | Self::TasksResult => {
                Some("taskId")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_methods_match_one_to_one() {
        for method in Method::ALL {
            assert_eq!(Method::named(method.name()), *method);
        }
        assert_eq!(Method::named("tools/Call"), Method::Unknown);
        assert_eq!(Method::named(""), Method::Unknown);
    }

    #[test]
    fn the_modern_era_has_no_sessions_and_the_legacy_one_no_discovery() {
        assert!(!Method::Initialize.exists_in(Era::Modern));
        assert!(!Method::Ping.exists_in(Era::Modern));
        assert!(!Method::ServerDiscover.exists_in(Era::Legacy));
        assert!(
            Method::ToolsCall.exists_in(Era::Legacy) && Method::ToolsCall.exists_in(Era::Modern)
        );
        assert!(!Method::Unknown.exists_in(Era::Legacy));
    }
}
