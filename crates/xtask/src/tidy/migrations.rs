//! Every table with a tenant has row security, forced: the net under our own `where` clauses.

use super::tree::Tree;

/// The column that makes a row somebody's.
const TENANT: &str = "organisation_id";

/// The rule over all migrations together.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let all: String = tree.under("migrations/", ".sql").map(|(_, text)| text).collect();
    let statements = statements(&all);
    let mut found = Vec::new();
    for table in statements.iter().filter_map(|statement| tenant_table(statement)) {
        for security in ["enable row level security", "force row level security"] {
            let begins = format!("alter table {table} ");
            if !statements.iter().any(|one| one.starts_with(&begins) && one.contains(security)) {
                found.push(format!("the table `{table}` has {TENANT} but no `{security}`"));
            }
        }
    }
    found
}

/// Statements in lower case, without comments, single-spaced.
fn statements(sql: &str) -> Vec<String> {
    let bare: String = sql
        .lines()
        .map(|line| line.split_once("--").map_or(line, |(code, _)| code))
        .flat_map(|line| [line, "\n"])
        .collect();
    bare.to_lowercase()
        .split(';')
        .map(|one| one.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// The table that a statement creates, if its rows belong to a tenant.
fn tenant_table(statement: &str) -> Option<&str> {
    let rest = statement.strip_prefix("create table ")?;
    let rest = rest.strip_prefix("if not exists ").unwrap_or(rest);
    let (name, columns) = rest.split_once('(')?;
    let has_tenant = columns
        .split(',')
        .any(|column| column.trim().strip_prefix(TENANT).is_some_and(|rest| rest.starts_with(' ')));
    // A partition is reached through its parent, whose row security holds.
    (has_tenant && !name.contains(" partition of ")).then(|| name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sql: &str) -> Vec<String> {
        check(&Tree { files: vec![("migrations/1_a.sql".to_owned(), sql.to_owned())] })
    }

    #[test]
    fn a_tenant_table_needs_both_halves_of_row_security() {
        let table =
            "-- Why.\ncreate table servers (\n  organisation_id uuid not null,\n  id uuid\n);";
        assert_eq!(found(table).len(), 2);
        let enabled = format!("{table}\nalter table servers enable row level security;");
        assert_eq!(found(&enabled).len(), 1);
        let forced = format!("{enabled}\nalter table servers force row level security;");
        assert!(found(&forced).is_empty());
    }

    #[test]
    fn a_table_that_belongs_to_nobody_needs_none() {
        assert!(found("create table people (id uuid, default_organisation_id uuid);").is_empty());
    }
}
