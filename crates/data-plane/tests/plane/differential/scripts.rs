//! Conversations by hand, one for every rule that poolers are known to break.

use super::messages::{
    add_by_id, bind, close, copy_data, copy_done, copy_fail, describe, execute, flush, parse,
    query, sync,
};

/// Batches of messages; each batch is answered completely before the next is sent.
pub(crate) type Script = Vec<Vec<Vec<u8>>>;

/// All of them by name.
pub(crate) fn all() -> Vec<(&'static str, Script)> {
    let mut all = Vec::new();
    all.extend(pipelines());
    all.extend(statements());
    all.extend(portals());
    all.extend(copies());
    all.extend(failed_copies());
    all.extend(sessions());
    all.extend(simple());
    all
}

/// Parse, Bind and Execute of the unnamed statement.
fn run(sql: &str) -> Vec<u8> {
    [parse("", sql), bind("", "", &[]), execute("", 0)].concat()
}

fn pipelines() -> Vec<(&'static str, Script)> {
    vec![
        (
            "a lone sync and many",
            vec![vec![sync()], vec![sync(), sync(), sync()]],
        ),
        ("a lone flush", vec![vec![flush(), flush()]]),
        (
            "several segments",
            vec![vec![
                run("select 1"),
                sync(),
                run("select 2"),
                run("select 3"),
                sync(),
                sync(),
            ]],
        ),
        (
            "an error in the middle segment",
            vec![vec![
                run("select 1"),
                sync(),
                run("select 1/0"),
                run("select 2"),
                sync(),
                run("select 3"),
                sync(),
            ]],
        ),
        (
            "an error in every place",
            vec![
                vec![
                    parse("", "selec"),
                    bind("", "", &[]),
                    execute("", 0),
                    sync(),
                ],
                vec![
                    parse("", "select 1"),
                    bind("", "", &["surplus"]),
                    execute("", 0),
                    sync(),
                ],
                vec![
                    parse("", "select 1"),
                    bind("", "", &[]),
                    describe(b'P', "none"),
                    execute("", 0),
                    sync(),
                ],
                vec![
                    parse("", "select 1"),
                    bind("", "", &[]),
                    execute("none", 0),
                    sync(),
                ],
                vec![describe(b'S', "none"), parse("", "select 1"), sync()],
            ],
        ),
        (
            "query and function call are skipped after an error",
            vec![
                vec![
                    run("select 1/0"),
                    query("select 2"),
                    add_by_id("1", "1"),
                    sync(),
                    query("select 3"),
                ],
                vec![parse("", "selec"), add_by_id("1", "1"), sync()],
            ],
        ),
        (
            "a query ends the implicit transaction",
            vec![
                vec![
                    run("insert into t0 values (1, 'x')"),
                    query("select count(*) from t0"),
                    sync(),
                ],
                vec![
                    run("insert into t0 values (2, 'x')"),
                    flush(),
                    query("select 1/0"),
                    sync(),
                ],
                vec![query("select count(*) from t0; truncate t0")],
            ],
        ),
        (
            "pipelined queries go on after an error",
            vec![vec![
                query("select 1/0; select 1"),
                query("select 2"),
                query("selec"),
                query("select 3"),
            ]],
        ),
        (
            "an extended batch that a failed query ends",
            vec![vec![
                parse("", "select 1"),
                query("select 1/0"),
                bind("", "", &[]),
                execute("", 0),
                sync(),
            ]],
        ),
        (
            "transactions over segments",
            vec![
                vec![
                    run("begin"),
                    sync(),
                    run("select 1"),
                    sync(),
                    run("commit"),
                    sync(),
                ],
                vec![
                    run("begin"),
                    sync(),
                    run("select 1/0"),
                    sync(),
                    run("select 1"),
                    sync(),
                    run("commit"),
                    sync(),
                ],
                vec![
                    run("begin"),
                    run("select 1/0"),
                    run("rollback"),
                    sync(),
                    run("rollback"),
                    sync(),
                ],
            ],
        ),
        (
            "what is closed needs no server",
            vec![
                vec![
                    close(b'S', "none"),
                    close(b'P', "none"),
                    close(b'S', ""),
                    sync(),
                ],
                vec![
                    query("begin"),
                    query("select 1/0"),
                    close(b'S', "none"),
                    sync(),
                    query("rollback"),
                ],
            ],
        ),
        (
            "function calls",
            vec![
                vec![
                    add_by_id("1", "2"),
                    add_by_id("1", "x"),
                    add_by_id("3", "4"),
                ],
                vec![
                    query("begin"),
                    add_by_id("1", "x"),
                    add_by_id("1", "2"),
                    query("commit"),
                ],
            ],
        ),
    ]
}

