//! Tables of bodies and what they may do, and of how that spreads.

use proptest::prelude::*;

use super::*;
use crate::{Dialect, EffectSet as E, classify};

const UNKNOWN: E = E::SETTING.union(E::SETTING_UNKNOWN);

fn routine<'a>(name: &'a str, language: &'a str, body: &'a str) -> Routine<'a> {
    Routine {
        name: name.as_bytes(),
        language: language.as_bytes(),
        body: Some(body.as_bytes()),
        reach: Reach::ByName,
    }
}

fn routines(all: &[Routine<'_>]) -> Routines {
    let mut reading = Reading::new();
    for one in all {
        reading.add(one);
    }
    reading.finish()
}

/// What calling `text` may add, given these routines.
fn conduct(routines: &Routines, text: &str) -> Option<Conduct> {
    let summary = classify(Dialect::PostgreSql, StringStyle::Standard, text.as_bytes());
    routines.conduct(&summary.calls)
}

fn names(conduct: &Conduct) -> String {
    let names = conduct.settings.iter().map(String::from_utf8_lossy);
    names.collect::<Vec<_>>().join(" ")
}

/// Checks what a body in `language` does, but for `ROUTINE`.
fn check(language: &str, body: &str, settings: &str, effects: E) {
    let all = routines(&[routine("f", language, body)]);
    let found = conduct(&all, "select f()").unwrap_or_default();
    assert_eq!(names(&found), settings, "{body}");
    // A setting of an unknown name may be so because nobody knows the text.
    let unread = E::UNREAD_CODE.intersection(found.effects);
    let effects = if effects.intersects(E::PROCEDURE_STATE) {
        effects | unread
    } else {
        effects
    };
    // What is executed may be put together from pieces, and is asked about.
    let executes = language == "plpgsql" && body.to_ascii_lowercase().contains("execute");
    let asked = if executes { E::PROCEDURE } else { E::NONE };
    assert_eq!(found.effects.without(E::ROUTINE), effects | asked, "{body}");
}

#[test]
fn a_body_names_what_it_sets() {
    for (body, settings) in [
        (
            "begin perform set_config('app.tenant', t::text, false); end",
            "app.tenant",
        ),
        (
            "BEGIN\n  PERFORM pg_catalog.set_config('App.Tenant', CASE WHEN a THEN 'x' ELSE 'y' END, false);\nEND",
            "app.tenant",
        ),
        (
            "begin perform set_config('a.b', coalesce(x, ''), local); end",
            "a.b",
        ),
        ("begin set role alice; end", "role"),
        ("begin perform set_config('role', r, false); end", "role"),
        (
            "begin if a then set search_path = b; end if; end",
            "search_path",
        ),
        ("begin reset work_mem; end", "work_mem"),
        ("begin -- don't\n set a.b = 'c'; end", "a.b"),
        ("begin /* it's */ set a.b = 'c'; end", "a.b"),
        ("<<here>> begin <<there>> set a.b = 'c'; end", "a.b"),
        (
            "declare x text := set_config('a.b', 'c', false); begin end",
            "a.b",
        ),
        ("begin execute 'set a.b = ''c'''; end", "a.b"),
        ("begin execute format('set a.b = %L', x); end", "a.b"),
        (
            "begin execute 'select set_config(''a.b'', ''c'', false)'; end",
            "a.b",
        ),
        ("begin execute $q$set a.b = 'c'$q$; end", "a.b"),
        (
            "declare q text := 'set a.b = 1'; begin execute q; end",
            "a.b",
        ),
        (
            "begin set session authorization bob; end",
            "session_authorization role",
        ),
    ] {
        check("plpgsql", body, settings, E::SETTING);
    }
    check(
        "sql",
        "select set_config('a.b', $1, false), 'set c.d = 1'",
        "a.b",
        E::SETTING,
    );
    check(
        "sql",
        "BEGIN ATOMIC SELECT set_config('a.b'::text, 'c'::text, false) AS set_config; END",
        "a.b",
        E::SETTING,
    );
}

#[test]
fn what_ends_with_the_transaction_does_not_count() {
    for body in [
        "begin perform set_config('app.tenant', t, true); end",
        "begin set local a.b = 'c'; set local work_mem = 1; end",
        "begin set transaction read only; set constraints all deferred; end",
        "begin update t set a = 1, b = 'set x = 1'; end",
        "begin update t\n  set a = 1; end",
        "begin insert into t values (1) on conflict (a) do update set b = 2; end",
        "begin raise notice 'set % to %', a, b; end",
        "begin perform pg_advisory_xact_lock(1); perform nextval('s'); end",
        "begin insert into log values ('reset'); execute 'analyze t'; end",
        "begin if status = 'reset' then execute format('drop table %I', t); end if; end",
        "begin raise exception 'set it'; execute 'select 1'; end",
        "begin execute format('create table %I (a int)', n); end",
        "begin execute 'insert into ' || quote_ident(tg_relname) || ' select ($1).*' using new; end",
        "declare q text; begin q := 'select ' || quote_ident(a); q := q || ' from t'; execute q; end",
        "declare q text = 'select 1'; begin execute q into x; end",
        "declare r record; begin for r in select format('drop table %I', n) as q from t loop execute r.q; end loop; end",
        "declare q text; begin select string_agg(quote_ident(a), ',') into q from t; execute 'select ' || q; end",
        "begin execute 'grant execute on function ' || f::regprocedure; grant execute on function g to h; end",
        "begin reset_everything := true; setting := 1; end",
        "begin null; end",
    ] {
        check("plpgsql", body, "", E::NONE);
    }
}

#[test]
fn other_state_is_told_by_its_effect() {
    for (body, effects) in [
        ("begin perform pg_advisory_lock(1); end", E::ADVISORY_LOCK),
        (
            "begin perform pg_advisory_unlock(1); end",
            E::ADVISORY_UNLOCK,
        ),
        ("begin create temp table t (a int); end", E::TEMP_OBJECT),
        ("begin create table pg_temp.t (a int); end", E::TEMP_OBJECT),
        ("begin listen c; end", E::LISTEN),
        ("begin deallocate all; end", E::DEALLOCATE_ALL),
        (
            "begin execute 'deallocate ' || quote_ident(s); end",
            E::DEALLOCATE_ALL,
        ),
        ("begin perform dblink_connect('a', 'b'); end", E::UNKNOWN),
        ("begin perform setseed(0.5); end", E::SEED),
        ("begin load 'x'; end", E::LOAD),
        (
            "begin reset all; end",
            E::SETTING | E::RESET_ALL | E::PROCEDURE,
        ),
    ] {
        check("plpgsql", body, "", effects);
    }
}

#[test]
fn a_setting_of_a_computed_name_is_unknown() {
    for body in [
        "begin perform set_config('app.' || k, v, false); end",
        "begin perform set_config(k, v, false); end",
        "begin execute format('set %I = %L', k, v); end",
        "begin execute 'set app.' || k || ' = 1'; end",
        "begin execute 'reset app.a' || k; end",
        "begin update pg_settings set setting = v where name = k; end",
    ] {
        check("plpgsql", body, "", UNKNOWN | E::PROCEDURE_STATE);
    }
}

#[test]
fn a_text_from_elsewhere_is_unknown_where_it_is_called() {
    let unread = UNKNOWN | E::PROCEDURE | E::UNREAD_CODE;
    for body in [
        "begin execute q; end",
        "begin execute $1 using x; end",
        "begin execute build(a); end",
        "declare q text; begin q := p; execute q; end",
        "declare q text; begin select body into q from jobs; execute q; end",
        "declare r record; begin for r in select q from jobs loop execute r.q; end loop; end",
        "begin return query execute q; end",
        "begin for r in execute q loop null; end loop; end",
        "begin execute (q); end",
    ] {
        check("plpgsql", body, "", unread);
    }
    let body = "begin execute q; end";
    let all = routines(&[Routine {
        reach: Reach::Anywhere,
        ..routine("f", "plpgsql", body)
    }]);
    let found = conduct(&all, "select 1").unwrap();
    assert_eq!(found.effects, E::ROUTINE | unread);
    let long = Routine {
        body: None,
        ..routine("f", "plpgsql", "")
    };
    let found = conduct(&routines(&[long]), "select f()").unwrap();
    assert_eq!(found.effects, E::ROUTINE | unread);
}

#[test]
fn other_languages_are_read_for_words_only() {
    check(
        "plpython3u",
        "plpy.execute(\"select set_config('a.b', 'c', false)\")",
        "a.b",
        UNKNOWN,
    );
    check("plperl", "spi_exec_query('SET x = 1');", "x", UNKNOWN);
    check("plpython3u", "temp = 1\nreturn temp", "", E::NONE);
    check(
        "plpython3u",
        "plpy.execute(\"select pg_advisory_lock(1)\")",
        "",
        E::ADVISORY_LOCK,
    );
}

#[test]
fn only_texts_that_call_it_are_concerned() {
    let body = "begin perform set_config('a.b', 'c', false); end";
    let all = routines(&[routine("Set_It", "plpgsql", body)]);
    for text in [
        "select set_it(1)",
        "select app.set_it (1)",
        "SELECT \"Set_It\"(1)",
        "select * from t where set_it()",
        "call set_it()",
        "explain analyze select set_it()",
        "copy (select set_it()) to stdout",
        "do $$ begin perform set_it(); end $$",
        "prepare p as select set_it()",
        "create table t as select set_it()",
        "insert into t(a) values (set_it())",
        "execute p; select set_it()",
    ] {
        let found = conduct(&all, text).map(|conduct| names(&conduct));
        assert_eq!(found.as_deref(), Some("a.b"), "{text}");
    }
    for text in [
        "select 1",
        "select set_it",
        "select 'set_it()'",
        "select other()",
        "-- set_it()\n select 1",
        "create function set_it() returns int language sql as 'select 1'",
        "create or replace function set_it() returns int language sql as 'select 1'",
        "create trigger t after insert on u execute function set_it()",
        "grant execute on function set_it() to alice",
        "drop function set_it()",
        "comment on function set_it() is 'x'",
        "create view v as select set_it()",
    ] {
        assert_eq!(conduct(&all, text), None, "{text}");
    }
}

#[test]
fn names_that_need_quotes_are_compared_as_they_are() {
    let body = "begin perform set_config('a.b', 'c', false); end";
    let all = routines(&[
        routine("o\"dd", "plpgsql", body),
        routine("Big Fun-c", "plpgsql", body),
        routine("calls_it", "sql", "select \"o\"\"dd\"()"),
        routine(
            "perl",
            "plperl",
            "spi_exec_query('select \"calls_it\" ()');",
        ),
    ]);
    for text in [
        "select \"o\"\"dd\"(1)",
        "select public.\"Big Fun-c\" (1)",
        "select calls_it()",
        "select perl()",
        "do $$ begin perform \"o\"\"dd\"(); end $$",
        "do $$ begin perform public . \"calls_it\" (); end $$",
        "do language plperl $$ spi_exec_query(\"select \\\"o\\\"\\\"dd\\\"()\"); $$",
        "do language plperl $$ spi_exec_query(\"select \\\"calls_it\\\"()\"); $$",
        "do $$ begin perform \"big fun-c\"(); end $$",
    ] {
        let found = conduct(&all, text).map(|conduct| names(&conduct));
        assert_eq!(found.as_deref(), Some("a.b"), "{text}");
    }
    for text in [
        "select 1",
        "select odd(1)",
        "select dd(1)",
        "select \"o\"(), \"dd\"()",
        "select \"o dd\"()",
        "do $$ begin perform \"dd\"(), \"other\" (1); end $$",
    ] {
        assert_eq!(conduct(&all, text), None, "{text}");
    }
}

#[test]
fn what_is_reached_without_a_name_concerns_all_that_run_queries() {
    let body = "begin perform set_config('a.b', 'c', false); return new; end";
    let all = routines(&[Routine {
        reach: Reach::Anywhere,
        ..routine("on_insert", "plpgsql", body)
    }]);
    for text in [
        "insert into t values (1)",
        "select 1",
        "(select 1)",
        "with a as (select 1) select * from a",
        "execute p",
        "copy t from stdin",
        "truncate t",
        "begin; update t set a = 1",
        "create table t (a int)",
        "do 'begin end'",
    ] {
        assert!(conduct(&all, text).is_some(), "{text}");
    }
    for text in [
        "",
        ";;",
        "begin",
        "commit",
        "start transaction read only",
        "rollback to a",
        "savepoint a",
        "release a",
        "set a = 1",
        "show a",
        "reset all",
        "discard all",
        "deallocate a",
        "listen c",
        "unlisten *",
        "notify c, 'd'",
        "close all",
    ] {
        assert_eq!(conduct(&all, text), None, "{text}");
    }
}

#[test]
fn callers_do_what_they_call() {
    let sets = "begin perform set_config('a.b', 'c', false); end";
    let mut reading = Reading::new();
    reading.add(&routine("low", "plpgsql", sets));
    assert_eq!(reading.callers_wanted(), [b"low"[..].into()]);
    reading.add(&routine("middle", "sql", "select app.low()"));
    reading.add(&routine("harmless", "sql", "select lower('low')"));
    assert_eq!(reading.callers_wanted(), [b"middle"[..].into()]);
    reading.add(&routine("high", "plpgsql", "begin perform middle(); end"));
    reading.add(&routine("middle", "sql", "select app.low()"));
    assert_eq!(reading.callers_wanted(), [b"high"[..].into()]);
    assert!(reading.callers_wanted().is_empty());
    let all = reading.finish();
    for name in ["low", "middle", "high"] {
        assert!(
            conduct(&all, &format!("select {name}()")).is_some(),
            "{name}"
        );
    }
    assert_eq!(conduct(&all, "select harmless()"), None);
}

#[test]
fn routines_that_call_each_other_come_to_an_end() {
    let mut reading = Reading::new();
    reading.add(&routine(
        "a",
        "sql",
        "select b(), set_config('x.y', '1', false)",
    ));
    reading.add(&routine("b", "sql", "select a()"));
    let all = reading.finish();
    assert!(conduct(&all, "select b()").is_some());
}

#[test]
fn a_name_that_texts_may_spell_in_other_ways_is_reached_anywhere() {
    let all = routines(&[routine(
        "größe",
        "sql",
        "select set_config('x.y', '1', false)",
    )]);
    assert!(conduct(&all, "select 1").is_some());
}

#[test]
fn too_much_is_not_read() {
    let mut reading = Reading::new();
    for _ in 0..=MAX_ROUTINES {
        reading.add(&routine("f", "sql", "select set_config('x.y', '1', false)"));
    }
    assert!(reading.callers_wanted().is_empty());
    let all = reading.finish();
    assert_eq!(all, Routines::unread());
    let found = conduct(&all, "select now()").unwrap();
    let any_setting = E::SETTING | E::SETTING_UNKNOWN;
    assert_eq!(found.effects, E::PROCEDURE | E::ROUTINE | any_setting);
    assert_eq!(conduct(&all, "begin"), None);
}

#[test]
fn which_code_runs_may_be_unknown() {
    let all = routines(&[
        routine("f", "sql", "select set_config('x.y', '1', false)"),
        routine("g", "sql", "select set_config('z', '1', false)"),
    ]);
    let found = all.conduct(&Calls::ANYTHING).unwrap();
    let mut settings: Vec<_> = found.settings.iter().collect();
    settings.sort_unstable();
    assert_eq!(settings, [&b"x.y"[..], b"z"]);
    assert_eq!(all.conduct(&Calls::NOTHING), None);
    assert_eq!(Routines::default().conduct(&Calls::ANYTHING), None);
}

#[test]
fn strings_with_backslashes_are_read_both_ways() {
    check(
        "plpgsql",
        "begin x := 'a\\'; set a.b = 1; y := '\\'; end",
        "a.b",
        E::SETTING,
    );
}

proptest! {
    #[test]
    fn any_body_can_be_read(body in ".{0,200}", language in "sql|plpgsql|other") {
        let body = format!("execute {body}");
        drop(routines(&[routine("f", &language, &body)]));
    }

    /// Cutting a body from random words finds every plain setting that stands as a statement.
    #[test]
    fn no_setting_is_overlooked(
        before in prop::collection::vec("(a := 1|perform f\\('x'\\)|null|execute 'b'|raise notice 'c'|-- d'\n|/\\* e' \\*/|if a then b := 'c'|end if)", 0..6),
    ) {
        let body = format!("begin {}; set app.x = 'y'; end", before.join("; "));
        // A comment to the end of its line swallows what separates statements.
        let body = body.replace("-- d'\n;", "-- d'\n");
        let all = routines(&[routine("f", "plpgsql", &body)]);
        let found = conduct(&all, "select f()").map(|conduct| names(&conduct));
        prop_assert_eq!(found.as_deref(), Some("app.x"), "{}", body);
    }
}

#[test]
fn the_routine_that_cannot_be_followed_is_named_by_its_callers() {
    let mut reading = Reading::new();
    for (name, language, body) in [
        ("caller", "sql", "select runs_anything('x')"),
        ("runs_anything", "plpgsql", "begin execute $1; end"),
        ("sets", "sql", "select set_config('my.own', 'x', false)"),
    ] {
        reading.add(&Routine {
            name: name.as_bytes(),
            language: language.as_bytes(),
            body: Some(body.as_bytes()),
            reach: Reach::ByName,
        });
    }
    let routines = reading.finish();
    let culprit = |sql: &[u8]| {
        let calls = crate::classify(crate::Dialect::PostgreSql, StringStyle::Standard, sql).calls;
        let conduct = routines.conduct(&calls).expect("it does something");
        conduct.culprit.as_deref().cloned()
    };
    assert_eq!(
        culprit(b"select caller()").as_deref(),
        Some("runs_anything")
    );
    assert_eq!(culprit(b"select sets()"), None, "what it sets is known");
}

#[test]
fn a_catalogue_that_is_not_read_is_to_blame() {
    let sql = b"select 1 from t";
    let calls = crate::classify(crate::Dialect::PostgreSql, StringStyle::Standard, sql).calls;
    let conduct = Routines::unread().conduct(&calls).expect("anything");
    assert_eq!(
        conduct.culprit.as_deref().map(String::as_str),
        Some("catalogue could not be read")
    );
}
