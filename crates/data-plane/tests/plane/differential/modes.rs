//! The ways in which scripts and generated conversations are held: alone, together, moving, encrypted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::future::join_all;
use tollgate_data_plane::Reuse;
use tollgate_testkit::{ChaosLink, LinkMode, PostgresVersion};

use super::pair::Pair;
use super::scripts::{self, Script};
use super::{Bench, Cut, Mode, generator, shrink};
use crate::dice::{Dice, seed};
use crate::raw::{Raw, first_value};

/// Generated conversations per client, unless `TOLLGATE_DICE_SECONDS` says how long to go on. With the seed
/// of the gate they are the same every time, however fast the machine is.
const CONVERSATIONS: usize = 8;

/// How often a script is played when a server heeds its cancel requests twice.
const ATTEMPTS: usize = 5;

/// One script as the client with this number.
async fn play(bench: &Bench, script: &Script, number: usize, cut: Cut) -> Option<String> {
    for attempt in 1.. {
        let mut pair = bench.pair_of(number).cut(cut);
        let error = play_once(bench, script, number, &mut pair).await.err()?;
        if attempt == ATTEMPTS || !pair.signalled_twice() {
            return Some(format!("{} ({cut:?}): {error:#}", script.name));
        }
    }
    None
}

async fn play_once(bench: &Bench, script: &Script, number: usize, pair: &mut Pair) -> Result<()> {
    bench.wash(number).await?;
    for (at, batch) in script.batches.iter().enumerate() {
        let login = pair.will_log_in(batch);
        if bench.mode.reuse == Reuse::LeastRecent && (at == 0 || login) {
            bench.fill(pair).await?;
        }
        pair.batch(&bench.bearable(batch)).await?;
    }
    // What comes too late is heard here.
    pair.batch("Q(select 1) X(select 2) S()").await
}

