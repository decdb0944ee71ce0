//! Every page, rendered with nothing, little, much and hostile text, and looked at: well-formed,
//! one `h1`, a label for each input, and nobody's text as markup.

use std::collections::HashSet;

use askama::Template;
use chrono::DateTime;
use domain::{CallId, CallRecord, GrantId, Outcome};

use super::parts::{CallRow, Flash, Frame, Pages, Section, Time};

/// A page with its samples: empty, one, many, longest, hostile.
pub(super) trait Samples: Template + Sized {
    /// The samples.
    fn samples() -> Vec<Self>;
}

/// Text by someone who means harm: markup, quotes, right-to-left marks, and no end.
pub(super) const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> \
    \u{202e}txet desrever\u{202c} ‏مرحبا {{ 7 * 7 }} </textarea></template></title>&amp;\
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A frame for samples; `text` is the organisation's name and the news.
pub(super) fn frame(section: Section, text: &str) -> Frame {
    Frame {
        organisation: if text.is_empty() { "Acme".to_owned() } else { text.to_owned() },
        base: "/o/acme".to_owned(),
        section: section.name(),
        person: text.to_owned(),
        is_admin: true,
        flash: Some(Flash { kind: "success", text: text.to_owned() }),
    }
}

/// A moment.
pub(super) fn time() -> Time {
    Time::of(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH)
}

/// A list's ends.
pub(super) fn pages(more: bool) -> Pages {
    let url = if more { "/x?before=1&q=2".to_owned() } else { String::new() };
    Pages { shown: "50 shown".to_owned(), newer: url.clone(), older: url }
}

/// Rows of calls of every outcome.
pub(super) fn calls(text: &str, rows: usize) -> Vec<CallRow> {
    let slug = "acme".parse().unwrap();
    let outcomes = Outcome::ALL.iter().copied().cycle().take(rows);
    outcomes
        .map(|outcome| CallRow::of(&call(text, outcome), text, &slug, DateTime::UNIX_EPOCH))
        .collect()
}

/// A recorded call.
pub(super) fn call(text: &str, outcome: Outcome) -> CallRecord {
    CallRecord {
        id: CallId::fresh(DateTime::UNIX_EPOCH),
        organisation: uuid::Uuid::nil(),
        at: DateTime::UNIX_EPOCH,
        server: None,
        grant: GrantId::fresh(DateTime::UNIX_EPOCH),
        grant_label: text.to_owned(),
        method: "tools/call".to_owned(),
        target: Some(text.to_owned()),
        outcome,
        rule: String::new(),
        message: text.to_owned(),
        policy: None,
        status: domain::call::CallStatus::default(),
        us: domain::call::CallPhases::default(),
        request_bytes: 0,
        response_bytes: 0,
        client: None,
        session: None,
        request_id: String::new(),
        argument_keys: Vec::new(),
        arguments: None,
    }
}

fn check<P: Samples>() {
    let name = std::any::type_name::<P>().rsplit("::").next().unwrap_or_default();
    for (at, sample) in P::samples().iter().enumerate() {
        let html = sample.render().unwrap();
        let place = format!("{name}, sample {at}");
        let seen = Seen::read(&html).unwrap_or_else(|error| panic!("{place}: {error}"));
        seen.judge(&place);
    }
}

#[test]
fn every_page_is_well_formed_labelled_and_escapes_what_others_wrote() {
    check::<super::auth::LogIn>();
    check::<super::auth::SignUp>();
    check::<super::calls::CallList>();
    check::<super::calls::CallPage>();
    check::<super::consent::Consent>();
    check::<super::docs::Api>();
    check::<super::docs::Guide>();
    check::<super::docs::Language>();
    check::<super::error::ErrorPage<'static>>();
    check::<super::grants::GrantList>();
    check::<super::grants::GrantMade>();
    check::<super::grants::GrantPage>();
    check::<super::grants::NewGrant>();
    check::<super::landing::Landing>();
    check::<super::overview::Overview>();
    check::<super::policies::BacktestPage>();
    check::<super::policies::LearnPage>();
    check::<super::policies::NewPolicy>();
    check::<super::policies::PolicyList>();
    check::<super::policies::PolicyPage>();
    check::<super::policies::TestList>();
    check::<super::policies::TryPage>();
    check::<super::policies::VersionDiff>();
    check::<super::policies::VersionList>();
    check::<super::servers::EditServer>();
    check::<super::servers::NewServer>();
    check::<super::servers::ServerList>();
    check::<super::servers::ServerPage>();
    check::<super::settings::api_keys::ApiKeys>();
    check::<super::settings::audit::AuditLog>();
    check::<super::settings::organisation::OrganisationPage>();
    check::<super::settings::webhooks::WebhookList>();
    check::<super::settings::webhooks::WebhookPage>();
    for fragment in super::grants::Arrived::fragments() {
        let html = fragment.render().unwrap();
        Seen::read(&html).unwrap_or_else(|error| panic!("{error}\n{html}"));
    }
}

// === A small reader of HTML ===

const VOID: [&str; 6] = ["meta", "link", "input", "br", "img", "hr"];
/// What only our own templates may hold, and where hostile text would end up first.
const FOREIGN: [&str; 2] = ["img", "iframe"];

/// What a page turned out to hold.
#[derive(Default)]
struct Seen {
    h1: usize,
    ids: Vec<String>,
    labelled: HashSet<String>,
    controls: Vec<String>,
    bare: Vec<String>,
    referred: Vec<String>,
    open: Vec<String>,
}

