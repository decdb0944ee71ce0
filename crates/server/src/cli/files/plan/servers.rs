//! Servers: registered, changed, paused.

use serde_json::{Map, Value};

use super::super::references;
use super::super::state::Server;
use super::{Act, Headers, Planner, changed};

impl Planner<'_> {
    pub(super) fn servers(&mut self) {
        for (slug, wanted) in &self.wanted.servers {
            match self.live.servers.get(slug) {
                None => self.new_server(slug, wanted),
                Some(live) => self.known_server(slug, live, wanted),
            }
        }
    }

    fn new_server(&mut self, slug: &str, wanted: &Server) {
        let headers = self.values(wanted);
        let mut details = vec![format!("{} at {}", wanted.name, wanted.url)];
        if !wanted.headers.is_empty() {
            let names: Vec<_> = wanted.headers.keys().map(String::as_str).collect();
            details.push(format!("with the headers {}", names.join(", ")));
        }
        let mut body = Map::new();
        for (key, value) in
            [("name", &wanted.name), ("url", &wanted.url), ("transport", &wanted.transport)]
        {
            body.insert(key.to_owned(), Value::String(value.clone()));
        }
        let (slug, paused) = (slug.to_owned(), wanted.paused);
        let act = Act::CreateServer { slug: slug.clone(), body, headers, paused };
        self.step(format!("+ server {slug}"), details, act);
    }

    fn known_server(&mut self, slug: &str, live: &Server, wanted: &Server) {
        let (mut details, mut body) = (Vec::new(), Map::new());
        for (key, old, new) in [
            ("name", &live.name, &wanted.name),
            ("url", &live.url, &wanted.url),
            ("transport", &live.transport, &wanted.transport),
        ] {
            if old != new && !(key == "url" && same_url(old, new)) {
                changed(&mut details, key, old, new);
                body.insert(key.to_owned(), Value::String(new.clone()));
            }
        }
        let names = |server: &Server| {
            let names: Vec<_> = server.headers.keys().map(String::as_str).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        let others = !live.headers.keys().eq(wanted.headers.keys());
        changed(&mut details, "headers", &names(live), &names(wanted));
        // Another address drops the credentials that were for the old one.
        let moved = body.contains_key("url") && !wanted.headers.is_empty();
        let again = self.wish.credentials && !wanted.headers.is_empty();
        let headers = (others || moved || again).then(|| self.values(wanted));
        if headers.is_some() && !others {
            details.push("the headers are sent again".to_owned());
        }
        let id = live.from.id().to_owned();
        if !details.is_empty() {
            let act = Act::ChangeServer { id: id.clone(), body, headers };
            self.step(format!("~ server {slug}"), details, act);
        }
        if live.paused != wanted.paused {
            let how = if wanted.paused { "nothing is forwarded to it" } else { "calls pass again" };
            let act = Act::PauseServer { id, paused: wanted.paused };
            self.step(format!("~ server {slug}"), vec![how.to_owned()], act);
        }
    }

    /// The values of a server's headers; what the environment lacks stands in the way.
    fn values(&mut self, server: &Server) -> Headers {
        let mut values = Headers::new();
        for (header, value) in &server.headers {
            match references::filled(value, &self.wish.environment) {
                Ok(value) => {
                    values.insert(header.clone(), value.into());
                }
                Err(missing) => {
                    for name in missing {
                        let file = server.from.shown();
                        self.wrong.push(format!("{file}: {name} is not set in the environment"));
                    }
                }
            }
        }
        values
    }
}

/// The product keeps URLs in their normal spelling.
fn same_url(old: &str, new: &str) -> bool {
    let read = |text: &str| text.parse::<url::Url>().ok();
    read(old).is_some_and(|old| read(new) == Some(old))
}
