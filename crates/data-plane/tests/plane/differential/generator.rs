//! Random conversations, mostly legal, from a small vocabulary that touches all of a session's state.
//!
//! A conversation is a row of scenes (a transaction, a COPY, the life of a statement, …) that are spoilt a
//! little, and cut into batches and pauses anywhere.

use super::notation::tokens;
use crate::dice::Dice;

/// Nothing that lasts.
const PLAIN: &[&str] = &[
    "select 1",
    "select 1; select 'two'",
    "",
    ";",
    ";;select 3;",
    "-- nothing",
    "select 1/0",
    "select 1; select 1/0; select 3",
    "selec",
    "select count(*) from generate_series(1, 3000)",
    "select generate_series(1, 300)",
    "select * from nowhere",
    "insert into t{n} values (1, 'x')",
    "insert into t{n} values (null)",
    "insert into t{n} values (2, 'y') returning i, x",
    "update t{n} set x = 'z' where i = 1",
    "delete from t{n} where i = 2",
    "select count(*) from t{n}",
    "truncate t{n}",
    "copy t{n} to stdout",
    "copy (select 1/0) to stdout",
    "copy (select generate_series(1, 500)) to stdout",
    "do $$ begin raise notice 'heard'; end $$",
    "do $$ begin raise exception 'thrown'; end $$",
    "explain (costs off) select 1",
    "select 'a\\'; set work_mem = ''6MB'' --'",
];

/// What begins and ends transactions.
const BLOCKS: &[&str] = &[
    "begin",
    "start transaction read only",
    "begin isolation level serializable",
    "commit",
    "commit",
    "rollback",
    "rollback",
    "commit and chain",
    "rollback and chain",
    "begin; select 1; commit; select 2",
    "begin; select 1/0; commit",
    "commit; select 1",
    "savepoint a",
    "savepoint b",
    "rollback to a",
    "rollback to b",
    "release a",
    "commit; begin",
];

/// Settings, and looks at them. A custom setting that somebody has ever set on a server connection is empty
/// there for ever, not missing: the one trace that PostgreSQL itself cannot remove.
const SETTINGS: &[&str] = &[
    "set work_mem = '7MB'",
    "set local work_mem = '8MB'",
    "set session work_mem to default",
    "reset work_mem",
    "show work_mem",
    "show application_name",
    "show datestyle",
    "show timezone",
    "show statement_timeout",
    "show search_path",
    "select name, setting from pg_settings where name like 'enable%' order by 1",
    "set application_name = 'it''s'",
    "set application_name to app, le",
    "set datestyle = 'German'",
    "set local datestyle = 'SQL'",
    "set time zone -5",
    "set time zone 'CET'",
    "set time zone local",
    "set time zone interval '+02:30' hour to minute",
    "set names 'latin1'",
    "set names 'utf8'",
    "set client_encoding to default",
    "set search_path = pg_catalog",
    "set search_path = n{n}, public",
    "set search_path = \"$user\", public",
    "set search_path = ''",
    "set role alice",
    "set local role bob",
    "set role none",
    "reset role",
    "set role mallory",
    "set session authorization default",
    "set session authorization app",
    "select current_user, session_user",
    "set session characteristics as transaction read only",
    "set session characteristics as transaction read write, isolation level repeatable read",
    "set transaction isolation level serializable",
    "set transaction_read_only = on",
    "show transaction_isolation",
    "show default_transaction_read_only",
    "select set_config('work_mem', '9MB', false)",
    "select set_config('work_mem', '9MB', true)",
    "select set_config('my.own', 'of {n}', false), set_config('my.other', '', true)",
    "select nullif(current_setting('my.own', true), ''), nullif(current_setting('my.other', true), '')",
    "set my.own = 'set'",
    "reset my.own",
    "reset all",
    "set standard_conforming_strings = off",
    "set extra_float_digits = 0; select 0.1::float8 + 0.2",
    "select now() is not null, '2026-01-02'::date, '1 day 2 hours'::interval",
    "set intervalstyle = 'iso_8601'",
    "set bytea_output = 'escape'; select '\\x41ff'::bytea",
    "set statement_timeout = '1min'",
    "set nothing_like_it = 1",
    "set work_mem = 'much'",
    "select name, setting, reset_val from pg_settings where name in ('work_mem', 'TimeZone', 'search_path', 'role') order by 1",
    "do $$ begin perform set_config('work_mem', '8MB', false); end $$",
    "create or replace function n{n}.f() returns text language sql set work_mem = '5MB' \
     as 'select current_setting(''work_mem'')'",
    "select n{n}.f()",
];

