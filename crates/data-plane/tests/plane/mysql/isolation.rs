//! Many rude clients on few server connections: nobody ever meets what another one left behind.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::{BoxFuture, try_join_all};
use tollgate_data_plane::Reuse;
use tollgate_testkit::MySqlServer;
use tollgate_types::PoolPolicy;
use tollgate_wire_mysql::reply::{Part, ReplyKind};

use super::fixture::{Fixture, KINDS, Setup};
use super::raw::{Door, Outcome, Raw, Said, first_error, framed};
use crate::dice::{Dice, seed};
use crate::fixture::PATIENCE;

const CLIENTS: u64 = 24;
const STRESS_FOR: Duration = Duration::from_secs(4);
/// What every client does at least.
const ACTS_MIN: usize = 3;

/// Errors a client may meet through no fault of the data plane: its connection was killed, or none was free.
const BAD_LUCK: [u16; 6] = [1053, 1105, 1317, 1927, 4031, 9501];

/// What a client has made and expects to find, and nothing else.
struct Made {
    time_zone: String,
    variable: String,
    schema: &'static str,
    temporary: Option<String>,
    lock: Option<String>,
}

/// Why a visit is over early.
enum Over {
    /// Bad luck.
    Cut,
    /// The client met what it should not.
    Bug(anyhow::Error),
}

struct Client {
    number: u64,
    dice: Dice,
    door: Door,
}

impl Client {
    async fn stay(mut self) -> Result<usize> {
        let until = Instant::now() + STRESS_FOR;
        let mut acts = 0;
        // A busy machine gets more time to do as much.
        let late = until + PATIENCE;
        while Instant::now() < until || (acts < ACTS_MIN && Instant::now() < late) {
            let Ok(mut raw) = Raw::login(&self.door).await else {
                continue;
            };
            let mut made = Made {
                time_zone: "SYSTEM".to_owned(),
                variable: "none".to_owned(),
                schema: "orders",
                temporary: None,
                lock: None,
            };
            for _ in 0..=self.dice.below(10) {
                match self.act(&mut raw, &mut made).await {
                    Ok(()) => acts += 1,
                    Err(Over::Cut) => break,
                    Err(Over::Bug(error)) => {
                        return Err(error.context(format!("client {}", self.number)));
                    }
                }
            }
            self.leave(raw).await;
        }
        Ok(acts)
    }

    /// The first value; `None` for this error.
    async fn ask(&self, raw: &mut Raw, sql: &str, expected: u16) -> Result<Option<String>, Over> {
        // A connection that was killed is closed, which is no answer.
        match raw.ask(sql).await {
            Err(error) if format!("{error:#}").contains("hangs") => Err(Over::Bug(error)),
            Err(_) => Err(Over::Cut),
            Ok(Ok(value)) => Ok(Some(value)),
            Ok(Err((code, _))) if code == expected => Ok(None),
            Ok(Err((code, _))) if BAD_LUCK.contains(&code) => Err(Over::Cut),
            Ok(Err(error)) => Err(Over::Bug(anyhow::anyhow!("{sql}: {error:?}"))),
        }
    }

    async fn act(&mut self, raw: &mut Raw, made: &mut Made) -> Result<(), Over> {
        let (number, mark) = (self.number, self.dice.below(1_000_000));
        match self.dice.below(8) {
            0 => {
                // Whole hours: MariaDB takes some offsets for others (of 05:39 and 07:55, whichever was first).
                let zone = format!("+{:02}:00", number % 12);
                self.ask(raw, &format!("SET time_zone = '{zone}'"), 0)
                    .await?;
                made.time_zone = zone;
            }
            1 => {
                let word = format!("{number}-{mark}");
                self.ask(raw, &format!("SET @me = '{word}'"), 0).await?;
                made.variable = word;
            }
            2 => {
                let schema = *self.dice.pick(&["orders", "other"]);
                self.ask(raw, &format!("USE {schema}"), 0).await?;
                made.schema = schema;
            }
            3 if made.temporary.is_none() => {
                let word = format!("{number}-{mark}");
                let sql = format!("CREATE TEMPORARY TABLE orders.mine AS SELECT '{word}' AS word");
                self.ask(raw, &sql, 0).await?;
                made.temporary = Some(word);
            }
            4 if made.lock.is_none() => {
                let name = format!("lock-{number}");
                let got = self
                    .ask(raw, &format!("SELECT GET_LOCK('{name}', 2)"), 0)
                    .await?;
                // The lock of this client's last visit goes when its connection is clean.
                made.lock = got.filter(|got| got == "1").map(|_| name);
            }
            5 => {
                self.ask(raw, "BEGIN", 0).await?;
                self.ask(raw, "SELECT COUNT(*) FROM orders.t", 0).await?;
                let word = *self.dice.pick(&["COMMIT", "ROLLBACK"]);
                self.ask(raw, word, 0).await?;
            }
            _ => {}
        }
        self.check(raw, made).await
    }

