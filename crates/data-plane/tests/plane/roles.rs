//! Sessions that begin with a role: what a client chose instead goes with it to another server connection.

use anyhow::{Result, ensure};
use tokio_postgres::Client;
use tollgate_types::{IamAuth, PoolPolicy};

use crate::fixture::{Fixture, Setup, ask};

/// What is sent, query by query, and whose rights the session has from then on.
const CASES: &[(&str, &str)] = &[
    ("set role none", "app"),
    ("set role to 'none'", "app"),
    ("select set_config('role', 'none', false)", "app"),
    (
        "do $$ begin perform set_config('role', 'none', false); end $$",
        "app",
    ),
    ("call gives_up()", "app"),
    ("begin; set role none; rollback", "team"),
    ("begin; set local role none; commit", "team"),
    (
        "begin; set role none; savepoint a; set role guest; rollback to a; commit",
        "app",
    ),
    (
        "begin; set role guest; savepoint a; set role none; rollback to a; commit",
        "guest",
    ),
    (
        "begin; set role none; savepoint a; reset role; rollback to a; commit",
        "app",
    ),
    (
        "do $$ begin set role none; if false then reset role; end if; end $$",
        "app",
    ),
    (
        "select set_config(concat('ro', 'le'), 'none', false)|reset all",
        "app",
    ),
    ("set session authorization app", "app"),
    ("set session authorization app; reset role", "team"),
    (
        "set session authorization app; reset session authorization",
        "team",
    ),
    (
        "begin; set session authorization app; savepoint a; rollback to a; commit",
        "app",
    ),
    (
        "begin; set role none; savepoint a; set session authorization default; rollback to a; commit",
        "app",
    ),
    ("set role none; reset all", "app"),
    ("set role none; reset role", "team"),
    ("set role none; set role guest", "guest"),
];

async fn who(client: &Client) -> Result<(String, String)> {
    let role = ask(client, "select current_user").await?;
    Ok((role, ask(client, "select pg_backend_pid()").await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_gave_its_role_up_does_not_get_it_back() -> Result<()> {
    let setup = Setup::new(PoolPolicy::default(), IamAuth::Disabled);
    let f = Fixture::start_as(Setup { shards: 1, ..setup }).await?;
    f.postgres.superuser_sql(
        "orders",
        "create role team; create role guest; grant team, guest to app;
         create procedure gives_up() language plpgsql as $$ begin set role none; end $$",
    )?;
    let begins = "options='-c role=team'";
    for (text, role) in CASES {
        let client = f.connect_with(begins).await?;
        for query in text.split('|') {
            client.batch_execute(query).await?;
        }
        let here = who(&client).await?;
        // Whoever holds the connection that the client had sends it to another one.
        let mut others = Vec::new();
        let there = loop {
            let there = who(&client).await?;
            if there.1 != here.1 {
                break there;
            }
            ensure!(others.len() < 8, "{text}: it never moves");
            let other = f.connect_with(begins).await?;
            other.batch_execute("begin").await?;
            ensure!(
                ask(&other, "select current_user").await? == "team",
                "{text}: another client"
            );
            others.push(other);
        };
        ensure!(
            here.0 == *role && there.0 == *role,
            "{text}: {here:?}, then {there:?}"
        );
    }
    Ok(())
}
