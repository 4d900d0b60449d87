//! Idempotency keys: one row and one answer, whoever asks how often, and nothing kept that did not happen.

use std::time::Duration;

use tollgate_store::{
    Begun, Idempotency, Store, StoreError, StoreSettings, StoredAnswer, WriteContext,
};

use crate::rig::{NOW, Rig, database, fresh};

on_both_engines!(
    the_same_call_gets_the_same_answer,
    calls_at_the_same_time_make_one_row,
    a_key_is_for_one_call_only,
    keys_of_two_principals_never_meet,
    a_key_is_forgotten_after_a_day,
    old_answers_can_be_swept,
    a_crash_before_the_commit_leaves_nothing,
    a_commit_without_an_answer_keeps_none,
    a_long_call_is_in_flight,
);

const DAY_S: i64 = 86_400;

fn call(key: &str) -> Idempotency {
    Idempotency {
        principal: "AIDA1".to_owned(),
        key: key.to_owned(),
        operation: "POST /v1/databases".to_owned(),
        request_hash: "aa".to_owned(),
    }
}

fn context(now_unix: i64, call: Idempotency) -> WriteContext {
    WriteContext {
        now_unix,
        idempotency: Some(call),
    }
}

fn answer(body: &str) -> StoredAnswer {
    StoredAnswer {
        status: 201,
        body: body.to_owned(),
        etag: Some("\"1-aa\"".to_owned()),
        location: Some("/v1/databases/orders-db".to_owned()),
    }
}

/// What a service does: make the row, answer, commit.
async fn create(store: &Store, context: WriteContext, id: usize) -> StoredAnswer {
    match store.begin(context).await.unwrap() {
        Begun::Replay(answer) => answer,
        Begun::Fresh(write) => {
            let mut new = database("orders-db");
            new.id = format!("db-{id}");
            let row = write.database_create(new).await.unwrap();
            let answer = answer(&row.id);
            write.commit_answered(&answer).await.unwrap();
            answer
        }
    }
}

async fn the_same_call_gets_the_same_answer(rig: Rig) {
    let first = create(&rig.store, context(NOW, call("k")), 1).await;
    let revision = rig.store.revision_current().await.unwrap();
    let again = create(&rig.second(), context(NOW + 60, call("k")), 2).await;
    assert_eq!(again, first);
    assert_eq!(rig.store.revision_current().await.unwrap(), revision);
}

async fn calls_at_the_same_time_make_one_row(rig: Rig) {
    let stores = [rig.store.clone(), rig.second()];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = stores[number % 2].clone();
        tasks.spawn(async move { create(&store, context(NOW, call("k")), number).await });
    }
    let answers = tasks.join_all().await;
    let made = rig.store.database_get("orders-db").await.unwrap();
    assert_eq!(answers, vec![answer(&made.id); 8]);
    assert_eq!(rig.store.everything().await.unwrap().databases, [made]);
    assert_eq!(rig.store.revision_current().await.unwrap().0, 1);
}

async fn a_key_is_for_one_call_only(rig: Rig) {
    create(&rig.store, context(NOW, call("k")), 1).await;
    let other_body = Idempotency {
        request_hash: "bb".to_owned(),
        ..call("k")
    };
    let other_path = Idempotency {
        operation: "POST /v1/secrets".to_owned(),
        ..call("k")
    };
    for other in [other_body, other_path] {
        let error = rig.store.begin(context(NOW, other)).await.unwrap_err();
        assert!(matches!(error, StoreError::IdempotencyKeyReused), "{error}");
    }
    // The refusals let go of everything they held.
    create(&rig.store, context(NOW, call("k")), 1).await;
}

async fn keys_of_two_principals_never_meet(rig: Rig) {
    create(&rig.store, context(NOW, call("k")), 1).await;
    let other = Idempotency {
        principal: "AIDA2".to_owned(),
        ..call("k")
    };
    assert!(fresh(&rig.store, context(NOW, other)).await.is_ok());
}

async fn a_key_is_forgotten_after_a_day(rig: Rig) {
    create(&rig.store, context(NOW, call("k")), 1).await;
    let late = rig
        .store
        .begin(context(NOW + DAY_S - 1, call("k")))
        .await
        .unwrap();
    assert!(matches!(late, Begun::Replay(_)));
    let write = fresh(&rig.store, context(NOW + DAY_S, call("k")))
        .await
        .unwrap();
    write.commit_answered(&answer("new")).await.unwrap();
    let again = rig
        .store
        .begin(context(NOW + DAY_S, call("k")))
        .await
        .unwrap();
    assert!(matches!(again, Begun::Replay(kept) if kept == answer("new")));
}

async fn old_answers_can_be_swept(rig: Rig) {
    for (key, now) in [("old", NOW), ("new", NOW + 10)] {
        let write = fresh(&rig.store, context(now, call(key))).await.unwrap();
        write.commit_answered(&answer(key)).await.unwrap();
    }
    assert_eq!(rig.store.idempotency_prune(NOW + DAY_S).await.unwrap(), 1);
    assert_eq!(rig.store.idempotency_prune(NOW + DAY_S).await.unwrap(), 0);
}

async fn a_crash_before_the_commit_leaves_nothing(rig: Rig) {
    let before = rig.store.everything().await.unwrap();
    let write = fresh(&rig.store, context(NOW, call("k"))).await.unwrap();
    write.database_create(database("orders-db")).await.unwrap();
    drop(write);
    assert_eq!(rig.store.everything().await.unwrap(), before);
    // The same call is not a repetition of one that never happened.
    let made = create(&rig.store, context(NOW, call("k")), 7).await;
    assert_eq!(made.body, "db-7");
}

async fn a_commit_without_an_answer_keeps_none(rig: Rig) {
    let write = fresh(&rig.store, context(NOW, call("k"))).await.unwrap();
    write.commit().await.unwrap();
    assert!(fresh(&rig.store, context(NOW, call("k"))).await.is_ok());
}

async fn a_long_call_is_in_flight(rig: Rig) {
    let impatient = Store::open(StoreSettings {
        // As long as an ordinary call may take on a busy machine.
        acquire_timeout: Duration::from_secs(3),
        ..rig.settings.clone()
    });
    // Until the database is there, an impatient call might meet the connecting, not the key.
    crate::rig::wait_for(&impatient, tollgate_store::StoreState::Ready).await;
    let write = fresh(&impatient, context(NOW, call("k"))).await.unwrap();
    let error = impatient.begin(context(NOW, call("k"))).await.unwrap_err();
    assert!(matches!(error, StoreError::IdempotencyInFlight), "{error}");
    assert!(error.is_retryable());
    write.commit_answered(&answer("done")).await.unwrap();
    let again = impatient.begin(context(NOW, call("k"))).await.unwrap();
    assert!(matches!(again, Begun::Replay(kept) if kept == answer("done")));
}