    async fn check(&self, raw: &mut Raw, made: &Made) -> Result<(), Over> {
        let sql = "SELECT CONCAT_WS('|', @@time_zone, IFNULL(@me, 'none'), DATABASE())";
        let found = self.ask(raw, sql, 0).await?;
        let expected = format!("{}|{}|{}", made.time_zone, made.variable, made.schema);
        let same = |found: Option<String>, expected: Option<&str>| {
            if found.as_deref() == expected {
                return Ok(());
            }
            let error = anyhow::anyhow!("found {found:?} in the place of {expected:?}");
            Err(Over::Bug(error))
        };
        same(found, Some(&expected))?;
        let found = self.ask(raw, "SELECT word FROM orders.mine", 1146).await?;
        same(found, made.temporary.as_deref())?;
        if let Some(name) = &made.lock {
            let sql = format!("SELECT IS_USED_LOCK('{name}') IS NOT NULL");
            same(self.ask(raw, &sql, 0).await?, Some("1"))?;
        }
        Ok(())
    }

    async fn leave(&mut self, mut raw: Raw) {
        match self.dice.below(3) {
            0 => {
                let _ = raw.send(&super::raw::framed(0, &[1])).await;
            }
            1 => {
                let sql = b"\x03BEGIN; SELECT SLEEP(0.02)";
                let _ = raw.send(&super::raw::framed(0, sql)).await;
                raw.reset();
            }
            _ => raw.reset(),
        }
    }
}

/// Whether connections of the pool are killed meanwhile.
#[derive(Clone, Copy, PartialEq)]
enum Kills {
    Never,
    Often,
}

async fn stress(kills: Kills) -> Result<()> {
    for kind in KINDS {
        let policy = PoolPolicy {
            maximum_pool_size: Some(5),
            connection_borrow_timeout: 20,
            ..PoolPolicy::default()
        };
        let fixture = Fixture::start(Setup::new(kind, policy)).await?;
        let mut admin = Raw::login(&Door {
            user: "root".to_owned(),
            password: MySqlServer::superuser_password().to_owned(),
            ..Door::new(fixture.server.port(), "orders")
        })
        .await?;
        admin.must("CREATE TABLE t (i INT)").await?;
        let clients = (0..CLIENTS).map(|number| {
            let client = Client {
                number,
                dice: Dice::new(seed().wrapping_add(number)),
                door: Door::new(fixture.port, "orders"),
            };
            client.stay()
        });
        let killing: BoxFuture<'_, Result<()>> = Box::pin(async {
            let find = "SELECT id FROM information_schema.processlist WHERE user = 'app' \
                        ORDER BY RAND() LIMIT 1";
            loop {
                tokio::time::sleep(Duration::from_millis(60)).await;
                if kills == Kills::Often {
                    let id = admin.must(find).await?;
                    // It may have ended by itself.
                    let _ = admin.ask(&format!("KILL {id}")).await?;
                }
            }
        });
        let acts = tokio::select! {
            acts = try_join_all(clients) => acts?,
            ended = killing => return ended,
        };
        let acts: usize = acts.iter().sum();
        ensure!(acts > 50, "only {acts} acts on {kind:?}");
        few_connections(&fixture).await?;
    }
    Ok(())
}

