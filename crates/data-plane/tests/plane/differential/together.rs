//! Two clients of each side: what one does is heard, waited for or cancelled by the other.

use anyhow::{Context, Result, ensure};
use tollgate_testkit::PostgresVersion;

use super::notation::Cut;
use super::{Bench, Mode};

/// Who speaks.
#[derive(Debug, Clone, Copy)]
enum Who {
    Ann,
    Ben,
}

use Who::{Ann, Ben};

/// A conversation of two: turns, each of which is answered completely before the next one.
type Script = (&'static str, &'static [(Who, &'static str)]);

const SCRIPTS: &[Script] = &[
    (
        "notifications both ways",
        &[
            (Ann, "Q(listen c0)"),
            (Ben, "Q(listen c0)"),
            (Ben, "Q(notify c0, 'of ben')"),
            (Ann, "~(1)"),
            (Ann, "Q(notify c0, 'of ann')"),
            (Ben, "~(1)"),
            (Ben, "X(notify c0, 'extended') S()"),
            (Ann, "~(1) Q(select 1)"),
            (Ann, "Q(select pg_notify('c0', 'by function'))"),
            (Ben, "~(1) X(select 1) S()"),
            (Ann, "Q(unlisten *)"),
            (Ben, "Q(notify c0, 'to myself')"),
            (Ann, "Q(notify c0, 'unheard by ann')"),
            (Ben, "~(1)"),
        ],
    ),
    (
        "the order of notifications",
        &[
            (Ann, "Q(listen c0; listen d0)"),
            (
                Ben,
                "Q(begin; notify c0, '1'; notify d0, '2'; notify c0, '3'; notify c0, '1'; commit)",
            ),
            (Ann, "~(3)"),
            (
                Ben,
                "Q(notify d0, '4') Q(notify c0, '5') X(notify d0, '6') X(notify d0, '7') S()",
            ),
            (Ann, "~(4)"),
            (
                Ben,
                "Q(begin; notify c0, 'a'; savepoint s; notify c0, 'b'; rollback to s; notify c0, 'c'; commit)",
            ),
            (Ann, "~(2)"),
            (
                Ben,
                "Q(begin; notify c0, 'never'; rollback) Q(notify c0, 'once')",
            ),
            (Ann, "~(1)"),
            (Ann, "Q(unlisten c0)"),
            (Ben, "Q(notify c0, 'unheard') Q(notify d0, 'heard')"),
            (Ann, "~(1) Q(select * from pg_listening_channels())"),
        ],
    ),
    (
        "notifications wait for the end of a transaction",
        &[
            (Ann, "Q(listen c0)"),
            (Ann, "Q(begin)"),
            (Ben, "Q(notify c0, 'during a transaction')"),
            (Ann, "Q(select 1)"),
            (Ann, "Q(commit)"),
            (Ann, "X(begin) S()"),
            (Ben, "Q(notify c0, 'one') Q(notify c0, 'two')"),
            (Ann, "X(notify c0, 'own') S()"),
            (Ann, "X(commit) S() X(select 2) S()"),
            (Ben, "~(0) Q(select 1)"),
            (Ann, "Q(begin) Q(select 1/0)"),
            (Ben, "Q(notify c0, 'during a failure')"),
            (Ann, "Q(select 1)"),
            (Ann, "Q(rollback)"),
        ],
    ),
    (
        "listening that is not committed",
        &[
            (Ann, "Q(begin; listen c0)"),
            (Ben, "Q(notify c0, 'too early')"),
            (Ann, "Q(commit)"),
            (Ben, "Q(notify c0, 'heard')"),
            (Ann, "~(1)"),
            (Ann, "Q(begin; unlisten c0)"),
            (Ben, "Q(notify c0, 'still heard')"),
            (Ann, "Q(rollback)"),
            (Ben, "Q(notify c0, 'heard again')"),
            (Ann, "~(1) Q(begin; unlisten *; commit)"),
            (Ben, "Q(notify c0, 'unheard')"),
            (Ann, "Q(select 1)"),
        ],
    ),
    (
        "notifications amid a pipeline and a copy",
        &[
            (Ann, "Q(listen c0)"),
            (Ben, "X(select 1) H() ~(4) X(notify c0, 'late') S()"),
            (Ann, "~(1) X(select 1) X(select 2) S()"),
            (
                Ben,
                "Q(copy t0 from stdin) d(1\\tone\\n) c() Q(notify c0, 'after a copy')",
            ),
            (Ann, "~(1) Q(copy t0 to stdout)"),
            (Ben, "Q(listen c0) Q(discard all) Q(notify c0, 'from afar')"),
            (Ann, "~(1) Q(discard all)"),
            (Ben, "Q(notify c0, 'unheard')"),
            (Ann, "Q(select 1)"),
        ],
    ),
    (
        "a trigger that notifies",
        &[
            (
                Ann,
                "Q(create function n0.t() returns trigger language plpgsql as $$ begin perform pg_notify('c0', new.x); return new; end $$)",
            ),
            (
                Ann,
                "Q(create trigger g after insert on t0 for each row execute function n0.t())",
            ),
            (Ann, "Q(listen c0)"),
            (Ben, "Q(insert into t0 values (1, 'by ben'))"),
            (Ann, "~(1) Q(insert into t0 values (2, 'by ann'))"),
            (
                Ben,
                "P(s|insert into t0 values (3, $1)) B(|s|prepared) E(|0) S() B(|s|prepared) E(|0) B(|s|twice) E(|0) S()",
            ),
            (Ann, "~(3)"),
        ],
    ),
    (
        "a client that waits for a lock is cancelled",
        &[
            (Ann, "Q(select pg_advisory_lock(50))"),
            (
                Ben,
                "Q(do $$ begin raise notice 'waiting'; perform pg_advisory_lock(50); end $$) K(1)",
            ),
            (
                Ben,
                "X(do $$ begin raise notice 'waiting'; perform pg_advisory_lock(50); end $$) X(select 1) S() K(3)",
            ),
            (Ann, "K(0) Q(select pg_advisory_unlock(50))"),
            (
                Ben,
                "Q(select pg_advisory_lock(50)) K(4) Q(select pg_advisory_unlock(50))",
            ),
            (Ann, "Q(begin; lock table t0)"),
            (
                Ben,
                "Q(begin; do $$ begin raise notice 'waiting'; perform count(*) from t0; end $$) K(2)",
            ),
            (Ben, "Q(rollback)"),
            (Ann, "Q(insert into t0 values (1, 'x')) Q(commit)"),
            (Ben, "Q(select * from t0)"),
        ],
    ),
    (
        "a cancel hits nobody else",
        &[
            (
                Ann,
                "Q(do $$ begin raise notice 'now'; perform pg_sleep(60); end $$) K(1)",
            ),
            (Ben, "Q(select 1)"),
            (Ann, "K(0)"),
            (Ben, "Q(select pg_sleep(0.05))"),
            (Ann, "Q(begin; select 1) K(5)"),
            (Ben, "Q(select pg_sleep(0.05))"),
            (Ann, "Q(commit) K(2)"),
            (Ben, "Q(select pg_sleep(0.05)) Q(select 2)"),
        ],
    ),
    (
        "names that only the other one has",
        &[
            (Ann, "Q(prepare s1 as select 'of ann') Q(execute s1)"),
            (
                Ben,
                "Q(begin) Q(select nothing) PT(s1|25|select pg_advisory_lock($1)) S()",
            ),
            (
                Ben,
                "Q(set standard_conforming_strings = off; prepare q as select 'a\\\\b') B(|s1|5) S()",
            ),
            (Ben, "B(|s1) E(|0) S() DS(s1) S() Q(rollback)"),
            (Ben, "B(|s1) E(|0) S() DS(s1) S() Q(execute s1)"),
            (Ann, "Q(execute s1) Q(prepare s2 as select 'of ann')"),
            (
                Ben,
                "Q(begin) Q(do $$ begin execute 'prepare z as select 1'; end $$) Q(select nothing)",
            ),
            (
                Ben,
                "B(|s2) E(|0) S() B(|z) E(|0) S() DS(s2) S() Q(rollback)",
            ),
            (Ben, "B(|s2) E(|0) S() B(|z) E(|0) S() Q(deallocate all)"),
            (Ann, "Q(execute s2)"),
        ],
    ),
];

async fn play(bench: &Bench, (name, turns): &Script, cut: Cut) -> Option<String> {
    let result = async {
        bench.wash(0).await?;
        let mut ann = bench.pair().cut(cut);
        let mut ben = bench.pair().cut(cut);
        for (at, (who, batch)) in turns.iter().enumerate() {
            let pair = match who {
                Ann => &mut ann,
                Ben => &mut ben,
            };
            pair.batch(&bench.bearable(batch))
                .await
                .with_context(|| format!("turn {at} of {who:?}"))?;
        }
        for pair in [&mut ann, &mut ben] {
            pair.batch("Q(select 1) X(select 2) S()").await?;
        }
        anyhow::Ok(())
    };
    let error = result.await.err()?;
    Some(format!("{name} ({cut:?}): {error:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_hear_and_wait_for_each_other_as_at_postgresql() -> Result<()> {
    let mut modes = vec![Mode::pool(2)];
    modes.extend(
        PostgresVersion::ALL
            .into_iter()
            .filter(|version| version.available())
            .map(|version| Mode::nomad(4, version)),
    );
    for mode in modes {
        let bench = Bench::like(mode).await?;
        let mut failures = Vec::new();
        for cut in [Cut::Whole, Cut::Messages, Cut::Bytes] {
            let wanted = std::env::var("TOLLGATE_SCRIPT").unwrap_or_default();
            for script in SCRIPTS.iter().filter(|(name, _)| name.contains(&wanted)) {
                failures.extend(play(&bench, script, cut).await);
            }
        }
        ensure!(failures.is_empty(), "{mode:?}\n{}", failures.join("\n\n"));
        bench.nothing_is_left().await?;
    }
    Ok(())
}
