//! Measures the classifier on a file of labelled tools, one JSON object a line:
//! `cargo run -p risk --example evaluate -- labelled.jsonl [--misses] [--by-family]`.
//!
//! Only name, description and property names are given to the classifier: annotations are what
//! the labels were made from.
#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a developer's command that counts and prints"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use risk::{Assessment, ToolInput, classify};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    id: String,
    family: String,
    server: String,
    tool: String,
    description: String,
    props: Vec<String>,
    access: Option<String>,
    category: Option<String>,
    gold_category: Option<String>,
    gold_acceptable: Option<Vec<String>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments.iter().find(|one| !one.starts_with("--")).ok_or("which file?")?;
    let mut rows: Vec<(Row, Assessment)> = Vec::new();
    for line in std::fs::read_to_string(path)?.lines().filter(|line| !line.trim().is_empty()) {
        let row: Row = serde_json::from_str(line)?;
        let assessment = assess(&row);
        rows.push((row, assessment));
    }
    access(&rows);
    categories(&rows);
    if arguments.iter().any(|one| one == "--by-family") {
        by_family(&rows);
    }
    if arguments.iter().any(|one| one == "--misses") {
        misses(&rows);
    }
    Ok(())
}

fn assess(row: &Row) -> Assessment {
    let properties: serde_json::Map<String, serde_json::Value> =
        row.props.iter().map(|name| (name.clone(), serde_json::json!({}))).collect();
    let schema = serde_json::json!({ "type": "object", "properties": properties }).to_string();
    classify(&ToolInput {
        server_name: &row.server,
        name: &row.tool,
        description: &row.description,
        input_schema: Some(&schema),
        ..ToolInput::default()
    })
}

fn is_read(row: &Row) -> Option<bool> {
    row.access.as_deref().map(|access| access == "read")
}

/// Recall of both sides of read/not-read, against the servers' own annotations.
fn access(rows: &[(Row, Assessment)]) {
    println!("read or not, by declared annotations");
    print_access(rows.iter());
}

fn print_access<'a>(rows: impl Iterator<Item = &'a (Row, Assessment)>) {
    let (mut counts, mut right) = ([0_u32; 2], [0_u32; 2]);
    for (row, assessment) in rows {
        let Some(read) = is_read(row) else { continue };
        let side = usize::from(read);
        counts[side] += 1;
        right[side] += u32::from((found(assessment) == "Read") == read);
    }
    println!("  recall of not-read {}", share(right[0], counts[0]));
    println!("  recall of read     {}", share(right[1], counts[1]));
    println!("  accuracy           {}", share(right[0] + right[1], counts[0] + counts[1]));
}

fn by_family(rows: &[(Row, Assessment)]) {
    let families: BTreeSet<&str> = rows.iter().map(|(row, _)| row.family.as_str()).collect();
    for family in families {
        println!("{family}");
        print_access(rows.iter().filter(|(row, _)| row.family == family));
    }
}

/// Five categories: against the hand labels, strictly and with what they accept, and against the
/// noisy ones.
fn categories(rows: &[(Row, Assessment)]) {
    let gold = rows
        .iter()
        .filter_map(|(row, assessment)| Some((row.gold_category.clone()?, found(assessment))));
    print_categories("five categories, by hand labels", gold);
    let accepted = rows.iter().filter_map(|(row, assessment)| {
        let (label, found) = (row.gold_category.clone()?, found(assessment));
        let accepted = row.gold_acceptable.iter().flatten().any(|one| *one == found);
        Some(if accepted { (found.clone(), found) } else { (label, found) })
    });
    print_categories("five categories, by hand labels or what they accept", accepted);
    let noisy = rows
        .iter()
        .filter_map(|(row, assessment)| Some((row.category.clone()?, found(assessment))));
    print_categories("five categories, by the old heuristic (noisy)", noisy);
}

fn found(assessment: &Assessment) -> String {
    format!("{:?}", assessment.category)
}

fn print_categories(title: &str, pairs: impl Iterator<Item = (String, String)>) {
    let mut counts: BTreeMap<String, [u32; 3]> = BTreeMap::new();
    for (label, found) in pairs {
        if label == found {
            counts.entry(label).or_default()[0] += 1;
        } else {
            counts.entry(label).or_default()[1] += 1;
            counts.entry(found).or_default()[2] += 1;
        }
    }
    println!("{title}");
    let (mut sum, mut labels) = (0.0, 0.0);
    for (label, [hit, missed, wrong]) in &counts {
        if hit + missed == 0 {
            println!("  {label:<12} no labels, {wrong} found");
            continue;
        }
        let f1 = f64::from(2 * hit) / f64::from(2 * hit + missed + wrong);
        (sum, labels) = (sum + f1, labels + 1.0);
        println!("  {label:<12} F1 {f1:.3} (right {hit}, missed {missed}, wrongly {wrong})");
    }
    println!("  macro-F1     {:.3}", if labels > 0.0 { sum / labels } else { 0.0 });
}

fn misses(rows: &[(Row, Assessment)]) {
    for (row, assessment) in rows {
        let category = assessment.category;
        let declared = is_read(row).is_some_and(|read| read != (found(assessment) == "Read"));
        let gold =
            row.gold_acceptable.as_ref().is_some_and(|labels| !labels.contains(&found(assessment)));
        let noisy = row.category.as_ref().is_some_and(|label| *label != found(assessment));
        for (kind, wrong) in [("declared", declared), ("gold", gold), ("noisy", noisy)] {
            if wrong {
                let label = match kind {
                    "declared" => row.access.clone(),
                    "gold" => row.gold_category.clone(),
                    _ => row.category.clone(),
                };
                let text: String = row.description.chars().take(100).collect();
                println!(
                    "{kind}: {} is {category:?} ({}%), not {} | {text:?}",
                    row.id,
                    assessment.confidence,
                    label.unwrap_or_default()
                );
            }
        }
    }
}

fn share(part: u32, whole: u32) -> String {
    let share = if whole == 0 { 0.0 } else { f64::from(part) / f64::from(whole) };
    format!("{share:.3} ({part}/{whole})")
}
