//! Simple queries of several statements: implicit transactions, and explicit ones inside.

use super::Theme;

pub(super) const SCRIPTS: Theme = &[
    (
        "several statements are one transaction",
        &[
            "Q(insert into t{n} values (1, 'x'); insert into t{n} values (2, 'x'); select 1/0; select 3)",
            "Q(select count(*) from t{n})",
            "Q(insert into t{n} values (1, 'x'); commit; insert into t{n} values (2, 'x'); select 1/0)",
            "Q(select i from t{n})",
            "Q(insert into t{n} values (3, 'x'); rollback; insert into t{n} values (4, 'x'))",
            "Q(select i from t{n})",
        ],
    ),
    (
        "blocks inside a query",
        &[
            "Q(select 1; begin; insert into t{n} values (1, 'x'); select 1/0)",
            "Q(select 1) Q(rollback) Q(select count(*) from t{n})",
            "Q(begin; select 1/0; commit; select 2) Q(rollback)",
            "Q(begin; insert into t{n} values (1, 'x'); commit; begin; insert into t{n} values (2, 'x'); rollback; select i from t{n})",
            "Q(insert into t{n} values (5, 'x'); begin) Q(rollback) Q(select i from t{n})",
            "Q(begin; savepoint a; select 1/0; rollback to a) Q(rollback to a; commit)",
            "Q(savepoint a; select 1) Q(select 1; savepoint a) Q(begin; select 1; end; select 2; begin; abort)",
        ],
    ),
    (
        "errors inside a query",
        &[
            "Q(select 1; selec; select 2)",
            "Q(select 1; select 1/0; select 2)",
            "Q(select 1; select * from nowhere; select 2)",
            "Q(create table n{n}.a (i int); select * from n{n}.a; drop table n{n}.a; select * from n{n}.a)",
            "Q(; ; select 1;; ; select 2 ;)",
        ],
    ),
    (
        "results of every kind inside a query",
        &[
            "Q(select 1; ; insert into t{n} values (1, 'x'); update t{n} set x = 'y'; delete from t{n}; copy (select 1) to stdout; show work_mem; explain (costs off) select 1; set work_mem = '7MB'; begin; commit)",
            "Q(select generate_series(1, 3); copy (select generate_series(1, 3)) to stdout; select 'end') Q(show work_mem)",
            "Q(prepare q as select 1; execute q; deallocate q; listen c{n}; notify c{n}; unlisten c{n})",
            "Q(create temp table tt (i int); insert into tt values (1); select * from tt; drop table tt)",
            "Q(declare h cursor with hold for select 1; fetch 1 from h; close h)",
            "Q(select pg_advisory_lock({n}); select pg_advisory_unlock({n}))",
        ],
    ),
    (
        "a query in a failed transaction",
        &[
            "Q(begin; select 1/0)",
            "Q(select 1; rollback)",
            "Q(rollback; select 1; select 1/0)",
            "Q(begin; select 1/0) Q(commit; select 2; begin) Q(rollback)",
        ],
    ),
    (
        "long rows and long texts",
        &[
            "Q(select repeat('x', 100000), repeat('y', 10))",
            "Q(select length($x$ a text of some length $x$)) Q(select 'it''s', E'it\\'s', $$it's$$)",
            "X(select repeat('x', 100000)) S() X(select repeat('y', 9000)) X(select 1) S()",
        ],
    ),
];
