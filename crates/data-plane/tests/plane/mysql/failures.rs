//! What clients are told, and what is left behind, when something breaks.

use std::time::Duration;

use anyhow::{Result, ensure};
use tollgate_testkit::{MySqlKind, MySqlServer};
use tollgate_types::PoolPolicy;
use tollgate_wire_mysql::reply::{ErrPacket, Part, ReplyKind};

use super::fixture::{Fixture, KINDS, Setup, Way};
use super::raw::{Door, Outcome, Raw, first_error, framed};
use crate::dice::{Dice, seed};
use crate::fixture::PATIENCE;

/// As short as clients that wait in vain may wait. It counts for those as well that a connection is opened for, which
/// takes long on a busy machine.
const SHORT_S: u32 = 5;

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
        let fixture = Fixture::start(Setup::new(kind, pool_of(1, SHORT_S))).await?;
        let door = Door::new(fixture.port, "orders");
        let mut one = Raw::login(&door).await?;
        let mut two = Raw::login(&door).await?;
        one.must("BEGIN").await?;
        one.must("SELECT 1").await?;
        let refused = two.ask("SELECT 2").await?.unwrap_err();
        assert_eq!(refused.0, 9501, "{kind:?}: {refused:?}");
        assert!(refused.1.contains(" (id c-"), "{refused:?}");
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
            ..Setup::new(kind, pool_of(3, SHORT_S))
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
        let words = "refused: 1040 Too many connections: target \"orders-db\" is full (id c-";
        assert!(refused.contains(words), "{refused}");
        others.clear();
        // The server takes a moment to count those who are gone.
        let mut tries = 0;
        let mut client = loop {
            tries += 1;
            match Raw::login(&door).await {
                Ok(client) => break client,
                Err(error) if tries == 600 => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        };
        assert_eq!(client.must("SELECT 1").await?, "1", "{kind:?}");
        // A session that needs another connection waits for the one that is in use, as with RDS Proxy.
        let mut busy = Raw::login(&door).await?;
        client.must("BEGIN").await?;
        client.must("SELECT 1").await?;
        while let Ok(raw) = Raw::login(&direct).await {
            others.push(raw);
        }
        let refused = busy.ask("SELECT 2").await?.unwrap_err();
        assert_eq!(refused.0, 9501, "{kind:?}: {refused:?}");
        let cause = "error 1040 (08004): Too many connections";
        assert!(refused.1.contains(cause), "{refused:?}");
        assert!(refused.1.contains(" (id c-"), "{refused:?}");
        client.must("COMMIT").await?;
        assert_eq!(busy.must("SELECT 3").await?, "3", "{kind:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_are_told_to_go_to_the_server_itself() -> Result<()> {
    // COM_BINLOG_DUMP, COM_REGISTER_SLAVE, COM_BINLOG_DUMP_GTID, COM_CLONE and that of group replication.
    const CODES: [u8; 5] = [0x12, 0x15, 0x1e, 0x20, 0x21];
    for kind in KINDS {
        let fixture = Fixture::start(Setup::new(kind, pool_of(1, 10))).await?;
        let mut client = Raw::login(&Door::new(fixture.port, "orders")).await?;
        for code in CODES {
            let command = [&[code][..], &[0; 20]].concat();
            client.send(&framed(0, &command)).await?;
            let (heard, _) = client.reply(ReplyKind::Single, 0, b"").await?;
            let (number, text) = first_error(&heard).expect("an error");
            assert_eq!(number, 1047, "{kind:?} {code}");
            assert!(text.contains("the server itself"), "{kind:?}: {text}");
            assert_eq!(client.must("SELECT 1").await?, "1", "{kind:?} {code}");
        }
    }
    Ok(())
}

/// What a client hears that says this, up to the end of its connection.
async fn last_words(door: &Door, bytes: &[u8]) -> Result<Vec<(u16, String)>> {
    let mut raw = Raw::login(door).await?;
    raw.must("SELECT 1").await?;
    // Pieces are for the statement with the number 1.
    raw.send(&framed(0, b"\x16SELECT ?")).await?;
    raw.reply(ReplyKind::Prepared, 0, b"").await?;
    raw.pour(&[bytes.to_vec()]).await?;
    let mut heard = Vec::new();
    while let Some(packet) = raw.hear().await? {
        let error = ErrPacket::parse(&packet.payload)?;
        let message = String::from_utf8_lossy(error.message).into_owned();
        heard.push((error.code, message));
    }
    Ok(heard)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_over_max_allowed_packet_is_refused_as_by_the_server() -> Result<()> {
    const LIMIT: usize = 20 << 20;
    for kind in KINDS {
        let fixture = Fixture::start(Setup::new(kind, pool_of(2, 10))).await?;
        let sql = format!("SET GLOBAL max_allowed_packet = {LIMIT}");
        fixture.server.superuser_sql("mysql", &sql)?;
        let direct = Door::new(fixture.server.port(), "orders");
        let proxied = Door::new(fixture.port, "orders");
        let text = |length| query(&format!("SELECT LENGTH('{}')", "x".repeat(length)));
        let piece = [&[0x18, 1, 0, 0, 0, 0, 0][..], &vec![b'x'; LIMIT]].concat();
        let mut bystander = Raw::login(&proxied).await?;
        for bytes in [text(LIMIT), text(LIMIT + (30 << 20)), framed(0, &piece)] {
            let expected = last_words(&direct, &bytes).await?;
            assert_eq!(expected[0].0, 1153, "{kind:?}");
            assert_eq!(last_words(&proxied, &bytes).await?, expected, "{kind:?}");
            assert_eq!(bystander.must("SELECT 7").await?, "7", "{kind:?}");
        }
        let below = "x".repeat(1 << 20);
        let length = bystander.must(&format!("SELECT LENGTH('{below}')")).await?;
        assert_eq!(length, below.len().to_string(), "{kind:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_gets_no_file_but_the_one_that_the_statement_names() -> Result<()> {
    for kind in KINDS {
        let setup = Setup {
            way: Way::Forged(b"\xfbthe file", b"\xfb/secrets"),
            ..Setup::new(kind, pool_of(2, 10))
        };
        let fixture = Fixture::start(setup).await?;
        let root = "SET GLOBAL local_infile = 1; CREATE TABLE orders.t (x VARCHAR(20))";
        fixture.server.superuser_sql("mysql", root)?;
        let door = Door::new(fixture.port, "orders");
        let mut client = Raw::login(&door).await?;
        let load = "LOAD DATA LOCAL INFILE 'the file' INTO TABLE t";
        client.send(&query(load)).await?;
        let packet = client.next().await?;
        assert_eq!(packet.payload[0], 0xff, "{kind:?}: {:?}", packet.payload);
        assert!(client.hear().await?.is_none(), "{kind:?}: it is over");
        // Another name is as it was.
        let mut next = Raw::login(&door).await?;
        let other = "LOAD DATA LOCAL INFILE 'my file' INTO TABLE t";
        next.send(&query(other)).await?;
        let (heard, _) = next.reply(ReplyKind::TextResults, 0, b"one\ntwo\n").await?;
        assert_eq!(heard.len(), 2, "{kind:?}: {heard:?}");
        assert_eq!(next.must("SELECT COUNT(*) FROM t").await?, "2", "{kind:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_processes_is_the_servers() -> Result<()> {
    for kind in KINDS {
        let fixture = Fixture::start(Setup::new(kind, pool_of(2, 10))).await?;
        let mut client = Raw::login(&Door::new(fixture.port, "orders")).await?;
        client.send(&framed(0, b"\x0a")).await?;
        let (heard, _) = client.reply(ReplyKind::TextResults, 0, b"").await?;
        let rows = heard.iter().filter(|(part, _)| *part == Part::Row).count();
        match kind {
            MySqlKind::MySql9 => assert_eq!(heard[0].0, Part::Error { code: 1047 }),
            MySqlKind::MariaDb => assert!(rows >= 1, "{heard:?}"),
        }
        assert_eq!(client.must("SELECT 1").await?, "1", "{kind:?}");
        assert!(fixture.sessions().await[0].pins.is_empty(), "{kind:?}");
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
        let fixture = Fixture::start(Setup::new(kind, pool_of(1, 60))).await?;
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
                let (mut raw, _) = Raw::knock(fixture.port, PATIENCE).await?;
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