fn statements() -> Vec<(&'static str, Script)> {
    vec![
        (
            "an unnamed statement over batches",
            vec![
                vec![parse("", "select 11"), sync()],
                vec![describe(b'S', ""), sync()],
                vec![
                    bind("", "", &[]),
                    describe(b'P', ""),
                    execute("", 0),
                    sync(),
                ],
                vec![
                    bind("", "", &[]),
                    execute("", 0),
                    sync(),
                    bind("", "", &[]),
                    execute("", 0),
                    sync(),
                ],
                vec![parse("", "selec"), sync()],
                vec![bind("", "", &[]), execute("", 0), sync()],
                vec![parse("", "select 12"), sync()],
                vec![query("select 1")],
                vec![bind("", "", &[]), sync()],
            ],
        ),
        (
            "an unnamed statement and a failed transaction",
            vec![
                vec![parse("", "select 11"), sync()],
                vec![query("begin"), sync()],
                vec![
                    parse("", "select 13"),
                    bind("", "", &[]),
                    execute("", 0),
                    sync(),
                ],
                vec![run("select 1/0"), sync()],
                vec![bind("", "", &[]), execute("", 0), sync()],
                vec![parse("", "rollback"), sync()],
                vec![bind("", "", &[]), execute("", 0), sync()],
            ],
        ),
        (
            "an unnamed statement closed",
            vec![
                vec![parse("", "select 11"), sync()],
                vec![close(b'S', ""), sync()],
                vec![bind("", "", &[]), sync()],
                vec![
                    parse("", "select 11"),
                    sync(),
                    close(b'S', ""),
                    bind("", "", &[]),
                    sync(),
                ],
            ],
        ),
        (
            "an unnamed statement with parameters",
            vec![
                vec![parse("", "select $1::int + 1"), describe(b'S', ""), sync()],
                vec![bind("", "", &["41"]), execute("", 0), sync()],
                vec![bind("", "", &["x"]), execute("", 0), sync()],
                vec![bind("", "", &["42"]), execute("", 0), sync()],
            ],
        ),
        (
            "named statements",
            vec![
                vec![parse("s1", "select 21"), sync()],
                vec![parse("s1", "select 22"), sync()],
                vec![
                    bind("", "s1", &[]),
                    execute("", 0),
                    sync(),
                    bind("", "s2", &[]),
                    execute("", 0),
                    sync(),
                ],
                vec![
                    describe(b'S', "s1"),
                    close(b'S', "s1"),
                    bind("", "s1", &[]),
                    sync(),
                ],
                vec![
                    parse("s1", "select 23"),
                    bind("", "s1", &[]),
                    execute("", 0),
                    close(b'S', "s1"),
                    sync(),
                ],
            ],
        ),
        (
            "sql prepare",
            vec![
                vec![
                    query("prepare q as select 5"),
                    query("execute q"),
                    query("prepare q as select 6"),
                ],
                vec![bind("", "q", &[]), execute("", 0), sync()],
                vec![
                    query("deallocate q"),
                    query("execute q"),
                    query("deallocate q"),
                ],
                vec![
                    query("begin; prepare q as select 7; rollback"),
                    query("execute q"),
                    query("deallocate all"),
                ],
                vec![query("execute q")],
            ],
        ),
        (
            "deallocate all in a pipeline",
            vec![
                vec![
                    parse("s1", "select 1"),
                    sync(),
                    query("deallocate all"),
                    parse("s1", "select 2"),
                    sync(),
                ],
                vec![bind("", "s1", &[]), execute("", 0), sync()],
                vec![
                    parse("s2", "deallocate all"),
                    bind("", "s2", &[]),
                    execute("", 0),
                    bind("", "s1", &[]),
                    sync(),
                ],
            ],
        ),
        (
            "a result type that changes",
            vec![
                vec![
                    query("create temp table ct (i int)"),
                    parse("s1", "select * from ct"),
                    sync(),
                ],
                vec![bind("", "s1", &[]), execute("", 0), sync()],
                vec![query("alter table ct add column j int")],
                vec![bind("", "s1", &[]), execute("", 0), sync()],
            ],
        ),
        (
            "long names",
            vec![
                vec![parse(&"n".repeat(300), "select 1"), sync()],
                vec![bind("", &"n".repeat(300), &[]), execute("", 0), sync()],
                vec![bind("", &"n".repeat(63), &[]), execute("", 0), sync()],
                vec![
                    close(b'S', &"n".repeat(300)),
                    bind("", &"n".repeat(300), &[]),
                    sync(),
                ],
            ],
        ),
    ]
}

