//! The same bytes to PostgreSQL itself and through the data plane: the replies must be the same messages.

mod generator;
pub(crate) mod messages;
mod scripts;
mod sizes;
mod timing;

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use tollgate_testkit::scripted::{Message, message};
use tollgate_testkit::{ChaosLink, LinkMode};
use tollgate_types::{IamAuth, PoolPolicy};

use crate::dice::{Dice, seed};
use crate::fixture::Fixture;
use crate::raw::{Door, Heard, Raw, describe};
use messages::{query, sync};

/// Object with the content `fence` in both databases, so that a function call is a recognisable reply
/// that leaves the session as it was.
const FENCE: u32 = 4242;

/// Time for generated conversations per test.
const GENERATE_FOR: Duration = Duration::from_secs(8);

/// How a batch is cut into writes.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Whole,
    Messages,
    Bytes,
}

impl Cut {
    fn pieces(self, batch: &[Vec<u8>]) -> Vec<Vec<u8>> {
        match self {
            Self::Whole => vec![batch.concat()],
            Self::Messages => batch.to_vec(),
            Self::Bytes => batch.concat().chunks(1).map(<[u8]>::to_vec).collect(),
        }
    }
}

/// A server and a data plane, each with its own database of the same content.
struct Bench {
    fixture: Fixture,
}

impl Bench {
    async fn start(pool: u32) -> Result<Self> {
        let policy = PoolPolicy {
            maximum_pool_size: Some(pool),
            connection_borrow_timeout: 10,
            ..PoolPolicy::default()
        };
        let fixture = Fixture::start(policy, IamAuth::Disabled).await?;
        fixture.postgres.database_create("direct", "app")?;
        for database in ["direct", "orders"] {
            for number in 0..4 {
                let table = format!("create table t{number} (i int not null, x text)");
                let sql = format!("set role app; {table}");
                fixture.postgres.superuser_sql(database, &sql)?;
            }
            let object = format!("set role app; select lo_from_bytea({FENCE}, 'fence')");
            fixture.postgres.superuser_sql(database, &object)?;
        }
        Ok(Self { fixture })
    }

    fn pair(&self) -> Pair {
        let door = |port, database: &str| Door {
            port,
            user: "app".to_owned(),
            database: database.to_owned(),
            password: Fixture::password().to_owned(),
        };
        Pair {
            direct: Side::new(door(self.fixture.postgres.port(), "direct")),
            proxied: Side::new(door(self.fixture.port, "orders")),
            history: Vec::new(),
        }
    }
}

/// A client of the server and a client of the data plane that do the same.
struct Pair {
    direct: Side,
    proxied: Side,
    history: Vec<String>,
}

impl Pair {
    /// Sends a batch to both and compares what they say.
    async fn batch(&mut self, batch: &[Vec<u8>], cut: Cut) -> Result<()> {
        let shown = batch.iter().map(|bytes| show(bytes));
        self.history.push(shown.collect::<Vec<_>>().join(" "));
        let expected = self.direct.say(batch, cut).await?;
        let heard = match self.proxied.say(batch, cut).await {
            Ok(heard) => heard,
            Err(error) => bail!(
                "{error:#}\nPostgreSQL says {:#?}\nafter {:#?}",
                lines(&expected),
                self.history
            ),
        };
        if expected != heard {
            bail!(
                "PostgreSQL says {:#?}\nthe proxy says {:#?}\nafter {:#?}",
                lines(&expected),
                lines(&heard),
                self.history
            );
        }
        if self.direct.raw.is_none() {
            self.history.clear();
        }
        Ok(())
    }
}

/// The last messages, short.
fn lines(messages: &[Message]) -> Vec<String> {
    let start = messages.len().saturating_sub(40);
    messages[start..].iter().map(describe).collect()
}

/// One client, logged in when needed.
struct Side {
    door: Door,
    raw: Option<Raw>,
}

impl Side {
    fn new(door: Door) -> Self {
        Self { door, raw: None }
    }

    /// Sends a batch and a fence, and hears everything up to the fence or the end of the connection.
    async fn say(&mut self, batch: &[Vec<u8>], cut: Cut) -> Result<Vec<Message>> {
        let mut raw = match self.raw.take() {
            Some(raw) => raw,
            None => Raw::login(&self.door).await?,
        };
        let mut pieces = cut.pieces(batch);
        pieces.push([sync(), fence()].concat());
        let mut watch = Watch::default();
        let heard = raw
            .exchange(&pieces, |message| watch.judge(message))
            .await?;
        if watch == Watch::Passed {
            self.raw = Some(raw);
        }
        Ok(heard.into_iter().map(normal).collect())
    }
}

/// Recognises the fence. In a failed transaction it is refused; a second one, which is not even parsed,
/// follows then.
#[derive(Default, PartialEq)]
enum Watch {
    #[default]
    First,
    Second,
    Here,
    Passed,
}

