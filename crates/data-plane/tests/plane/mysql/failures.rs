//! What clients are told, and what is left behind, when something breaks.

use std::time::Duration;

use anyhow::{Result, ensure};
use tollgate_testkit::MySqlServer;
use tollgate_types::PoolPolicy;

use super::fixture::{Fixture, KINDS, Setup};
use super::raw::{Door, Outcome, Raw, framed};
use crate::dice::{Dice, seed};

fn pool_of(connections: u32, borrow_timeout: u32) -> PoolPolicy {
    PoolPolicy {
        maximum_pool_size: Some(connections),
        connection_borrow_timeout: borrow_timeout,
        ..PoolPolicy::default()
    }
}

fn query(sql: &str) -> Vec<u8> {
    framed(0, &[b"\x03", sql.as_bytes()].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_too_long_is_told_and_may_try_again() -> Result<()> {
    for kind in KINDS {
        let fixture = Fixture::start(Setup::new(kind, pool_of(1, 1))).await?;
        let door = Door::new(fixture.port, "orders");
        let mut one = Raw::login(&door).await?;
        let mut two = Raw::login(&door).await?;
        one.must("BEGIN").await?;
        one.must("SELECT 1").await?;
        let refused = two.ask("SELECT 2").await?.unwrap_err();
        assert_eq!(refused.0, 9501, "{kind:?}: {refused:?}");
        one.must("COMMIT").await?;
        assert_eq!(two.must("SELECT 2").await?, "2", "{kind:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_full_refuses_and_is_tried_again() -> Result<()> {
    for kind in KINDS {
        let setup = Setup {
            max_connections: 12,
            ..Setup::new(kind, pool_of(3, 1))
        };
        let fixture = Fixture::start(setup).await?;
        let direct = Door::new(fixture.server.port(), "orders");
        let mut others = Vec::new();
        while let Ok(raw) = Raw::login(&direct).await {
            others.push(raw);
        }
        // A login that nobody has used before is tried on the server.
        let door = Door::new(fixture.port, "orders");
        let Err(refused) = Raw::login(&door).await else {
            anyhow::bail!("{kind:?}: let in");
        };
        let refused = format!("{refused:#}");
        assert!(
            refused.contains("1040 (08004): Too many connections"),
            "{refused}"
        );
        others.clear();
        // The server takes a moment to count those who are gone.
        let mut tries = 0;
        let mut client = loop {
            tries += 1;
            match Raw::login(&door).await {
                Ok(client) => break client,
                Err(error) if tries == 50 => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        };
        assert_eq!(client.must("SELECT 1").await?, "1", "{kind:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_in_a_result_ends_the_client_and_nobody_else() -> Result<()> {
    for kind in KINDS {
        let mut fixture = Fixture::start(Setup::new(kind, pool_of(2, 10))).await?;
        let door = Door::new(fixture.port, "orders");
        let mut idle = Raw::login(&door).await?;
        let mut reader = Raw::login(&door).await?;
        idle.must("SELECT 1").await?;
        let rows = "SELECT REPEAT('x', 100000) FROM information_schema.COLUMNS a, \
                    information_schema.COLUMNS b LIMIT 100000";
        reader.send(&query(rows)).await?;
        reader.next().await?;
        fixture.server.kill()?;
        let ended = reader
            .reply(tollgate_wire_mysql::reply::ReplyKind::Stream, 1, b"")
            .await;
        // It ends inside a packet, between two, or with an error.
        if let Ok((heard, outcome)) = ended {
            assert!(outcome == Outcome::Closed || !heard.is_empty(), "{kind:?}");
        }
        fixture.server.restart()?;
        fixture.wait_available().await?;
        assert_eq!(idle.must("SELECT 7").await?, "7", "{kind:?}");
    }
    Ok(())
}

/// What clients have sent, in part or whole, when they are gone.
const LAST_WORDS: &[&str] = &[
    "BEGIN; INSERT INTO t VALUES (1)",
    "SELECT SLEEP(0.1)",
    "SET autocommit = 0; INSERT INTO t VALUES (1)",
    "CREATE TEMPORARY TABLE left_behind AS SELECT 1 AS i",
    "LOCK TABLES t WRITE",
    "SELECT GET_LOCK('left', 1)",
    "SET @left = 5, time_zone = '+09:00'",
    "LOAD DATA LOCAL INFILE 'f' INTO TABLE t",
    "SELECT REPEAT('x', 1000000) FROM information_schema.COLUMNS LIMIT 50",
    "XA START 'left'; INSERT INTO t VALUES (1)",
    "HANDLER t OPEN",
    "SELECT nothing",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_gone_leaves_nothing_in_any_state() -> Result<()> {
    for kind in KINDS {
        let fixture = Fixture::start(Setup::new(kind, pool_of(1, 15))).await?;
        let mut admin = Raw::login(&Door {
            user: "root".to_owned(),
            password: MySqlServer::superuser_password().to_owned(),
            ..Door::new(fixture.server.port(), "orders")
        })
        .await?;
        admin.must("CREATE TABLE t (i INT)").await?;
        admin.must("SET GLOBAL local_infile = 1").await?;
        let door = Door::new(fixture.port, "orders");
        let mut dice = Dice::new(seed());
        for words in LAST_WORDS {
            for rude in [true, false] {
                let mut client = Raw::login(&door).await?;
                let bytes = query(words);
                let cut = if dice.one_in(4) {
                    bytes.len() / 2
                } else {
                    bytes.len()
                };
                client.send(&bytes[..cut]).await?;
                if dice.one_in(2) && cut == bytes.len() {
                    client.next().await?;
                }
                if rude {
                    client.reset();
                } else {
                    drop(client);
                }
                let mut next = Raw::login(&door).await?;
                let found = next
                    .must("SELECT CONCAT_WS('|', (SELECT COUNT(*) FROM t), @left IS NULL, @@time_zone, IS_FREE_LOCK('left'), @@autocommit = 1)")
                    .await?;
                assert_eq!(found, "0|1|SYSTEM|1|1", "{kind:?} {words} {rude} {cut}");
                let temporary = next.ask("SELECT * FROM left_behind").await?;
                assert_eq!(
                    temporary.map_err(|error| error.0),
                    Err(1146),
                    "{kind:?} {words}"
                );
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_harms_nobody() -> Result<()> {
    for kind in KINDS {
        let fixture = Fixture::start(Setup::new(kind, pool_of(2, 10))).await?;
        let door = Door::new(fixture.port, "orders");
        let mut bystander = Raw::login(&door).await?;
        let mut dice = Dice::new(seed());
        for round in 0..60 {
            let rubbish: Vec<u8> = (0..=dice.below(200))
                .map(|_| u8::try_from(dice.below(256)).unwrap_or(0))
                .collect();
            if round % 2 == 0 {
                let (mut raw, _) = Raw::knock(fixture.port, Duration::from_secs(8)).await?;
                let _ = raw.send(&rubbish).await;
                raw.reset();
            } else {
                let mut raw = Raw::login(&door).await?;
                // A command of any code with any body, or packets of any form.
                let bytes = if dice.one_in(2) {
                    framed(0, &rubbish)
                } else {
                    rubbish
                };
                let _ = raw.send(&bytes).await;
                raw.reset();
            }
            if round % 10 == 0 {
                assert_eq!(bystander.must("SELECT 3").await?, "3", "{kind:?} {round}");
            }
        }
        ensure!(bystander.must("SELECT 4").await? == "4");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_up_nobody_else() -> Result<()> {
    for kind in KINDS {
        let fixture = Fixture::start(Setup::new(kind, pool_of(2, 10))).await?;
        let door = Door::new(fixture.port, "orders");
        let mut slow = Raw::login(&door).await?;
        let mut quick = Raw::login(&door).await?;
        let sql = "WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 300) \
                   SELECT REPEAT('x', 100000) FROM r";
        slow.send(&query(sql)).await?;
        for number in 0..20 {
            let sql = format!("SELECT {number}");
            assert_eq!(quick.must(&sql).await?, number.to_string(), "{kind:?}");
        }
        let text = tollgate_wire_mysql::reply::ReplyKind::TextResults;
        let (heard, outcome) = slow.reply(text, 0, b"").await?;
        assert_eq!(outcome, Outcome::Whole);
        // A count, a definition, the rows and their end.
        assert_eq!(heard.len(), 303, "{kind:?}");
        assert_eq!(slow.must("SELECT 1").await?, "1");
    }
    Ok(())
}