fn portals() -> Vec<(&'static str, Script)> {
    let series = "select generate_series(1, 5)";
    vec![
        (
            "row limits",
            vec![
                vec![
                    parse("", series),
                    bind("", "", &[]),
                    execute("", 2),
                    execute("", 2),
                    execute("", 2),
                    execute("", 2),
                    sync(),
                ],
                vec![execute("", 1), sync()],
                vec![
                    query("begin"),
                    parse("", series),
                    bind("p1", "", &[]),
                    execute("p1", 2),
                    sync(),
                ],
                vec![execute("p1", 2), sync(), describe(b'P', "p1"), sync()],
                vec![
                    query("select 1"),
                    execute("p1", 0),
                    close(b'P', "p1"),
                    sync(),
                    query("commit"),
                ],
            ],
        ),
        (
            "a portal ends with its transaction",
            vec![
                vec![
                    parse("", series),
                    bind("p1", "", &[]),
                    execute("p1", 2),
                    sync(),
                ],
                vec![execute("p1", 2), sync()],
                vec![
                    query("begin"),
                    parse("", series),
                    bind("p1", "", &[]),
                    bind("p1", "", &[]),
                    sync(),
                    query("rollback"),
                ],
            ],
        ),
        (
            "cursors",
            vec![
                vec![
                    query("begin; declare c cursor for select generate_series(1, 5)"),
                    query("fetch 2 from c"),
                ],
                vec![describe(b'P', "c"), execute("c", 1), sync()],
                vec![query("commit"), query("fetch 1 from c")],
                vec![query(
                    "declare h cursor with hold for select generate_series(1, 5)",
                )],
                vec![query("fetch 2 from h")],
                vec![
                    execute("h", 2),
                    sync(),
                    query("close h"),
                    query("fetch 1 from h"),
                ],
            ],
        ),
    ]
}

fn copies() -> Vec<(&'static str, Script)> {
    let copy = "copy t1 from stdin";
    vec![
        (
            "copy in by query",
            vec![
                vec![
                    query(copy),
                    copy_data("1\tone\n2\t"),
                    copy_data("two\n"),
                    copy_done(),
                    query("select count(*) from t1"),
                ],
                vec![query(copy), copy_done(), query("truncate t1")],
                vec![
                    query("copy t1 from stdin; copy t1 from stdin; select 1"),
                    copy_data("1\ta\n"),
                    copy_done(),
                    copy_data("2\tb\n"),
                    copy_done(),
                ],
                vec![
                    query(copy),
                    flush(),
                    sync(),
                    copy_data("1\ta\n"),
                    flush(),
                    sync(),
                    copy_done(),
                    query("truncate t1"),
                ],
            ],
        ),
        (
            "copy in by the extended protocol",
            vec![
                vec![run(copy), copy_data("1\tone\n"), copy_done(), sync()],
                vec![
                    run(copy),
                    sync(),
                    sync(),
                    copy_data("1\tone\n"),
                    copy_done(),
                    sync(),
                ],
                vec![
                    run(copy),
                    copy_data("1\tone\n"),
                    sync(),
                    flush(),
                    copy_done(),
                    run("select 1"),
                    sync(),
                ],
                vec![
                    run(copy),
                    copy_data("1\tone\n"),
                    copy_done(),
                    run("select count(*) from t1"),
                    sync(),
                    query("truncate t1"),
                ],
                vec![
                    parse("", copy),
                    describe(b'S', ""),
                    bind("", "", &[]),
                    describe(b'P', ""),
                    execute("", 0),
                    copy_done(),
                    sync(),
                ],
            ],
        ),
        (
            "copy out",
            vec![
                vec![
                    query("copy (select generate_series(1, 3)) to stdout"),
                    query("select 1"),
                ],
                vec![
                    run("copy (select generate_series(1, 3)) to stdout"),
                    sync(),
                    query("select 1"),
                ],
                vec![
                    query("copy (select 1/(3 - i) from generate_series(1, 5) i) to stdout"),
                    query("select 1"),
                ],
                vec![
                    run("copy (select 1/(3 - i) from generate_series(1, 5) i) to stdout"),
                    run("select 1"),
                    sync(),
                ],
                vec![
                    query("begin; copy (select 1) to stdout; select 1"),
                    query("commit"),
                ],
            ],
        ),
        (
            "stray copy messages",
            vec![
                vec![
                    copy_data("x"),
                    copy_done(),
                    copy_fail("x"),
                    query("select 1"),
                    copy_data("x"),
                    copy_done(),
                ],
                vec![
                    query("begin"),
                    copy_data("x"),
                    copy_done(),
                    query("commit"),
                    copy_fail("x"),
                ],
                vec![
                    parse("", "select 1"),
                    copy_data("x"),
                    copy_done(),
                    bind("", "", &[]),
                    execute("", 0),
                    sync(),
                ],
            ],
        ),
    ]
}