/// What else belongs to a session.
const STATE: &[&str] = &[
    "prepare q as select 5",
    "prepare q(int) as select $1 + 1",
    "prepare s1 as select 'sql'",
    "execute q",
    "execute q(4)",
    "execute s1",
    "explain (costs off) execute q",
    "deallocate q",
    "deallocate s1",
    "deallocate prepare s2",
    "deallocate all",
    "prepare q as select 6; prepare s2 as select 'two'; select 1",
    "begin; prepare q as select '01/02/2020'::date; commit",
    "set standard_conforming_strings = off; prepare q as select 'a\\\\b'",
    "reset standard_conforming_strings; prepare s2 as select 'a\\\\b', length('é')",
    "deallocate q; execute s1; prepare q as select 8; execute q",
    "do $$ begin execute 'deallocate q'; end $$",
    "do $$ begin execute 'prepare q as select 9'; end $$",
    "do $$ begin execute 'deallocate all'; end $$",
    "do $$ begin execute 'execute ' || (select 'q'::text); end $$",
    // Of a statement that can no longer be made, the proxy shows no text.
    "select name, case when not from_sql and statement not like '% t{n}%' and statement <> '' then statement end, \
     parameter_types, from_sql from pg_prepared_statements order by 1",
    "discard all",
    "discard temp",
    "discard plans",
    "discard sequences",
    "create temp table tt (i int)",
    "create temp table if not exists tt (i int) on commit delete rows",
    "create temp table tt (i int) on commit drop",
    "drop table tt",
    "drop table if exists tt",
    "insert into tt values (1)",
    "select count(*) from tt",
    "create temp view tv as select 1",
    "create temp sequence ts",
    "create sequence if not exists n{n}.s",
    "select nextval('n{n}.s')",
    "select currval('n{n}.s')",
    "select lastval()",
    "select setseed(0.25)",
    "declare h cursor with hold for select generate_series(1, 5)",
    "declare c cursor for select generate_series(1, 5)",
    "declare v scroll cursor for select * from t{n}",
    "fetch 2 from h",
    "fetch 2 from c",
    "move 1 in c",
    "close c",
    "close h",
    "close all",
    "select name, is_holdable from pg_cursors order by 1",
    "listen c{n}",
    "notify c{n}, 'payload'",
    "select pg_notify('c{n}', 'by function')",
    "unlisten *",
    "unlisten c{n}",
    "select * from pg_listening_channels()",
    "select pg_advisory_lock({n})",
    "select pg_advisory_lock_shared(7, {n})",
    "select pg_advisory_xact_lock(5, {n})",
    "select pg_try_advisory_lock({n})",
    "select pg_advisory_unlock({n})",
    "select pg_advisory_unlock_shared(7, {n})",
    "select pg_advisory_unlock_all()",
    "select classid, objid, mode from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() \
     order by 1, 2, 3",
    "alter table t{n} add column if not exists z int",
    "alter table t{n} drop column if exists z",
    "alter table t{n} alter x type varchar(20)",
];

const COPIES: &[&str] = &[
    "copy t{n} from stdin",
    "copy t{n} (i, x) from stdin with (format csv)",
    "copy t{n} from stdin; select 1",
    "select 1; copy t{n} (i, x) from stdin; copy t{n} (i, x) from stdin",
    "copy t{n} (nowhere) from stdin",
    "begin; copy t{n} (i, x) from stdin",
];

/// Queries whose rows a portal can give in parts.
const ROWS: &[&str] = &[
    "select generate_series(1, 5)",
    "select i, x from t{n}",
    "select 1",
    "insert into t{n} values (3, 'r') returning i",
    "select name, setting from pg_settings where name like 'enable%' order by 1",
    "select 1/(3 - g) from generate_series(1, 5) g",
];

/// Statements with parameters, and values for them.
const PARAMETERS: &[(&str, &str)] = &[
    ("select $1::int + 1", "41"),
    ("select $1::int + 1", "x"),
    ("select $1::text", "it's"),
    ("select $1::text", "NULL"),
    ("insert into t{n} values ($1, 'p')", "5"),
    ("select * from t{n} where i = $1", "1"),
    ("select set_config('work_mem', $1, false)", "11MB"),
    ("select set_config('work_mem', $1, true)", "12MB"),
    ("select set_config($1, '13MB', false)", "work_mem"),
    ("select pg_advisory_lock($1)", "{n}"),
    ("select pg_advisory_unlock($1)", "{n}"),
];

