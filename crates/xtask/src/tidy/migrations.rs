//! Every table with a tenant has row security, forced: the net under our own `where` clauses.

use super::tree::Tree;

/// The column that makes a row somebody's.
const TENANT: &str = "organisation_id";

/// The role of a tenant's transaction.
const TENANT_ROLE: &str = "tenant_tx";
/// Tables that a tenant's transaction cannot reach at all: nothing is granted to it there.
const OUT_OF_REACH: [&str; 1] = [
    // Found by the secret of a cookie, before anybody's tenant is known.
    "sessions",
];

/// The rule over all migrations together.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let all: String = tree.under("migrations/", ".sql").map(|(_, text)| text).collect();
    let text = normalised(&all);
    let statements: Vec<&str> = text.split(';').map(str::trim).collect();
    let mut found = Vec::new();
    for table in statements.iter().filter_map(|statement| tenant_table(statement)) {
        if OUT_OF_REACH.contains(&table) {
            if statements.iter().any(|statement| is_granted(statement, table)) {
                found.push(format!("the table `{table}` is granted to `{TENANT_ROLE}`"));
            }
            continue;
        }
        for security in ["enable row level security", "force row level security"] {
            let begins = format!("alter table {table} ");
            let is_alone =
                statements.iter().any(|one| one.starts_with(&begins) && one.contains(security));
            if !is_alone && !is_in_a_loop(&text, table, security) {
                found.push(format!("the table `{table}` has {TENANT} but no `{security}`"));
            }
        }
    }
    found
}

/// Does the statement let a tenant's transaction at this table?
fn is_granted(statement: &str, table: &str) -> bool {
    let tables = statement
        .strip_prefix("grant ")
        .and_then(|rest| rest.strip_suffix(TENANT_ROLE)?.strip_suffix(" to ")?.split_once(" on "))
        .map(|(_, tables)| tables.strip_prefix("table ").unwrap_or(tables));
    tables.is_some_and(|tables| tables.split(',').any(|one| one.trim() == table))
}

/// Does a loop over an array of names do it to this table?
fn is_in_a_loop(text: &str, table: &str, security: &str) -> bool {
    let wish = format!("alter table %i {security}");
    text.split("array array[").skip(1).any(|rest| {
        let (names, rest) = rest.split_once(']').unwrap_or_default();
        let (body, _) = rest.split_once("end loop").unwrap_or_default();
        body.contains(&wish) && names.split(',').any(|name| name.trim() == format!("'{table}'"))
    })
}

/// In lower case, without comments, single-spaced.
fn normalised(sql: &str) -> String {
    let bare: String = sql
        .lines()
        .map(|line| line.split_once("--").map_or(line, |(code, _)| code))
        .flat_map(|line| [line, "\n"])
        .collect();
    bare.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
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
    fn a_loop_over_the_tables_counts_for_those_it_names() {
        let sql = "create table a (organisation_id uuid);\ncreate table b (organisation_id uuid);\n\
                   do $$ begin foreach name in array array[\n'a'] loop\n\
                   execute format('alter table %I enable row level security', name);\n\
                   execute format('alter table %I force row level security', name);\n\
                   end loop; end $$;";
        let found = found(sql);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|one| one.contains("`b`")), "{found:?}");
    }

    #[test]
    fn a_table_out_of_reach_must_stay_so() {
        let table = "create table sessions (organisation_id uuid);";
        assert!(found(table).is_empty());
        let granted = format!("{table} grant select on users, sessions to tenant_tx;");
        assert_eq!(found(&granted).len(), 1);
    }

    #[test]
    fn a_table_that_belongs_to_nobody_needs_none() {
        assert!(found("create table people (id uuid, default_organisation_id uuid);").is_empty());
    }
}