impl Watch {
    fn judge(&mut self, message: &Message) -> Heard {
        let refused = message.field(b'M').unwrap_or_default();
        match (message.tag, &self) {
            (b'V', Self::First) if message.body.ends_with(b"fence") => *self = Self::Here,
            (b'E', Self::Second) if refused.contains("second_fence") => *self = Self::Here,
            (b'Z', Self::Here) => {
                *self = Self::Passed;
                return Heard::Enough;
            }
            (b'Z', Self::First) if message.body == b"E" => {
                *self = Self::Second;
                return Heard::Say(query("second_fence"));
            }
            _ => {}
        }
        Heard::GoOn
    }
}

fn fence() -> Vec<u8> {
    let mut body = 3458_u32.to_be_bytes().to_vec();
    body.extend([0, 1, 0, 1, 0, 1, 0, 0, 0, 4]);
    body.extend(FENCE.to_be_bytes());
    body.extend([0, 1]);
    message(b'F', &body)
}

/// The message without what two servers may say differently: process ids, object ids of tables, and the
/// line of the server's source that found an error.
fn normal(mut message: Message) -> Message {
    match message.tag {
        b'E' => {
            let fields = message.body.split(|byte| *byte == 0);
            let fields = fields.filter(|field| !matches!(field.first(), Some(b'F' | b'L' | b'R')));
            message.body = fields.collect::<Vec<_>>().join(&0);
        }
        b'A' => message.body[..4].fill(0),
        b'T' => {
            let mut at = 2;
            while let Some(length) = message.body[at..].iter().position(|byte| *byte == 0) {
                at += length + 1;
                message.body[at..at + 4].fill(0);
                at += 18;
            }
        }
        _ => {}
    }
    message
}

fn show(bytes: &[u8]) -> String {
    let tag = bytes.first().map_or('?', |tag| char::from(*tag));
    let body: String = bytes
        .iter()
        .skip(5)
        .take(80)
        .map(|byte| match byte {
            0x20..0x7f => char::from(*byte),
            _ => '.',
        })
        .collect();
    format!("{tag}({body})")
}

async fn run_scripts(
    bench: &Bench,
    cut: Cut,
    wanted: impl Fn(&(&str, scripts::Script)) -> bool,
) -> Result<()> {
    let mut failures = Vec::new();
    for (name, batches) in scripts::all().into_iter().filter(wanted) {
        let mut pair = bench.pair();
        for batch in &batches {
            if let Err(error) = pair.batch(batch, cut).await {
                failures.push(format!("{name} ({cut:?}): {error:#}"));
                break;
            }
        }
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_get_the_replies_of_postgresql() -> Result<()> {
    let bench = Bench::start(1).await?;
    for cut in [Cut::Whole, Cut::Messages, Cut::Bytes] {
        run_scripts(&bench, cut, |_| true).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_survive_a_server_whose_bytes_come_one_by_one() -> Result<()> {
    let mut bench = Bench::start(2).await?;
    let link = ChaosLink::start(bench.fixture.postgres.port())?;
    let port = link.port();
    bench
        .fixture
        .change(|snapshot| {
            snapshot.proxies[0].targets[0].port = port;
            snapshot.proxies[0].targets[0].generation += 1;
        })
        .await?;
    bench.fixture.wait_available().await?;
    link.set(LinkMode::ByteAtATime);
    // The link ends with a reset, which may overtake the last words of a server that hangs up.
    let stays = |script: &(&str, scripts::Script)| !script.0.contains("in the middle of a copy");
    run_scripts(&bench, Cut::Messages, stays).await
}

/// Generated conversations of one client until the time is over.
async fn converse(mut pair: Pair, number: usize, mut dice: Dice) -> Result<usize> {
    let started = Instant::now();
    let mut batches = 0;
    while started.elapsed() < GENERATE_FOR {
        let batch = generator::batch(&mut dice, number);
        let cut = *dice.pick(&[Cut::Whole, Cut::Whole, Cut::Messages, Cut::Bytes]);
        pair.batch(&batch, cut).await?;
        batches += 1;
        // A history of one session that grows without end would also pin it without end.
        if pair.history.len() > 25 {
            pair.direct.raw = None;
            pair.proxied.raw = None;
            pair.history.clear();
        }
    }
    Ok(batches)
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_conversations_match_on_a_pool_of_one() -> Result<()> {
    let bench = Bench::start(1).await?;
    let seed = seed();
    let ran = converse(bench.pair(), 0, Dice::new(seed)).await;
    let batches = ran.map_err(|error| error.context(format!("TOLLGATE_SEED={seed}")))?;
    ensure!(batches > 20, "only {batches} batches");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_conversations_match_while_clients_take_turns() -> Result<()> {
    let bench = Bench::start(4).await?;
    let seed = seed();
    let talks = (1..4).map(|number| {
        let dice = Dice::new(seed.wrapping_add(u64::try_from(number).unwrap_or(0)));
        converse(bench.pair(), number, dice)
    });
    for ran in futures_util::future::join_all(talks).await {
        ran.map_err(|error| error.context(format!("TOLLGATE_SEED={seed}")))?;
    }
    Ok(())
}
