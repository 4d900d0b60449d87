//! Clients' ordinary life.

use std::time::Duration;

use anyhow::Result;
use sqlx::{Connection, Executor, MySqlConnection, Row};
use tollgate_types::{AuthDecision, AuthOutcome, IamAuth, PoolPolicy};

use tollgate_testkit::TestCa;

use super::fixture::{Fixture, KINDS, Setup};
use crate::fixture::{PATIENCE, ServerTls};

fn pool_of(connections: u32) -> PoolPolicy {
    PoolPolicy {
        maximum_pool_size: Some(connections),
        ..PoolPolicy::default()
    }
}

/// The connections of the clients' user, of which a probe has one for a moment.
const CONNECTIONS: &str = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app'";

/// Asks the server itself until the count that it answers fits.
async fn until(fixture: &Fixture, sql: &str, fits: impl Fn(u32) -> bool) -> Result<()> {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let count: u32 = fixture.server.superuser_sql("mysql", sql)?.parse()?;
        if fits(count) {
            return Ok(());
        }
        anyhow::ensure!(std::time::Instant::now() < deadline, "{count}: {sql}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The first column of the first row, in the text protocol.
async fn ask(client: &mut MySqlConnection, sql: &str) -> Result<String> {
    let row = client
        .fetch_one(sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())))
        .await?;
    // Whatever its type is, the text protocol has it as text.
    Ok(row.try_get_unchecked::<String, _>(0)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_share_one_connection() -> Result<()> {
    for kind in KINDS {
        let fixture = Fixture::start(Setup::new(kind, pool_of(1))).await?;
        let mut one = fixture.connect().await?;
        let mut two = fixture.connect().await?;
        one.execute("CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, word VARCHAR(20))")
            .await?;
        for (client, word) in [(&mut one, "first"), (&mut two, "second")] {
            sqlx::query("INSERT INTO t (word) VALUES (?)")
                .bind(word)
                .execute(&mut *client)
                .await?;
        }
        for client in [&mut one, &mut two] {
            let rows = sqlx::query("SELECT id, word FROM t WHERE id > ? ORDER BY id")
                .bind(0)
                .fetch_all(&mut *client)
                .await?;
            let words: Vec<String> = rows.iter().map(|row| row.get(1)).collect();
            assert_eq!(words, ["first", "second"], "{kind:?}");
        }
        let mut transaction = one.begin().await?;
        transaction.execute("DELETE FROM t").await?;
        transaction.rollback().await?;
        assert_eq!(ask(&mut two, "SELECT count(*) FROM t").await?, "2");
        until(&fixture, CONNECTIONS, |count| count == 1).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_schemas_move_with_their_client() -> Result<()> {
    for kind in KINDS {
        let fixture = Fixture::start(Setup::new(kind, pool_of(1))).await?;
        let mut one = fixture.connect().await?;
        let mut two = fixture.connect().await?;
        one.execute("SET time_zone = '+03:00', sql_mode = 'ANSI_QUOTES'")
            .await?;
        two.execute("USE other").await?;
        for _ in 0..3 {
            assert_eq!(ask(&mut one, "SELECT @@time_zone").await?, "+03:00");
            assert_eq!(
                ask(&mut one, "SELECT \"a\" FROM (SELECT 'x' AS a) q").await?,
                "x"
            );
            assert_eq!(ask(&mut one, "SELECT DATABASE()").await?, "orders");
            assert_ne!(ask(&mut two, "SELECT @@time_zone").await?, "+03:00");
            assert_eq!(ask(&mut two, "SELECT DATABASE()").await?, "other");
        }
        until(&fixture, CONNECTIONS, |count| count <= 1).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_client_logs_in_with_a_token() -> Result<()> {
    for kind in KINDS {
        let setup = Setup {
            iam: IamAuth::Required,
            server_tls: ServerTls::Verified,
            ..Setup::new(kind, pool_of(2))
        };
        let fixture = Fixture::start(setup).await?;
        let token = fixture.token("app");
        let said = fixture.cli(&token, "SELECT CURRENT_USER(); SELECT 1 + 1")?;
        assert_eq!(said, "app@%\n2", "{kind:?}");
        let refused = fixture.cli("nonsense", "SELECT 1").unwrap_err().to_string();
        assert!(refused.contains("ERROR 1045"), "{refused}");
        assert!(refused.contains("(id "), "{refused}");
    }
    Ok(())
}

/// The decision that makes them so many: it is recorded when its client has been told.
async fn decision(fixture: &Fixture, count: usize) -> Result<AuthDecision> {
    let look = async {
        loop {
            let made = fixture.decisions.0.lock().get(count - 1).cloned();
            match made {
                Some(decision) => return decision,
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    let patience = Duration::from_mins(1);
    Ok(tokio::time::timeout(patience, look).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_client_sends_long_tokens_whole_and_none_to_strangers() -> Result<()> {
    for kind in KINDS {
        let setup = Setup {
            iam: IamAuth::Required,
            ..Setup::new(kind, pool_of(2))
        };
        let fixture = Fixture::start(setup).await?;
        // The key is no temporary one, which is seen only in a token that is whole.
        let long = fixture.token_of_session("app", Some(&"s".repeat(15_500)));
        let refused = fixture.cli(&long, "SELECT 1").unwrap_err().to_string();
        assert!(refused.contains("ERROR 1045"), "{refused}");
        let refusal = decision(&fixture, 1).await?;
        assert_eq!(refusal.reason, "SESSION_TOKEN_INVALID", "{kind:?}");
        // Without TLS a token is not even asked for.
        let token = fixture.token("app");
        let refused = fixture.cli_in_the_clear(&token, "SELECT 1").unwrap_err();
        let refused = refused.to_string();
        assert!(refused.contains("ERROR 3159"), "{kind:?}: {refused}");
        assert!(refused.contains("(id "), "{kind:?}: {refused}");
        // A client that trusts another authority sends nothing.
        let unasked = decision(&fixture, 2).await?;
        assert!(refused.contains(&unasked.correlation_id), "{refused}");
        let folder = tempfile::tempdir()?;
        let other = folder.path().join("ca.pem");
        std::fs::write(&other, TestCa::new()?.cert_pem())?;
        let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), everybody)?;
        let refused = fixture.cli_trusting(&other, &token, "SELECT 1");
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("ERROR 2026"), "{kind:?}: {refused}");
        assert_eq!(fixture.cli(&token, "SELECT 1")?, "1", "{kind:?}");
        let admitted = decision(&fixture, 3).await?;
        assert_eq!(admitted.outcome, AuthOutcome::Allow, "{kind:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_connections_are_the_clients_own() -> Result<()> {
    for kind in KINDS {
        let fixture = Fixture::start(Setup::new(kind, pool_of(2))).await?;
        let mut one = fixture.connect().await?;
        let mut two = fixture.connect().await?;
        let mine = ask(&mut one, "SELECT CONNECTION_ID()").await?;
        assert_ne!(mine, ask(&mut two, "SELECT CONNECTION_ID()").await?);
        let waiting = tokio::spawn(async move {
            let slept = ask(&mut one, "SELECT SLEEP(60)").await;
            (one, slept.map_err(|error| error.to_string()))
        });
        // Before the server sleeps there is nothing to end.
        let asleep = "SELECT COUNT(*) FROM information_schema.processlist \
                      WHERE info LIKE '%SELECT SLEEP%' AND id <> CONNECTION_ID()";
        until(&fixture, asleep, |count| count == 1).await?;
        two.execute(sqlx::AssertSqlSafe(format!("KILL QUERY {mine}")))
            .await?;
        let (mut one, slept) = waiting.await?;
        // MySQL's SLEEP answers 1 when it is interrupted, and 0 when it has slept; MariaDB fails it.
        assert!(slept != Ok("0".to_owned()), "{kind:?}: {slept:?}");
        assert_eq!(
            ask(&mut one, "SELECT 5").await?,
            "5",
            "the session lives on"
        );
        two.execute(sqlx::AssertSqlSafe(format!("KILL {mine}")))
            .await?;
        assert!(ask(&mut one, "SELECT 5").await.is_err(), "{kind:?}");
        let own = ask(&mut two, "SELECT CONNECTION_ID()").await?;
        let itself = two
            .execute(sqlx::AssertSqlSafe(format!("KILL QUERY {own}")))
            .await;
        assert!(itself.unwrap_err().to_string().contains("1317"), "{kind:?}");
        assert_eq!(ask(&mut two, "SELECT 6").await?, "6");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_used_through_the_proxy_is_used_as_without() -> Result<()> {
    for kind in KINDS {
        let fixture = Fixture::start(Setup::new(kind, pool_of(2))).await?;
        for mut client in [fixture.connect().await?, fixture.direct().await?] {
            let unknown = client.execute("SELECT * FROM nowhere").await.unwrap_err();
            assert!(unknown.to_string().contains("1146"), "{kind:?}: {unknown}");
            assert_eq!(ask(&mut client, "SELECT 7").await?, "7");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_init_query_sets_is_where_everybody_begins() -> Result<()> {
    let init = "SET SESSION group_concat_max_len = 77, time_zone = '+05:00', @greeting = 'hello'";
    for kind in KINDS {
        let policy = PoolPolicy {
            init_query: Some(init.to_owned()),
            ..pool_of(1)
        };
        let fixture = Fixture::start(Setup::new(kind, policy)).await?;
        let mut one = fixture.connect().await?;
        let mut two = fixture.connect().await?;
        let own = "SELECT CONCAT_WS('|', @@group_concat_max_len, @@time_zone, @greeting)";
        for client in [&mut one, &mut two] {
            // The driver has set a time zone of its own.
            client.execute("SET time_zone = '+01:00'").await?;
            assert_eq!(ask(client, own).await?, "77|+01:00|hello", "{kind:?}");
        }
        one.execute("SET group_concat_max_len = 99").await?;
        one.execute("SET @greeting = 'bye'").await?;
        for _ in 0..2 {
            assert_eq!(ask(&mut one, own).await?, "99|+01:00|bye", "{kind:?}");
            assert_eq!(ask(&mut two, own).await?, "77|+01:00|hello", "{kind:?}");
        }
        let mut three = fixture.connect().await?;
        assert!(ask(&mut three, own).await?.starts_with("77|"), "{kind:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_read_by_the_types_that_were_bound_first() -> Result<()> {
    for kind in KINDS {
        let fixture = Fixture::start(Setup::new(kind, pool_of(1))).await?;
        let mut read = Vec::new();
        for mut client in [fixture.direct().await?, fixture.connect().await?] {
            let first = sqlx::query("SELECT ?").bind(3);
            first.fetch_one(&mut client).await?;
            let second = sqlx::query("SELECT ?").bind("text");
            let row = second.fetch_one(&mut client).await?;
            // Its type is what differs.
            let column = sqlx::Column::type_info(row.column(0)).to_string();
            read.push(column);
        }
        assert_eq!(read[0], read[1], "{kind:?}");
    }
    Ok(())
}

/// A value too large to be moved.
const LARGE: &str = "SET @large = REPEAT('x', 200000)";

#[tokio::test(flavor = "multi_thread")]
async fn variables_that_cannot_move_pin_unless_excluded() -> Result<()> {
    for kind in KINDS {
        let policy = PoolPolicy {
            // As long as opening a connection may take on a busy machine.
            connection_borrow_timeout: 5,
            ..pool_of(1)
        };
        let mut fixture = Fixture::start(Setup::new(kind, policy)).await?;
        let mut one = fixture.connect().await?;
        let mut two = fixture.connect().await?;
        one.execute(LARGE).await?;
        assert_eq!(ask(&mut one, "SELECT LENGTH(@large)").await?, "200000");
        let refused = ask(&mut two, "SELECT 1").await.unwrap_err().to_string();
        assert!(refused.contains("9501"), "{kind:?}: {refused}");
        let sessions = fixture.sessions().await;
        let pinned = |session: &tollgate_types::SessionInfo| !session.pins.is_empty();
        assert_eq!(sessions.iter().filter(|one| pinned(one)).count(), 1);
        one.close().await?;
        fixture
            .change(|snapshot| {
                snapshot.proxies[0].pool.session_pinning_filters =
                    vec![tollgate_types::SessionPinningFilter::ExcludeVariableSets];
            })
            .await?;
        let mut one = fixture.connect().await?;
        one.execute("SET @small = 5").await?;
        one.execute(LARGE).await?;
        assert_eq!(ask(&mut two, "SELECT @large IS NULL").await?, "1");
        assert_eq!(ask(&mut one, "SELECT @small").await?, "5");
        assert!(fixture.sessions().await.iter().all(|one| !pinned(one)));
    }
    Ok(())
}
