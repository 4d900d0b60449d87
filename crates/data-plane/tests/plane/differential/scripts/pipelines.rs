//! Pipelines: several statements and Syncs before a reply is read, errors in every place, Flush, odd messages.

use super::Theme;

pub(super) const SCRIPTS: Theme = &[
    (
        "syncs alone",
        &[
            "S()",
            "S() S() S() ~() S()",
            "H() S() H()",
            "Q(begin) S() S() Q(commit) S()",
        ],
    ),
    (
        "segments, each a transaction of its own",
        &[
            "X(insert into t{n} values (1, 'x')) S() X(select 1/0) S() X(insert into t{n} values (2, 'x')) S()",
            "X(insert into t{n} values (3, 'x')) X(select 1/0) X(insert into t{n} values (4, 'x')) S() X(select i from t{n} order by i) S()",
            "X(insert into t{n} values (5, 'x')) ~() S() ~() X(select count(*) from t{n}) S()",
        ],
    ),
    (
        "everything is skipped up to the sync",
        &[
            "P(|selec) B(|) DP() E(|0) CS() CP() H() Q(select 1) F(1|1) P(a|select 1) S() B(|a) S()",
            "P(|select 1/0) B(|) E(|0) P(a|select 1) DS(a) H() ~() Q(select 2) S() DS(a) S()",
            "B(|nothing) d(x) c() f(x) H() S() S() Q(select 1)",
            "X(select 1/0) ~() X(select 1) ~() S() ~() X(select 2) S()",
        ],
    ),
    (
        "a query in the middle of a segment",
        &[
            "X(insert into t{n} values (1, 'x')) Q(select count(*) from t{n}) S()",
            "X(insert into t{n} values (2, 'x')) Q(select 1/0) X(select count(*) from t{n}) S()",
            "X(insert into t{n} values (3, 'x')) Q(rollback) X(select count(*) from t{n}) S()",
            "X(insert into t{n} values (4, 'x')) Q(begin; rollback) X(select count(*) from t{n}) S()",
            "X(select 1) Q() X(select 2) Q(;) S()",
            "P(a|select 7) Q(select 1) B(|a) E(|0) Q(select 2) S() B(|a) E(|0) S()",
        ],
    ),
    (
        "a function call in the middle of a segment",
        &[
            "X(insert into t{n} values (1, 'x')) F(1|2) S()",
            "X(select 1) F(1|x) X(select 2) S()",
        ],
    ),
    (
        "pipelined queries",
        &[
            "Q(select 1) Q(select 2; select 3) Q(select 1/0) Q(select 4)",
            "Q(begin) Q(select 1) Q(select 1/0) Q(select 2) Q(rollback) Q(select 3)",
            "Q(set work_mem = '7MB') Q(show work_mem) Q(begin; set work_mem = '8MB') Q(rollback) Q(show work_mem)",
            "Q(select 1) X(select 2) S() Q(select 3) F(1|2) X(select 4) S() S()",
        ],
    ),
    (
        "settings in a pipeline",
        &[
            "X(set work_mem = '7MB') X(show work_mem) S() X(set work_mem = '8MB') X(select 1/0) S() X(show work_mem) S()",
            "X(set role alice) X(select current_user) S() X(reset role) S() X(select current_user) S()",
            "X(set search_path = n{n}) S() X(create table a (b int)) S() X(reset search_path) S() X(select * from a) S() X(select * from n{n}.a) S()",
            "X(set datestyle = 'German') X(select '2026-01-02'::date) S() Q(select '2026-01-02'::date) X(reset datestyle) S()",
        ],
    ),
    (
        "replies asked for by flush",
        &[
            "P(|select 1) H() ~() B(|) H() ~() E(|0) H() ~() S()",
            "P(a|select $1::int) DS(a) H() ~() B(|a|7) E(|0) H() ~() B(|a|8) E(|0) S()",
            "X(insert into t{n} values (1, 'x')) H() ~() H() ~() X(select count(*) from t{n}) H() ~() S()",
            "X(select 1/0) H() ~() X(select 1) H() ~() S()",
            "P(|selec) H() ~() S() P(|select 1) H() ~() S()",
        ],
    ),
    (
        "a driver that prepares, describes, and goes on when it has heard",
        &[
            "P(a|select $1::int + 1, $2::text) DS(a) S() ~() B(|a|41|x) E(|0) S()",
            "P(|select $1::int + 1) DS() S() ~() B(||41) DP() E(|0) S() ~() B(||42) E(|0) S()",
            "Q(begin) ~() P(a2|select 1) DS(a2) S() ~() B(|a2) E(|0) S() ~() Q(commit)",
            "X(begin) P(|insert into t{n} values ($1, 'x')) DS() S() ~() B(||1) E(|0) B(||2) E(|0) S() ~() X(commit) S()",
            "X(BEGIN) P(b|select count(*) from t{n}) B(|b) DP() E(|0) X(COMMIT) S() CS(b) S()",
        ],
    ),
    (
        "an empty statement",
        &[
            "X() S() P(|) B(|) DP() E(|0) E(|0) S()",
            "P(e|;) DS(e) B(|e) E(|0) S() Q() Q(;) Q(--) Q(/**/)",
            "Q(begin) X() S() Q(select 1/0) X() S() Q() Q(rollback)",
        ],
    ),
    (
        "many statements in a pipeline",
        &[
            "P(a|select $1::int) B(|a|1) E(|0) B(|a|2) E(|0) B(|a|x) E(|0) B(|a|4) E(|0) S() B(|a|5) E(|0) S()",
            "X(begin) B(|a|1) E(|0) X(savepoint s) B(|a|x) E(|0) S() X(rollback to s) B(|a|6) E(|0) X(commit) S()",
            "P(b|select 1) CS(b) P(b|select 2) B(|b) E(|0) CS(b) P(b|select 3) B(|b) E(|0) S() DS(b) S()",
        ],
    ),
    (
        "a message of an unknown kind is fatal",
        &["Q(set work_mem = '7MB')", "!(y)", "Q(select 1)"],
    ),
    (
        "a terminate in a transaction",
        &[
            "Q(begin; insert into t{n} values (1, 'x')) !(X)",
            "Q(select count(*) from t{n})",
        ],
    ),
    (
        "what may not run in a transaction behind a parse",
        &[
            "X(set datestyle to 'SQL, DMY') Q(select 1) PT(s|25|select $1 || 'x') Q(discard all)",
            "X(set datestyle to 'SQL, DMY') Q(select 1) PT(s|25|select '01/02/2020'::date, $1) Q(discard all) Q(show datestyle)",
            "X(set datestyle to 'SQL, DMY') S() PT(s|25|select '01/02/2020'::date, $1) Q(vacuum t{n}) B(|s|1) E(|0) S() Q(discard all)",
            "S() Q(set datestyle to 'SQL, DMY') P(t|select '01/02/2020'::date) S()",
            "Q(set datestyle to 'ISO, MDY')",
            "DS(t) Q(discard all) S()",
        ],
    ),
];