async fn play_all(bench: &Bench, cut: Cut, scripts: impl Iterator<Item = Script>) -> Result<()> {
    let mut failures = Vec::new();
    for script in scripts {
        failures.extend(play(bench, &script, 0, cut).await);
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_get_the_replies_of_postgresql() -> Result<()> {
    let bench = Bench::start(1).await?;
    for cut in [Cut::Whole, Cut::Messages, Cut::Bytes] {
        play_all(&bench, cut, scripts::all()).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_nomads_get_the_replies_of_postgresql() -> Result<()> {
    for version in PostgresVersion::ALL {
        if version.available() {
            let bench = Bench::like(Mode::nomad(3, version)).await?;
            play_all(&bench, Cut::Messages, scripts::all()).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_superusers_get_the_replies_of_postgresql() -> Result<()> {
    for version in PostgresVersion::ALL {
        if version.available() {
            let bench = Bench::like(Mode::nomad(3, version).superuser()).await?;
            play_all(&bench, Cut::Messages, scripts::of_superusers()).await?;
        }
    }
    let bench = Bench::like(Mode::pool(1).superuser()).await?;
    play_all(&bench, Cut::Whole, scripts::of_superusers()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_over_tls_get_the_replies_of_postgresql() -> Result<()> {
    let bench = Bench::like(Mode::nomad(2, PostgresVersion::V15).tls()).await?;
    play_all(&bench, Cut::Whole, scripts::all()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_six_clients_at_once_get_the_replies_of_postgresql() -> Result<()> {
    let bench = Bench::start(8).await?;
    let scripts: Vec<Script> = scripts::in_company().collect();
    let clients = (1..7).map(|number| {
        let (bench, scripts) = (&bench, &scripts);
        async move {
            let mut dice = Dice::new(seed().wrapping_add(number));
            let number = usize::try_from(number).expect("a small number");
            let mut failures = Vec::new();
            let start = dice.below(scripts.len());
            // Everybody plays a third and begins elsewhere, so that different scripts meet.
            let mine = scripts.iter().cycle().skip(start).step_by(3);
            for script in mine.take(scripts.len() / 3) {
                let cut = *dice.pick(&[Cut::Whole, Cut::Messages]);
                failures.extend(play(bench, script, number, cut).await);
            }
            failures
        }
    });
    let failures = join_all(clients).await.concat();
    ensure!(failures.is_empty(), "{}", failures.join("\n\n"));
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
    let scripts = scripts::all().filter(|script| !script.ends_the_session());
    play_all(&bench, Cut::Messages, scripts).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nomad_gets_another_server_connection_every_time() -> Result<()> {
    let bench = Bench::like(Mode::nomad(3, PostgresVersion::V15)).await?;
    let pair = bench.pair();
    bench.fill(&pair).await?;
    let mut raw = Raw::login(&pair.proxied.door).await?;
    let mut seen = Vec::new();
    for _ in 0..6 {
        raw.send(&super::query("select pg_backend_pid()")).await?;
        seen.push(first_value(&raw.until_ready().await?));
    }
    assert_eq!(seen[..3], seen[3..], "in turn");
    assert!(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2]);
    Ok(())
}

// === generated ===

/// A conversation that was not the same on both sides.
struct Divergence {
    number: usize,
    batches: Vec<String>,
    error: String,
}

/// How long to go on, if it was said.
fn generate_for() -> Option<Duration> {
    let named = std::env::var("TOLLGATE_DICE_SECONDS").ok()?;
    named.parse().ok().map(Duration::from_secs)
}

/// Generated conversations of one client, one after the other, until there were enough.
async fn converse(bench: &Bench, number: usize, done: &AtomicUsize) -> Result<(), Divergence> {
    let seed = seed().wrapping_add(u64::try_from(number).unwrap_or(0));
    let mut dice = Dice::new(seed);
    let until = generate_for().map(|time| Instant::now() + time);
    let enough = |held| match until {
        Some(until) => Instant::now() >= until,
        None => held >= CONVERSATIONS,
    };
    let mut held = 0;
    while !enough(held) {
        held += 1;
        let batches = generator::conversation(&mut dice);
        if let Err(error) = hold(bench, number, &batches, None).await {
            let error = format!("{error:#}");
            return Err(Divergence {
                number,
                batches,
                error,
            });
        }
        done.fetch_add(batches.len(), Ordering::Relaxed);
    }
    Ok(())
}

/// One conversation from a clean start, with this patience or the usual one.
async fn hold(
    bench: &Bench,
    number: usize,
    batches: &[String],
    patience: Option<Duration>,
) -> Result<()> {
    bench.wash(number).await?;
    let mut pair = bench.pair_of(number);
    if let Some(patience) = patience {
        pair.proxied.door.patience = patience;
    }
    for batch in batches {
        pair.batch(&bench.bearable(batch)).await?;
    }
    Ok(())
}

#[allow(
    clippy::print_stdout,
    reason = "who rolls dice for long wants to know how often"
)]
async fn converse_all(mode: Mode, clients: usize) -> Result<()> {
    let bench = Bench::like(mode).await?;
    if mode.reuse == Reuse::LeastRecent {
        bench.fill(&bench.pair()).await?;
    }
    let done = AtomicUsize::new(0);
    let talks = (0..clients).map(|number| converse(&bench, number, &done));
    let results = join_all(talks).await;
    let mut failures = Vec::new();
    for divergence in results.into_iter().filter_map(Result::err) {
        failures.push(tell(&bench, divergence).await);
    }
    ensure!(
        failures.is_empty(),
        "TOLLGATE_SEED={}\n{}\n{}",
        seed(),
        crashes(&bench.fixture.postgres.log()),
        failures.join("\n\n")
    );
    bench.nothing_is_left().await?;
    let done = done.load(Ordering::Relaxed);
    if generate_for().is_some() {
        println!("{done} batches of {clients} clients, {mode:?}");
    }
    ensure!(done > 20, "only {done} batches");
    Ok(())
}

/// What the server's log says of crashes: some conversations are too much for PostgreSQL itself.
fn crashes(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let crash = |at: &usize| lines[*at].contains("was terminated by signal");
    let crashes = (0..lines.len()).filter(crash);
    let shown = crashes.map(|at| lines[at.saturating_sub(6)..(at + 2).min(lines.len())].join("\n"));
    shown.collect::<Vec<_>>().join("\n")
}

/// The shortest conversation that shows it, ready to be kept as a script.
async fn tell(bench: &Bench, divergence: Divergence) -> String {
    let Divergence {
        number,
        batches,
        error,
    } = divergence;
    let fails = async |batches: &[String]| {
        let result = hold(bench, number, batches, Some(Duration::from_secs(3))).await;
        result.err().map(|error| format!("{error:#}"))
    };
    let short = shrink::shrink(batches, fails).await;
    format!(
        "client {number}: {error}\n\nshrunk to\n    (\n        \"found by dice\",\n        &{:#?},\n    ),\nwhich says {}",
        short.batches,
        short
            .error
            .as_deref()
            .unwrap_or("nothing when repeated alone")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn dice_on_a_pool_of_one() -> Result<()> {
    converse_all(Mode::pool(1), 1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn dice_for_six_clients() -> Result<()> {
    converse_all(Mode::pool(8), 6).await
}

#[tokio::test(flavor = "multi_thread")]
async fn dice_for_nomads() -> Result<()> {
    converse_all(Mode::nomad(6, PostgresVersion::V15), 3).await
}

#[tokio::test(flavor = "multi_thread")]
async fn dice_for_nomads_on_the_newest_postgresql() -> Result<()> {
    if !PostgresVersion::V18.available() {
        return Ok(());
    }
    converse_all(Mode::nomad(6, PostgresVersion::V18), 3).await
}

#[tokio::test(flavor = "multi_thread")]
async fn dice_over_tls() -> Result<()> {
    converse_all(Mode::nomad(2, PostgresVersion::V15).tls(), 1).await
}
