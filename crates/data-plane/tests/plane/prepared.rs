//! Prepared statements of many clients on few server connections: nobody is pinned and nobody notices.

use std::process::{Command, Output};

use anyhow::{Result, ensure};
use tollgate_data_plane::Reuse;
use tollgate_testkit::PostgresVersion;
use tollgate_testkit::scripted::Message;
use tollgate_types::{IamAuth, PoolPolicy};

use crate::differential::messages::{bind, describe, execute, parse, query, sync};
use crate::fixture::{Fixture, Setup, ask};
use crate::raw::{Raw, describe as show, first_error, first_value};

async fn fixture(pool: u32) -> Result<Fixture> {
    let policy = PoolPolicy {
        maximum_pool_size: Some(pool),
        ..PoolPolicy::default()
    };
    Fixture::start(policy, IamAuth::Disabled).await
}

/// Nobody is pinned, and nobody was.
async fn assert_no_pins(f: &Fixture) -> Result<()> {
    let report = f.plane.pins(&f.snapshot.proxies[0].id).await;
    ensure!(
        report.current.is_empty() && report.totals.is_empty(),
        "{report:?}"
    );
    Ok(())
}

async fn say(raw: &mut Raw, messages: &[Vec<u8>]) -> Result<Vec<Message>> {
    raw.send(&messages.concat()).await?;
    raw.until_ready().await
}

