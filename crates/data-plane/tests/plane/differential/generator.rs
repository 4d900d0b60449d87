//! Random conversations, mostly legal, from a small vocabulary that touches all of a session's state.

use super::messages::{
    add_by_id, bind, close, copy_data, copy_done, copy_fail, describe, execute, flush, parse,
    query, sync,
};
use crate::dice::Dice;

const SIMPLE: [&str; 56] = [
    "select 1",
    "select 1; select 'two'",
    "",
    ";",
    ";;select 3;",
    "-- nothing",
    "select 1/0",
    "select 1; select 1/0; select 3",
    "selec",
    "begin",
    "begin",
    "commit",
    "commit",
    "rollback",
    "rollback",
    "begin; select 1; commit; select 2",
    "begin; select 1/0; commit",
    "commit; select 1",
    "savepoint a",
    "rollback to a",
    "release a",
    "commit and chain",
    "set work_mem = '7MB'",
    "show work_mem",
    "show application_name",
    "show datestyle",
    "set application_name = 'it''s'",
    "set datestyle = 'German'",
    "set local datestyle = 'SQL'",
    "set search_path = pg_catalog",
    "reset all",
    "reset datestyle",
    "select set_config('work_mem', '9MB', false)",
    "select set_config('work_mem', '9MB', true)",
    "prepare q as select 5",
    "execute q",
    "deallocate q",
    "deallocate all",
    "discard all",
    "discard temp",
    "create temp table tt (i int)",
    "drop table tt",
    "insert into tt values (1)",
    "select count(*) from tt",
    "declare h cursor with hold for select generate_series(1, 5)",
    "declare c cursor for select generate_series(1, 5)",
    "fetch 2 from h",
    "fetch 2 from c",
    "close all",
    "do $$ begin raise notice 'heard'; end $$",
    "do $$ begin raise exception 'thrown'; end $$",
    "do $$ begin perform set_config('work_mem', '8MB', false); end $$",
    "set standard_conforming_strings = off",
    "select 'a\\'; set work_mem = ''6MB'' --'",
    "select count(*) from generate_series(1, 3000)",
    "select generate_series(1, 300)",
];

/// Texts with a table or a name of the client's own in place of `{n}`.
const OWN: [&str; 14] = [
    "insert into t{n} values (1, 'x')",
    "insert into t{n} values (null)",
    "select count(*) from t{n}",
    "truncate t{n}",
    "copy t{n} to stdout",
    "copy (select 1/0) to stdout",
    "listen c{n}",
    "notify c{n}, 'payload'",
    "unlisten *",
    "unlisten c{n}",
    "select pg_advisory_lock({n})",
    "select pg_advisory_unlock({n})",
    "select pg_advisory_unlock_all()",
    "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
];

const COPIES: [&str; 5] = [
    "copy t{n} from stdin",
    "copy t{n} from stdin; select 1",
    "select 1; copy t{n} from stdin; copy t{n} from stdin",
    "copy t{n} (nowhere) from stdin",
    "begin; copy t{n} from stdin",
];

const STATEMENTS: [&str; 4] = ["", "", "s1", "s2"];
const PORTALS: [&str; 3] = ["", "", "p1"];

/// Some messages in a row. What they leave open, the fence behind them ends.
pub(crate) fn batch(dice: &mut Dice, number: usize) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for _ in 0..=dice.below(5) {
        match dice.below(20) {
            0..6 => out.push(query(&text(dice, number))),
            6..13 => extended(dice, number, &mut out),
            13 => simple_copy(dice, number, &mut out),
            14 => extended_copy(dice, number, &mut out),
            15 => out.push(add_by_id("2", dice.pick::<&str>(&["2", "3", "x"]))),
            16 => out.push(sync()),
            17 => out.push(
                dice.pick(&[copy_data("late\n"), copy_done(), copy_fail("late")])
                    .clone(),
            ),
            18 => out.push(flush()),
            _ => one(dice, number, &mut out),
        }
    }
    out
}

fn text(dice: &mut Dice, number: usize) -> String {
    if dice.one_in(3) {
        own(dice.pick::<&str>(&OWN), number)
    } else {
        (*dice.pick(&SIMPLE)).to_owned()
    }
}

fn own(text: &str, number: usize) -> String {
    text.replace("{n}", &number.to_string())
}

/// A usual round of the extended protocol, with or without its Parse, Describe and Sync.
///
/// The unnamed portal is never used without a Bind before it: PostgreSQL 15 crashes when
/// a simple query has failed in a transaction block and its portal is executed again.
fn extended(dice: &mut Dice, number: usize, out: &mut Vec<Vec<u8>>) {
    let statement = *dice.pick(&STATEMENTS);
    let portal = *dice.pick(&PORTALS);
    if !dice.one_in(3) {
        out.push(parse(statement, &text(dice, number)));
        if dice.one_in(4) {
            out.push(sync());
        }
    }
    if dice.one_in(4) {
        out.push(describe(b'S', statement));
    }
    if portal.is_empty() || !dice.one_in(6) {
        out.push(bind(portal, statement, &[]));
    }
    if dice.one_in(3) {
        out.push(describe(b'P', portal));
    }
    if !dice.one_in(6) {
        let rows = u32::try_from(dice.below(3)).unwrap_or(0);
        out.push(execute(portal, rows));
        if rows > 0 && dice.one_in(2) {
            out.push(execute(portal, 0));
        }
    }
    if dice.one_in(5) {
        out.push(close(*dice.pick(b"SP"), statement));
    }
    if dice.one_in(8) {
        out.push(flush());
    }
    if !dice.one_in(4) {
        out.push(sync());
    }
}

/// Any one message of the extended protocol.
fn one(dice: &mut Dice, number: usize, out: &mut Vec<Vec<u8>>) {
    let statement = *dice.pick(&STATEMENTS);
    let portal = "p1";
    out.push(match dice.below(7) {
        0 => parse(statement, &text(dice, number)),
        1 => bind(portal, statement, &[]),
        2 => bind(portal, statement, &["surplus"]),
        3 => describe(b'S', statement),
        4 => describe(b'P', portal),
        5 => execute(portal, 1),
        _ => close(b'S', statement),
    });
}

fn simple_copy(dice: &mut Dice, number: usize, out: &mut Vec<Vec<u8>>) {
    let sql = *dice.pick(&COPIES);
    out.push(query(&own(sql, number)));
    for _ in 0..sql.matches("from stdin").count() {
        data(dice, out);
    }
}

fn extended_copy(dice: &mut Dice, number: usize, out: &mut Vec<Vec<u8>>) {
    let sql = *dice.pick(&["copy t{n} from stdin", "copy t{n} (nowhere) from stdin"]);
    out.push(parse("", &own(sql, number)));
    out.push(bind("", "", &[]));
    if dice.one_in(3) {
        out.push(describe(b'P', ""));
    }
    out.push(execute("", 0));
    if dice.one_in(3) {
        out.push(sync());
    }
    data(dice, out);
    out.push(sync());
}

fn data(dice: &mut Dice, out: &mut Vec<Vec<u8>>) {
    for _ in 0..dice.below(4) {
        out.push(match dice.below(10) {
            0 => copy_data("bad\n"),
            1 => flush(),
            2 => sync(),
            _ => copy_data("1\tone\n"),
        });
    }
    out.push(if dice.one_in(4) {
        copy_fail("given up")
    } else {
        copy_done()
    });
}
