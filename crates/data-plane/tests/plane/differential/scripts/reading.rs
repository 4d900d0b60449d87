//! Constants are read once, when their statement is made: later settings do not change what they mean.

use super::Theme;

pub(super) const SCRIPTS: Theme = &[
    (
        "a date read before the style of dates changed",
        &[
            "P(a|select '01/02/2020'::date) S() B(|a) E(|0) S()",
            "Q(set datestyle to 'ISO, DMY')",
            "B(|a) E(|0) S() DS(a) S()",
            "P(b|select '01/02/2020'::date) S() B(|b) E(|0) S() B(|a) E(|0) S()",
            "Q(begin) B(|a) E(|0) S() B(|b) E(|0) S() Q(show datestyle) Q(commit)",
            "Q(set datestyle to 'SQL, MDY')",
            "B(|b) E(|0) S() Q(show datestyle)",
            "B(|a) E(|0) B(|b) E(|0) X(show datestyle) S()",
            "Q(reset datestyle) B(|a) E(|0) S()",
            "B(|b) E(|0) S() Q(reset all)",
            "B(|a) E(|0) S() B(|b) E(|0) S()",
        ],
    ),
    (
        "the zone of a time",
        &[
            "Q(set timezone to 'Europe/Zurich') P(a|select '2020-06-01 12:00'::timestamptz at time zone 'UTC') S()",
            "Q(set timezone to 'Asia/Tokyo') B(|a) E(|0) S()",
            "P(b|select '2020-06-01 12:00'::timestamptz at time zone 'UTC') S()",
            "B(|a) E(|0) S() B(|b) E(|0) S()",
            "Q(begin) Q(set local timezone to 'UTC') B(|a) E(|0) S() B(|b) E(|0) S() Q(show timezone) Q(commit)",
            "Q(show timezone) B(|b) E(|0) S()",
            "Q(begin) Q(set timezone to 'America/New_York') B(|a) E(|0) S() Q(rollback)",
            "Q(show timezone) B(|a) E(|0) S() B(|b) E(|0) S()",
        ],
    ),
    (
        "a statement read in a transaction with settings of its own",
        &[
            "Q(begin) Q(set local datestyle to 'ISO, DMY') P(a|select '01/02/2020'::date) S() B(|a) E(|0) S() Q(commit)",
            "B(|a) E(|0) S()",
            "Q(begin) Q(set datestyle to 'ISO, YMD') P(b|select '01-02-03'::date) B(|b) E(|0) S() Q(rollback)",
            "B(|b) E(|0) S() B(|a) E(|0) S()",
            "X(set datestyle to 'ISO, DMY') P(c|select '01/02/2020'::date) S()",
            "B(|c) E(|0) S() X(set datestyle to 'ISO, MDY') S()",
            "B(|c) E(|0) S() B(|b) E(|0) S()",
            "Q(begin) Q(select 1/0) P(d|select '1') S() Q(rollback)",
            "B(|d) E(|0) S()",
        ],
    ),
    (
        "settings that no server reports",
        &[
            "P(a|select '{null,1}'::text[]) S() P(b|select 1 where 2 = null) S() P(t|select '2020-01-01 10:00 EST'::timestamptz) S()",
            "Q(set array_nulls to off) Q(set transform_null_equals to on) B(|a) E(|0) S() B(|b) E(|0) S()",
            "P(c|select '{null,1}'::text[]) S() P(d|select a from (values (null)) as v(a) where a = null) S()",
            "Q(set timezone_abbreviations to 'Australia') B(|t) E(|0) S()",
            "B(|c) E(|0) S() B(|d) E(|0) S()",
            "Q(reset array_nulls) B(|a) E(|0) S() B(|c) E(|0) S()",
            "Q(reset transform_null_equals) B(|b) E(|0) S() B(|d) E(|0) S()",
            "Q(show array_nulls) Q(show transform_null_equals) Q(show timezone_abbreviations) B(|t) E(|0) S()",
        ],
    ),
    (
        "strings and their backslashes",
        &[
            "P(a|select 'a\\\\b') S() Q(set standard_conforming_strings to off) P(b|select 'a\\\\b') S()",
            "B(|a) E(|0) S() B(|b) E(|0) S()",
            "Q(set standard_conforming_strings to on)",
            "B(|b) E(|0) S() B(|a) E(|0) S()",
        ],
    ),
    (
        "bytes and their encoding",
        &[
            "P(a|select length('é'), 'é' = U&'\\\\00e9') S()",
            "Q(set client_encoding to 'LATIN1') P(b|select length('é')) S()",
            "B(|a) E(|0) S() B(|b) E(|0) S()",
            "Q(reset client_encoding)",
            "B(|b) E(|0) S() B(|a) E(|0) S()",
            "Q(select name, statement from pg_prepared_statements order by name)",
        ],
    ),
    (
        "statements of SQL are read once, too",
        &[
            "Q(prepare a as select '01/02/2020'::date, $1::text)",
            "Q(set datestyle to 'ISO, DMY') Q(execute a('x'))",
            "Q(prepare b as select '01/02/2020'::date)",
            "Q(execute b) Q(execute a('x')) X(execute b) S()",
            "Q(set datestyle to 'ISO, MDY')",
            "X(execute b) S() Q(begin) Q(execute b) Q(execute a('y')) Q(show datestyle) Q(commit)",
            "B(|b) E(|0) S()",
            "Q(begin) Q(set local datestyle to 'ISO, DMY') Q(prepare c as select '01/02/2020'::date) Q(commit)",
            "Q(execute c) Q(deallocate c)",
            "Q(deallocate all) Q(show datestyle)",
        ],
    ),
    (
        "the unnamed statement is read once",
        &[
            "P(s|set datestyle to 'ISO, DMY') P(|select '01/02/2020'::date) S()",
            "B(|s) E(|0) S()",
            "B(|) E(|0) S()",
            "B(|) E(|0) S() DS() S()",
            "X(show datestyle) S()",
        ],
    ),
    (
        "a parse that fails after settings changed",
        &[
            "X(begin) Q(set my.own = 'set') X(rollback to a) S() P(s1|select 1; select 'two') S() Q(rollback)",
            "X(begin) Q(rollback to a) Q(reset all) P(n|select 'x'; select 1) B(p1|n) DP(p1) S() Q(rollback)",
            "w(bytes) Q(reset all) P(n|commit; select 'x') BB(|n) E(|0)",
            "S() Q(begin) Q(set local datestyle to 'SQL') P(n|selec 'x') S() P(m|select '1') S() Q(rollback)",
            "Q(begin) Q(set local datestyle to 'SQL') P(n|select '1/2/2020'::date) Q(select 1) P(m|select '1') B(|m) E(|0) S() Q(commit)",
        ],
    ),
    (
        "a fatal copy after settings changed",
        &[
            "w(bytes) Q(reset all) P(n|commit; alter table t{n} drop column if exists z) BB(|n) E(|0)",
            "S() Q(copy t{n} (i, x) from stdin with (format csv)) X(select lastval()) S() X(rollback and chain) S() S() PT(|25|insert into t{n} values ($1, 'p')) S() B(||5)",
        ],
    ),
];
