//! Portals: row limits, names, and the transactions that end them.

use super::Theme;

pub(super) const SCRIPTS: Theme = &[
    (
        "row limits of a portal",
        &[
            "P(|select generate_series(1, 5)) B(|) E(|2) E(|2) E(|2) E(|2) S()",
            "P(|select generate_series(1, 4)) B(|) E(|2) E(|2) E(|2) S()",
            "P(|select generate_series(1, 5)) B(|) E(|2) H() ~() E(|2) H() ~() E(|0) S()",
            "P(|insert into t{n} select g, 'x' from generate_series(1, 3) g returning i) B(|) E(|2) E(|2) S()",
            "Q(select count(*) from t{n})",
            "P(|select 1/(3 - g) from generate_series(1, 5) g) B(|) E(|1) E(|1) E(|1) E(|1) S()",
        ],
    ),
    (
        "a portal over syncs",
        &[
            "P(|select generate_series(1, 5)) B(p|) E(p|2) S()",
            "E(p|2) S()",
            "Q(begin) P(|select generate_series(1, 5)) B(p|) E(p|2) S()",
            "E(p|2) S()",
            "Q(select 1) E(p|1) S()",
            "Q(commit) E(p|1) S()",
            "Q(begin) B(p|) S() Q(rollback) DP(p) S()",
        ],
    ),
    (
        "portals by name",
        &[
            "Q(begin) P(a|select generate_series(1, 3)) B(p|a) B(q|a) E(p|1) E(q|2) E(p|1) CP(p) E(q|0) S()",
            "E(p|0) S() Q(rollback)",
            "Q(begin) P(b|select 1) B(p|b) B(p|b) S() Q(rollback)",
            "B(p|b) DP(p) CP(p) DP(p) S() CP(nothing) S()",
            "Q(begin) B(n*70|b) E(n*70|0) S() E(n*63|0) CP(n*70) S() Q(commit)",
        ],
    ),
    (
        "portals and cursors are the same",
        &[
            "Q(begin; declare c cursor for select generate_series(1, 5))",
            "DP(c) E(c|2) S() Q(fetch 1 from c) CP(c) S() Q(fetch 1 from c) Q(rollback)",
            "X(begin) P(|select generate_series(1, 5)) B(p|) S() Q(fetch 2 from p) E(p|1) S() Q(close p) E(p|1) S() Q(rollback)",
            "Q(begin) P(|select 1) B(p|) S() Q(select name, statement from pg_cursors) Q(commit)",
        ],
    ),
    (
        "a portal and savepoints",
        &[
            "Q(begin) Q(savepoint s) P(|select generate_series(1, 5)) B(p|) E(p|1) S() Q(rollback to s) E(p|1) S() Q(rollback)",
            "Q(begin) P(|select generate_series(1, 5)) B(p|) E(p|1) S() Q(savepoint s) E(p|1) S() Q(select 1/0) Q(rollback to s) E(p|1) S() Q(commit)",
        ],
    ),
    (
        "a portal that has ended",
        &[
            "Q(begin) P(|select 1) B(p|) E(p|0) E(p|0) S() Q(rollback)",
            "Q(begin) P(|insert into t{n} values (1, 'x')) B(p|) E(p|0) E(p|0) S() Q(rollback)",
            "P(|select 1) B(|) E(|0) E(|0) S()",
            "P(|begin) B(p|) E(p|0) E(p|0) S() Q(rollback)",
        ],
    ),
    (
        "a portal with a name that ends a failed transaction",
        &[
            "P(s2|;;select 3;) X(begin) X(deallocate q; execute s1; prepare q as select 8; execute q) S() P(|commit and chain) B(p1|) E(p1|1)",
            "S() Q(rollback)",
            "P(s3|select 4) S() Q(begin) Q(select 1/0) P(|rollback) B(p1|) H()",
            "B(p2|s3) E(p1|0) P(|execute s3) S() Q(rollback)",
            "Q(begin) Q(prepare q as select 5) X(execute q; select 1) S() P(|rollback) B(p1|) E(p1|0) S()",
            "P(|execute s3) B(p1|) E(p1|0) S() Q(deallocate all)",
            "Q(prepare s1 as select 6; prepare s4 as select 7) S()",
            "Q(begin) Q(select 1/0) P(|rollback) B(p1|) DS(s1) E(p1|0) S() Q(rollback)",
            "Q(begin) Q(select 1/0) P(|rollback) H()",
            "Q(rollback; execute s1; execute s4) Q(execute s2)",
            "Q(begin) Q(select 1/0) CS(s4) H()",
            "Q(rollback; execute s4; execute s1) Q(execute s1)",
            "Q(begin) Q(select 1/0) P(|commit) H()",
            "Q(commit; select name from pg_prepared_statements order by 1)",
            "Q(deallocate all; prepare s1 as select 6) S()",
            "Q(begin) Q(select 1/0) P(|commit) H()",
            "Q(rollback to none; execute s1) Q(rollback and chain; execute s1; deallocate s1) Q(rollback; execute s1) Q(execute s1) Q(deallocate all)",
        ],
    ),
    (
        "describe of a portal",
        &[
            "P(|select 1 as a, 'x' as b) BB(|) DP() E(|0) S() B(|) DP() S()",
            "P(|insert into t{n} values (1, 'x') returning *) B(|) DP() E(|0) S()",
            "P(|insert into t{n} values (1, 'x')) B(|) DP() E(|0) S() P(|begin) B(|) DP() S()",
            "P(|fetch 1 from c) S() Q(begin; declare c cursor for select 1 as x) P(|fetch 1 from c) DS() B(|) DP() E(|0) S() Q(commit)",
        ],
    ),
    (
        "rows of many kinds",
        &[
            "P(|select null, '', repeat('x', 100), 1.5, true, array[1, 2], now() is null) BB(|) E(|0) S()",
            "Q(select) X(select) S() Q(values (1), (2)) X(table t{n}) S()",
            "X(select g, repeat('y', g) from generate_series(1, 300) g) S()",
        ],
    ),
];
