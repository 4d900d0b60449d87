//! What functions, triggers and the like set for a session stays with the client that ran them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tollgate_data_plane::Reuse;
use tollgate_testkit::PostgresVersion;
use tollgate_types::{IamAuth, PoolPolicy};

use crate::differential::messages::{bind, execute, parse, sync};
use crate::fixture::{Fixture, Setup, ask};
use crate::raw::{Raw, first_error, first_value};

/// Sets a custom setting, in a function that others call.
const SETTER: &str = "create or replace function set_tenant(t text) returns text language plpgsql as \
    $$ begin perform set_config('app.tenant', t, false); return t; end $$";

const TENANT: &str = "select coalesce(nullif(current_setting('app.tenant', true), ''), 'none')";

/// Code, a text that runs it, a question, and the answers to the client that ran it and to another one.
struct Case {
    code: &'static str,
    run: &'static str,
    question: &'static str,
    answers: [&'static str; 2],
}

const fn tenant(code: &'static str, run: &'static str, own: &'static str) -> Case {
    Case {
        code,
        run,
        question: TENANT,
        answers: [own, "none"],
    }
}

const CASES: &[Case] = &[
    tenant(
        "create function by_text(s text, a text) returns text language plpgsql as \
         $$ declare z text; begin execute format('select %I.set_tenant(%L)', s, a) into z; return z; end $$",
        "select by_text('public', 'dynamic')",
        "dynamic",
    ),
    tenant(
        "select 1",
        "do $$ begin execute format('select %I(%L)', 'set_tenant', 'assembled'); end $$",
        "assembled",
    ),
    tenant(
        "create function joined() returns text language plpgsql as \
         $$ begin execute 'se' || 't app.tenant = ' || quote_literal('joined'); return 'x'; end $$",
        "select joined()",
        "joined",
    ),
    tenant(
        "create table assembled (i int); \
         create function on_assembled() returns trigger language plpgsql as $$ begin \
         execute 'select set_' || 'config(''app.tenant'', $1, false)' using 'in a trigger'; return new; end $$; \
         create trigger t before insert on assembled for each row execute function on_assembled()",
        "insert into assembled values (1)",
        "in a trigger",
    ),
    tenant(
        "drop table assembled",
        "select count(*) from ts_stat('select to_tsvector(set_' || 'config(''app.tenant'', ''words'', false))')",
        "words",
    ),
    tenant(
        "create view counted as select count(*) from \
         ts_stat('select to_tsvector(set_' || 'config(''app.tenant'', ''seen'', false))')",
        "select * from counted",
        "seen",
    ),
    tenant(
        "drop view counted; create view direct as select set_config('app.tenant', 'direct', false)",
        "select * from direct",
        "direct",
    ),
    tenant(
        "drop view direct; create table filled (i int, t text default set_config('app.tenant', 'filled', false))",
        "insert into filled values (1)",
        "filled",
    ),
    tenant(
        "drop table filled; create table shut (i int); insert into shut values (1); \
         alter table shut enable row level security; alter table shut force row level security; \
         create policy p on shut using (set_config('app.tenant', 'shut', false) is not null)",
        "select * from shut",
        "shut",
    ),
    Case {
        code: "drop table shut; create function in_pieces() returns int language plpgsql as \
               $$ begin execute 'se' || 't search_' || 'path = pg_catalog'; return 1; end $$",
        run: "select in_pieces()",
        question: "select current_setting('search_path')",
        answers: ["pg_catalog", "\"$user\", public"],
    },
    tenant("select 1", "select set_tenant('function')", "function"),
    tenant(
        "create function outer_one() returns text language sql as $$ select public.set_tenant('nested') $$",
        "select outer_one()",
        "nested",
    ),
    tenant(
        "create procedure proc() language plpgsql as $$ begin perform set_config('app.tenant', 'procedure', false); end $$",
        "call proc()",
        "procedure",
    ),
    tenant(
        "create table watched (i int); \
         create function on_watched() returns trigger language plpgsql as \
         $$ begin perform set_config('app.tenant', 'trigger', false); return new; end $$; \
         create trigger t before insert on watched for each row execute function on_watched()",
        "insert into watched values (1)",
        "trigger",
    ),
    tenant(
        "create table with_default (i int, x text default set_tenant('default'))",
        "insert into with_default values (1)",
        "default",
    ),
    tenant(
        "create view looked_at as select set_tenant('view')",
        "select * from looked_at",
        "view",
    ),
    tenant(
        "create function fine(t text) returns bool language sql as $$ select set_tenant('domain') is not null $$; \
         create domain checked as text check (fine(value))",
        "select 'x'::checked",
        "domain",
    ),
    tenant(
        "create table guarded (i int); insert into guarded values (1); \
         alter table guarded enable row level security; alter table guarded force row level security; \
         create policy p on guarded using (set_tenant('policy') is not null)",
        "select * from guarded",
        "policy",
    ),
    tenant(
        "create function remember(state text, t text) returns text language sql as $$ select set_tenant('aggregate') $$; \
         create aggregate remembered (text) (sfunc = remember, stype = text)",
        "select remembered(x) from (values ('a')) as v (x)",
        "aggregate",
    ),
    tenant(
        "create function argued(t text default set_tenant('argument')) returns text language plpgsql as $$ begin return t; end $$",
        "select argued()",
        "argument",
    ),
    tenant(
        "create function by_text() returns void language plpgsql as \
         $$ begin execute format('set app.tenant = %L', 'executed'); end $$",
        "select by_text()",
        "executed",
    ),
    tenant(
        "create function standard() returns text language sql begin atomic \
         select set_config('app.tenant', 'standard', false); end",
        "select standard()",
        "standard",
    ),
    tenant(
        "prepare p as select set_tenant('prepared')",
        "execute p",
        "prepared",
    ),
    tenant(
        "select 1",
        "do $$ begin perform set_config('app.tenant', 'do', false); end $$",
        "do",
    ),
    tenant(
        "select 1",
        "create or replace function just_made() returns text language sql as \
         $$ select set_config('app.tenant', 'made', false) $$; select just_made()",
        "made",
    ),
    tenant(
        "select 1",
        "begin; select set_tenant('kept'); commit",
        "kept",
    ),
    tenant(
        "select 1",
        "begin; select set_tenant('undone'); rollback",
        "none",
    ),
    tenant(
        "select 1",
        "copy (select set_tenant('copy')) to stdout",
        "copy",
    ),
    Case {
        code: "create function become() returns void language plpgsql as $$ begin set role alice; end $$; \
               create function stay() returns text language sql as $$ select set_config('role', 'alice', false) $$",
        run: "select become()",
        question: "select current_user",
        answers: ["alice", "app"],
    },
    Case {
        code: "select 1",
        run: "select stay()",
        question: "select current_user",
        answers: ["alice", "app"],
    },
    Case {
        code: "create function plan() returns void language plpgsql as $$ begin set work_mem = '7MB'; \
               perform set_config('search_path', 'nowhere, public', false); end $$",
        run: "select plan()",
        question: "select current_setting('work_mem') || ' ' || current_setting('search_path')",
        answers: ["7MB nowhere, public", "4MB \"$user\", public"],
    },
];

async fn fixture(setup: Setup) -> Result<Fixture> {
    let f = Fixture::start_as(setup).await?;
    let roles = "create role alice; grant alice to app; grant all on schema public to public";
    f.postgres.superuser_sql("orders", roles)?;
    Ok(f)
}

fn setup(pool: u32) -> Setup {
    let policy = PoolPolicy {
        maximum_pool_size: Some(pool),
        ..PoolPolicy::default()
    };
    Setup::new(policy, IamAuth::Disabled)
}

async fn answer(client: &Client, question: &str) -> Result<String> {
    ask(client, question)
        .await
        .with_context(|| question.to_owned())
}

/// Runs a text in whatever way it likes to be run; what it answers does not matter.
async fn run(client: &Client, text: &str) -> Result<()> {
    if text.starts_with("copy") {
        let copied = client.copy_out(text).await?;
        drop(futures_util::TryStreamExt::try_collect::<Vec<_>>(copied).await?);
        return Ok(());
    }
    client
        .simple_query(text)
        .await
        .with_context(|| text.to_owned())?;
    Ok(())
}

async fn assert_no_pins(f: &Fixture) -> Result<()> {
    let report = f.plane.pins(&f.snapshot.proxies[0].id).await;
    ensure!(
        report.current.is_empty() && report.totals.is_empty(),
        "{report:?}"
    );
    Ok(())
}

/// Waits until as many statements as that pin clients. The server is asked what is left of a statement only after its
/// client was answered.
async fn pins(f: &Fixture, fits: impl Fn(usize) -> bool) -> Result<()> {
    let mut report = f.plane.pins(&f.snapshot.proxies[0].id).await;
    for _ in 0..3000 {
        if fits(report.current.len()) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        report = f.plane.pins(&f.snapshot.proxies[0].id).await;
    }
    anyhow::bail!("{report:?}")
}

async fn play(f: &Fixture, case: &Case) -> Result<()> {
    let (own, other) = (f.connect().await?, f.connect().await?);
    run(&own, case.code).await?;
    assert_eq!(
        answer(&other, case.question).await?,
        case.answers[1],
        "before {}",
        case.run
    );
    run(&own, case.run).await?;
    for _ in 0..3 {
        for (client, expected) in [&own, &other].into_iter().zip(case.answers) {
            assert_eq!(
                answer(client, case.question).await?,
                expected,
                "after {}",
                case.run
            );
        }
    }
    let late = f.connect().await?;
    assert_eq!(
        answer(&late, case.question).await?,
        case.answers[1],
        "{}",
        case.run
    );
    assert_no_pins(f).await.with_context(|| case.run.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stored_code_sets_is_its_clients_own() -> Result<()> {
    let f = fixture(setup(1)).await?;
    let maker = f.connect().await?;
    maker.batch_execute(SETTER).await?;
    for case in CASES {
        play(&f, case).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stored_code_sets_moves_with_its_client() -> Result<()> {
    for version in PostgresVersion::ALL {
        if !version.available() {
            continue;
        }
        let setup = Setup {
            version,
            reuse: Reuse::LeastRecent,
            shards: 1,
            ..setup(3)
        };
        let f = fixture(setup).await?;
        // Made past the proxy, before anybody has come.
        f.postgres
            .superuser_sql("orders", &format!("set role app; {SETTER}"))?;
        for case in CASES {
            play(&f, case).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn prepared_calls_are_noticed_whenever_the_routine_was_made() -> Result<()> {
    let f = fixture(setup(1)).await?;
    let maker = f.connect().await?;
    let harmless = SETTER.replace("perform set_config('app.tenant', t, false);", "");
    maker.batch_execute(&harmless).await?;
    let mut own = Raw::login(&f.door()).await?;
    let other = f.connect().await?;
    let text = "select set_tenant('prepared')";
    own.send(&[parse("s", text), sync()].concat()).await?;
    assert_eq!(first_error(&own.until_ready().await?), None);
    maker.batch_execute(SETTER).await?;
    for portal in ["", "named"] {
        let sent = [bind(portal, "s", &[]), execute(portal, 0), sync()].concat();
        own.send(&sent).await?;
        assert_eq!(
            first_value(&own.until_ready().await?).as_deref(),
            Some("prepared")
        );
        assert_eq!(answer(&other, TENANT).await?, "none");
        own.send(&crate::differential::messages::query(TENANT))
            .await?;
        assert_eq!(
            first_value(&own.until_ready().await?).as_deref(),
            Some("prepared")
        );
    }
    assert_no_pins(&f).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stored_code_leaves_pins_while_it_lasts() -> Result<()> {
    let f = fixture(setup(2)).await?;
    let (own, other) = (f.connect().await?, f.connect().await?);
    let code = "create function locks() returns void language sql as $$ select pg_advisory_lock(1) $$; \
                create function frees() returns bool language sql as $$ select pg_advisory_unlock(1) $$; \
                create function makes() returns void language plpgsql as \
                $$ begin create temp table made (i int); end $$; \
                create function drops() returns void language plpgsql as $$ begin drop table made; end $$; \
                create function passes() returns void language plpgsql as \
                $$ begin create temp table passing (i int) on commit drop; end $$";
    own.batch_execute(code).await?;
    let mine =
        "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()";
    let table = "select coalesce(to_regclass('pg_temp.made')::text, 'none')";
    run(&own, "select locks()").await?;
    assert_eq!(answer(&own, mine).await?, "1");
    for _ in 0..4 {
        assert_eq!(answer(&other, mine).await?, "0");
    }
    run(&own, "select frees()").await?;
    run(&own, "select makes()").await?;
    assert_eq!(answer(&own, table).await?, "made");
    for _ in 0..4 {
        assert_eq!(answer(&other, table).await?, "none");
    }
    run(&own, "select drops()").await?;
    run(&own, "select passes()").await?;
    assert_eq!(answer(&own, "select 1").await?, "1");
    pins(&f, |held| held == 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_code_computes_pins() -> Result<()> {
    let f = fixture(setup(2)).await?;
    let own = f.connect().await?;
    own.batch_execute(
        "create function sets(k text) returns text language sql as $$ select set_config('app.' || k, 'x', false) $$",
    )
    .await?;
    run(&own, "select sets('tenant')").await?;
    let other = f.connect().await?;
    for _ in 0..4 {
        assert_eq!(answer(&own, TENANT).await?, "x");
        assert_eq!(answer(&other, TENANT).await?, "none");
    }
    pins(&f, |held| held > 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_code_deallocates_are_made_again() -> Result<()> {
    let f = fixture(setup(1)).await?;
    let rude = f.connect().await?;
    rude.batch_execute(
        "create function forget() returns void language plpgsql as $$ begin deallocate all; end $$",
    )
    .await?;
    let mut raw = Raw::login(&f.door()).await?;
    raw.send(&[parse("s", "select 5"), sync()].concat()).await?;
    raw.until_ready().await?;
    for text in [
        "select forget()",
        "do $$ begin deallocate all; end $$",
        "do $$ begin execute 'deallocate all'; perform 1/0; exception when others then null; end $$",
    ] {
        let sent = [bind("", "s", &[]), execute("", 0), sync()].concat();
        raw.send(&sent).await?;
        assert_eq!(first_value(&raw.until_ready().await?).as_deref(), Some("5"));
        run(&rude, text).await?;
        raw.send(&sent).await?;
        let said = raw.until_ready().await?;
        assert_eq!(first_error(&said), None, "{text}");
        assert_eq!(first_value(&said).as_deref(), Some("5"), "{text}");
    }
    assert_no_pins(&f).await
}

/// Code that runs a statement of its session by a name which is known only as it runs.
const RUNNERS: [(&str, &str); 8] = [
    (
        "create function constant() returns text language plpgsql as \
         $$ declare r text; begin execute 'execute sec' into r; return r; end $$",
        "select constant()",
    ),
    (
        "create function given(t text) returns text language plpgsql as \
         $$ declare r text; begin execute t into r; return r; end $$",
        "select given('execute sec')",
    ),
    (
        "create function named(n text) returns text language plpgsql as \
         $$ declare r text; begin execute format('execute %I', n) into r; return r; end $$",
        "select named('sec')",
    ),
    (
        "create procedure called() language plpgsql as $$ begin execute 'execute sec'; end $$",
        "call called()",
    ),
    (
        "create function copied() returns void language plpgsql as \
         $$ begin create temp table zz on commit drop as execute sec; end $$",
        "select copied()",
    ),
    (
        "create function drops(n text) returns void language plpgsql as \
         $$ begin execute format('deallocate %I', n); end $$",
        "select drops('sec')",
    ),
    (
        "create function drops_any(t text) returns void language plpgsql as \
         $$ begin execute 'dealloc' || t; end $$",
        "select drops_any('ate sec')",
    ),
    (
        "select 1",
        "do $$ begin execute 'deallocate ' || (select 'sec'::text); end $$",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_code_runs_by_name_are_its_clients_own() -> Result<()> {
    let f = fixture(setup(20)).await?;
    let owner = f.connect().await?;
    for (code, _) in RUNNERS {
        owner.batch_execute(code).await?;
    }
    owner
        .batch_execute("prepare sec as select 'secret'::text")
        .await?;
    for (_, text) in RUNNERS {
        for prepared in [false, true] {
            // The connection that a client left last is the one that the next client gets.
            assert_eq!(answer(&owner, "execute sec").await?, "secret");
            let stranger = f.connect().await?;
            let refused = if prepared {
                stranger.query(text, &[]).await.err()
            } else {
                stranger.simple_query(text).await.err()
            };
            let code = refused.as_ref().and_then(tokio_postgres::Error::code);
            ensure!(
                code == Some(&SqlState::INVALID_SQL_STATEMENT_NAME),
                "{text}: {refused:?}"
            );
        }
    }
    assert_eq!(
        answer(&owner, "select given('execute sec')").await?,
        "secret"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn harmless_code_costs_nothing() -> Result<()> {
    let f = fixture(setup(1)).await?;
    for extension in ["pg_trgm", "citext", "\"uuid-ossp\"", "hstore", "pgcrypto"] {
        // Not every installation has all of them.
        let made = format!("create extension if not exists {extension}");
        let _ = f.postgres.superuser_sql("orders", &made);
    }
    let client = f.connect().await?;
    client
        .batch_execute(
            "create function add(a int, b int) returns int language sql as 'select a + b'; \
             create table audited (i int); \
             create function audit() returns trigger language plpgsql as \
             $$ begin execute format('select %L', tg_table_name); perform set_config('app.user', 'x', true); \
             return new; end $$; \
             create trigger t after insert on audited for each row execute function audit()",
        )
        .await?;
    for text in [
        "select add(1, 2), count(*), lower('A') from pg_class",
        "insert into audited values (1)",
        "select current_setting('server_version'), now(), pg_backend_pid()",
        "do $$ begin execute 'select 1'; end $$",
    ] {
        run(&client, text).await?;
    }
    assert_no_pins(&f).await
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_asks_for_sequences_hears_of_its_own_client_only() -> Result<()> {
    let f = fixture(setup(1)).await?;
    let (one, other) = (f.connect().await?, f.connect().await?);
    one.batch_execute(
        "create sequence numbers; \
         create function newest() returns bigint language plpgsql as $$ begin return lastval(); end $$",
    )
    .await?;
    one.batch_execute("select nextval('numbers'), nextval('numbers')")
        .await?;
    let refused = other.simple_query("select newest()").await;
    let refused = refused.expect_err("nothing of the other client's is told");
    assert_eq!(refused.code().map(SqlState::code), Some("55000"));
    one.batch_execute("select nextval('numbers')").await?;
    let prepared = other.prepare("select newest()").await?;
    let refused = other.query(&prepared, &[]).await;
    let refused = refused.expect_err("nothing of the other client's is told");
    assert_eq!(refused.code().map(SqlState::code), Some("55000"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_assembled_code_leaves_pins_while_it_lasts() -> Result<()> {
    let f = fixture(setup(1)).await?;
    let client = f.connect().await?;
    client
        .batch_execute(
            "create function make(kind text) returns int language plpgsql as \
             $$ begin execute format('create %s table made (i int)', case kind when 'temp' then 'te' || 'mp' \
             else '' end); return 1; end $$; \
             create function take(f text) returns int language plpgsql as \
             $$ begin execute 'select ' || case f when '' then 'abs' else 'pg_advi' || 'sory_lock' end || '(5)'; \
             return 1; end $$",
        )
        .await?;
    for (run, end) in [
        ("select make('temp')", "drop table made"),
        (
            "do $$ begin execute 'create te' || 'mp table made (i int)'; end $$",
            "drop table made",
        ),
        ("select take('lock')", "select pg_advisory_unlock(5)"),
    ] {
        client.simple_query(run).await.context(run)?;
        pins(&f, |held| held == 1).await.context(run)?;
        client.simple_query(end).await.context(end)?;
        pins(&f, |held| held == 0).await.context(end)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_setting_goes_back_to_the_default_of_its_role() -> Result<()> {
    let f = fixture(setup(1)).await?;
    f.postgres
        .superuser_sql("orders", "alter role app set app.tenant = 'of the role'")?;
    let (one, other) = (f.connect().await?, f.connect().await?);
    for reset in ["reset all", "discard all", "reset app.tenant"] {
        one.simple_query("set app.tenant = 'own'").await?;
        assert_eq!(answer(&one, TENANT).await?, "own");
        one.simple_query(reset).await?;
        assert_eq!(answer(&other, TENANT).await?, "of the role", "{reset}");
        assert_eq!(answer(&one, TENANT).await?, "of the role", "{reset}");
    }
    Ok(())
}
