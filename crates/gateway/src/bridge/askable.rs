//! What a client can be asked, in either era: it said so when it initialized, or says so in each
//! request. Only what is known here, so that there are few different sets.

use json::Node;
use mcp::method::Method;

use crate::permit;
use crate::view::BindingView;

/// A set of abilities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Askable(u8);

const FORM: u8 = 1;
const URL: u8 = 2;
const SAMPLING: u8 = 4;
const SAMPLING_TOOLS: u8 = 8;
const SAMPLING_CONTEXT: u8 = 16;
const ROOTS: u8 = 32;

impl Askable {
    /// Of a `capabilities` object of a client.
    pub(crate) fn read(capabilities: Option<Node<'_>>) -> Self {
        let object = |of: Node<'_>, key| of.get(key).is_some_and(Node::is_object);
        let get = |key| capabilities?.get(key).filter(|node| node.is_object());
        let mut set = Self::default();
        if let Some(elicitation) = get("elicitation") {
            let url = object(elicitation, "url");
            // Without a mode it is forms: there were no others.
            set.add(FORM, object(elicitation, "form") || !url);
            set.add(URL, url);
        }
        if let Some(sampling) = get("sampling") {
            set.add(SAMPLING, true);
            set.add(SAMPLING_TOOLS, object(sampling, "tools"));
            set.add(SAMPLING_CONTEXT, object(sampling, "context"));
        }
        set.add(ROOTS, get("roots").is_some());
        set
    }

    fn add(&mut self, what: u8, is_so: bool) {
        if is_so {
            self.0 |= what;
        }
    }

    fn has(self, what: u8) -> bool {
        self.0 & what == what
    }

    /// What of it the policy lets this server ask.
    pub(crate) fn within(self, binding: &BindingView) -> Self {
        let mut left = self;
        for (method, what) in [
            (Method::ElicitationCreate, FORM | URL),
            (Method::SamplingCreateMessage, SAMPLING | SAMPLING_TOOLS | SAMPLING_CONTEXT),
            (Method::RootsList, ROOTS),
        ] {
            if !permit::may_ask(binding, method) {
                left.0 &= !what;
            }
        }
        left
    }

    /// Whether a client with these abilities understands this request.
    pub(crate) fn understands(self, method: Method, params: Option<Node<'_>>) -> bool {
        let get = |key| params.and_then(|params| params.get(key));
        if get("task").is_some() {
            // Tasks do not cross.
            return false;
        }
        match method {
            Method::ElicitationCreate => {
                let is_url = get("mode").is_some_and(|mode| mode.is_str("url"));
                self.has(if is_url { URL } else { FORM })
            }
            Method::SamplingCreateMessage => {
                let with_tools = get("tools").is_some() || get("toolChoice").is_some();
                self.has(if with_tools { SAMPLING | SAMPLING_TOOLS } else { SAMPLING })
            }
            Method::RootsList => self.has(ROOTS),
            _ => false,
        }
    }

    /// As a `capabilities` object, the same in both eras.
    pub(crate) fn written(self) -> String {
        let mut members = Vec::new();
        match (self.has(FORM), self.has(URL)) {
            (true, true) => members.push(r#""elicitation":{"form":{},"url":{}}"#.to_owned()),
            (false, true) => members.push(r#""elicitation":{"url":{}}"#.to_owned()),
            (true, false) => members.push(r#""elicitation":{}"#.to_owned()),
            (false, false) => {}
        }
        if self.has(SAMPLING) {
            let parts = [(SAMPLING_TOOLS, r#""tools":{}"#), (SAMPLING_CONTEXT, r#""context":{}"#)];
            let parts = parts.iter().filter(|(what, _)| self.has(*what)).map(|(_, text)| *text);
            members.push(format!(r#""sampling":{{{}}}"#, parts.collect::<Vec<_>>().join(",")));
        }
        if self.has(ROOTS) {
            members.push(r#""roots":{}"#.to_owned());
        }
        format!("{{{}}}", members.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Askable {
        Askable::read(Some(json::parse(text.as_bytes()).unwrap().root()))
    }

    #[test]
    fn what_is_written_reads_the_same_and_nothing_unknown_is_kept() {
        for (said, kept) in [
            ("{}", "{}"),
            (r#"{"elicitation":{}}"#, r#"{"elicitation":{}}"#),
            (r#"{"elicitation":{"form":{}},"x":{}}"#, r#"{"elicitation":{}}"#),
            (r#"{"elicitation":{"url":{}}}"#, r#"{"elicitation":{"url":{}}}"#),
            (r#"{"sampling":{"tools":{}},"roots":{}}"#, r#"{"sampling":{"tools":{}},"roots":{}}"#),
            (r#"{"sampling":true,"roots":null}"#, "{}"),
        ] {
            assert_eq!(read(said).written(), kept);
            assert_eq!(read(kept), read(said));
        }
        assert_eq!(Askable::read(None).written(), "{}");
    }

    #[test]
    fn a_mode_that_was_not_declared_is_not_understood() {
        let url = br#"{"mode":"url"}"#;
        let tape = json::parse(url).unwrap();
        let understands =
            |set: &str, params| read(set).understands(Method::ElicitationCreate, params);
        assert!(understands(r#"{"elicitation":{}}"#, None));
        assert!(!understands(r#"{"elicitation":{}}"#, Some(tape.root())));
        assert!(!understands(r#"{"elicitation":{"url":{}}}"#, None));
        assert!(!understands(r#"{"sampling":{}}"#, None));
        assert!(!read(r#"{"roots":{}}"#).understands(Method::Ping, None));
        let task = json::parse(br#"{"task":{}}"#).unwrap();
        assert!(!understands(r#"{"elicitation":{}}"#, Some(task.root())));
    }
}