impl Seen {
    /// Reads a page tag by tag; an error says what is not well-formed.
    fn read(html: &str) -> Result<Self, String> {
        let mut seen = Self::default();
        let mut rest = html;
        while let Some((_, tail)) = rest.split_once('<') {
            if let Some(tail) = tail.strip_prefix('!') {
                rest = tail.split_once('>').ok_or("an open declaration")?.1;
                continue;
            }
            let (tag, behind) =
                split_tag(tail).ok_or_else(|| format!("an open tag: {tail:.60}"))?;
            rest = behind;
            if let Some(name) = tag.strip_prefix('/') {
                seen.close(name.trim())?;
                continue;
            }
            let name = seen.open(tag)?;
            // Text of these is no markup, up to their own end.
            if matches!(name.as_str(), "script" | "textarea" | "title") {
                let end = format!("</{name}>");
                rest = rest.split_once(end.as_str()).ok_or(format!("an open {name}"))?.1;
                seen.close(&name)?;
            }
        }
        if seen.open.is_empty() { Ok(seen) } else { Err(format!("left open: {:?}", seen.open)) }
    }

    fn open(&mut self, tag: &str) -> Result<String, String> {
        let name: String =
            tag.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        if name.is_empty() || name != name.to_lowercase() || FOREIGN.contains(&name.as_str()) {
            return Err(format!("a strange tag: <{tag}>"));
        }
        let attributes = attributes(tag.strip_prefix(name.as_str()).unwrap_or_default())?;
        let value = |wanted: &str| {
            attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
        };
        if let Some((odd, _)) = attributes.iter().find(|(n, _)| n.starts_with("on") || n == "style")
        {
            return Err(format!("inline {odd} in <{tag}>"));
        }
        self.note(&name, &value);
        if !VOID.contains(&name.as_str()) && !tag.ends_with('/') {
            self.open.push(name.clone());
        }
        Ok(name)
    }

    fn note(&mut self, name: &str, value: &dyn Fn(&str) -> Option<String>) {
        self.h1 += usize::from(name == "h1");
        self.ids.extend(value("id"));
        self.referred.extend(
            ["aria-describedby", "aria-labelledby", "aria-controls"]
                .iter()
                .filter_map(|attribute| value(attribute))
                .flat_map(|ids| ids.split_whitespace().map(str::to_owned).collect::<Vec<_>>()),
        );
        if name == "label" {
            self.labelled.extend(value("for"));
        }
        let hidden = value("type").as_deref() == Some("hidden");
        let wrapped = self.open.iter().any(|tag| tag == "label");
        let named = value("aria-label").is_some() || value("aria-labelledby").is_some();
        if matches!(name, "input" | "select" | "textarea") && !hidden && !wrapped && !named {
            match value("id") {
                Some(id) => self.controls.push(id),
                None => self.bare.push(value("name").unwrap_or_default()),
            }
        }
    }

    fn close(&mut self, name: &str) -> Result<(), String> {
        match self.open.pop() {
            Some(open) if open == name => Ok(()),
            open => Err(format!("</{name}> closes {open:?}")),
        }
    }

    fn judge(&self, place: &str) {
        assert_eq!(self.h1, 1, "{place}: exactly one h1");
        assert!(self.bare.is_empty(), "{place}: inputs without a label: {:?}", self.bare);
        for control in &self.controls {
            assert!(self.labelled.contains(control), "{place}: no label for {control}");
        }
        let mut ids = HashSet::new();
        for id in &self.ids {
            assert!(ids.insert(id), "{place}: the id {id} stands twice");
        }
        for id in &self.referred {
            assert!(ids.contains(id), "{place}: nothing has the id {id}");
        }
    }
}

/// A tag, and what follows it: it ends at the first `>` outside of quotes.
fn split_tag(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    text.split_once(|c| {
        quoted ^= c == '"';
        c == '>' && !quoted
    })
}

fn attributes(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim().trim_end_matches('/').trim_end();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (name, tail) = rest.split_at(end);
        let name = name.to_owned();
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == ':')
            || name.is_empty()
        {
            return Err(format!("a strange attribute: {name:?} in {text:.80}"));
        }
        rest = tail;
        let mut value = String::new();
        if let Some(tail) = rest.strip_prefix("=\"") {
            let (text, tail) = tail.split_once('"').ok_or("an open quote")?;
            text.clone_into(&mut value);
            rest = tail;
        } else if rest.starts_with('=') {
            return Err(format!("an unquoted value in {text:.80}"));
        }
        if found.iter().any(|(earlier, _)| *earlier == name) {
            return Err(format!("{name} stands twice in {text:.80}"));
        }
        found.push((name, value));
        rest = rest.trim_start();
    }
    Ok(found)
}

#[test]
fn the_reader_sees_what_is_wrong() {
    let wrong = |html| Seen::read(html).err().unwrap_or_default();
    assert!(wrong("<p><b></p>").contains("closes"));
    assert!(wrong("<p onclick=\"x\">").contains("inline"));
    assert!(wrong("<img src=\"x\">").contains("strange"));
    assert!(wrong("<p>").contains("left open"));
    assert!(wrong("<p a=b></p>").contains("unquoted"));
    assert!(Seen::read("<!doctype html><p class=\"a > b\">1<br>2</p>").is_ok());
}
