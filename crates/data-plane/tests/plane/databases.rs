//! Commands on whole databases, which fail as long as anybody else is connected to them.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio_postgres::Client;
use tollgate_types::{IamAuth, PoolPolicy};

use crate::fixture::{Fixture, PATIENCE, ask, state};

/// With a user who may create databases, and `orders` full of idle connections.
async fn fixture(minimum_idle: u32) -> Result<Fixture> {
    let policy = PoolPolicy {
        maximum_pool_size: Some(10),
        minimum_idle,
        ..PoolPolicy::default()
    };
    let f = Fixture::start(policy, IamAuth::Disabled).await?;
    f.postgres
        .superuser_sql("postgres", "alter user app createdb")?;
    Ok(f)
}

/// A client that asks for commands on other databases than its own.
async fn owner(f: &Fixture) -> Result<Client> {
    f.connect_with("dbname=postgres").await
}

/// Leaves idle connections to `database`, of several clients that stay.
async fn leave_idle(f: &Fixture, database: &str) -> Result<Vec<Client>> {
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(f.connect_with(&format!("dbname={database}")).await?);
    }
    // Long enough that they are at work together, however late one of them comes: else they share a connection.
    let all = clients
        .iter()
        .map(|client| client.batch_execute("select pg_sleep(1)"));
    for done in futures_util::future::join_all(all).await {
        done?;
    }
    assert!(f.postgres.backends(database)? >= 2);
    Ok(clients)
}

async fn until_only(f: &Fixture, database: &str, most: u32) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while f.postgres.backends(database)? > most {
        if Instant::now() > deadline {
            bail!("too many stay in {database}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_the_server_calls_in_use_is_left_at_once() -> Result<()> {
    let f = fixture(0).await?;
    let owner = owner(&f).await?;
    owner.batch_execute("select 1").await?;
    // The own database may be a template, so its idle connections are in the way as well.
    owner.batch_execute("create database pattern").await?;
    let inside = f.connect_with("dbname=pattern").await?;
    let others = leave_idle(&f, "pattern").await?;
    let copy = "create database copy template pattern";
    let refused = inside.batch_execute(copy).await;
    assert_eq!(state(&refused), "55006");
    until_only(&f, "pattern", 1).await?;
    inside.batch_execute(copy).await?;
    for client in &others {
        assert_eq!(ask(client, "select current_database()").await?, "pattern");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_idle_connections_can_be_dropped() -> Result<()> {
    let f = fixture(4).await?;
    let owner = owner(&f).await?;
    owner.batch_execute("create database doomed").await?;
    let clients = leave_idle(&f, "doomed").await?;
    owner.batch_execute("drop database doomed").await?;
    // The clients were connected to the proxy all the time, and are told as soon as they ask.
    assert_eq!(state(&clients[0].simple_query("select 1").await), "3D000");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_idle_connections_can_be_renamed() -> Result<()> {
    let f = fixture(4).await?;
    let owner = owner(&f).await?;
    owner.batch_execute("create database before").await?;
    let _clients = leave_idle(&f, "before").await?;
    owner
        .execute("alter database before rename to after", &[])
        .await?;
    let client = f.connect_with("dbname=after").await?;
    assert_eq!(ask(&client, "select current_database()").await?, "after");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_at_work_are_not_touched() -> Result<()> {
    let f = fixture(0).await?;
    let owner = owner(&f).await?;
    owner.batch_execute("create database busy").await?;
    let client = f.connect_with("dbname=busy").await?;
    client.batch_execute("begin").await?;
    let pid = ask(&client, "select pg_backend_pid()").await?;
    let refused = owner.batch_execute("drop database busy").await;
    assert_eq!(state(&refused), "55006", "as without a proxy");
    assert_eq!(ask(&client, "select pg_backend_pid()").await?, pid);
    client.batch_execute("commit").await?;
    // Even the connection of that transaction does not come to lie idle.
    owner.batch_execute("drop database busy").await?;
    Ok(())
}
