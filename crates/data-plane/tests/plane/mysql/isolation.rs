//! Many rude clients on few server connections: nobody ever meets what another one left behind.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::future::{BoxFuture, try_join_all};
use tollgate_testkit::MySqlServer;
use tollgate_types::PoolPolicy;

use super::fixture::{Fixture, KINDS, Setup};
use super::raw::{Door, Raw};
use crate::dice::{Dice, seed};

const CLIENTS: u64 = 24;
const STRESS_FOR: Duration = Duration::from_secs(4);

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
        while Instant::now() < until {
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
        ensure!(fixture.server.connections("app")? <= 5, "{kind:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_meets_what_others_left() -> Result<()> {
    stress(Kills::Never).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_meets_what_others_left_when_connections_are_killed() -> Result<()> {
    stress(Kills::Often).await
}