const STATEMENTS: [&str; 5] = ["", "", "s1", "s2", "n*70"];
const PORTALS: [&str; 3] = ["", "", "p1"];

/// Batches of a whole conversation.
pub(super) fn conversation(dice: &mut Dice) -> Vec<String> {
    let mut said = Vec::new();
    if dice.one_in(8) {
        let parameters = dice.pick(&[
            "work_mem=3MB",
            "options=-c work_mem=3MB -c my.own=started",
            "datestyle=German|application_name=it's",
            "client_encoding=latin1|timezone=CET",
            "options=-c search_path=pg_catalog --default_transaction_read_only=on",
        ]);
        said.push(format!("L({parameters})"));
    }
    for _ in 0..=dice.below(12) {
        scene(dice, &mut said);
    }
    spoil(dice, &mut said);
    made_safe(cut(dice, said))
}

fn scene(dice: &mut Dice, said: &mut Vec<String>) {
    match dice.below(24) {
        0..4 => said.push(format!("Q({})", text(dice))),
        4..8 => extended(dice, said),
        8..10 => settings(dice, said),
        10..13 => transaction(dice, said),
        13..15 => life_of_a_statement(dice, said),
        15 => life_of_a_portal(dice, said),
        16 => pipeline(dice, said),
        17 => simple_copy(dice, said),
        18 => extended_copy(dice, said),
        19 => said.push(format!("F(2|{})", dice.pick(&["2", "3", "x"]))),
        20 => odd(dice, said),
        21 => stale(dice, said),
        22 => said.push((*dice.pick(&["Q(discard all)", "Q(reset all)"])).to_owned()),
        _ => one(dice, said),
    }
}

fn text(dice: &mut Dice) -> String {
    let from = match dice.below(10) {
        0..3 => PLAIN,
        3..5 => BLOCKS,
        5..7 => SETTINGS,
        _ => STATE,
    };
    if dice.one_in(8) {
        // Two in one: all or nothing, unless one of them ends a transaction.
        return format!("{}; {}", dice.pick(from), dice.pick(STATE));
    }
    (*dice.pick(from)).to_owned()
}

/// A usual round of the extended protocol, with or without its Parse, Describe and Sync.
fn extended(dice: &mut Dice, said: &mut Vec<String>) {
    let statement = *dice.pick(&STATEMENTS);
    let portal = *dice.pick(&PORTALS);
    if !dice.one_in(3) {
        said.push(format!("P({statement}|{})", text(dice)));
        if dice.one_in(4) {
            said.push("S()".to_owned());
        }
    }
    if dice.one_in(4) {
        said.push(format!("DS({statement})"));
    }
    if portal.is_empty() || !dice.one_in(6) {
        let bind = dice.pick(&["B", "B", "BB"]);
        said.push(format!("{bind}({portal}|{statement})"));
    }
    if dice.one_in(3) {
        said.push(format!("DP({portal})"));
    }
    if !dice.one_in(6) {
        let rows = dice.below(3);
        said.push(format!("E({portal}|{rows})"));
        if rows > 0 && dice.one_in(2) {
            said.push(format!("E({portal}|0)"));
        }
    }
    if dice.one_in(5) {
        said.push(format!("{}({statement})", dice.pick(&["CS", "CP"])));
    }
    end(dice, said);
}

/// Mostly a Sync.
fn end(dice: &mut Dice, said: &mut Vec<String>) {
    match dice.below(12) {
        0 => said.push("H() ~()".to_owned()),
        1 => said.push("H()".to_owned()),
        2 => {}
        3 => said.push("S() S()".to_owned()),
        _ => said.push("S()".to_owned()),
    }
}

/// By either protocol.
fn run(dice: &mut Dice, sql: &str, said: &mut Vec<String>) {
    if dice.one_in(2) {
        said.push(format!("Q({sql})"));
    } else {
        said.push(format!("X({sql}) S()"));
    }
}

fn settings(dice: &mut Dice, said: &mut Vec<String>) {
    for _ in 0..=dice.below(4) {
        let sql = *dice.pick(SETTINGS);
        run(dice, sql, said);
    }
    said.push(
        "Q(show work_mem) Q(select current_user, nullif(current_setting('my.own', true), ''))"
            .to_owned(),
    );
}

