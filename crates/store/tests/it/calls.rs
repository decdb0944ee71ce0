//! Records of calls come back as they were written, once.

use chrono::TimeDelta;
use domain::call::{CallPhases, CallStatus};
use domain::vault::Keyring;
use domain::{
    CallId, CallRecord, GrantId, OrganisationId, Outcome, PolicyId, SealedArguments, ServerId,
};
use sqlx::PgPool;
use store::Page;
use store::calls::CallFilter;

use crate::{Org, now};

fn record(organisation: OrganisationId, target: &str, outcome: Outcome) -> CallRecord {
    let at = chrono::DateTime::from_timestamp_micros(now().timestamp_micros()).unwrap();
    CallRecord {
        id: CallId::fresh(at),
        organisation: organisation.as_uuid(),
        at,
        server: Some(ServerId::fresh(at)),
        grant: GrantId::fresh(at),
        grant_label: "ci".into(),
        method: "tools/call".into(),
        target: Some(target.into()),
        outcome,
        rule: "/tools/x/limits/0".into(),
        message: "Rate limit".into(),
        policy: Some((PolicyId::fresh(at), 3)),
        status: CallStatus { http: 200, jsonrpc: Some(-32602), is_error: Some(true) },
        us: CallPhases { auth: 1, policy: 2, limits: 3, approval: 0, upstream: 4, total: 10 },
        request_bytes: 100,
        response_bytes: 200,
        client: Some("test 1.0".into()),
        session: None,
        request_id: "r".into(),
        argument_keys: vec!["a".into(), "b".into()],
        arguments: None,
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_batch_is_written_once_and_read_back_unchanged(pool: PgPool) {
    let org = Org::new(&pool, "ours").await;
    let other = Org::new(&pool, "theirs").await;
    let organisation = org.tenant.organisation;
    let call = record(organisation, "nul\0in name", Outcome::Limited);
    let gone = record(OrganisationId::fresh(now()), "x", Outcome::Allowed);
    assert_eq!(org.store.insert_calls(&[call.clone(), gone]).await.unwrap(), 1);
    assert_eq!(org.store.insert_calls(std::slice::from_ref(&call)).await.unwrap(), 0);

    let read = org.tx().await.find_call(call.id).await.unwrap().unwrap();
    let cleaned = Some("nul\u{fffd}in name".to_owned());
    assert_eq!(read, CallRecord { target: cleaned, ..call.clone() });
    assert!(other.tx().await.find_call(call.id).await.unwrap().is_none());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_values_of_arguments_come_back_sealed_with_their_own_call_only(pool: PgPool) {
    let org = Org::new(&pool, "ours").await;
    let (organisation, ring) = (org.tenant.organisation, Keyring::single(&[1; 32]));
    let with = |plain: &[u8]| {
        let call = record(organisation, "x", Outcome::Allowed);
        let sealed = SealedArguments::seal(plain, &ring, organisation, call.id).unwrap();
        CallRecord { arguments: Some(sealed), ..call }
    };
    let (short, long) = (with(br#"{"a":1}"#), with(&vec![b' '; SealedArguments::MAX + 1]));
    org.store.insert_calls(&[short.clone(), long.clone()]).await.unwrap();
    let mut tx = org.tx().await;
    for written in [&short, &long] {
        let read = tx.find_call(written.id).await.unwrap().unwrap();
        assert_eq!(&read, written);
    }
    let opened = short.arguments.as_ref().unwrap().open(&ring, organisation, short.id);
    assert_eq!(opened.unwrap().as_deref(), Some(&br#"{"a":1}"#[..]));
    let listed = tx.list_calls(&CallFilter::default(), Page::first()).await.unwrap().rows;
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|call| call.arguments.is_none()), "a list carries none");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn lists_page_and_filter_and_counts_agree(pool: PgPool) {
    let org = Org::new(&pool, "ours").await;
    let organisation = org.tenant.organisation;
    let calls: Vec<CallRecord> =
        (0..5).map(|n| record(organisation, &format!("tool_{n}"), Outcome::ALL[n % 2])).collect();
    org.store.insert_calls(&calls).await.unwrap();

    let mut tx = org.tx().await;
    let all = CallFilter::default();
    let first = tx.list_calls(&all, Page::new(Some(3), None)).await.unwrap();
    assert_eq!(first.rows.len(), 3);
    let rest = tx.list_calls(&all, Page::new(Some(3), first.next)).await.unwrap();
    assert_eq!((rest.rows.len(), rest.next), (2, None));

    let denied = CallFilter { outcome: Some(Outcome::Denied), ..CallFilter::default() };
    assert_eq!(tx.list_calls(&denied, Page::first()).await.unwrap().rows.len(), 2);
    let text = CallFilter { text: Some("TOOL_3".into()), ..CallFilter::default() };
    assert_eq!(tx.list_calls(&text, Page::first()).await.unwrap().rows.len(), 1);

    let since = now() - TimeDelta::days(1);
    let counts = tx.count_calls(since, "hour", &all).await.unwrap();
    assert_eq!(counts.iter().map(|c| c.count).sum::<i64>(), 5);
    assert_eq!(tx.top_refused(since, 10).await.unwrap().len(), 2);
    assert!(tx.has_calls().await.unwrap());
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn old_calls_are_purged_after_the_retention(pool: PgPool) {
    let org = Org::new(&pool, "ours").await;
    let call = record(org.tenant.organisation, "x", Outcome::Allowed);
    org.store.insert_calls(&[call]).await.unwrap();
    assert_eq!(org.store.purge_calls(now() + TimeDelta::days(89)).await.unwrap(), 0);
    assert_eq!(org.store.purge_calls(now() + TimeDelta::days(91)).await.unwrap(), 1);
}
