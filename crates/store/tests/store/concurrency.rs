//! Writers of two control planes at once: no port twice, no revision lost, no half-read configuration.

use tollgate_store::{EndpointNetwork, Expect, NewEndpoint, StoreError, Tags};
use tollgate_types::TargetRole;

use crate::rig::{NOW, Rig, database, proxy};

on_both_engines!(
    ports_are_never_given_twice,
    every_write_raises_the_revision_by_one,
    of_two_updates_of_one_generation_one_wins,
    everything_is_from_one_moment,
    a_refused_write_blocks_nobody,
);

async fn ports_are_never_given_twice(rig: Rig) {
    let write = rig.write().await;
    write.proxy_create(proxy(1, "orders")).await.unwrap();
    write.commit().await.unwrap();
    let stores = [rig.store.clone(), rig.second()];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..10 {
        let store = stores[number % 2].clone();
        tasks.spawn(async move {
            let write = store.begin_at(NOW).await.unwrap();
            let new = NewEndpoint {
                id: format!("extra-{number}"),
                name: format!("e{number}"),
                target_role: TargetRole::ReadOnly,
                aliases: Vec::new(),
                ports: 7500..=7599,
                network: EndpointNetwork::default(),
                tags: Tags::new(),
            };
            let port = write.endpoint_create("orders", new).await.unwrap().port;
            write.commit().await.unwrap();
            port
        });
    }
    let mut ports = tasks.join_all().await;
    ports.sort_unstable();
    assert_eq!(ports, (7501..=7510).collect::<Vec<u16>>());
}

async fn every_write_raises_the_revision_by_one(rig: Rig) {
    let stores = [rig.store.clone(), rig.second()];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..12 {
        let store = stores[number % 2].clone();
        tasks.spawn(async move {
            let write = store.begin_at(NOW).await.unwrap();
            write
                .database_create(database(&format!("db{number}")))
                .await
                .unwrap();
            write.commit().await.unwrap().0
        });
    }
    let mut revisions = tasks.join_all().await;
    revisions.sort_unstable();
    assert_eq!(revisions, (1..=12).collect::<Vec<u64>>());
    assert_eq!(rig.store.revision_current().await.unwrap().0, 12);
}

async fn of_two_updates_of_one_generation_one_wins(rig: Rig) {
    let write = rig.write().await;
    write.database_create(database("orders-db")).await.unwrap();
    write.commit().await.unwrap();
    let update = |store: tollgate_store::Store| async move {
        let write = store.begin_at(NOW).await?;
        let new = database("orders-db");
        let update = tollgate_store::DatabaseUpdate {
            host: new.host,
            port: 1,
            tls: new.tls,
        };
        write
            .database_update("orders-db", Expect::Generation(1), update)
            .await?;
        write.commit().await
    };
    let (one, two) = tokio::join!(update(rig.store.clone()), update(rig.second()));
    let lost: Vec<StoreError> = [one, two].into_iter().filter_map(Result::err).collect();
    assert!(
        matches!(
            lost.as_slice(),
            [StoreError::PreconditionFailed { current: 2, .. }]
        ),
        "{lost:?}"
    );
}

/// A writer adds and tags databases in one transaction each; a reader must never see one without tags,
/// nor a revision that does not fit the number of rows.
async fn everything_is_from_one_moment(rig: Rig) {
    let writer = rig.second();
    let writing = tokio::spawn(async move {
        for number in 0..20_u32 {
            let write = writer.begin_at(NOW).await.unwrap();
            let mut new = database(&format!("db{number}"));
            new.tags = Tags::from([("number".to_owned(), number.to_string())]);
            write.database_create(new).await.unwrap();
            write.commit().await.unwrap();
        }
    });
    loop {
        let finished = writing.is_finished();
        let seen = rig.store.everything().await.unwrap();
        assert_eq!(
            u64::try_from(seen.databases.len()).unwrap(),
            seen.revision.0
        );
        assert!(seen.databases.iter().all(|row| row.tags.len() == 1));
        if finished {
            break;
        }
    }
    writing.await.unwrap();
    assert_eq!(rig.store.everything().await.unwrap().databases.len(), 20);
}

async fn a_refused_write_blocks_nobody(rig: Rig) {
    for _ in 0..20 {
        let write = rig.write().await;
        assert!(
            write
                .database_delete("nope", Expect::Anything)
                .await
                .is_err()
        );
    }
    let write = rig.second().begin_at(NOW).await.unwrap();
    write.database_create(database("orders-db")).await.unwrap();
    assert_eq!(write.commit().await.unwrap().0, 1);
}
