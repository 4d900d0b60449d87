//! Prepared statements of both protocols: names, lives, errors, and tables that change under them.

use super::Theme;

pub(super) const SCRIPTS: Theme = &[
    (
        "the life of a named statement",
        &[
            "P(a|select $1::int + 1) S()",
            "DS(a) S()",
            "B(|a|41) DP() E(|0) S()",
            "B(|a|NULL) E(|0) S() BB(|a|41) E(|0) S()",
            "CS(a) S()",
            "B(|a|41) E(|0) S() DS(a) S() CS(a) S()",
        ],
    ),
    (
        "a name that is taken",
        &[
            "P(a|select 1) S()",
            "P(a|select 1) S()",
            "P(a|select 2) B(|a) E(|0) S()",
            "P(a|selec) S()",
            "B(|a) E(|0) S()",
            "Q(begin) P(a|select 3) S() P(a|select 4) S() B(|a) S() Q(rollback)",
            "CS(a) P(a|select 5) B(|a) E(|0) S()",
        ],
    ),
    (
        "a name that is unknown",
        &[
            "B(|nothing) E(|0) S()",
            "DS(nothing) S() CS(nothing) S()",
            "Q(begin) B(|nothing) S() B(|nothing) S() CS(nothing) S() Q(rollback)",
            "Q(deallocate nothing) Q(execute nothing) X(execute nothing) S()",
            "B(|tollgate_1) S() DS(tollgate_1) S() CS(tollgate_1) S() Q(execute tollgate_1) Q(deallocate tollgate_1)",
        ],
    ),
    (
        "names of our own kind",
        &[
            "P(tollgate_1|select 'mine') S() P(a|select 'other') S()",
            "B(|tollgate_1) E(|0) S() B(|a) E(|0) S()",
            "P(tollgate_1|select 1) S()",
            "Q(select name, statement from pg_prepared_statements order by name)",
            "Q(deallocate tollgate_1) B(|tollgate_1) S()",
        ],
    ),
    (
        "a parse that fails leaves no name",
        &[
            "P(a|selec) S() B(|a) S() P(a|select 1) B(|a) E(|0) S()",
            "P(b|select * from nowhere) S() DS(b) S() P(b|select 2) S() B(|b) E(|0) S()",
            "X(select 1/0) P(c|select 3) S() B(|c) S()",
            "P(d|select 4) X(select 1/0) S() B(|d) E(|0) S()",
        ],
    ),
    (
        "statements of a transaction that is rolled back stay",
        &[
            "Q(begin) P(a|select 1) S() Q(rollback)",
            "B(|a) E(|0) S()",
            "X(begin) P(b|select 2) X(select 1/0) S() X(rollback) S()",
            "B(|b) E(|0) S()",
            "Q(begin) Q(savepoint s) P(c|select 3) S() Q(rollback to s) B(|c) E(|0) S() Q(commit)",
        ],
    ),
    (
        "in a failed transaction",
        &[
            "P(a|select 1) S() P(r|rollback) S()",
            "Q(begin) Q(select 1/0)",
            "P(a|select 2) S() P(b|select 3) S() DS(a) S() DS(r) S() CS(a) S() B(|a) S()",
            "B(|r) E(|0) S()",
            "B(|a) S() P(b|select 4) B(|b) E(|0) S()",
        ],
    ),
    (
        "types of parameters",
        &[
            "PT(a|23 25|select $1, $2) DS(a) S() B(|a|1|x) E(|0) S()",
            "PT(b|25|select $1) DS(b) S() B(|b|1) E(|0) S()",
            "PT(c|0|select $1::int) DS(c) S() PT(d|99999|select $1) S()",
            "P(e|select $1) DS(e) S() B(|e|x) DP() E(|0) S() P(f|select $2::int) DS(f) S()",
            "P(g|select $1::int) B(|g) S() B(|g|1|2) S() B(|g|x) S() BB(|g|1) DP() E(|0) S()",
        ],
    ),
    (
        "one name, one text after another",
        &[
            "P(a|select 1) B(|a) E(|0) CS(a) S()",
            "P(a|select 'two') B(|a) E(|0) CS(a) S()",
            "P(a|select 3.0) B(|a) E(|0) CS(a) S()",
            "P(a|select 1) B(|a) E(|0) S() CS(a) S()",
            "P(a|select 1) S() CS(a) P(a|select 2) S() B(|a) E(|0) S()",
        ],
    ),
    (
        "one text, many names",
        &[
            "P(a|select 1) P(b|select 1) P(c|select 1) S()",
            "B(|a) E(|0) B(|b) E(|0) B(|c) E(|0) S()",
            "CS(b) S() B(|a) E(|0) B(|c) E(|0) S() B(|b) S()",
            "Q(select name, statement, parameter_types, from_sql from pg_prepared_statements order by 1)",
        ],
    ),
    (
        "long names of statements",
        &[
            "P(n*63|select 63) S() P(n*64|select 64) S() B(|n*64) E(|0) S() B(|n*200) E(|0) S()",
            "CS(n*100) S() B(|n*63) S() P(n*300|select 300) S() DS(n*63) S()",
            "Q(select length(name) from pg_prepared_statements)",
        ],
    ),
    (
        "the unnamed statement",
        &[
            "P(|select 1) S()",
            "B(|) E(|0) S()",
            "P(|select 2) S() B(|) E(|0) S() DS() S()",
            "P(|selec) S() B(|) S()",
            "P(|select 3) S() Q(select 4) B(|) S()",
            "P(|select $1::int) S() B(||5) E(|0) S() B(||x) S() B(||6) E(|0) S()",
            "P(|select 7) S() CS() S() DS() S()",
            "Q(begin) P(|select 8) S() B(|) E(|0) S() Q(commit)",
        ],
    ),
    (
        "an altered table, parsed afresh",
        &[
            "Q(create table n{n}.a (i int); insert into n{n}.a values (1))",
            "P(s|select * from n{n}.a) DS(s) B(|s) E(|0) S()",
            "CS(s) S() Q(alter table n{n}.a add j text default 'new')",
            "P(s|select * from n{n}.a) DS(s) B(|s) E(|0) S()",
            "CS(s) S() Q(alter table n{n}.a drop i)",
            "P(s|select * from n{n}.a) S() B(|s) DP() E(|0) S()",
            "P(|select * from n{n}.a) B(|) DP() E(|0) S()",
        ],
    ),
    (
        "an altered table under a statement",
        &[
            "Q(create table n{n}.a (i int); insert into n{n}.a values (1))",
            "P(s|select * from n{n}.a) B(|s) E(|0) S()",
            "Q(alter table n{n}.a add j int)",
            "B(|s) E(|0) S()",
            "DS(s) S()",
            "B(|s) E(|0) S()",
            "Q(begin) B(|s) E(|0) S() Q(select 1) Q(rollback)",
            "P(t|select * from n{n}.a) B(|t) E(|0) S() B(|s) S()",
            "CS(s) P(s|select * from n{n}.a) B(|s) E(|0) S()",
            "Q(alter table n{n}.a drop j) B(|t) S() B(|s) S()",
        ],
    ),
    (
        "a table altered and altered back",
        &[
            "Q(create table n{n}.a (i int); insert into n{n}.a values (1))",
            "P(s|select i from n{n}.a) B(|s) E(|0) S()",
            "Q(alter table n{n}.a alter i type text)",
            "B(|s) E(|0) S()",
            "Q(alter table n{n}.a alter i type int using i::int)",
            "B(|s) E(|0) S()",
            "Q(drop table n{n}.a) B(|s) E(|0) S() DS(s) S()",
            "Q(create table n{n}.a (i int)) B(|s) E(|0) S()",
        ],
    ),
    (
        "statements that return nothing",
        &[
            "P(i|insert into t{n} values ($1, $2)) DS(i) B(|i|1|x) DP() E(|0) S()",
            "P(u|update t{n} set x = 'y' where i = $1) B(|u|1) E(|0) S()",
            "P(v|set work_mem = '7MB') DS(v) B(|v) E(|0) S() Q(show work_mem)",
            "P(c|create table n{n}.c (i int)) B(|c) E(|0) B(|c) E(|0) S() Q(drop table n{n}.c) B(|c) E(|0) S()",
            "P(b|begin) P(e|commit) B(|b) E(|0) B(|e) E(|0) S() B(|b) E(|0) S() B(|e) E(|0) S()",
        ],
    ),
    (
        "sql prepare and execute",
        &[
            "Q(prepare q as select 5)",
            "Q(execute q)",
            "X(execute q) S()",
            "Q(prepare q as select 6)",
            "Q(prepare r(int, text) as select $1 + 1, $2) Q(execute r(1, 'x')) Q(execute r(1))",
            "P(e|execute r(2, 'y')) DS(e) B(|e) E(|0) S()",
            "Q(explain (costs off) execute q) Q(create table n{n}.from_q as execute q)",
            "Q(select * from n{n}.from_q)",
            "Q(select name, statement, parameter_types, from_sql from pg_prepared_statements order by 1)",
            "Q(deallocate q) Q(execute q)",
            "Q(deallocate prepare r) Q(deallocate all)",
        ],
    ),
    (
        "sql and protocol share their names",
        &[
            "Q(prepare q as select 5)",
            "B(|q) DP() E(|0) S() DS(q) S()",
            "P(q|select 6) S()",
            "P(p|select 7) S() Q(execute p)",
            "Q(prepare p as select 8)",
            "Q(execute p) B(|p) E(|0) S()",
            "CS(q) S() Q(execute q)",
            "Q(deallocate p) B(|p) S() P(p|select 9) B(|p) E(|0) S()",
            "P(w|select $1::int) S() Q(execute w(3)) Q(execute w)",
            "Q(prepare \"Odd name\" as select 1) B(|Odd name) E(|0) S() Q(execute \"Odd name\") Q(deallocate \"Odd name\")",
        ],
    ),
    (
        "sql prepare in transactions",
        &[
            "Q(begin; prepare q as select 5; rollback) Q(execute q) Q(deallocate q)",
            "Q(begin) Q(prepare q as select 6) Q(select 1/0) Q(execute q) Q(rollback)",
            "Q(execute q)",
            "Q(begin) Q(deallocate q) Q(rollback) Q(execute q)",
            "Q(prepare q as selec) Q(execute q)",
        ],
    ),
    (
        "deallocate of a protocol-level statement",
        &[
            "P(a|select 1) S() P(b|select 2) S()",
            "Q(deallocate a) B(|a) S() B(|b) E(|0) S()",
            "Q(deallocate prepare b) B(|b) S()",
            "P(a|select 3) S() Q(begin) Q(deallocate a) Q(rollback) B(|a) S()",
            "P(a|select 4) S() X(deallocate a) S() B(|a) S()",
            "P(a|select 5) S() Q(begin) Q(select 1/0) Q(deallocate a) Q(rollback) B(|a) E(|0) S()",
            "Q(deallocate a; select 6) B(|a) S() Q(DEALLOCATE \"a\") Q(deallocate A)",
        ],
    ),
    (
        "deallocate in a pipeline",
        &[
            "P(a|select 1) S() Q(deallocate a) P(a|select 2) S() B(|a) E(|0) S()",
            "P(b|select 3) B(|b) E(|0) S() Q(deallocate b) B(|b) E(|0) S() P(b|select 4) S()",
            "Q(deallocate b) Q(deallocate b) Q(deallocate a) CS(a) S()",
        ],
    ),
    (
        "plan cache settings and many executions",
        &[
            "P(a|select * from t{n} where i = $1) S() Q(insert into t{n} values (1, 'x'), (2, 'y'))",
            "B(|a|1) E(|0) B(|a|2) E(|0) B(|a|1) E(|0) B(|a|2) E(|0) B(|a|1) E(|0) B(|a|2) E(|0) B(|a|1) E(|0) S()",
            "Q(set plan_cache_mode = force_generic_plan) B(|a|2) E(|0) S() Q(analyze t{n}) B(|a|2) E(|0) S()",
            "Q(reset plan_cache_mode) B(|a|1) E(|0) S()",
        ],
    ),
    (
        "a statement under another role",
        &[
            "Q(create table n{n}.own (i int); insert into n{n}.own values (1); grant usage on schema n{n} to bob)",
            "P(a|select * from n{n}.own) B(|a) E(|0) S()",
            "Q(set role bob)",
            "B(|a) E(|0) S()",
            "Q(reset role)",
            "B(|a) E(|0) S()",
            "P(w|select current_user) B(|w) E(|0) S() Q(set role alice) B(|w) E(|0) S() Q(reset role)",
        ],
    ),
    (
        "a large statement",
        &[
            "P(a|select length('n*10')) B(|a) E(|0) S()",
            "P(|select 1 /* a comment that makes it longer, and longer, and longer still, for good measure */) S() B(|) E(|0) S()",
        ],
    ),
    (
        "errors come in the server's order",
        &[
            "P(a|insert into t{n} values ($1, 'p')) P(b|select 1) P(c|commit) P(d|set work_mem = '5MB') S()",
            "Q(begin) Q(selec) B(|a) S() B(|a|1) S() DS(a) S() DS(b) S() B(|b|1) S() B(|b) S() DS(c) S() DS(d) S() B(|d) S()",
            "B(|c|1) S() B(|c) E(|0) S()",
            "Q(begin) Q(selec) BB(|b) S() CS(b) S() B(|b) S() B(|c) E(|0) S()",
            "P(e|select * from t{n}) S() Q(set search_path = pg_catalog) B(|e|surplus) S() B(|a|1|2) S() Q(reset search_path)",
            "B(|e) E(|0) S() B(|a|7) E(|0) S()",
            "P(|select 'a\\' as b) S() B(||5) S() B(|) E(|0) S()",
        ],
    ),
    (
        "what names statements is refused in vain",
        &[
            "P(a|explain (costs off) execute q) P(b|execute b) S()",
            "B(|a|surplus) E(|0) S() B(|b|surplus) E(|0) S()",
            "Q(begin) Q(selec) B(|a) S() B(|b) S() Q(rollback)",
        ],
    ),
    (
        "the list after a transaction that failed",
        &[
            "P(a|select 1) S()",
            "Q(begin) Q(selec) Q(rollback; select name, statement from pg_prepared_statements where name not in ('a'))",
        ],
    ),
    (
        "a stale bind in a transaction leaves half a portal",
        &[
            "Q(create table n{n}.a (i int)) P(s|select * from n{n}.a) P(p|select *, $1::int from n{n}.a) S()",
            "Q(alter table n{n}.a add j int)",
            "Q(begin) B(q|s) S() E(q|0) S()",
            "DP(q) S() CP(q) S() E(q|0) S() B(q|s) S() Q(rollback)",
            "E(q|0) S()",
            "Q(begin) B(r|p|7) S() E(r|0) E(r|1) S() B(r|p|7) S() Q(rollback) Q(select 1)",
            "Q(begin) Q(savepoint x) B(q|s) S() E(q|0) S() Q(rollback to x) E(q|0) S() Q(commit)",
            "B(q|s) E(q|0) S() E(q|0) S()",
            "X(begin) B(q|s) E(q|0) S() E(q|0) S() Q(select name from pg_cursors) Q(rollback)",
        ],
    ),
];
