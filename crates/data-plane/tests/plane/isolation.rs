//! Many rude clients on few server connections: nobody ever meets what another one left behind.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tollgate_testkit::scripted::{Message, cancel_request, message};
use tollgate_types::{IamAuth, PoolPolicy};

use crate::dice::{Dice, seed};
use crate::differential::messages::{bind, execute, parse, query, sync};
use crate::fixture::{Fixture, PATIENCE};
use crate::raw::{Door, Raw, describe, first_error, first_value};

const CLIENTS: usize = 40;
const STRESS_FOR: Duration = Duration::from_secs(12);
/// What every client does at least.
const ACTS_MIN: usize = 6;

/// Errors a client may meet through no fault of the data plane: its server connection was terminated, or
/// none was free in time.
const BAD_LUCK: [&str; 3] = ["57P01", "08006", "53300"];

/// What a client has made and expects to find, and nothing else.
#[derive(Default)]
struct Made {
    setting: Option<String>,
    table: Option<String>,
    named: Option<String>,
    unnamed: Option<String>,
    lock: Option<String>,
    /// By SQL.
    prepared: Option<String>,
    /// The name of a setting that the server reports, and of one that it does not.
    application: Option<String>,
    schema: Option<String>,
    role: Option<String>,
    /// What its cursor gives.
    cursor: Option<String>,
    channel: Option<String>,
}

/// Why a visit is over.
enum Over {
    /// Bad luck.
    Cut,
    /// The client met what it should not.
    Bug(anyhow::Error),
}

