//! Texts that code executes and that nobody can know pin whoever may run them; ordinary ones pin nobody.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio_postgres::Client;
use tollgate_testkit::PostgresVersion;
use tollgate_types::{IamAuth, PoolPolicy};

use crate::differential::messages::{bind, execute, parse, query, sync};
use crate::fixture::{Fixture, Setup, ask};
use crate::raw::{Raw, first_error, first_value};

const TENANT: &str = "select coalesce(nullif(current_setting('app.tenant', true), ''), 'none')";

/// Code, and a text by which it makes the setting `x`.
struct Unknown {
    code: &'static str,
    run: &'static str,
    /// Undoes the code.
    end: &'static str,
}

/// A trigger that executes a column.
const QUEUE: &str = "create table jobs (q text); create function run_job() returns trigger language plpgsql as \
    $$ begin execute new.q; return new; end $$; \
    create trigger t before insert on jobs for each row execute function run_job()";

const UNKNOWN: &[Unknown] = &[
    Unknown {
        code: QUEUE,
        run: "insert into jobs values ('select set_config(''app.tenant'', ''x'', false)')",
        end: "drop table jobs; drop function run_job()",
    },
    Unknown {
        code: "create table named (k text); create function on_named() returns trigger language plpgsql as \
               $$ declare q text := 'select set_'; begin q := q || 'config(''app.'; \
               q := q || new.k || ''', ''x'', false)'; execute q; return new; end $$; \
               create trigger t before insert on named for each row execute function on_named()",
        run: "insert into named values ('tenant')",
        end: "drop table named; drop function on_named()",
    },
    Unknown {
        code: "create table texts (q text); \
               insert into texts values ('select to_tsvector(set_config(''app.tenant'', ''x'', false))'); \
               create view stats as select * from texts, ts_stat(q)",
        run: "select * from stats",
        end: "drop table texts cascade",
    },
    Unknown {
        code: "create table filled (i int, t text default ts_rewrite('a'::tsquery, 'select set_' || chr(99) || \
               'onfig(''app.tenant'', ''x'', false)::tsquery, ''b''::tsquery')::text)",
        run: "insert into filled (i) values (1)",
        end: "drop table filled",
    },
    Unknown {
        code: "create procedure run(q text) language plpgsql as $$ begin execute q; end $$",
        run: "call run('set app.tenant = x')",
        end: "drop procedure run",
    },
    Unknown {
        code: "create function calls(f text) returns void language plpgsql as \
               $$ begin execute format('select %I(''app.tenant'', ''x'', false)', f); end $$",
        run: "select calls('set_config')",
        end: "drop function calls",
    },
    Unknown {
        code: "select 1",
        run: "do $$ begin execute 'se' || chr(116) || ' app.tenant = x'; end $$",
        end: "select 1",
    },
    Unknown {
        code: "select 1",
        run: "select count(*) from ts_stat('select to_tsvector(set_' || chr(99) || \
              'onfig(''app.tenant'', ''x'', false))')",
        end: "select 1",
    },
    Unknown {
        code: "create function \"o\"\"dd Name\"(t text) returns void language plpgsql as $$ begin execute t; end $$",
        run: "select \"o\"\"dd Name\"('set app.tenant = x')",
        end: "drop function \"o\"\"dd Name\"",
    },
    Unknown {
        code: "create function \"o\"\"dd\"(t text) returns void language plpgsql as $$ begin execute t; end $$; \
               create function over() returns void language sql as \
               $$ select \"o\"\"dd\"('set app.tenant = x') $$",
        run: "select over()",
        end: "drop function over(); drop function \"o\"\"dd\"",
    },
    Unknown {
        code: "create function \"Plain\"(t text) returns void language plpgsql as $$ begin execute t; end $$",
        run: "do $$ begin perform public.\"Plain\" ('set app.tenant = x'); end $$",
        end: "drop function \"Plain\"",
    },
];

async fn fixture(version: PostgresVersion, pool: u32) -> Result<Fixture> {
    let policy = PoolPolicy {
        maximum_pool_size: Some(pool),
        ..PoolPolicy::default()
    };
    let setup = Setup {
        version,
        shards: 1,
        ..Setup::new(policy, IamAuth::Disabled)
    };
    let f = Fixture::start_as(setup).await?;
    f.postgres
        .superuser_sql("orders", "grant all on schema public to public")?;
    Ok(f)
}

