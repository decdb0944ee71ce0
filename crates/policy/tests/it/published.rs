//! Documents as they are published for known servers, sugar and all: what each becomes, what it is
//! warned about, and what it makes of every tool and of some calls. `published/NAME.policy.json`
//! is the document to the letter, `published/NAME.server.json` the server it is for.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use policy::{Category, ToolFacts};
use serde_json::Value;

use crate::support::{compiled, document, facts, judged, listed};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/published")
}

fn names() -> Vec<String> {
    let files = fs::read_dir(folder()).unwrap();
    let file = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let names = files.map(|entry| file(entry).to_string_lossy().into_owned());
    let mut names: Vec<_> =
        names.filter_map(|name| name.strip_suffix(".policy.json").map(str::to_owned)).collect();
    names.sort();
    names
}

struct Published {
    text: String,
    tools: Vec<ToolFacts>,
    calls: Vec<(String, String)>,
}

impl Published {
    fn read(name: &str) -> Self {
        let read =
            |kind: &str| fs::read_to_string(folder().join(format!("{name}.{kind}.json"))).unwrap();
        let server: Value = serde_json::from_str(&read("server")).unwrap();
        let tool = |(name, category): (&String, &Value)| {
            facts(name, Category::parse(category.as_str().unwrap()).unwrap())
        };
        let call = |call: &Value| (call[0].as_str().unwrap().to_owned(), call[1].to_string());
        Self {
            text: read("policy"),
            tools: server["tools"].as_object().unwrap().iter().map(tool).collect(),
            calls: server["calls"].as_array().unwrap().iter().map(call).collect(),
        }
    }

    fn told(&self) -> String {
        let Self { text, tools, calls } = self;
        let checked = policy::check(text, Some(tools));
        assert!(checked.valid, "{text}\n{:#?}", checked.errors);
        let mut out = document(text).to_json();
        let _ = writeln!(out, "\n--- warnings\n{}\n--- tools", listed(&checked.warnings));
        let policy = compiled(text, tools);
        for tool in tools {
            let is_listed = if policy.lists(&tool.name) { "listed" } else { "not listed" };
            let stance = policy.rule_for(&tool.name).unwrap().stance;
            let _ = writeln!(out, "{}: {stance:?}, {is_listed}", tool.name);
        }
        out.push_str("--- calls\n");
        for (tool, arguments) in calls {
            let _ = writeln!(out, "{tool} {arguments}\n    {}", judged(&policy, tool, arguments));
        }
        out
    }
}

#[test]
fn every_published_document_is_taken_as_it_is_and_means_what_it_says() {
    let names = names();
    assert!(names.len() >= 30, "{}", names.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("published");
    settings.set_prepend_module_to_snapshot(false);
    for name in names {
        settings.bind(|| insta::assert_snapshot!(name.clone(), Published::read(&name).told()));
    }
}

#[test]
fn the_normal_form_of_a_published_document_decides_the_same() {
    for name in names() {
        let Published { text, tools, calls } = Published::read(&name);
        let normal = document(&text).to_json();
        let (written, normal) = (compiled(&text, &tools), compiled(&normal, &tools));
        let bare = tools.iter().map(|tool| (tool.name.clone(), "{}".to_owned()));
        for (tool, arguments) in calls.into_iter().chain(bare) {
            let [one, other] = [&written, &normal].map(|p| judged(p, &tool, &arguments));
            assert_eq!(one, other, "{name}: {tool} {arguments}");
        }
    }
}
