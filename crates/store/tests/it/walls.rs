//! No tenant reaches another's rows, even where a query would forget to name the tenant.

use domain::OrganisationSettings;
use sqlx::PgPool;
use store::{Conflict, Event, Page, Store, Tenant};

use crate::{Org, now};

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn another_tenants_ids_are_simply_not_there(pool: PgPool) {
    let (ours, theirs) = (Org::new(&pool, "ours").await, Org::new(&pool, "theirs").await);
    let (server, policy) = (theirs.server("billing").await, theirs.policy("p").await);
    let (grant, _key) = theirs.grant("ci", &[]).await;

    let mut tx = ours.tx().await;
    assert!(tx.find_server(server).await.unwrap().is_none());
    assert!(tx.find_server_by_slug("billing").await.unwrap().is_none());
    assert!(tx.find_policy(policy).await.unwrap().is_none());
    assert!(tx.find_grant(grant).await.unwrap().is_none());
    assert!(tx.list_servers(Page::first()).await.unwrap().rows.is_empty());
    assert!(!tx.delete_server(server).await.unwrap());
    assert!(!tx.revoke_grant(grant, now()).await.unwrap());
    assert_eq!(tx.publish_policy(policy, None, "{}", "").await.unwrap(), None);
    assert_eq!(tx.organisation().await.unwrap().slug, ours.slug);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn row_security_holds_even_without_the_tenant_in_the_query(pool: PgPool) {
    let (ours, theirs) = (Org::new(&pool, "ours").await, Org::new(&pool, "theirs").await);
    ours.server("a").await;
    theirs.server("b").await;

    let mut tx = pool.begin().await.unwrap();
    let set = format!(
        "select set_config('role', 'tenant_tx', true),
                set_config('app.organisation_id', '{}', true)",
        ours.tenant.organisation.as_uuid()
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(set)).execute(&mut *tx).await.unwrap();
    let rows = sqlx::raw_sql("select slug from servers").fetch_all(&mut *tx).await.unwrap();
    assert_eq!(rows.len(), 1);
    for forbidden in ["select * from users", "select * from sessions", "delete from audit_events"] {
        let mut savepoint = sqlx::Acquire::begin(&mut *tx).await.unwrap();
        assert!(sqlx::raw_sql(forbidden).execute(&mut *savepoint).await.is_err(), "{forbidden}");
    }
    tx.rollback().await.unwrap();

    let mut unset = pool.begin().await.unwrap();
    sqlx::raw_sql("set local role tenant_tx").execute(&mut *unset).await.unwrap();
    assert!(sqlx::raw_sql("select slug from servers").fetch_all(&mut *unset).await.is_err());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_is_not_committed_is_gone_and_a_commit_leaves_its_audit_row(pool: PgPool) {
    let org = Org::new(&pool, "ours").await;
    let mut tx = org.tx().await;
    tx.update_organisation("Lost", &OrganisationSettings::default()).await.unwrap();
    drop(tx);
    let mut tx = org.tx().await;
    assert_eq!(tx.organisation().await.unwrap().name, "Org");
    tx.update_organisation("Kept", &OrganisationSettings::default()).await.unwrap();
    tx.commit(Event::OrganisationChanged).await.unwrap();

    assert_eq!(org.tx().await.organisation().await.unwrap().name, "Kept");
    let events = sqlx::raw_sql("select kind from audit_events").fetch_all(&pool).await.unwrap();
    assert_eq!(events.len(), 1);
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_policy_in_use_stays_and_a_stale_save_is_refused(pool: PgPool) {
    let org = Org::new(&pool, "ours").await;
    let (server, policy) = (org.server("a").await, org.policy("p").await);
    let binding = store::grants::NewBinding { server_id: server, policy_id: Some(policy) };
    org.grant("ci", &[binding]).await;

    let mut tx = org.tx().await;
    assert_eq!(tx.publish_policy(policy, Some(1), "{}", "").await.unwrap(), Some(2));
    let stale = tx.publish_policy(policy, Some(1), "{}", "").await.unwrap_err();
    assert_eq!(stale.conflict(), Some(Conflict::Stale));
    let used = tx.delete_policy(policy).await.unwrap_err();
    assert_eq!(used.conflict(), Some(Conflict::PolicyInUse));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn names_that_are_taken_say_which(pool: PgPool) {
    let org = Org::new(&pool, "ours").await;
    org.policy("p").await;
    org.grant("ci", &[]).await;
    let store: &Store = &org.store;
    let tenant = Tenant::by_system(org.tenant.organisation);

    let mut tx = store.tenant(tenant).await.unwrap();
    let taken = tx.insert_policy(domain::PolicyId::fresh(now()), "p", None, "{}", "").await;
    assert_eq!(taken.unwrap_err().conflict(), Some(Conflict::PolicyNameTaken));
    drop(tx);

    let mut tx = store.tenant(tenant).await.unwrap();
    let key = domain::secret::PlainKey::fresh(domain::secret::KeyKind::Grant);
    let token = store::grants::NewToken { digest: key.digest(), hint: key.hint() };
    let taken = tx.insert_grant(domain::GrantId::fresh(now()), "ci", None, &token, &[]).await;
    assert_eq!(taken.unwrap_err().conflict(), Some(Conflict::GrantLabelTaken));
    drop(tx);

    let mut tx = store.tenant(tenant).await.unwrap();
    let unknown =
        store::grants::NewBinding { server_id: domain::ServerId::fresh(now()), policy_id: None };
    let taken = tx.insert_grant(domain::GrantId::fresh(now()), "x", None, &token, &[unknown]).await;
    assert_eq!(taken.unwrap_err().conflict(), Some(Conflict::UnknownServer));
}

/// Tables whose rows are no change that a person makes.
const NOT_NOTED: [&str; 9] = [
    "access_tokens",
    "audit_checkpoints",
    "audit_events",
    "audit_heads",
    "calls",
    "connection_refresh_tokens",
    "idempotency_keys",
    // People's own, of all their organisations.
    "sessions",
    "webhook_deliveries",
];

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_changes_in_a_tenants_table_is_noted_for_the_audit(pool: PgPool) {
    let unnoted = "select c.table_name::text from information_schema.columns c
        join information_schema.tables t using (table_schema, table_name)
        where c.table_schema = 'public' and c.column_name = 'organisation_id'
          and t.table_type = 'BASE TABLE' and not exists (
              select from pg_trigger g
              where g.tgrelid = c.table_name::regclass and g.tgname = 'note_change')
        order by 1";
    let rows = sqlx::raw_sql(unnoted).fetch_all(&pool).await.unwrap();
    let unnoted: Vec<String> = rows.iter().map(|row| sqlx::Row::get(row, 0)).collect();
    let missing: Vec<_> =
        unnoted.iter().filter(|name| !NOT_NOTED.contains(&name.as_str())).collect();
    assert!(
        missing.is_empty(),
        "give these a trigger `note_change`, as migrations/ has: {missing:?}"
    );
}