fn failed_copies() -> Vec<(&'static str, Script)> {
    let copy = "copy t2 from stdin";
    let (good, bad) = (copy_data("1\tone\n"), copy_data("bad\n"));
    vec![
        (
            "copy fails by query",
            vec![
                vec![
                    query(copy),
                    bad.clone(),
                    good.clone(),
                    good.clone(),
                    copy_done(),
                    query("select 1"),
                ],
                vec![
                    query(copy),
                    good.clone(),
                    copy_fail("given up"),
                    query("select 2"),
                ],
                vec![
                    query("copy none from stdin"),
                    good.clone(),
                    copy_done(),
                    query("select 3"),
                ],
                vec![
                    query("begin"),
                    query(copy),
                    bad.clone(),
                    copy_done(),
                    query("select 4"),
                    query("rollback"),
                ],
                vec![query(copy), bad.clone()],
                vec![good.clone(), copy_done(), query("select 5")],
            ],
        ),
        (
            "copy fails in the extended protocol",
            vec![
                vec![
                    run(copy),
                    bad.clone(),
                    good.clone(),
                    copy_done(),
                    sync(),
                    query("select 1"),
                ],
                vec![run(copy), copy_fail("given up"), sync(), query("select 2")],
                vec![
                    run(copy),
                    bad.clone(),
                    copy_done(),
                    query("select 3"),
                    sync(),
                    query("select 4"),
                ],
            ],
        ),
        (
            "copy fails before it begins",
            vec![
                vec![
                    run("copy none from stdin"),
                    sync(),
                    good.clone(),
                    copy_done(),
                    sync(),
                    query("select 1"),
                ],
                vec![
                    run("copy none from stdin"),
                    good.clone(),
                    copy_done(),
                    sync(),
                    query("select 2"),
                ],
            ],
        ),
        (
            "a sync after good data and a failure",
            vec![
                vec![
                    run(copy),
                    good.clone(),
                    sync(),
                    bad.clone(),
                    copy_done(),
                    sync(),
                ],
                vec![query("select 1")],
            ],
        ),
        (
            "a sync after bad data",
            vec![
                vec![
                    run(copy),
                    bad.clone(),
                    sync(),
                    good.clone(),
                    copy_done(),
                    sync(),
                ],
                vec![query("select 1")],
            ],
        ),
        (
            "a sync and a copy fail",
            vec![
                vec![run(copy), sync(), copy_fail("given up"), sync()],
                vec![run("select 1"), sync()],
            ],
        ),
        (
            "a query in the middle of a copy",
            vec![
                vec![query(copy), good.clone(), query("select 1")],
                vec![query("select 2")],
            ],
        ),
        (
            "a parse in the middle of a copy",
            vec![
                vec![run(copy), good, run("select 1"), sync()],
                vec![query("select 2")],
            ],
        ),
    ]
}