fn transaction(dice: &mut Dice, said: &mut Vec<String>) {
    run(dice, "begin", said);
    for _ in 0..=dice.below(4) {
        match dice.below(6) {
            0 => run(dice, "savepoint a", said),
            1 => run(dice, "rollback to a", said),
            2 | 3 => {
                let sql = *dice.pick(SETTINGS);
                run(dice, sql, said);
            }
            4 => {
                let sql = text(dice);
                run(dice, &sql, said);
            }
            _ => extended(dice, said),
        }
    }
    let end = *dice.pick(&[
        "commit",
        "commit",
        "rollback",
        "rollback",
        "commit and chain",
    ]);
    run(dice, end, said);
    if end == "commit and chain" {
        run(dice, "rollback", said);
    }
}

fn life_of_a_statement(dice: &mut Dice, said: &mut Vec<String>) {
    let name = *dice.pick(&STATEMENTS);
    let (sql, value) = *dice.pick(PARAMETERS);
    let types = dice.pick(&["P({name}|{sql})", "P({name}|{sql})", "PT({name}|25|{sql})"]);
    said.push(types.replace("{name}", name).replace("{sql}", sql));
    if dice.one_in(2) {
        said.push(format!("DS({name})"));
    }
    end(dice, said);
    for _ in 0..=dice.below(3) {
        if dice.one_in(3) {
            scene(dice, said);
        }
        said.push(format!("B(|{name}|{value}) E(|0)"));
        end(dice, said);
    }
    if dice.one_in(2) {
        said.push(format!("CS({name})"));
        end(dice, said);
    }
}

fn life_of_a_portal(dice: &mut Dice, said: &mut Vec<String>) {
    let sql = *dice.pick(ROWS);
    if dice.one_in(2) {
        run(dice, "begin", said);
    }
    said.push(format!("P(|{sql}) B(p1|) DP(p1) E(p1|2)"));
    for _ in 0..dice.below(4) {
        said.push(
            (*dice.pick(&[
                "E(p1|1)",
                "S()",
                "H() ~()",
                "E(p1|0)",
                "Q(select 1)",
                "CP(p1)",
            ]))
            .to_owned(),
        );
    }
    said.push("E(p1|0)".to_owned());
    end(dice, said);
}

/// Several statements before one Sync.
fn pipeline(dice: &mut Dice, said: &mut Vec<String>) {
    for _ in 0..2 + dice.below(5) {
        said.push(format!("X({})", text(dice)));
        if dice.one_in(4) {
            said.push("S()".to_owned());
        }
    }
    said.push("S()".to_owned());
}

/// A statement whose table changes under it.
fn stale(dice: &mut Dice, said: &mut Vec<String>) {
    let name = dice.pick(&["s1", "s2"]);
    said.push(format!("P({name}|select * from t{{n}}) DS({name}) S()"));
    said.push(format!("B(|{name}) E(|0) S()"));
    let sql = *dice.pick(&[
        "alter table t{n} add column if not exists z int",
        "alter table t{n} drop column if exists z",
        "alter table t{n} alter x type varchar(20)",
        "analyze t{n}",
    ]);
    run(dice, sql, said);
    said.push(format!("B(|{name}) E(|0)"));
    end(dice, said);
    if dice.one_in(2) {
        said.push(format!(
            "CS({name}) P({name}|select * from t{{n}}) B(|{name}) E(|0) S()"
        ));
    }
}

/// Any one message of the extended protocol.
fn one(dice: &mut Dice, said: &mut Vec<String>) {
    let statement = *dice.pick(&STATEMENTS);
    said.push(match dice.below(7) {
        0 => format!("P({statement}|{})", text(dice)),
        1 => format!("B(p1|{statement})"),
        2 => format!("B(p1|{statement}|surplus)"),
        3 => format!("DS({statement})"),
        4 => "DP(p1)".to_owned(),
        5 => "E(p1|1)".to_owned(),
        _ => format!("CS({statement})"),
    });
}

/// What has no place here.
fn odd(dice: &mut Dice, said: &mut Vec<String>) {
    let odd = [
        "d(late\\n)",
        "c()",
        "f(late)",
        "S()",
        "H()",
        "S() S() S()",
        "H() ~()",
    ];
    said.push((*dice.pick(&odd)).to_owned());
}

fn simple_copy(dice: &mut Dice, said: &mut Vec<String>) {
    let sql = *dice.pick(COPIES);
    said.push(format!("Q({sql})"));
    for _ in 0..sql.matches("from stdin").count() {
        data(dice, said);
    }
}