/// Runs the statement with this name.
async fn run(raw: &mut Raw, name: &str) -> Result<Vec<Message>> {
    say(raw, &[bind("", name, &[]), execute("", 0), sync()]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_name_is_every_clients_own() -> Result<()> {
    for pool in [1, 2] {
        let f = fixture(pool).await?;
        let mut clients = Vec::new();
        for number in 0..6 {
            let mut raw = Raw::login(&f.door()).await?;
            let sql = format!("select {}", number / 2);
            let said = say(&mut raw, &[parse("s", &sql), sync()]).await?;
            ensure!(first_error(&said).is_none(), "{number}");
            clients.push(raw);
        }
        for _ in 0..3 {
            for (number, raw) in clients.iter_mut().enumerate() {
                let said = run(raw, "s").await?;
                assert_eq!(first_value(&said), Some((number / 2).to_string()));
            }
        }
        assert_no_pins(&f).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn more_statements_than_a_connection_keeps_all_work() -> Result<()> {
    let f = fixture(1).await?;
    let mut raw = Raw::login(&f.door()).await?;
    for number in 0..300 {
        let text = format!("select {number}");
        let name = format!("s{number}");
        say(&mut raw, &[parse(&name, &text), sync()]).await?;
    }
    for number in (0..300).rev() {
        let said = run(&mut raw, &format!("s{number}")).await?;
        assert_eq!(first_value(&said), Some(number.to_string()));
    }
    let counted = "select count(*) from pg_prepared_statements";
    let said = say(&mut raw, &[query(counted)]).await?;
    assert_eq!(first_value(&said).as_deref(), Some("300"));
    assert_no_pins(&f).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_client_with_the_stale_statement_is_told_so() -> Result<()> {
    let f = fixture(2).await?;
    let owner = f.connect().await?;
    owner.batch_execute("create table changing (i int)").await?;
    let mut stale = Raw::login(&f.door()).await?;
    let select = "select * from changing";
    say(&mut stale, &[parse("s", select), sync()]).await?;
    owner
        .batch_execute("alter table changing add column j int")
        .await?;
    let mut fresh = Raw::login(&f.door()).await?;
    say(&mut fresh, &[parse("s", select), sync()]).await?;
    // Whoever holds one connection, the others meet on the other one.
    for holder in [false, true, false] {
        if holder {
            owner.batch_execute("begin; select 1").await?;
        }
        let said = run(&mut stale, "s").await?;
        assert_eq!(first_error(&said).as_deref(), Some("0A000"));
        let said = say(&mut stale, &[describe(b'S', "s"), sync()]).await?;
        assert_eq!(said[0].tag, b't', "{}", show(&said[0]));
        assert_eq!(first_error(&said).as_deref(), Some("0A000"));
        let said = run(&mut fresh, "s").await?;
        assert_eq!(first_error(&said), None);
        if holder {
            owner.batch_execute("commit").await?;
        }
    }
    let said = say(
        &mut stale,
        &[
            query("begin"),
            bind("", "s", &[]),
            sync(),
            query("select 1"),
        ],
    )
    .await?;
    assert_eq!(first_error(&said), None, "BEGIN is answered first");
    assert_eq!(
        first_error(&stale.until_ready().await?).as_deref(),
        Some("0A000")
    );
    assert_eq!(
        first_error(&stale.until_ready().await?).as_deref(),
        Some("25P02")
    );
    say(&mut stale, &[query("rollback")]).await?;
    assert_no_pins(&f).await
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_of_sql_follow_their_clients() -> Result<()> {
    let f = fixture(2).await?;
    let (one, other, third) = (f.connect().await?, f.connect().await?, f.connect().await?);
    one.batch_execute("prepare q as select 'one'").await?;
    other.batch_execute("prepare q as select 'other'").await?;
    for round in 0..6 {
        if round % 2 == 0 {
            third.batch_execute("begin; select 1").await?;
        }
        assert_eq!(ask(&one, "execute q").await?, "one");
        assert_eq!(ask(&other, "execute q").await?, "other");
        let listed = "select string_agg(name, ',') from pg_prepared_statements where from_sql";
        assert_eq!(ask(&one, listed).await?, "q");
        if round % 2 == 0 {
            third.batch_execute("commit").await?;
        }
    }
    one.batch_execute("deallocate q").await?;
    assert!(one.simple_query("execute q").await.is_err());
    assert_eq!(ask(&other, "execute q").await?, "other");
    assert_no_pins(&f).await
}

#[tokio::test(flavor = "multi_thread")]
async fn pgbench_runs_prepared_without_a_pin() -> Result<()> {
    let f = fixture(4).await?;
    let port = f.port.to_string();
    let program = f.postgres.program("pgbench");
    let pgbench = |arguments: &'static [&str]| {
        let mut command = Command::new(&program);
        command
            .args(["-h", "127.0.0.1", "-p", &port, "-U", "app", "-n"])
            .args(arguments)
            .arg("orders")
            .env("PGPASSWORD", Fixture::password())
            .env("PGSSLMODE", "disable");
        tokio::task::spawn_blocking(move || command.output())
    };
    let made: Output = pgbench(&["-i", "-q"]).await??;
    ensure!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    // One thread each: pgbench waits for the answer to a Parse, and with it all clients of the thread.
    let ran = pgbench(&["-M", "prepared", "-c", "32", "-j", "32", "-t", "30"]).await??;
    let said = String::from_utf8_lossy(&ran.stdout);
    ensure!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    ensure!(said.contains("960/960"), "{said}");
    assert_no_pins(&f).await
}

/// The planner may fold what a text says of settings into the plan: clients with other settings must not
/// share it.
#[tokio::test(flavor = "multi_thread")]
async fn plans_made_under_other_settings_are_not_shared() -> Result<()> {
    let f = fixture(1).await?;
    for (setting, values, sql) in [
        (
            "array_nulls",
            ["on", "off"],
            "select ('{NULL}'::text[])[1] is null",
        ),
        (
            "transform_null_equals",
            ["on", "off"],
            "select null::int = null",
        ),
    ] {
        let mut clients = Vec::new();
        for value in values {
            let mut raw = Raw::login(&f.door()).await?;
            say(&mut raw, &[query(&format!("set {setting} = {value}"))]).await?;
            clients.push(raw);
        }
        let mut told = Vec::new();
        for raw in &mut clients {
            say(raw, &[parse("s", sql), sync()]).await?;
            told.push(first_value(&run(raw, "s").await?));
        }
        assert_ne!(told[0], told[1], "{setting} says nothing");
        for _ in 0..4 {
            for (raw, told) in clients.iter_mut().zip(&told) {
                assert_eq!(first_value(&run(raw, "s").await?), *told, "{setting}");
            }
        }
    }
    Ok(())
}

/// Somebody's code drops every statement of the process. Others notice once at most.
#[tokio::test(flavor = "multi_thread")]
async fn statements_dropped_by_a_function_are_made_again() -> Result<()> {
    let f = fixture(1).await?;
    let mut one = Raw::login(&f.door()).await?;
    say(&mut one, &[parse("keep", "select 7"), sync()]).await?;
    let mut other = Raw::login(&f.door()).await?;
    let vandal = "create function drops() returns void language plpgsql as $$ begin execute 'deallocate all'; end $$";
    say(&mut other, &[query(vandal)]).await?;
    say(&mut other, &[query("select drops()")]).await?;
    run(&mut one, "keep").await?;
    let said = run(&mut one, "keep").await?;
    assert_eq!(first_value(&said).as_deref(), Some("7"));
    Ok(())
}

/// A server and how its connections are lent: to whoever had them last, or to everybody in turn.
async fn fixture_like(version: PostgresVersion, reuse: Reuse) -> Result<Fixture> {
    let policy = PoolPolicy {
        maximum_pool_size: Some(match reuse {
            Reuse::MostRecent => 1,
            Reuse::LeastRecent => 3,
        }),
        ..PoolPolicy::default()
    };
    Fixture::start_as(Setup {
        version,
        reuse,
        shards: 1,
        ..Setup::new(policy, IamAuth::Disabled)
    })
    .await
}

/// What clients do with statements of SQL, and the first value of the last reply to each.
const BY_NAME: [(&str, Option<&str>); 32] = [
    (
        "prepare a as select {n}1; prepare b(int) as select $1 + {n}; select 'x'",
        Some("x"),
    ),
    ("begin; prepare c as select {n}3; commit", None),
    ("begin", None),
    ("set local datestyle = 'SQL, DMY'", None),
    (
        "prepare d as select extract(month from '01/0{n}/2020'::date)",
        None,
    ),
    ("commit", None),
    ("begin; prepare k as select 'k{n}'::text; commit", None),
    ("execute k", Some("k{n}")),
    ("prepare l as select 'l{n}'::text; select 1", Some("1")),
    ("execute l", Some("l{n}")),
    (
        "begin; set local datestyle = 'SQL, DMY'; prepare m as select extract(month from '01/0{n}/2020'::date); commit",
        None,
    ),
    ("execute m", Some("{n}")),
    ("deallocate k; deallocate l; deallocate m", None),
    (
        "prepare o as select set_config('work_mem', '{n}MB', false)",
        None,
    ),
    ("do $$ begin execute 'execute o'; end $$", None),
    ("show work_mem", Some("{n}MB")),
    ("deallocate o", None),
    ("reset work_mem", None),
    ("execute a", Some("{n}1")),
    ("execute b(10)", Some("1{n}")),
    ("execute c", Some("{n}3")),
    ("execute d", Some("{n}")),
    ("deallocate b; execute a", Some("{n}1")),
    ("execute b(1)", Some("26000")),
    (
        "do $$ begin execute 'deallocate c'; execute 'prepare e as select {n}5'; end $$",
        None,
    ),
    ("execute c", Some("26000")),
    ("execute e", Some("{n}5")),
    ("execute d", Some("{n}")),
    (
        "select string_agg(name, ',' order by name) from pg_prepared_statements",
        Some("a,d,e"),
    ),
    ("select drops()", Some("")),
    ("execute d", Some("26000")),
    ("select count(*) from pg_prepared_statements", Some("0")),
];

/// Each in turn, so that the other has had the connection between any two texts that are not in one transaction.
#[tokio::test(flavor = "multi_thread")]
async fn statements_named_in_sql_never_pin() -> Result<()> {
    for version in PostgresVersion::ALL
        .into_iter()
        .filter(|version| version.available())
    {
        for reuse in [Reuse::MostRecent, Reuse::LeastRecent] {
            let f = fixture_like(version, reuse).await?;
            let drops = "create function drops() returns void language plpgsql as $$ begin execute 'deallocate all'; end $$";
            f.connect().await?.batch_execute(drops).await?;
            let mut clients = [Raw::login(&f.door()).await?, Raw::login(&f.door()).await?];
            let transaction = 2..6;
            let mut at = 0;
            while at < BY_NAME.len() {
                let end = if at == transaction.start {
                    transaction.end
                } else {
                    at + 1
                };
                for (number, raw) in clients.iter_mut().enumerate() {
                    let number = (number + 2).to_string();
                    for (text, expected) in &BY_NAME[at..end] {
                        let said = say(raw, &[query(&text.replace("{n}", &number))]).await?;
                        let heard = first_error(&said).or_else(|| first_value(&said));
                        let expected = expected.map(|value| value.replace("{n}", &number));
                        assert_eq!(
                            heard, expected,
                            "{text} of {number} on {version:?}, {reuse:?}"
                        );
                    }
                }
                at = end;
            }
            assert_no_pins(&f).await?;
        }
    }
    Ok(())
}

/// The first client's statements are stale or broken, the second one's are as new.
#[tokio::test(flavor = "multi_thread")]
async fn execute_checks_results_and_nobody_is_in_the_way() -> Result<()> {
    for version in PostgresVersion::ALL
        .into_iter()
        .filter(|version| version.available())
    {
        for reuse in [Reuse::MostRecent, Reuse::LeastRecent] {
            let f = fixture_like(version, reuse).await?;
            let owner = f.connect().await?;
            owner
                .batch_execute("create table changing (i int); create table lost (i int)")
                .await?;
            let mut one = Raw::login(&f.door()).await?;
            let mut other = Raw::login(&f.door()).await?;
            let prepare = "prepare s as select * from changing; prepare l as select * from lost; prepare k as select 5";
            say(&mut one, &[query(prepare)]).await?;
            owner
                .batch_execute("alter table changing add j int; insert into changing values (1, 2); drop table lost")
                .await?;
            say(&mut other, &[query("prepare s as select * from changing")]).await?;
            for _ in 0..3 {
                let said = say(&mut one, &[query("execute s")]).await?;
                assert_eq!(
                    first_error(&said).as_deref(),
                    Some("0A000"),
                    "{version:?} {reuse:?}"
                );
                let said = say(&mut other, &[query("execute s")]).await?;
                assert_eq!(
                    first_value(&said).as_deref(),
                    Some("1"),
                    "{version:?} {reuse:?}"
                );
                let said = say(&mut one, &[query("deallocate nothing; execute l")]).await?;
                ensure!(first_error(&said).is_some());
                for text in [
                    "execute k; execute k",
                    "explain execute k",
                    "do $$ begin execute 'execute k'; end $$",
                    "select from pg_prepared_statements",
                ] {
                    let said = say(&mut one, &[query(text)]).await?;
                    assert_eq!(first_error(&said), None, "{text} on {version:?}, {reuse:?}");
                }
            }
            owner.batch_execute("alter table changing drop j").await?;
            let said = say(&mut one, &[query("execute s")]).await?;
            assert_eq!(
                first_value(&said).as_deref(),
                Some("1"),
                "{version:?} {reuse:?}"
            );
            assert_no_pins(&f).await?;
        }
    }
    Ok(())
}
