//! What is made for a request, on a connection that lacks it, shows in no transaction of the client.

use super::Theme;

pub(super) const SCRIPTS: Theme = &[
    (
        "an isolation level behind a description",
        &[
            "P(s1|select * from t{n}) P(s2|select '01.02.2026'::date) S()",
            "DS(s1) H() Q(begin isolation level serializable)",
            "Q(show transaction_isolation) Q(commit)",
            "P(|begin) DS(s2) B(|) E(|0) X(set transaction isolation level repeatable read) S()",
            "Q(show transaction_isolation) Q(rollback)",
            "P(|select 1) S()",
            "DS() H() Q(begin isolation level serializable)",
            "Q(commit)",
            "CS(none) DS(s1) X(begin) X(set transaction isolation level serializable) S() X(commit) S()",
        ],
    ),
    (
        "what may not follow a command",
        &[
            "P(s1|select * from t{n} where x = 'a') P(s2|select '01.02.2026'::date) S()",
            "Q(set datestyle = 'German')",
            "B(|s2) Q(vacuum t{n})",
            "B(|s1) DS(s2) Q(discard temp)",
            "DS(s2) DS(s1) Q(discard all)",
            "DS(s2) S()",
        ],
    ),
    (
        "what may not follow a command on the unnamed statement",
        &[
            "P(|select '01.02.2026'::date) S()",
            "X(set datestyle = 'German') S()",
            "P(|select '01.02.2026'::date) S()",
            "DP() B(|) S() B(|) Q(discard all)",
        ],
    ),
    (
        "a statement with constants behind a setting that is not known",
        &[
            "P(|select set_config($1, '13MB', false)) B(||work_mem) E(|0)",
            "P(s1|insert into t{n} values ($1, 'p')) Q(discard all)",
            "P(|select set_config($1, '13MB', false)) B(||work_mem) E(|0) S() P(s1|insert into t{n} values ($1, 'p')) Q(discard all)",
            "X(do $$ begin perform set_config('datestyle', 'German', false); end $$) S() P(s1|select '01.02.2026'::date) Q(vacuum t{n})",
            "B(|s1) E(|0) S()",
            "Q(begin) Q(set local datestyle = 'SQL, DMY') P(s2|select '03/04/2026'::date) S() Q(commit)",
            "B(|s2) E(|0) S()",
        ],
    ),
    (
        "a statement with constants under a setting that cannot be written down",
        &[
            "X(set time zone -5) PT(|25|select $1::text) S() B(||it's) E(|0) S() P(s2|select 1 where 'a' = 'b'; prepare q as select 5)",
            "P(s1|select 'a') S() B(|s1) E(|0) S() CS(s1) S()",
        ],
    ),
    (
        "a statement without rows whose table is out of sight",
        &[
            "P(s1|insert into t{n} values ($1, 'p')) S() Q(set search_path = pg_catalog)",
            "DS(s1) S()",
            "B(|s1|1) E(|0) S()",
            "Q(begin) DS(s1) Q(select 1/0) DS(s1) S() Q(rollback)",
            "Q(reset search_path)",
            "DS(s1) B(|s1|1) E(|0) S()",
        ],
    ),
    (
        "two faults in one request",
        &[
            "P(s1|select * from t{n}) P(s2|insert into t{n} values ($1, 'p')) P(s3|select i + $1 from t{n}) S()",
            "Q(alter table t{n} add z int)",
            "Q(begin) P(|select 1) B(p1|) B(p1|s1) S() Q(rollback)",
            "B(p1|s1) S() B(p1|s1|surplus) S() B(|s2|x) E(|0) S() B(|s2|5) E(|0) S()",
            "Q(drop table t{n})",
            "B(|s2|x) E(|0) S() B(|s2|5) E(|0) S() B(|s3|x) S() B(|s3|1) S()",
            "Q(begin) P(|select 1) B(p1|) S() B(p1|s1) S() Q(rollback)",
            "Q(begin) P(|select 1) B(p1|) B(p1|s3|x) S() Q(rollback) Q(begin) B(|s3|x) S() B(|s3|1) S() Q(rollback)",
            "Q(declare h cursor with hold for select 1) B(h|s1) S() B(h|s3|1) S() Q(close h)",
            "B(h|s1) S() B(h|s3|1) S()",
        ],
    ),
    (
        "the end of a failed transaction by a statement with a name",
        &[
            "P(s1|rollback) P(s2|select 1) S()",
            "Q(begin; select 1/0) B(p1|s1) E(p1|0) S()",
            "Q(begin; select 1/0)",
            "B(p1|s2) S() B(p1|s1) DP(p1) E(p1|0) S()",
        ],
    ),
    (
        "a description that fails behind others",
        &[
            "P(s1|select * from t{n}) P(s2|select 1) S()",
            "Q(drop table t{n})",
            "DS(s2) DS(s1) DS(s2) S()",
            "P(|select 2) DS(s1) B(|) E(|0) Q(select 3) S()",
            "Q(begin) P(|select 4) DS(s1) B(|) E(|0) S() Q(rollback)",
        ],
    ),
];