fn extended_copy(dice: &mut Dice, said: &mut Vec<String>) {
    let sql = *dice.pick(&[
        "copy t{n} (i, x) from stdin",
        "copy t{n} (nowhere) from stdin",
    ]);
    said.push(format!("P(|{sql}) B(|)"));
    if dice.one_in(3) {
        said.push("DP()".to_owned());
    }
    said.push("E(|0)".to_owned());
    if dice.one_in(3) {
        said.push("S()".to_owned());
    }
    data(dice, said);
    said.push("S()".to_owned());
}

fn data(dice: &mut Dice, said: &mut Vec<String>) {
    for _ in 0..dice.below(4) {
        said.push(
            match dice.below(12) {
                0 => "d(bad\\n)",
                1 => "H()",
                2 => "S()",
                3 => "~()",
                _ => "d(1\\tone\\n)",
            }
            .to_owned(),
        );
    }
    said.push((*dice.pick(&["c()", "c()", "c()", "f(given up)"])).to_owned());
}

/// Leaves out, repeats and swaps a little.
fn spoil(dice: &mut Dice, said: &mut Vec<String>) {
    let mut words: Vec<String> = Vec::new();
    for part in said.drain(..) {
        words.extend(tokens(&part).into_iter().map(str::to_owned));
    }
    for word in words {
        match dice.below(120) {
            0 | 1 if !word.starts_with("L(") => {}
            2 if !word.starts_with("L(") => said.extend([word.clone(), word]),
            3 => said.extend([word, "~()".to_owned()]),
            4 if said.len() > 1 => {
                let at = said.len() - 1;
                said.insert(at, word);
            }
            _ => said.push(word),
        }
    }
}

/// Into batches, each with its way of cutting writes.
fn cut(dice: &mut Dice, said: Vec<String>) -> Vec<Vec<String>> {
    let mut batches = vec![Vec::new()];
    for word in said {
        let last = batches.last_mut().expect("there is one");
        if last.is_empty() && !word.starts_with("L(") && dice.one_in(4) {
            let way = dice.pick(&["messages", "messages", "bytes"]);
            last.push(format!("w({way})"));
        }
        last.push(word);
        if dice.one_in(7) {
            batches.push(Vec::new());
        }
    }
    batches
}

/// The batches as text, without what crashes PostgreSQL 15: an Execute of an unnamed portal that is left
/// from before an error in a transaction block. Here it always follows its own Bind, before the next Sync, so
/// that it is skipped when the Bind fails. Logins stay only where a batch begins.
///
/// And without what is known to differ. Once a table has changed, the unnamed statement runs with its new columns.
/// An `EXECUTE` of what cannot be made is refused when it is parsed, and so is the text of several statements that
/// has it. The list of statements behind another command in one text is that of the moment before it.
pub(super) fn made_safe(batches: Vec<Vec<String>>) -> Vec<String> {
    let words = || batches.iter().flatten();
    let altered = words().any(|word| word.contains("alter table"));
    let changed = altered || words().any(|word| word.contains("search_path"));
    let mut bound = false;
    let mut safe = Vec::new();
    for batch in batches {
        let mut kept = Vec::new();
        for word in batch {
            let alone = word.starts_with("Q(") && !word.contains(';');
            let differs = changed && word.contains("execute ") && !alone
                || is_late_list(&word)
                || altered && is_late_bind(&word, &kept);
            if differs {
                continue;
            }
            let tag = word.split('(').next().unwrap_or_default();
            match tag {
                "B" | "BB" if word.contains("(|") => bound = true,
                "X" => bound = true,
                "Q" | "S" | "L" => bound = false,
                _ => {}
            }
            let unnamed = word.starts_with("E(|") || word == "DP()";
            let late = tag == "L" && !kept.is_empty();
            if (bound || !unnamed) && !late {
                kept.push(word);
            }
        }
        // The fence behind a batch is a Sync.
        bound = false;
        if !kept.is_empty() {
            safe.push(kept.join(" "));
        }
    }
    safe
}

/// True for a text that looks at the list of statements behind something else: that may end a transaction in
/// which nothing can be prepared for it, or begin one in which nothing must have been.
fn is_late_list(word: &str) -> bool {
    word.contains(';') && word.contains("from pg_prepared_statements")
}

/// True for a Bind of an unnamed statement that an earlier batch has made.
fn is_late_bind(word: &str, before: &[String]) -> bool {
    let unnamed = ["B(|)", "B(||", "BB(|)", "B(p1|)", "B(p1||"];
    let made = before
        .iter()
        .any(|word| word.starts_with("P(|") || word.starts_with("X("));
    !made && unnamed.iter().any(|start| word.starts_with(start))
}