impl From<anyhow::Error> for Over {
    fn from(error: anyhow::Error) -> Self {
        Self::Bug(error)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Cancels {
    Never,
    Sometimes,
}

struct Client {
    number: usize,
    dice: Dice,
    door: Door,
    /// Only those that send cancel requests may ever be told of one.
    cancels: Cancels,
}

impl Client {
    async fn stay(mut self) -> Result<usize> {
        let until = Instant::now() + STRESS_FOR;
        let mut acts = 0;
        // A busy machine gets more time to do as much.
        let late = until + PATIENCE;
        while Instant::now() < until || (acts < ACTS_MIN && Instant::now() < late) {
            // The server connection opened for the greeting may be terminated, too.
            let Ok(mut raw) = Raw::login(&self.door).await else {
                continue;
            };
            let mut made = Made::default();
            for _ in 0..=self.dice.below(12) {
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

    /// Sends a request; its first value, `None` for an error with this SQLSTATE.
    async fn ask(
        &self,
        raw: &mut Raw,
        request: &[u8],
        expected: &str,
    ) -> Result<Option<String>, Over> {
        if raw.send(request).await.is_err() {
            return Err(Over::Cut);
        }
        let mut heard: Vec<Message> = Vec::new();
        loop {
            let next = raw.hear().await;
            match next.with_context(|| format!("after {}", String::from_utf8_lossy(request)))? {
                None => return Err(Over::Cut),
                Some(said) if said.tag == b'Z' => break,
                Some(said) => heard.push(said),
            }
        }
        let ours = |said: &Message| said.body.windows(9).any(|bytes| bytes == b"tollgate_");
        if let Some(said) = heard.iter().find(|said| ours(said)) {
            return Err(Over::Bug(anyhow!("a name of our own: {}", describe(said))));
        }
        let Some(state) = first_error(&heard) else {
            return Ok(Some(first_value(&heard).unwrap_or_default()));
        };
        let own_cancel = state == "57014" && self.cancels == Cancels::Sometimes;
        if state == expected {
            Ok(None)
        } else if own_cancel || BAD_LUCK.contains(&state.as_str()) {
            Err(Over::Cut)
        } else {
            let said: Vec<_> = heard.iter().map(describe).collect();
            Err(Over::Bug(anyhow!(
                "{said:?} to {}",
                String::from_utf8_lossy(request)
            )))
        }
    }

    async fn act(&mut self, raw: &mut Raw, made: &mut Made) -> Result<(), Over> {
        let mark = format!("{}-{:x}", self.number, self.dice.roll());
        match self.dice.below(18) {
            10..18 => self.more(raw, made, mark).await?,
            0 => {
                let sql = format!("select set_config('my.mark', '{mark}', false)");
                made.unnamed = None;
                self.ask(raw, &query(&sql), "").await?;
                made.setting = Some(mark);
            }
            1 => {
                let sql = format!(
                    "drop table if exists mine; create temp table mine as select '{mark}'::text as mark; \
                     grant all on mine to public"
                );
                made.unnamed = None;
                self.ask(raw, &query(&sql), "").await?;
                made.table = Some(mark);
            }
            2 if made.named.is_none() => {
                let sent = [parse("named", &format!("select '{mark}'")), sync()].concat();
                self.ask(raw, &sent, "").await?;
                made.named = Some(mark);
            }
            3 => {
                let sent = [parse("", &format!("select '{mark}'")), sync()].concat();
                self.ask(raw, &sent, "").await?;
                made.unnamed = Some(mark);
            }
            4 => {
                let sql = format!("select pg_try_advisory_lock({})", self.number);
                made.unnamed = None;
                // Its last holder was this client, whose last connection may still be ending.
                if self.ask(raw, &query(&sql), "").await?.as_deref() == Some("t") {
                    made.lock = Some(self.number.to_string());
                }
            }
            5 => {
                self.ask(raw, &query("discard all"), "").await?;
                *made = Made::default();
            }
            6 => {
                made.unnamed = None;
                let insert = format!("insert into public.visits values ('{mark}')");
                for sql in ["begin", &insert] {
                    self.ask(raw, &query(sql), "").await?;
                }
                let found = format!("select count(*) from public.visits where mark = '{mark}'");
                let found = self.ask(raw, &query(&found), "").await?;
                expect("rows", found.as_deref(), Some("1"))?;
                self.ask(raw, &query("rollback"), "").await?;
            }
            7 if self.cancels == Cancels::Sometimes => {
                made.unnamed = None;
                let (key, port) = (raw.key.clone(), self.door.port);
                let late = Duration::from_millis(self.dice.roll() % 40);
                let sleeps = query("select pg_sleep(0.02)");
                let asked = self.ask(raw, &sleeps, "57014");
                let answer = tokio::join!(asked, cancel(port, key, late)).0?;
                if answer.is_none() {
                    // It was cancelled before it began, perhaps, and has not dropped the unnamed statement.
                    self.ask(raw, &query("select 1"), "").await?;
                }
            }
            _ => self.look(raw, made, &mark).await?,
        }
        Ok(())
    }

    /// Makes something, by either protocol, and looks at once.
    async fn more(&mut self, raw: &mut Raw, made: &mut Made, mark: String) -> Result<(), Over> {
        let schema = format!("s{}", self.number % 5);
        let (sql, refused) = match self.dice.below(8) {
            0 => (format!("prepare by_sql as select '{mark}'"), "42P05"),
            1 => (format!("set application_name = '{mark}'"), ""),
            2 => (format!("set search_path = {schema}, public"), ""),
            3 => ("set role alice".to_owned(), ""),
            4 => (
                format!(
                    "declare held cursor with hold for select '{mark}' from generate_series(1, 500)"
                ),
                "42P03",
            ),
            5 => (format!("listen c{}", self.number), ""),
            6 => {
                let all = "set my.mark = 'undone'; set role alice; set search_path = s0; prepare undone as select 1";
                made.unnamed = None;
                for sql in [&format!("begin; {all}"), "rollback; deallocate undone"] {
                    self.ask(raw, &query(sql), "").await?;
                }
                return self.look(raw, made, &mark).await;
            }
            _ => return self.undo(raw, made).await,
        };
        made.unnamed = None;
        let request = if self.dice.one_in(2) {
            query(&sql)
        } else {
            [parse("", &sql), bind("", "", &[]), execute("", 0), sync()].concat()
        };
        if request.first() == Some(&b'P') {
            // It is the unnamed statement now, and would do it again.
            made.unnamed = None;
        }
        let done = self.ask(raw, &request, refused).await?.is_some();
        let set = |what: &mut Option<String>, value: String| *what = Some(value);
        match sql.split(' ').next() {
            Some("prepare") if done => set(&mut made.prepared, mark.clone()),
            Some("declare") if done => set(&mut made.cursor, mark.clone()),
            Some("listen") => set(&mut made.channel, format!("c{}", self.number)),
            _ if sql.starts_with("set app") => set(&mut made.application, mark.clone()),
            _ if sql.starts_with("set sea") => set(&mut made.schema, schema),
            _ if sql.starts_with("set rol") => set(&mut made.role, "alice".to_owned()),
            _ => {}
        }
        // The unnamed statement is another one now.
        self.ask(raw, &query("select 1"), "").await?;
        self.look(raw, made, &mark).await
    }

    /// Takes something back.
    async fn undo(&mut self, raw: &mut Raw, made: &mut Made) -> Result<(), Over> {
        made.unnamed = None;
        let sql = match self.dice.below(7) {
            0 => {
                made.prepared = None;
                made.named = None;
                "deallocate all"
            }
            1 => {
                made.application = None;
                made.schema = None;
                made.setting = None;
                "reset all"
            }
            2 => {
                made.role = None;
                "reset role"
            }
            3 => {
                made.cursor = None;
                "close all"
            }
            4 => {
                made.channel = None;
                "unlisten *"
            }
            5 => {
                made.lock = None;
                "select pg_advisory_unlock_all()"
            }
            _ => {
                made.table = None;
                "drop table if exists mine"
            }
        };
        self.ask(raw, &query(sql), "").await?;
        Ok(())
    }

    /// Looks at one kind of state: there must be what this client made.
    async fn look(&mut self, raw: &mut Raw, made: &mut Made, mark: &str) -> Result<(), Over> {
        let or = |made: &Option<String>, none: &str| Some(made.clone().unwrap_or(none.to_owned()));
        let (what, request, expected) = match self.dice.below(12) {
            6 => (
                "sql statement",
                query("execute by_sql"),
                made.prepared.clone(),
            ),
            7 => (
                "application name",
                query("show application_name"),
                or(&made.application, ""),
            ),
            8 => (
                "search path",
                query("select split_part(current_setting('search_path'), ',', 1)"),
                or(&made.schema, "\"$user\""),
            ),
            9 => ("role", query("select current_user"), or(&made.role, "app")),
            10 => ("cursor", query("fetch 1 from held"), made.cursor.clone()),
            11 => {
                let sql =
                    "select coalesce(string_agg(c, ','), 'none') from pg_listening_channels() c";
                ("channel", query(sql), or(&made.channel, "none"))
            }
            0 => {
                let sql = "select coalesce(nullif(current_setting('my.mark', true), ''), 'none')";
                let value = made.setting.clone().unwrap_or_else(|| "none".to_owned());
                ("setting", query(sql), Some(value))
            }
            1 => ("table", query("select mark from mine"), made.table.clone()),
            2 => {
                let sent = [bind("", "named", &[]), execute("", 0), sync()];
                ("named statement", sent.concat(), made.named.clone())
            }
            3 => {
                let sent = [bind("", "", &[]), execute("", 0), sync()];
                ("unnamed statement", sent.concat(), made.unnamed.clone())
            }
            4 => {
                let sql = "select coalesce(string_agg(distinct objid::text, ','), 'none') \
                           from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()";
                let value = made.lock.clone().unwrap_or_else(|| "none".to_owned());
                ("lock", query(sql), Some(value))
            }
            _ => (
                "echo",
                query(&format!("select '{mark}'")),
                Some(mark.to_owned()),
            ),
        };
        if request.first() == Some(&b'Q') {
            made.unnamed = None;
        }
        let missing = match what {
            "table" => "42P01",
            "cursor" => "34000",
            _ => "26000",
        };
        let found = self.ask(raw, &request, missing).await?;
        Ok(expect(what, found.as_deref(), expected.as_deref())?)
    }

    /// Goes, more or less politely.
    async fn leave(&mut self, mut raw: Raw) {
        let last = match self.dice.below(8) {
            0 | 1 => message(b'X', &[]),
            2 => query("select pg_sleep(0.1)"),
            3 => query("begin; insert into public.visits values ('left behind')"),
            4 => [
                query("copy public.visits from stdin"),
                message(b'd', b"left beh"),
            ]
            .concat(),
            5 => query("select set_config('my.mark', 'left behind', false)"),
            6 => [parse("", "select 'left behind'"), message(b'H', &[])].concat(),
            _ => {
                let whole = query("select 'this message is never sent to its end'");
                whole[..self.dice.below(whole.len())].to_vec()
            }
        };
        // The connection may be gone already.
        let _ = raw.send(&last).await;
        if self.dice.one_in(2) {
            sleep(Duration::from_millis(self.dice.roll() % 20)).await;
        }
        if self.dice.one_in(2) {
            raw.reset();
        }
    }
}

fn expect(what: &str, found: Option<&str>, expected: Option<&str>) -> Result<()> {
    ensure!(
        found == expected,
        "{what}: found {found:?} instead of {expected:?}"
    );
    Ok(())
}

async fn cancel(port: u16, key: Vec<u8>, after: Duration) {
    sleep(after).await;
    if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await {
        // Nobody is told what became of a cancel request.
        let _ = stream.write_all(&cancel_request(&key)).await;
    }
}

/// Terminates server connections now and then.
async fn shoot(f: &Fixture, mut dice: Dice) -> Result<()> {
    let until = Instant::now() + STRESS_FOR;
    while Instant::now() < until {
        sleep(Duration::from_millis(200 + dice.roll() % 300)).await;
        f.postgres.superuser_sql(
            "postgres",
            "select pg_terminate_backend(pid) from pg_stat_activity \
             where datname = 'orders' order by random() limit 1",
        )?;
    }
    Ok(())
}

/// Waits until no session is left, then finds a pool that serves everybody and remembers nothing.
async fn find_all_clean(f: &Fixture) -> Result<()> {
    for _ in 0..3000 {
        if f.sessions().await.is_empty() {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    ensure!(
        f.sessions().await.is_empty(),
        "sessions of clients that are gone"
    );
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(Raw::login(&f.door()).await?);
    }
    for raw in &mut clients {
        for _ in 0..10 {
            let sql = "select coalesce(current_setting('my.mark', true), '') || (select count(*) \
                       from pg_locks where locktype = 'advisory') || (select count(*) from public.visits) \
                       || (select count(*) from pg_class where relname = 'mine' and \
                       pg_table_is_visible(oid)) || (select count(*) from pg_prepared_statements) || (select count(*) from pg_cursors) \
                       || (select count(*) from pg_listening_channels()) || current_setting('application_name') \
                       || current_user || current_setting('search_path')";
            raw.send(&query(sql)).await?;
            let heard = raw.until_ready().await.context("a clean client")?;
            ensure!(
                first_value(&heard).as_deref() == Some("000000app\"$user\", public"),
                "{:?}",
                first_value(&heard)
            );
        }
    }
    few_and_idle(f).await
}

/// Server connections that have ended are seen for a moment more.
async fn few_and_idle(f: &Fixture) -> Result<()> {
    let busy = "select count(*) from pg_stat_activity where datname = 'orders' and state <> 'idle'";
    let deadline = Instant::now() + PATIENCE;
    loop {
        let busy = f.postgres.superuser_sql("postgres", busy)?;
        let all = f.postgres.backends("orders")?;
        if busy == "0" && all <= 3 {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{busy} of {all} server connections are not idle"
        );
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_meets_what_another_client_left() -> Result<()> {
    let policy = PoolPolicy {
        maximum_pool_size: Some(3),
        connection_borrow_timeout: 10,
        ..PoolPolicy::default()
    };
    let f = Fixture::start(policy, IamAuth::Disabled).await?;
    let seed = seed();
    let sql = "create role alice superuser; grant alice to app; create schema s0; set role app; \
               create table visits (mark text)";
    f.postgres.superuser_sql("orders", sql)?;
    let clients = (1..=CLIENTS).map(|number| {
        let client = Client {
            number,
            dice: Dice::new(seed.wrapping_mul(u64::try_from(number).unwrap_or(1))),
            door: f.door(),
            cancels: if number % 2 == 0 {
                Cancels::Sometimes
            } else {
                Cancels::Never
            },
        };
        tokio::spawn(client.stay())
    });
    let clients: Vec<_> = clients.collect();
    shoot(&f, Dice::new(seed)).await?;
    let mut acts = 0;
    for client in clients {
        acts += client
            .await?
            .with_context(|| format!("TOLLGATE_SEED={seed}"))?;
    }
    ensure!(acts > 200, "only {acts} acts: the pool was stuck");
    find_all_clean(&f)
        .await
        .with_context(|| format!("TOLLGATE_SEED={seed}"))
}