fn versions() -> impl Iterator<Item = PostgresVersion> {
    let all = PostgresVersion::ALL.into_iter();
    all.filter(|version| version.available())
}

async fn run(client: &Client, text: &str) -> Result<()> {
    client
        .simple_query(text)
        .await
        .with_context(|| text.to_owned())?;
    Ok(())
}

/// Waits until that many reasons pin clients, or any at all.
async fn pins(f: &Fixture, count: Option<usize>) -> Result<()> {
    let mut report = f.plane.pins(&f.snapshot.proxies[0].id).await;
    for _ in 0..3000 {
        let found = report.current.len();
        if count.map_or(found > 0, |count| found == count) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        report = f.plane.pins(&f.snapshot.proxies[0].id).await;
    }
    anyhow::bail!("{report:?}")
}

async fn play(f: &Fixture, case: &Unknown) -> Result<()> {
    let (own, other) = (f.connect().await?, f.connect().await?);
    run(&own, case.code).await?;
    run(&own, case.run).await?;
    for _ in 0..3 {
        assert_eq!(ask(&own, TENANT).await?, "x", "{}", case.run);
        assert_eq!(ask(&other, TENANT).await?, "none", "{}", case.run);
    }
    pins(f, None).await.with_context(|| case.run.to_owned())?;
    run(&own, case.end).await?;
    run(&own, "reset all").await?;
    run(&other, "reset all").await?;
    pins(f, Some(0))
        .await
        .with_context(|| case.run.to_owned())?;
    assert_eq!(ask(&own, TENANT).await?, "none", "{}", case.run);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_unknown_texts_set_stays_with_their_client() -> Result<()> {
    for version in versions() {
        let f = fixture(version, 2).await?;
        for case in UNKNOWN {
            play(&f, case).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_unknown_texts_set_is_gone_when_their_client_is() -> Result<()> {
    for version in versions() {
        let f = fixture(version, 1).await?;
        for case in UNKNOWN {
            let own = f.connect().await?;
            run(&own, case.code).await?;
            run(&own, case.run).await?;
            assert_eq!(ask(&own, TENANT).await?, "x", "{}", case.run);
            drop(own);
            let other = f.connect().await?;
            assert_eq!(ask(&other, TENANT).await?, "none", "{}", case.run);
            run(&other, case.end).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn event_triggers_are_code_like_any_other() -> Result<()> {
    let f = fixture(PostgresVersion::V15, 2).await?;
    let code = "create function on_ddl() returns event_trigger language plpgsql as \
        $$ begin execute 'select set_' || chr(99) || 'onfig(''app.tenant'', ''x'', false)'; end $$; \
        create event trigger e on ddl_command_end execute function on_ddl()";
    f.postgres.superuser_sql("orders", code)?;
    let (own, other) = (f.connect().await?, f.connect().await?);
    run(&own, "create table made (i int)").await?;
    for _ in 0..3 {
        assert_eq!(ask(&own, TENANT).await?, "x");
        assert_eq!(ask(&other, TENANT).await?, "none");
    }
    Ok(())
}

/// A text in a column that a trigger executes, a question, and the answers to the client and to another.
const JOBS: &[(&str, &str, [&str; 2])] = &[
    (
        "create temp table made (i int)",
        "select coalesce(to_regclass('pg_temp.made')::text, 'none')",
        ["made", "none"],
    ),
    (
        "select pg_advisory_lock(7)",
        "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
        ["1", "0"],
    ),
    (
        "listen news",
        "select coalesce(string_agg(c, ','), 'none') from pg_listening_channels() as c",
        ["news", "none"],
    ),
    ("set app.tenant = x", TENANT, ["x", "none"]),
    ("set role alice", "select current_user", ["alice", "app"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn texts_from_a_column_are_their_clients_own() -> Result<()> {
    for version in versions() {
        let f = fixture(version, 2).await?;
        let roles = "create role alice; grant alice to app";
        f.postgres.superuser_sql("orders", roles)?;
        let maker = f.connect().await?;
        run(&maker, QUEUE).await?;
        drop(maker);
        for (job, question, answers) in JOBS {
            let (own, other) = (f.connect().await?, f.connect().await?);
            run(&own, &format!("insert into jobs values ('{job}')")).await?;
            for _ in 0..3 {
                assert_eq!(ask(&own, question).await?, answers[0], "{job}");
                assert_eq!(ask(&other, question).await?, answers[1], "{job}");
            }
            drop(own);
            let late = f.connect().await?;
            assert_eq!(ask(&late, question).await?, answers[1], "{job}");
        }
    }
    Ok(())
}

/// Code as it is written everywhere, and what runs it.
const ORDINARY: &[(&str, &str)] = &[
    (
        "create table m (t timestamptz, v int); create table m_2024_05 (like m); \
         create function on_m() returns trigger language plpgsql as $$ begin \
         execute format('INSERT INTO %I.%I VALUES ($1.*)', TG_TABLE_SCHEMA, 'm_' || to_char(NEW.t,'YYYY_MM')) USING NEW; \
         return null; end $$; create trigger t before insert on m for each row execute function on_m()",
        "insert into m values ('2024-05-03', 1)",
    ),
    (
        "create table parts (i int); create table parts_of_1 (like parts); \
         create function on_parts() returns trigger language plpgsql as $$ declare tbl text; begin \
         tbl := TG_TABLE_NAME || '_of_' || NEW.i::int; \
         EXECUTE 'INSERT INTO ' || quote_ident(tbl) || ' VALUES (($1).*)' USING NEW; return null; end $$; \
         create trigger t before insert on parts for each row execute function on_parts()",
        "insert into parts values (1)",
    ),
    (
        "create table audit (tbl text, op text, old jsonb, new jsonb); create table audited (i int, at timestamptz); \
         create function on_audited() returns trigger language plpgsql as $$ begin \
         EXECUTE format('INSERT INTO %I.audit VALUES (%L, %L, $1, $2)', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP) \
         USING to_jsonb(OLD), to_jsonb(NEW); PERFORM pg_notify('changes', TG_TABLE_NAME); return NEW; end $$; \
         create function touch() returns trigger language plpgsql as $$ begin NEW.at := now(); return NEW; end $$; \
         create trigger a before update on audited for each row execute function touch(); \
         create trigger b after update on audited for each row execute function on_audited()",
        "insert into audited values (1); update audited set i = 2",
    ),
    (
        "create function counts(t text) returns bigint language plpgsql as $$ declare n bigint; \
         begin EXECUTE format('SELECT count(*) FROM %I', t) INTO n; return n; end $$",
        "select counts('audited')",
    ),
    (
        "create function search(c text, v text) returns setof audited language plpgsql as $$ \
         declare q text := 'SELECT * FROM audited WHERE true'; begin \
         if v is not null then q := q || format(' AND %I = %L', c, v); end if; \
         RETURN QUERY EXECUTE q; end $$",
        "select * from search('i', '2')",
    ),
    (
        "create function analyzes(t text) returns void language plpgsql as $$ begin \
         EXECUTE 'ALTER TABLE ' || t::regclass || ' ALTER COLUMN i SET STATISTICS 10'; end $$",
        "select analyzes('audited')",
    ),
    (
        "create function yearly() returns void language plpgsql as $$ begin FOR i IN 1..3 LOOP \
         EXECUTE format('CREATE TABLE IF NOT EXISTS y_%s (LIKE m)', i); END LOOP; end $$",
        "select yearly()",
    ),
    (
        "select 1",
        "do $$ declare r record; begin for r in select relname from pg_class where relname ~ '^y_' loop \
         execute 'drop table ' || quote_ident(r.relname); end loop; end $$",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn ordinary_code_pins_nobody() -> Result<()> {
    for version in versions() {
        let f = fixture(version, 1).await?;
        let (one, other) = (f.connect().await?, f.connect().await?);
        for (code, text) in ORDINARY {
            run(&one, code).await?;
            run(&other, text).await?;
            run(&one, text).await?;
        }
        let report = f.plane.pins(&f.snapshot.proxies[0].id).await;
        ensure!(
            report.current.is_empty() && report.totals.is_empty(),
            "{report:?}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn views_of_statements_show_the_clients_own() -> Result<()> {
    for version in versions() {
        let f = fixture(version, 1).await?;
        let code = "create view listed as select statement from pg_prepared_statements where not from_sql; \
            create view listed_twice as select * from listed; \
            create view by_function as select statement from pg_prepared_statement() where not from_sql; \
            create function told() returns text language sql as \
            $$ select string_agg(statement, ',') from pg_prepared_statements where not from_sql $$; \
            create function asked() returns text language plpgsql as $$ begin return told(); end $$";
        run(&f.connect().await?, code).await?;
        let own = Raw::login(&f.door()).await?;
        let other = Raw::login(&f.door()).await?;
        let mut both = [(own, "select 'mine'"), (other, "select 'theirs'")];
        for (raw, text) in &mut both {
            raw.send(&[parse("s", text), sync()].concat()).await?;
            assert_eq!(first_error(&raw.until_ready().await?), None);
        }
        for question in [
            "select string_agg(statement, ',') from listed",
            "select string_agg(statement, ',') from listed_twice",
            "select string_agg(statement, ',') from by_function",
            "select told()",
            "select asked()",
        ] {
            for (raw, text) in &mut both {
                raw.send(&query(question)).await?;
                let said = raw.until_ready().await?;
                assert_eq!(first_value(&said).as_deref(), Some(*text), "{question}");
                let sent = [
                    parse("", question),
                    bind("", "", &[]),
                    execute("", 0),
                    sync(),
                ];
                raw.send(&sent.concat()).await?;
                // The unnamed statement is no secret: it is the client's own.
                let shown = first_value(&raw.until_ready().await?).unwrap_or_default();
                ensure!(shown.contains(*text), "{question}: {shown}");
                let all = shown.matches("select 'mine'").count()
                    + shown.matches("select 'theirs'").count();
                assert_eq!(all, 1, "{question}: {shown}");
            }
        }
    }
    Ok(())
}

/// A Query in an encoding with one byte for each letter.
fn latin(sql: &str) -> Vec<u8> {
    let mut body: Vec<u8> = sql
        .chars()
        .map(|letter| u8::try_from(letter).unwrap_or(b'?'))
        .collect();
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap_or_default();
    [&b"Q"[..], &length.to_be_bytes(), &body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_in_other_encodings_are_found() -> Result<()> {
    for version in versions() {
        let f = fixture(version, 1).await?;
        let code = "create function gr\u{f6}\u{df}e(t text) returns text language sql as \
            $$ select set_config('app.tenant', t, false) $$; \
            create function caller(t text) returns text language sql as $$ select gr\u{f6}\u{df}e(t) $$; \
            create table ma\u{df}e (l\u{e4}nge int, \"h\u{f6}he\" text default caller('default')); \
            create view \u{fc}bersicht as select gr\u{f6}\u{df}e('view') as \"wei\u{df}\"";
        run(&f.connect().await?, code).await?;
        let mut own = Raw::login(&f.door()).await?;
        let other = f.connect().await?;
        own.send(&latin("set client_encoding to latin1")).await?;
        own.until_ready().await?;
        for (text, value) in [
            ("select gr\u{f6}\u{df}e('called')", "called"),
            ("select \"gr\u{f6}\u{df}e\"('quoted')", "quoted"),
            ("select caller('indirectly')", "indirectly"),
            ("insert into ma\u{df}e (l\u{e4}nge) values (1)", "default"),
            ("select wei\u{df} from \u{fc}bersicht", "view"),
        ] {
            own.send(&latin(text)).await?;
            assert_eq!(first_error(&own.until_ready().await?), None, "{text}");
            for _ in 0..2 {
                assert_eq!(ask(&other, TENANT).await?, "none", "{text}");
                own.send(&latin(TENANT)).await?;
                let said = own.until_ready().await?;
                assert_eq!(first_value(&said).as_deref(), Some(value), "{text}");
            }
        }
        let report = f.plane.pins(&f.snapshot.proxies[0].id).await;
        ensure!(report.current.is_empty(), "{report:?}");
    }
    Ok(())
}
