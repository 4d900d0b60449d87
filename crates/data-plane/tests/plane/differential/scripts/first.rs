//! The rules that came first.

use super::Theme;

pub(super) const SCRIPTS: Theme = &[
    ("a lone sync and many", &["S()", "S() S() S()"]),
    ("a lone flush", &["H() H()"]),
    (
        "several segments",
        &["X(select 1) S() X(select 2) X(select 3) S() S()"],
    ),
    (
        "an error in the middle segment",
        &["X(select 1) S() X(select 1/0) X(select 2) S() X(select 3) S()"],
    ),
    (
        "an error in every place",
        &[
            "P(|selec) B(|) E(|0) S()",
            "P(|select 1) B(||surplus) E(|0) S()",
            "P(|select 1) B(|) DP(none) E(|0) S()",
            "P(|select 1) B(|) E(none|0) S()",
            "DS(none) P(|select 1) S()",
        ],
    ),
    (
        "query and function call are skipped after an error",
        &[
            "X(select 1/0) Q(select 2) F(1|1) S() Q(select 3)",
            "P(|selec) F(1|1) S()",
        ],
    ),
    (
        "a query ends the implicit transaction",
        &[
            "X(insert into t{n} values (1, 'x')) Q(select count(*) from t{n}) S()",
            "X(insert into t{n} values (2, 'x')) H() Q(select 1/0) S()",
            "Q(select count(*) from t{n}; truncate t{n})",
        ],
    ),
    (
        "pipelined queries go on after an error",
        &["Q(select 1/0; select 1) Q(select 2) Q(selec) Q(select 3)"],
    ),
    (
        "an extended batch that a failed query ends",
        &["P(|select 1) Q(select 1/0) B(|) E(|0) S()"],
    ),
    (
        "transactions over segments",
        &[
            "X(begin) S() X(select 1) S() X(commit) S()",
            "X(begin) S() X(select 1/0) S() X(select 1) S() X(commit) S()",
            "X(begin) X(select 1/0) X(rollback) S() X(rollback) S()",
        ],
    ),
    (
        "what is closed needs no server",
        &[
            "CS(none) CP(none) CS() S()",
            "Q(begin) Q(select 1/0) CS(none) S() Q(rollback)",
        ],
    ),
    (
        "function calls",
        &["F(1|2) F(1|x) F(3|4)", "Q(begin) F(1|x) F(1|2) Q(commit)"],
    ),
    (
        "an unnamed statement over batches",
        &[
            "P(|select 11) S()",
            "DS() S()",
            "B(|) DP() E(|0) S()",
            "B(|) E(|0) S() B(|) E(|0) S()",
            "P(|selec) S()",
            "B(|) E(|0) S()",
            "P(|select 12) S()",
            "Q(select 1)",
            "B(|) S()",
        ],
    ),
    (
        "an unnamed statement and a failed transaction",
        &[
            "P(|select 11) S()",
            "Q(begin) S()",
            "P(|select 13) B(|) E(|0) S()",
            "X(select 1/0) S()",
            "B(|) E(|0) S()",
            "P(|rollback) S()",
            "B(|) E(|0) S()",
        ],
    ),
    (
        "an unnamed statement from before a transaction that fails",
        &[
            "P(b|begin) P(e|select 1/0) P(r|rollback) S()",
            "P(|select 11) S()",
            "B(|b) E(|0) S() B(|e) E(|0) S()",
            "B(||41) E(|0) S()",
            "B(|) E(|0) S() B(p|) S() DS() S()",
            "B(|r) E(|0) S() B(|) E(|0) S()",
            "PT(|23|select 12) S()",
            "B(|b) E(|0) S() B(|e) E(|0) S()",
            "B(|) S() B(||1|2) H() DS() S() B(||1) E(|0) S()",
            "B(|r) E(|0) S() B(||1) E(|0) S()",
            "P(|rollback) S()",
            "B(|b) E(|0) S() B(|e) E(|0) S()",
            "B(||1) S() B(|) E(|0) S()",
        ],
    ),
    (
        "an unnamed statement closed",
        &[
            "P(|select 11) S()",
            "CS() S()",
            "B(|) S()",
            "P(|select 11) S() CS() B(|) S()",
        ],
    ),
    (
        "an unnamed statement with parameters",
        &[
            "P(|select $1::int + 1) DS() S()",
            "B(||41) E(|0) S()",
            "B(||x) E(|0) S()",
            "B(||42) E(|0) S()",
        ],
    ),
    (
        "named statements",
        &[
            "P(s1|select 21) S()",
            "P(s1|select 22) S()",
            "B(|s1) E(|0) S() B(|s2) E(|0) S()",
            "DS(s1) CS(s1) B(|s1) S()",
            "P(s1|select 23) B(|s1) E(|0) CS(s1) S()",
        ],
    ),
    (
        "sql prepare",
        &[
            "Q(prepare q as select 5) Q(execute q) Q(prepare q as select 6)",
            "B(|q) E(|0) S()",
            "Q(deallocate q) Q(execute q) Q(deallocate q)",
            "Q(begin; prepare q as select 7; rollback) Q(execute q) Q(deallocate all)",
            "Q(execute q)",
        ],
    ),
    (
        "deallocate all in a pipeline",
        &[
            "P(s1|select 1) S() Q(deallocate all) P(s1|select 2) S()",
            "B(|s1) E(|0) S()",
            "P(s2|deallocate all) B(|s2) E(|0) B(|s1) S()",
        ],
    ),
    (
        "a result type that changes",
        &[
            "Q(create temp table ct (i int)) P(s1|select * from ct) S()",
            "B(|s1) E(|0) S()",
            "Q(alter table ct add column j int)",
            "B(|s1) E(|0) S()",
        ],
    ),
    (
        "long names",
        &[
            "P(n*300|select 1) S()",
            "B(|n*300) E(|0) S()",
            "B(|n*63) E(|0) S()",
            "CS(n*300) B(|n*300) S()",
        ],
    ),
    (
        "row limits",
        &[
            "P(|select generate_series(1, 5)) B(|) E(|2) E(|2) E(|2) E(|2) S()",
            "E(|1) S()",
            "Q(begin) P(|select generate_series(1, 5)) B(p1|) E(p1|2) S()",
            "E(p1|2) S() DP(p1) S()",
            "Q(select 1) E(p1|0) CP(p1) S() Q(commit)",
        ],
    ),
    (
        "a portal ends with its transaction",
        &[
            "P(|select generate_series(1, 5)) B(p1|) E(p1|2) S()",
            "E(p1|2) S()",
            "Q(begin) P(|select generate_series(1, 5)) B(p1|) B(p1|) S() Q(rollback)",
        ],
    ),
    (
        "cursors",
        &[
            "Q(begin; declare c cursor for select generate_series(1, 5)) Q(fetch 2 from c)",
            "DP(c) E(c|1) S()",
            "Q(commit) Q(fetch 1 from c)",
            "Q(declare h cursor with hold for select generate_series(1, 5))",
            "Q(fetch 2 from h)",
            "E(h|2) S() Q(close h) Q(fetch 1 from h)",
        ],
    ),
    (
        "copy in by query",
        &[
            "Q(copy t{n} from stdin) d(1\\tone\\n2\\t) d(two\\n) c() Q(select count(*) from t{n})",
            "Q(copy t{n} from stdin) c() Q(truncate t{n})",
            "Q(copy t{n} from stdin; copy t{n} from stdin; select 1) d(1\\ta\\n) c() d(2\\tb\\n) c()",
            "Q(copy t{n} from stdin) H() S() d(1\\ta\\n) H() S() c() Q(truncate t{n})",
        ],
    ),
    (
        "copy in by the extended protocol",
        &[
            "X(copy t{n} from stdin) d(1\\tone\\n) c() S()",
            "X(copy t{n} from stdin) S() S() d(1\\tone\\n) c() S()",
            "X(copy t{n} from stdin) d(1\\tone\\n) S() H() c() X(select 1) S()",
            "X(copy t{n} from stdin) d(1\\tone\\n) c() X(select count(*) from t{n}) S() Q(truncate t{n})",
            "P(|copy t{n} from stdin) DS() B(|) DP() E(|0) c() S()",
        ],
    ),
    (
        "copy out",
        &[
            "Q(copy (select generate_series(1, 3)) to stdout) Q(select 1)",
            "X(copy (select generate_series(1, 3)) to stdout) S() Q(select 1)",
            "Q(copy (select 1/(3 - i) from generate_series(1, 5) i) to stdout) Q(select 1)",
            "X(copy (select 1/(3 - i) from generate_series(1, 5) i) to stdout) X(select 1) S()",
            "Q(begin; copy (select 1) to stdout; select 1) Q(commit)",
        ],
    ),
    (
        "stray copy messages",
        &[
            "d(x) c() f(x) Q(select 1) d(x) c()",
            "Q(begin) d(x) c() Q(commit) f(x)",
            "P(|select 1) d(x) c() B(|) E(|0) S()",
        ],
    ),
    (
        "copy fails by query",
        &[
            "Q(copy t{n} from stdin) d(bad\\n) d(1\\tone\\n) d(1\\tone\\n) c() Q(select 1)",
            "Q(copy t{n} from stdin) d(1\\tone\\n) f(given up) Q(select 2)",
            "Q(copy none from stdin) d(1\\tone\\n) c() Q(select 3)",
            "Q(begin) Q(copy t{n} from stdin) d(bad\\n) c() Q(select 4) Q(rollback)",
            "Q(copy t{n} from stdin) d(bad\\n)",
            "d(1\\tone\\n) c() Q(select 5)",
        ],
    ),
    (
        "copy fails in the extended protocol",
        &[
            "X(copy t{n} from stdin) d(bad\\n) d(1\\tone\\n) c() S() Q(select 1)",
            "X(copy t{n} from stdin) f(given up) S() Q(select 2)",
            "X(copy t{n} from stdin) d(bad\\n) c() Q(select 3) S() Q(select 4)",
        ],
    ),
    (
        "copy fails before it begins",
        &[
            "X(copy none from stdin) S() d(1\\tone\\n) c() S() Q(select 1)",
            "X(copy none from stdin) d(1\\tone\\n) c() S() Q(select 2)",
        ],
    ),
    (
        "a sync after good data and a failure",
        &[
            "X(copy t{n} from stdin) d(1\\tone\\n) S() d(bad\\n) c() S()",
            "Q(select 1)",
        ],
    ),
    (
        "a sync after bad data",
        &[
            "X(copy t{n} from stdin) d(bad\\n) S() d(1\\tone\\n) c() S()",
            "Q(select 1)",
        ],
    ),
    (
        "a sync and a copy fail",
        &[
            "X(copy t{n} from stdin) S() f(given up) S()",
            "X(select 1) S()",
        ],
    ),
    (
        "a query in the middle of a copy",
        &[
            "Q(copy t{n} from stdin) d(1\\tone\\n) Q(select 1)",
            "Q(select 2)",
        ],
    ),
    (
        "a parse in the middle of a copy",
        &[
            "X(copy t{n} from stdin) d(1\\tone\\n) X(select 1) S()",
            "Q(select 2)",
        ],
    ),
    (
        "settings",
        &[
            "Q(set work_mem = '7MB') Q(show work_mem)",
            "Q(show work_mem) Q(set application_name = 'it''s') Q(set datestyle = 'German')",
            "X(show application_name) X(reset datestyle) S()",
            "Q(begin; set work_mem = '8MB') Q(show work_mem) Q(rollback) Q(show work_mem)",
            "Q(begin; set datestyle = 'SQL') Q(rollback) Q(begin; set local datestyle = 'SQL'; commit)",
            "Q(set work_mem = 'much') Q(reset all) Q(show work_mem)",
        ],
    ),
    (
        "notices",
        &[
            "Q(do $$ begin raise notice 'one'; raise warning 'two'; end $$) Q(commit)",
            "X(do $$ begin raise notice 'one'; end $$) S() Q(set local work_mem = '1MB')",
            "Q(drop table if exists nowhere) Q(begin) Q(begin) Q(rollback)",
        ],
    ),
    (
        "listen and notify",
        &[
            "Q(listen c{n}) Q(notify c{n}, 'one')",
            "Q(begin; notify c{n}, 'two') Q(commit) X(notify c{n}, 'three') S()",
            "Q(unlisten *) Q(notify c{n}, 'four')",
            "Q(listen c{n}; notify c{n}; unlisten c{n}) Q(select 1)",
        ],
    ),
    (
        "discard all",
        &[
            "P(s1|select 1) S() Q(set work_mem = '7MB') Q(create temp table dt (i int)) Q(listen c{n})",
            "Q(discard all)",
            "B(|s1) S() Q(show work_mem) Q(select * from dt) Q(notify c{n}, 'x')",
            "X(discard all) S() Q(begin) Q(discard all) Q(rollback)",
        ],
    ),
    (
        "temporary things",
        &[
            "Q(create temp table tt (i int); insert into tt values (1))",
            "X(select count(*) from tt) S()",
            "Q(select i into temp tu from tt) Q(select count(*) from tu) Q(drop table tt, tu)",
            "Q(begin; create temp table tv (i int) on commit drop; commit) Q(select * from tv)",
            "Q(select setseed(0.5)) Q(select random() < 2) Q(create temp sequence ts) Q(select nextval('ts'), lastval())",
        ],
    ),
    (
        "advisory locks",
        &[
            "Q(select pg_advisory_lock(77))",
            "Q(select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid())",
            "Q(select pg_advisory_unlock(77)) Q(select pg_advisory_unlock(77))",
        ],
    ),
    (
        "statements in one query",
        &[
            "Q(select 1; select 2; select 3)",
            "Q(begin; insert into t{n} values (1, 'x'); commit; select 1/0; select 2)",
            "Q(insert into t{n} values (2, 'x'); select 1/0) Q(select count(*) from t{n}; truncate t{n})",
            "Q(begin; select 1; rollback; begin; select 2)",
            "Q(commit; begin) Q(commit and chain; select 1) Q(rollback)",
        ],
    ),
    (
        "empty queries",
        &[
            "Q() Q(;) Q( ; ; ) Q(-- x) Q(/* x */)",
            "X() S() P(|) DS() S()",
        ],
    ),
    (
        "failed transactions",
        &[
            "Q(begin) Q(select 1/0) Q(select 1) Q(commit)",
            "Q(begin) Q(savepoint a) Q(select 1/0) Q(rollback to a) Q(select 1) Q(commit)",
            "Q(begin; select 1/0) P(|select 1) S() P(|rollback) B(|) E(|0) S()",
        ],
    ),
    (
        "a procedure that commits",
        &[
            "Q(create or replace procedure n{n}.pc() language plpgsql as $$ begin perform set_config('work_mem', '3MB', true); commit; raise exception 'late'; end $$)",
            "Q(call n{n}.pc())",
            "Q(show work_mem) Q(discard all)",
        ],
    ),
];
