//! The ways in which scripts and generated conversations are held: alone, together, moving, encrypted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use futures_util::future::join_all;
use tollgate_data_plane::Reuse;
use tollgate_testkit::MySqlKind;

use super::scripts::{self, End, Script};
use super::{Bench, Cut, Mode, generator, shrink};
use crate::dice::{Dice, seed};
use crate::mysql::fixture::KINDS;
use crate::mysql::raw::Raw;

/// Generated conversations per client, unless `TOLLGATE_DICE_SECONDS` says how long to go on. With the seed
/// of the gate they are the same every time, however fast the machine is.
const CONVERSATIONS: usize = 8;

/// Only scripts with this in their names are played, if it is said.
fn chosen(script: &Script) -> bool {
    std::env::var("TOLLGATE_SCRIPT").map_or(true, |word| script.name.contains(&word))
}

/// One script as the client with this number.
async fn play(bench: &Bench, script: &Script, number: usize, cut: Cut) -> Option<String> {
    let result = async {
        bench.wash(number).await?;
        let mut pair = bench.pair_of(number).cut(cut);
        if number > 0 {
            // Others have executed the same statement on the same connection.
            pair = pair.with_undescribed_parameters();
        }
        for (at, batch) in script.batches.iter().enumerate() {
            let login = pair.will_log_in(batch);
            if bench.mode.reuse == Reuse::LeastRecent && (at == 0 || login) {
                bench.fill(&pair).await?;
            }
            pair.batch(batch).await?;
        }
        // What comes too late is heard here.
        pair.batch("PING() Q(SELECT 1)").await?;
        if script.end == End::Free && number == 0 && !TYING.contains(&script.name) {
            nobody_is_tied(bench).await?;
        }
        anyhow::Ok(())
    };
    let error = result.await.err()?;
    let kind = bench.mode.kind;
    Some(format!("{} ({kind:?}, {cut:?}): {error:#}", script.name))
}

/// Scripts that do what ties: they call routines that the user may not read, execute in SQL, leave a large value in a
/// variable, or say what nobody understands.
const TYING: [&str; 9] = [
    "options behind a failure that has left a transaction",
    "several statements in one text",
    "procedures with several results",
    "output parameters",
    "commands of many packets",
    "procedures that begin transactions",
    "a procedure fails in a transaction that it has begun, and what it did stays",
    "a procedure's warnings",
    "found rows behind statements that find nothing",
];

