//! Names of prepared statements mean other letters under other encodings, and reach nobody else under any.

use anyhow::{Result, ensure};
use tollgate_types::{IamAuth, PoolPolicy};

use crate::differential::messages::query;
use crate::fixture::{Fixture, Setup};
use crate::raw::{Raw, first_error};

/// What a client hears that is not refused.
async fn must(client: &mut Raw, text: &str) -> Result<()> {
    client.send(&query(text)).await?;
    let refused = first_error(&client.until_ready().await?);
    ensure!(refused.is_none(), "{text}: {refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_another_encoding_stay_with_their_client() -> Result<()> {
    let policy = PoolPolicy {
        maximum_pool_size: Some(1),
        ..PoolPolicy::default()
    };
    let f = Fixture::start_as(Setup::new(policy, IamAuth::Disabled)).await?;
    let mut first = Raw::login(&f.door()).await?;
    must(&mut first, "set client_encoding = latin1").await?;
    must(&mut first, "prepare \"\u{e9}\" as select 1234").await?;
    must(&mut first, "execute \"\u{e9}\"").await?;
    drop(first);
    let mut second = Raw::login(&f.door()).await?;
    // What two bytes of Latin-1 were, and what they would be.
    for name in ["\u{c3}\u{a9}", "\u{e9}"] {
        second.send(&query(&format!("execute \"{name}\""))).await?;
        let refused = first_error(&second.until_ready().await?);
        assert_eq!(refused.as_deref(), Some("26000"), "{name}");
    }
    must(&mut second, "do $$ begin execute 'select 1'; end $$").await?;
    must(&mut second, "prepare \"\u{c3}\u{a9}\" as select 7").await?;
    must(&mut second, "select name from pg_prepared_statements").await
}