fn sessions() -> Vec<(&'static str, Script)> {
    vec![
        (
            "settings",
            vec![
                vec![query("set work_mem = '7MB'"), query("show work_mem")],
                vec![
                    query("show work_mem"),
                    query("set application_name = 'it''s'"),
                    query("set datestyle = 'German'"),
                ],
                vec![run("show application_name"), run("reset datestyle"), sync()],
                vec![
                    query("begin; set work_mem = '8MB'"),
                    query("show work_mem"),
                    query("rollback"),
                    query("show work_mem"),
                ],
                vec![
                    query("begin; set datestyle = 'SQL'"),
                    query("rollback"),
                    query("begin; set local datestyle = 'SQL'; commit"),
                ],
                vec![
                    query("set work_mem = 'much'"),
                    query("reset all"),
                    query("show work_mem"),
                ],
            ],
        ),
        (
            "notices",
            vec![
                vec![
                    query("do $$ begin raise notice 'one'; raise warning 'two'; end $$"),
                    query("commit"),
                ],
                vec![
                    run("do $$ begin raise notice 'one'; end $$"),
                    sync(),
                    query("set local work_mem = '1MB'"),
                ],
                vec![
                    query("drop table if exists nowhere"),
                    query("begin"),
                    query("begin"),
                    query("rollback"),
                ],
            ],
        ),
        (
            "listen and notify",
            vec![
                vec![query("listen ch"), query("notify ch, 'one'")],
                vec![
                    query("begin; notify ch, 'two'"),
                    query("commit"),
                    run("notify ch, 'three'"),
                    sync(),
                ],
                vec![query("unlisten *"), query("notify ch, 'four'")],
                vec![
                    query("listen ch; notify ch; unlisten ch"),
                    query("select 1"),
                ],
            ],
        ),
        (
            "discard all",
            vec![
                vec![
                    parse("s1", "select 1"),
                    sync(),
                    query("set work_mem = '7MB'"),
                    query("create temp table dt (i int)"),
                    query("listen ch"),
                ],
                vec![query("discard all")],
                vec![
                    bind("", "s1", &[]),
                    sync(),
                    query("show work_mem"),
                    query("select * from dt"),
                    query("notify ch, 'x'"),
                ],
                vec![
                    run("discard all"),
                    sync(),
                    query("begin"),
                    query("discard all"),
                    query("rollback"),
                ],
            ],
        ),
        (
            "temporary things",
            vec![
                vec![query(
                    "create temp table tt (i int); insert into tt values (1)",
                )],
                vec![run("select count(*) from tt"), sync()],
                vec![
                    query("select i into temp tu from tt"),
                    query("select count(*) from tu"),
                    query("drop table tt, tu"),
                ],
                vec![
                    query("begin; create temp table tv (i int) on commit drop; commit"),
                    query("select * from tv"),
                ],
                vec![
                    query("select setseed(0.5)"),
                    query("select random() < 2"),
                    query("create temp sequence ts"),
                    query("select nextval('ts'), lastval()"),
                ],
            ],
        ),
        (
            "advisory locks",
            vec![
                vec![query("select pg_advisory_lock(77)")],
                vec![query(
                    "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
                )],
                vec![
                    query("select pg_advisory_unlock(77)"),
                    query("select pg_advisory_unlock(77)"),
                ],
            ],
        ),
    ]
}

fn simple() -> Vec<(&'static str, Script)> {
    vec![
        (
            "statements in one query",
            vec![
                vec![query("select 1; select 2; select 3")],
                vec![query(
                    "begin; insert into t3 values (1, 'x'); commit; select 1/0; select 2",
                )],
                vec![
                    query("insert into t3 values (2, 'x'); select 1/0"),
                    query("select count(*) from t3; truncate t3"),
                ],
                vec![query("begin; select 1; rollback; begin; select 2")],
                vec![
                    query("commit; begin"),
                    query("commit and chain; select 1"),
                    query("rollback"),
                ],
            ],
        ),
        (
            "empty queries",
            vec![
                vec![
                    query(""),
                    query(";"),
                    query(" ; ; "),
                    query("-- x"),
                    query("/* x */"),
                ],
                vec![run(""), sync(), parse("", ""), describe(b'S', ""), sync()],
            ],
        ),
        (
            "failed transactions",
            vec![
                vec![
                    query("begin"),
                    query("select 1/0"),
                    query("select 1"),
                    query("commit"),
                ],
                vec![
                    query("begin"),
                    query("savepoint a"),
                    query("select 1/0"),
                    query("rollback to a"),
                    query("select 1"),
                    query("commit"),
                ],
                vec![
                    query("begin; select 1/0"),
                    parse("", "select 1"),
                    sync(),
                    parse("", "rollback"),
                    bind("", "", &[]),
                    execute("", 0),
                    sync(),
                ],
            ],
        ),
        (
            "a procedure that commits",
            vec![
                vec![query(
                    "create or replace procedure pc() language plpgsql as $$ begin perform set_config('work_mem', '3MB', false); commit; raise exception 'late'; end $$",
                )],
                vec![query("call pc()")],
                vec![query("show work_mem"), query("discard all")],
            ],
        ),
    ]
}