/// Fails if the client is tied to its server connection.
async fn nobody_is_tied(bench: &Bench) -> Result<()> {
    for _ in 0..3000 {
        let sessions = bench.fixture.sessions().await;
        if sessions.iter().all(|session| session.pins.is_empty()) {
            return Ok(());
        }
        // The report is a moment behind the reply, and so is the end of the client before.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let sessions = bench.fixture.sessions().await;
    bail!(
        "tied: {:?}",
        sessions.iter().map(|it| &it.pins).collect::<Vec<_>>()
    )
}

async fn play_all(bench: &Bench, cut: Cut) -> Vec<String> {
    let mut failures = Vec::new();
    for script in scripts::all(bench.mode.kind).filter(chosen) {
        failures.extend(play(bench, &script, 0, cut).await);
    }
    failures
}

/// Fails with all of them, so that one run tells everything.
fn none(failures: &[String]) -> Result<()> {
    let count = failures.len();
    ensure!(
        failures.is_empty(),
        "{count} failed\n{}",
        failures.join("\n\n")
    );
    Ok(())
}

/// The scripts on one connection, .
async fn alone(kind: MySqlKind) -> Result<()> {
    let bench = Bench::start(Mode::pool(1, kind)).await?;
    none(&play_all(&bench, Cut::Commands).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_get_the_replies_of_mysql() -> Result<()> {
    alone(MySqlKind::MySql9).await
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_get_the_replies_of_mariadb() -> Result<()> {
    alone(MySqlKind::MariaDb).await
}

/// The scripts of clients that get another server connection every time.
async fn moving(kind: MySqlKind) -> Result<()> {
    let bench = Bench::start(Mode::nomad(3, kind)).await?;
    none(&play_all(&bench, Cut::Batches).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_nomads_get_the_replies_of_mysql() -> Result<()> {
    moving(MySqlKind::MySql9).await
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_nomads_get_the_replies_of_mariadb() -> Result<()> {
    moving(MySqlKind::MariaDb).await
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_over_tls_get_the_same_replies() -> Result<()> {
    for kind in KINDS {
        let bench = Bench::start(Mode::nomad(2, kind).tls()).await?;
        none(&play_all(&bench, Cut::Bytes).await)?;
    }
    Ok(())
}

/// Messages of 16 MiB would take too long in single bytes.
fn is_short(script: &Script) -> bool {
    let long = ["many packets", "large", "longer", "long"];
    !long.iter().any(|word| script.name.contains(word))
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_over_a_server_link_of_single_bytes_get_the_same_replies() -> Result<()> {
    for kind in KINDS {
        let bench = Bench::start(Mode::nomad(2, kind).trickling()).await?;
        let mut failures = Vec::new();
        for script in scripts::all(kind).filter(chosen).filter(is_short) {
            failures.extend(play(&bench, &script, 0, Cut::Batches).await);
        }
        none(&failures)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_six_clients_at_once_get_the_same_replies() -> Result<()> {
    for kind in KINDS {
        let bench = Bench::start(Mode::pool(8, kind)).await?;
        let scripts: Vec<Script> = scripts::in_company(kind).filter(chosen).collect();
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
                    let cut = *dice.pick(&[Cut::Commands, Cut::Batches]);
                    failures.extend(play(bench, script, number, cut).await);
                }
                failures
            }
        });
        none(&join_all(clients).await.concat())?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nomad_gets_another_server_connection_every_time() -> Result<()> {
    for kind in KINDS {
        let bench = Bench::start(Mode::nomad(3, kind)).await?;
        let pair = bench.pair();
        bench.fill(&pair).await?;
        let mut raw = Raw::login(&pair.proxied.door).await?;
        let mut seen = Vec::new();
        for _ in 0..6 {
            // The proxy puts the client's number only where it reads a call.
            seen.push(raw.must("SELECT @@pseudo_thread_id").await?);
        }
        assert_eq!(seen[..3], seen[3..], "in turn, {kind:?}");
        assert!(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2]);
    }
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
        let batches = generator::conversation(&mut dice, bench.mode.kind);
        let cut = *dice.pick(&[Cut::Commands, Cut::Batches]);
        if let Err(error) = hold(bench, number, &batches, (cut, None)).await {
            let error = format!("{error:#} ({cut:?})");
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
    (cut, patience): (Cut, Option<Duration>),
) -> Result<()> {
    bench.wash(number).await?;
    let pair = bench.pair_of(number).cut(cut);
    let mut pair = pair.with_undescribed_parameters();
    if let Some(patience) = patience {
        pair.proxied.door.patience = patience;
    }
    for batch in batches {
        pair.batch(batch).await?;
    }
    Ok(())
}

async fn converse_all(mode: Mode, clients: usize) -> Result<()> {
    let bench = Bench::start(mode).await?;
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
        "TOLLGATE_SEED={}\n{}",
        seed(),
        failures.join("\n\n")
    );
    bench.nothing_is_left().await?;
    let done = done.load(Ordering::Relaxed);
    ensure!(done > 20, "only {done} batches");
    Ok(())
}

/// The shortest conversation that shows it, ready to be kept as a script.
async fn tell(bench: &Bench, divergence: Divergence) -> String {
    let Divergence {
        number,
        batches,
        error,
    } = divergence;
    let patience = Some(Duration::from_secs(3));
    let fails = async |batches: &[String]| {
        for cut in [Cut::Commands, Cut::Batches] {
            if let Err(error) = hold(bench, number, batches, (cut, patience)).await {
                return Some(format!("{error:#} ({cut:?})"));
            }
        }
        None
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
    for kind in KINDS {
        converse_all(Mode::pool(1, kind), 1).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn dice_for_six_clients() -> Result<()> {
    for kind in KINDS {
        converse_all(Mode::pool(8, kind), 6).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn dice_for_nomads_on_mysql() -> Result<()> {
    converse_all(Mode::nomad(6, MySqlKind::MySql9), 3).await
}

#[tokio::test(flavor = "multi_thread")]
async fn dice_for_nomads_on_mariadb() -> Result<()> {
    converse_all(Mode::nomad(6, MySqlKind::MariaDb), 3).await
}
