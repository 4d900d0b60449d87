//! What sequences gave to one client, no other hears, however its transactions end.

use anyhow::{Result, ensure};
use tollgate_types::{IamAuth, PoolPolicy};

use crate::differential::messages::{bind, execute, parse, query, sync};
use crate::fixture::{Fixture, Setup};
use crate::raw::{Raw, first_error};

/// What is answered one by one, what comes in one write behind it, and how often that makes the server ready.
struct Case {
    before: &'static [&'static str],
    then: fn() -> Vec<u8>,
    ready: usize,
}

fn extended(text: &str) -> Vec<u8> {
    [parse("", text), bind("", "", &[]), execute("", 0)].concat()
}

const FAILED: &[&str] = &["begin", "select 1/0"];

const CASES: &[Case] = &[
    Case {
        before: FAILED,
        then: || query("rollback; select lastval()"),
        ready: 1,
    },
    Case {
        before: FAILED,
        then: || query(" ; commit; select 1; select lastval()"),
        ready: 1,
    },
    Case {
        before: FAILED,
        then: || query("rollback and chain; select lastval()"),
        ready: 1,
    },
    Case {
        before: &["begin; savepoint a", "select 1/0"],
        then: || query("-- back\nrollback to a; select lastval()"),
        ready: 1,
    },
    Case {
        before: FAILED,
        then: || [query("rollback"), query("select lastval()")].concat(),
        ready: 2,
    },
    Case {
        before: FAILED,
        then: || [extended("rollback"), extended("select lastval()"), sync()].concat(),
        ready: 1,
    },
    Case {
        before: FAILED,
        then: || {
            let rollback = [extended("rollback"), sync()].concat();
            [rollback, extended("select lastval()"), sync()].concat()
        },
        ready: 2,
    },
    Case {
        before: FAILED,
        then: || {
            let reads = [bind("", "reads", &[]), execute("", 0), sync()].concat();
            [extended("rollback"), reads].concat()
        },
        ready: 1,
    },
    Case {
        before: &["begin; savepoint a", "select 1/0"],
        then: || {
            let reads = [bind("", "reads", &[]), execute("", 0), sync()].concat();
            [extended("rollback to a"), reads].concat()
        },
        ready: 1,
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hears_of_others_behind_a_transaction_that_failed() -> Result<()> {
    let policy = PoolPolicy {
        maximum_pool_size: Some(1),
        ..PoolPolicy::default()
    };
    let f = Fixture::start_as(Setup::new(policy, IamAuth::Disabled)).await?;
    f.postgres.superuser_sql(
        "orders",
        "create sequence numbers; grant all on sequence numbers to app",
    )?;
    let mut other = Raw::login(&f.door()).await?;
    for (number, case) in CASES.iter().enumerate() {
        let mut client = Raw::login(&f.door()).await?;
        let reads = [parse("reads", "select lastval()"), sync()].concat();
        client.send(&reads).await?;
        client.until_ready().await?;
        other.send(&query("select nextval('numbers')")).await?;
        ensure!(first_error(&other.until_ready().await?).is_none());
        for text in case.before {
            client.send(&query(text)).await?;
            client.until_ready().await?;
        }
        client.send(&(case.then)()).await?;
        let mut heard = Vec::new();
        for _ in 0..case.ready {
            heard.extend(client.until_ready().await?);
        }
        let refused = first_error(&heard);
        assert_eq!(refused.as_deref(), Some("55000"), "case {number}");
        client.send(&query("rollback")).await?;
        client.until_ready().await?;
    }
    Ok(())
}
