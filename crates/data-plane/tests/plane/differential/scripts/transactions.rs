//! Transactions: blocks, savepoints, failures, two-phase commit, and procedures that commit.

use super::Theme;

pub(super) const SCRIPTS: Theme = &[
    (
        "blocks",
        &[
            "Q(begin) Q(insert into t{n} values (1, 'x')) Q(commit) Q(select i from t{n})",
            "Q(begin) Q(insert into t{n} values (2, 'x')) Q(rollback) Q(select i from t{n})",
            "Q(start transaction isolation level repeatable read, read only) Q(end)",
            "Q(commit) Q(rollback) Q(begin) Q(begin) Q(abort)",
            "Q(commit and chain) Q(begin) Q(commit and chain) Q(select 1) Q(rollback and chain) Q(rollback)",
        ],
    ),
    (
        "a failed block",
        &[
            "Q(begin) Q(select 1/0)",
            "Q(select 1)",
            "X(select 1) S()",
            "P(s|select 1) S() P(|commit) S() B(|) E(|0) S()",
            "Q(select 1)",
            "X(begin) S() X(select 1/0) S()",
            "P(|rollback) DS() B(|) DP() E(|0) S()",
            "Q(begin; select 1/0) Q(begin) Q(savepoint a) Q(rollback to a) Q(commit)",
            "Q(begin; select 1/0) Q() Q(;) Q(selec) Q(rollback)",
        ],
    ),
    (
        "savepoints",
        &[
            "Q(begin) Q(savepoint a) Q(insert into t{n} values (1, 'x')) Q(savepoint b) Q(select 1/0)",
            "Q(rollback to b) Q(insert into t{n} values (2, 'x')) Q(release b) Q(rollback to a)",
            "Q(select i from t{n}) Q(rollback to nothing) Q(rollback to a) Q(release a) Q(rollback to a) Q(rollback)",
            "X(begin) X(savepoint a) X(select 1/0) S() X(rollback to a) X(commit) S()",
            "Q(savepoint a) Q(release a) Q(rollback to a)",
        ],
    ),
    (
        "a transaction in pieces of both protocols",
        &[
            "Q(begin)",
            "X(insert into t{n} values (1, 'x')) S()",
            "P(|select count(*) from t{n}) S()",
            "B(|) E(|0) S()",
            "X(savepoint a) H() ~() X(select 1/0) S() Q(rollback to a)",
            "F(1|2)",
            "Q(commit)",
            "Q(select count(*) from t{n})",
        ],
    ),
    (
        "two-phase commit where it is not allowed",
        &[
            "Q(begin; insert into t{n} values (1, 'x')) Q(prepare transaction 'x{n}')",
            "Q(select count(*) from t{n}) Q(commit prepared 'x{n}') Q(rollback prepared 'x{n}')",
        ],
    ),
    (
        "what may not run in a transaction",
        &[
            "Q(begin) Q(vacuum t{n}) Q(rollback)",
            "X(select 1) X(vacuum t{n}) S()",
            "X(vacuum t{n}) S() X(vacuum t{n}) X(select 1) S()",
            "Q(select 1; vacuum t{n}) Q(vacuum t{n})",
            "Q(begin; discard all) Q(rollback) X(discard all) S() X(select 1) X(discard all) S()",
            "Q(create index concurrently on t{n} (i)) X(create index concurrently on t{n} (x)) S()",
        ],
    ),
    (
        "procedures that end transactions",
        &[
            "Q(create procedure n{n}.p() language plpgsql as $$ begin insert into t{n} values (1, 'x'); commit; insert into t{n} values (2, 'x'); rollback; end $$)",
            "Q(call n{n}.p()) Q(select i from t{n})",
            "X(call n{n}.p()) S() Q(select i from t{n})",
            "Q(begin) Q(call n{n}.p()) Q(rollback)",
            "X(select 1) X(call n{n}.p()) S()",
            "Q(do $$ begin insert into t{n} values (3, 'x'); commit; raise exception 'late'; end $$)",
            "Q(select i from t{n})",
        ],
    ),
    (
        "deferred constraints fail at the commit",
        &[
            "Q(create table n{n}.d (i int unique deferrable initially deferred))",
            "Q(begin; insert into n{n}.d values (1), (1)) Q(select 1) Q(commit)",
            "X(insert into n{n}.d values (1)) X(insert into n{n}.d values (1)) X(select 1) S()",
            "X(begin) X(insert into n{n}.d values (1), (1)) S() X(commit) S() Q(select count(*) from n{n}.d)",
            "Q(insert into n{n}.d values (1), (1)) Q(select count(*) from n{n}.d)",
        ],
    ),
    (
        "errors of every kind",
        &[
            "Q(select 'x'::int) Q(select * from nowhere) Q(select nothing) Q(select f())",
            "Q(insert into t{n} values (null)) Q(insert into t{n} values (1, 2, 3))",
            "Q(do $$ begin raise exception 'own' using errcode = 'TG001', detail = 'd', hint = 'h', column = 'c', table = 't'; end $$)",
            "Q(do $$ begin raise exception sqlstate '22012'; end $$)",
            "Q(create table t{n} (i int)) Q(drop table nowhere) Q(selec 1) Q(select ')",
            "Q(select 1) X(select $1) S() X(select $1::int) S()",
        ],
    ),
    (
        "what a failed transaction still describes",
        &[
            "X(alter table t{n} alter x type varchar(20)) S() P(b|begin) S() B(|b) E(|0) E(|0) S()",
            "DS() S() B(|) E(|0) S() DS() S()",
            "Q(rollback) X(insert into t{n} values (1, 'x')) S() P(b|begin) S() B(|b) E(|0) E(|0) S()",
            "DS() DS() S() B(|b) S()",
            "DS(b) DS() S() B(|b) S() P(r|rollback) B(|r) E(|0) DS() S()",
            "X(select 1) S() B(|b) E(|0) E(|0) S() DS() S()",
            "P(|rollback) S() DS() B(|) E(|0) S() DS() S()",
        ],
    ),
];