/// Those that were killed, and a probe's, are there for a moment more.
async fn few_connections(fixture: &Fixture) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let count = fixture.server.connections("app")?;
        if count <= 5 {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{count} connections");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_meets_what_others_left() -> Result<()> {
    stress(Kills::Never).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_meets_what_others_left_when_connections_are_killed() -> Result<()> {
    stress(Kills::Often).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_shown_conditions_of_another_client() -> Result<()> {
    for kind in KINDS {
        let policy = PoolPolicy {
            maximum_pool_size: Some(1),
            ..PoolPolicy::default()
        };
        let fixture = Fixture::start(Setup::new(kind, policy)).await?;
        let door = Door::new(fixture.port, "orders");
        let leaves = [
            "SELECT CAST('secret of one' AS SIGNED)",
            "SELECT secret_of_one",
            "DROP TABLE IF EXISTS secret_of_one",
        ];
        for words in leaves {
            let mut one = Raw::login(&door).await?;
            let mut two = Raw::login(&door).await?;
            // A command whose error MySQL puts behind the conditions that there are.
            let _left = one.ask(words).await?;
            two.send(&framed(0, b"\x02nowhere")).await?;
            two.reply(ReplyKind::Single, 0, b"").await?;
            let shown = two.query("SHOW WARNINGS").await?;
            let shown = format!("{:?}", rows(&shown.0));
            assert!(shown.contains("nowhere"), "{kind:?} {words}: {shown}");
            assert!(!shown.contains("secret"), "{kind:?} {words}: {shown}");
            // MariaDB keeps them over statements without tables.
            let _left = one.ask(words).await?;
            two.must("BEGIN").await?;
            let shown = two.query("SHOW WARNINGS").await?;
            assert_eq!(rows(&shown.0), Vec::<String>::new(), "{kind:?} {words}");
            two.must("COMMIT").await?;
            // Those who leave at once leave nothing either.
            let _left = one.ask(words).await?;
            drop(one);
            two.must("BEGIN").await?;
            two.must("SELECT 1").await?;
            let shown = two.query("SHOW WARNINGS").await?;
            assert_eq!(rows(&shown.0), Vec::<String>::new(), "{kind:?} {words}");
        }
    }
    Ok(())
}

/// What a client may do before it asks what it has found: `#` is a number of its own, `{n}` the client's. Nobody waits for
/// another's locks, since who waits on one side may hold what others wait for on the other.
const FINDS: &[&str] = &[
    "SELECT i FROM many LIMIT #",
    "SELECT i FROM many LIMIT #",
    "SELECT SQL_CALC_FOUND_ROWS i FROM many WHERE i < # LIMIT 1",
    "INSERT INTO kept{n} SELECT i FROM many LIMIT #",
    "DO 1",
    "SELECT nothing",
    "SELECT i FROM nowhere LIMIT #",
    "SELEC",
    "SELECT ~0 + 1",
    "SELECT i, ~0 + i FROM many LIMIT #",
    "SELECT SQL_CALC_FOUND_ROWS i, ~0 + i FROM many LIMIT #",
    "SELECT (SELECT i FROM many)",
    "SELECT i FROM many UNION SELECT ~0 + i FROM many",
    "SELECT 1 INTO @found; SELECT nothing",
    "SELECT i FROM many LIMIT #; SELECT nothing",
    "INSERT INTO one{n} VALUES (1)",
    "INSERT INTO one{n} SELECT 1 FROM many LIMIT #",
    "UPDATE one{n} SET i = i",
    "UPDATE one{n} SET i = 1 WHERE i = 77",
    "DELETE FROM kept{n} WHERE i < 0",
    "CALL nothing()",
    "EXPLAIN SELECT 1",
    "SHOW COLUMNS FROM many",
    "SHOW VARIABLES LIKE 'sql_select_limi_'",
    "SHOW FULL TABLES LIKE 'many'",
    "SET @found = (SELECT COUNT(*) FROM many)",
    "SET time_zone = 'nowhere'",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
];

/// Clients that find something.
const FINDERS: usize = 8;

/// Says the same to the server and by way of the proxy, and asks both for what was found. How often the proxy knew,
/// and how often it did not.
async fn find(direct: &Door, proxied: &Door, number: usize) -> Result<(u32, u32)> {
    let mut dice = Dice::new(seed().wrapping_add(number as u64));
    let mut direct = Raw::login(direct).await?;
    let mut proxied = Raw::login(proxied).await?;
    let (mut known, mut unknown) = (0, 0);
    let mut history = Vec::new();
    for round in 0..150 {
        // On MariaDB a session that has found nothing has what an earlier connection has found.
        let text = if round == 0 {
            FINDS[0]
        } else {
            *dice.pick(FINDS)
        };
        // The numbers of no two clients are the same.
        let own = 1 + number + 10 * dice.below(4);
        let text = text.replace('#', &own.to_string());
        let text = text.replace("{n}", &number.to_string());
        history.push(text.clone());
        let expected = direct.query(&text).await?;
        let heard = proxied.query(&text).await?;
        let code = |heard: &[Said]| first_error(heard).map(|(code, _)| code);
        ensure!(
            code(&expected.0) == code(&heard.0),
            "{number}: {:?} in the place of {:?} after {history:?}",
            first_error(&heard.0),
            first_error(&expected.0)
        );
        if dice.one_in(3) {
            continue;
        }
        history.push("SELECT FOUND_ROWS()".to_owned());
        let expected = direct.must("SELECT FOUND_ROWS()").await?;
        match proxied.ask("SELECT FOUND_ROWS()").await? {
            Ok(found) => {
                known += 1;
                ensure!(
                    found == expected,
                    "{number}: found {found} in the place of {expected} after {history:?}"
                );
            }
            // It says that it does not know, and has found nothing; the server has found one row.
            Err((1105, _)) => {
                unknown += 1;
                history.push("SELECT 1".to_owned());
                direct.must("SELECT 1").await?;
                proxied.must("SELECT 1").await?;
            }
            Err(error) => bail!("{number}: {error:?} after {history:?}"),
        }
    }
    Ok((known, unknown))
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_what_another_client_has_found() -> Result<()> {
    for kind in KINDS {
        for (connections, reuse) in [(1, Reuse::MostRecent), (3, Reuse::LeastRecent)] {
            let policy = PoolPolicy {
                maximum_pool_size: Some(connections),
                connection_borrow_timeout: 30,
                ..PoolPolicy::default()
            };
            let setup = Setup {
                reuse,
                shards: 1,
                ..Setup::new(kind, policy)
            };
            let fixture = Fixture::start(setup).await?;
            let values: Vec<String> = (1..=60).map(|i| format!("({i})")).collect();
            let many = format!(
                "CREATE TABLE many (i INT PRIMARY KEY); INSERT INTO many VALUES {};",
                values.join(",")
            );
            let own = |number| {
                format!(
                    "CREATE TABLE kept{number} (i INT); CREATE TABLE one{number} (i INT PRIMARY KEY); \
                     INSERT INTO one{number} VALUES (1);"
                )
            };
            let own: Vec<String> = (0..FINDERS).map(own).collect();
            let tables = format!("{many}{}", own.concat());
            for schema in ["orders", "other"] {
                fixture.server.superuser_sql(schema, &tables)?;
            }
            let direct = Door {
                patience: Duration::from_secs(30),
                ..Door::new(fixture.server.port(), "other")
            };
            let proxied = Door {
                port: fixture.port,
                schema: "orders".to_owned(),
                ..direct.clone()
            };
            let clients = (0..FINDERS).map(|number| find(&direct, &proxied, number));
            let counts = try_join_all(clients).await;
            let counts = counts.with_context(|| format!("{kind:?} {connections}"))?;
            let known: u32 = counts.iter().map(|(known, _)| known).sum();
            let unknown: u32 = counts.iter().map(|(_, unknown)| unknown).sum();
            assert!(known > 2 * unknown, "{kind:?}: {known} {unknown}");
        }
    }
    Ok(())
}

fn rows(heard: &[Said]) -> Vec<String> {
    let rows = heard.iter().filter(|(part, _)| *part == Part::Row);
    rows.map(|(_, row)| String::from_utf8_lossy(row).into_owned())
        .collect()
}

/// How often a statement of a client is ended.
const CANCELS: u64 = 60;

/// Runs statements until `others` are through; how many were ended by somebody.
async fn run_until(
    door: &Door,
    number: u64,
    id: &AtomicU32,
    done: &AtomicBool,
) -> Result<(u64, u64)> {
    let mut raw = Raw::login(door).await?;
    id.store(raw.id, Ordering::Relaxed);
    let mut dice = Dice::new(seed().wrapping_add(number));
    let (mut ended, mut whole) = (0, 0);
    // Who has been unlucky so far is left alone in the end.
    while !done.load(Ordering::Relaxed) || whole == 0 {
        let mark = format!("{number}-{}", dice.below(1000));
        let sql = match dice.below(4) {
            0 => format!("SELECT '{mark}'"),
            1 => format!("SET @mark = '{mark}'; SELECT '{mark}', SLEEP(0.003)"),
            2 => format!("SELECT '{mark}', SLEEP(0.01)"),
            _ => format!("SELECT '{mark}', COUNT(*) FROM information_schema.COLUMNS"),
        };
        let (heard, outcome) = raw.query(&sql).await?;
        ensure!(outcome == Outcome::Whole, "{number}: closed after {sql}");
        match first_error(&heard) {
            Some((1317 | 1028, _)) => ended += 1,
            Some(error) => bail!("{number}: {sql}: {error:?}"),
            None => {
                // A sleep that is ended early says 1.
                let rows = rows(&heard);
                let slept = sql.contains("SLEEP") && rows.iter().any(|row| row.ends_with("\u{1}1"));
                ensure!(
                    rows.iter().all(|row| row.contains(&mark)),
                    "{number}: {rows:?}"
                );
                if slept {
                    ended += 1;
                } else {
                    whole += 1;
                }
            }
        }
    }
    Ok((ended, whole))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_ends_statements_of_the_named_client_only() -> Result<()> {
    const NAMED: usize = 2;
    for kind in KINDS {
        for reuse in [Reuse::MostRecent, Reuse::LeastRecent] {
            let policy = PoolPolicy {
                maximum_pool_size: Some(4),
                ..PoolPolicy::default()
            };
            let setup = Setup {
                reuse,
                ..Setup::new(kind, policy)
            };
            let fixture = Fixture::start(setup).await?;
            let door = Door::new(fixture.port, "orders");
            let done = AtomicBool::new(false);
            let ids: Vec<AtomicU32> = (0..6).map(|_| AtomicU32::new(0)).collect();
            let clients = ids.iter().zip(0..).map(|(id, number)| {
                let (door, done) = (&door, &done);
                run_until(door, number, id, done)
            });
            let killing = async {
                let mut killer = Raw::login(&door).await?;
                let mut dice = Dice::new(seed());
                // All have logged in, or the last ones would find everything done.
                let late = Instant::now() + PATIENCE;
                let is_out = |id: &AtomicU32| id.load(Ordering::Relaxed) == 0;
                while ids.iter().any(is_out) && Instant::now() < late {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                for _ in 0..CANCELS {
                    tokio::time::sleep(Duration::from_millis(dice.below(20) as u64)).await;
                    let id = ids[dice.below(NAMED)].load(Ordering::Relaxed);
                    if id != 0 {
                        killer.must(&format!("KILL QUERY {id}")).await?;
                    }
                }
                done.store(true, Ordering::Relaxed);
                anyhow::Ok(())
            };
            let (killed, counts) = tokio::join!(killing, try_join_all(clients));
            killed?;
            let counts = counts?;
            let ended: u64 = counts[..NAMED].iter().map(|(ended, _)| ended).sum();
            assert!(ended > 0, "{kind:?} {reuse:?}: {counts:?}");
            for (number, (ended, whole)) in counts.iter().enumerate() {
                assert!(*whole > 0, "{kind:?} {reuse:?} {number}: {counts:?}");
                assert!(
                    number < NAMED || *ended == 0,
                    "{kind:?} {reuse:?} {number}: {counts:?}"
                );
            }
        }
    }
    Ok(())
}
