//! COPY in both directions and both protocols, and everything that can go wrong on the way.

use super::Theme;

pub(super) const SCRIPTS: Theme = &[
    (
        "copy in, by query",
        &[
            "Q(copy t{n} from stdin) d(1\\tone\\n) d(2\\ttwo\\n) c()",
            "Q(copy t{n} from stdin) ~() d(3\\tthree\\n) ~() c() Q(select count(*) from t{n})",
            "Q(copy t{n} from stdin with (format csv, header)) d(i,x\\n4,\"fo,ur\"\\n) c() Q(select x from t{n} where i = 4)",
            "Q(copy t{n} from stdin) d() d(5\\tfi) d(ve\\n6\\t) d(six\\n) c()",
            "Q(begin) Q(copy t{n} from stdin) d(7\\tseven\\n) c() Q(rollback) Q(select count(*) from t{n})",
            "Q(copy t{n} from stdin) c() Q(copy t{n} from stdin) d(\\\\.\\n) c()",
        ],
    ),
    (
        "copy in, by the extended protocol",
        &[
            "X(copy t{n} from stdin) d(1\\tone\\n) c() S()",
            "P(c|copy t{n} from stdin) DS(c) B(|c) DP() E(|0) d(2\\ttwo\\n) c() S() B(|c) E(|0) d(3\\tthree\\n) c() S()",
            "X(copy t{n} from stdin) H() ~() d(4\\tfour\\n) H() ~() c() H() ~() X(select count(*) from t{n}) S()",
            "X(begin) X(copy t{n} from stdin) d(5\\tfive\\n) c() X(rollback) S() Q(select count(*) from t{n})",
            "X(copy t{n} from stdin) c() X(copy t{n} from stdin) d(6\\tsix\\n) c() S()",
        ],
    ),
    (
        "syncs inside a copy are void",
        &[
            "X(copy t{n} from stdin) S() S() S() d(1\\tone\\n) S() c() S()",
            "X(copy t{n} from stdin) S() d(1\\tone\\n) c() S() X(select count(*) from t{n}) S()",
            "Q(copy t{n} from stdin) S() H() d(1\\tone\\n) S() c() S() Q(select count(*) from t{n})",
            "X(copy t{n} from stdin) S() ~() d(1\\tone\\n) ~() c() ~() S()",
        ],
    ),
    (
        "copy fails with a query",
        &[
            "Q(copy t{n} from stdin) d(bad\\n) c() Q(select 1)",
            "Q(copy t{n} from stdin) d(bad\\n) d(1\\tone\\n) d(1\\tone\\n) c() Q(select 2)",
            "Q(copy t{n} from stdin) ~() d(bad\\n) ~() d(1\\tone\\n) ~() c() Q(select 3)",
            "Q(copy t{n} from stdin) d(bad\\n) ~() f(too late) Q(select 4)",
            "Q(copy t{n} from stdin; select 5) d(bad\\n) c() Q(select 6)",
            "Q(copy t{n} from stdin) f(given up) Q(select 7)",
            "Q(copy t{n} from stdin) d(1\\tone\\n) f() f(again) Q(select count(*) from t{n})",
            "Q(begin) Q(copy t{n} from stdin) d(bad\\n) c() Q(select 8) Q(rollback)",
            "Q(copy t{n} from stdin) d(1\\t) c() Q(copy t{n} from stdin) d(1) c()",
        ],
    ),
    (
        "copy fails with the extended protocol",
        &[
            "X(copy t{n} from stdin) d(bad\\n) c() S() Q(select 1)",
            "X(copy t{n} from stdin) d(bad\\n) d(1\\tone\\n) c() X(select 2) S() X(select 3) S()",
            "X(copy t{n} from stdin) d(bad\\n) ~() c() ~() S() ~() Q(select 4)",
            "X(copy t{n} from stdin) f(given up) S() X(select 5) S()",
            "X(copy t{n} from stdin) d(1\\tone\\n) f(given up) X(select 6) S() Q(select count(*) from t{n})",
            "X(begin) X(copy t{n} from stdin) d(bad\\n) c() S() X(select 7) S() X(rollback) S()",
        ],
    ),
    (
        "copy fails before it starts",
        &[
            "Q(copy nowhere from stdin) d(1\\tone\\n) c() Q(select 1)",
            "X(copy nowhere from stdin) d(1\\tone\\n) c() S() Q(select 2)",
            "X(copy nowhere from stdin) S() d(1\\tone\\n) c() S() Q(select 3)",
            "X(copy t{n} (nothing) from stdin) S() S() d(1\\tone\\n) c() S() S()",
            "Q(begin) X(copy nowhere from stdin) S() d(1\\tone\\n) c() S() Q(rollback)",
            "P(|copy t{n} from stdin) B(||surplus) E(|0) d(1\\tone\\n) c() S()",
        ],
    ),
    (
        "whether a sync was swallowed is decided by the server",
        &[
            "X(copy t{n} from stdin) d(1\\tone\\n) S() d(bad\\n) c() S()",
            "Q(select 1)",
        ],
    ),
    (
        "whether a sync came after the failure is decided by the server",
        &[
            "X(copy t{n} from stdin) d(bad\\n) S() d(1\\tone\\n) c() S()",
            "Q(select 1)",
        ],
    ),
    // No other script uses the name: one that SQL of another client has used there is not found (compatibility.md).
    (
        "statements made amid the data of a copy that has failed",
        &[
            "P(s1|select 1) S()",
            "X(copy t{n} from stdin) H() ~() d(bad\\n) S() P(amid|select 2) S()",
            "B(|amid) E(|0) S() DS(amid) S()",
            "P(amid|select 3) S()",
            "CS(amid) S() B(|amid) S()",
            "B(|s1) E(|0) S()",
        ],
    ),
    (
        "a sync and then a failure by the client",
        &[
            "X(copy t{n} from stdin) S() d(1\\tone\\n) S() f(given up) S()",
            "X(select count(*) from t{n}) S()",
            "X(copy t{n} from stdin) f(given up) S() S()",
            "Q(select 1)",
        ],
    ),
    (
        "copy out",
        &[
            "Q(insert into t{n} select g, 'row ' || g from generate_series(1, 5) g)",
            "Q(copy t{n} to stdout)",
            "X(copy t{n} to stdout) S()",
            "P(c|copy t{n} to stdout with (format csv)) DS(c) B(|c) DP() E(|0) S() B(|c) E(|2) S()",
            "Q(copy (select generate_series(1, 3000)) to stdout) Q(select 1)",
            "Q(begin; copy t{n} to stdout; copy t{n} to stdout; commit)",
            "Q(copy (select 1/(3 - g) from generate_series(1, 5) g) to stdout)",
            "X(copy (select 1/(3 - g) from generate_series(1, 5) g) to stdout) X(select 1) S()",
            "Q(copy t{n} to stdout with (format binary))",
        ],
    ),
    (
        "copy messages where none belong",
        &[
            "d(x) c() f(x)",
            "Q(select 1) d(x) Q(select 2) c() f(x) S()",
            "X(select 1) d(x) X(select 2) c() S()",
            "Q(begin) d(x) c() f(x) Q(select 1/0) d(x) c() Q(rollback)",
            "P(|selec) d(x) c() S() d(x)",
            "Q(copy t{n} to stdout) d(x) c() Q(select 3)",
        ],
    ),
    (
        "a query in the middle of a copy, by query",
        &[
            "Q(copy t{n} from stdin) d(1\\tone\\n) Q(select 1) S()",
            "Q(select count(*) from t{n})",
        ],
    ),
    (
        "a query in the middle of a copy, extended",
        &[
            "X(copy t{n} from stdin) d(1\\tone\\n) Q(select 1) S()",
            "Q(select count(*) from t{n})",
        ],
    ),
    (
        "a parse in the middle of a copy, by query",
        &[
            "Q(copy t{n} from stdin) d(1\\tone\\n) P(|select 1) S()",
            "Q(select count(*) from t{n})",
        ],
    ),
    (
        "a description in the middle of a copy",
        &[
            "Q(savepoint b) Q(copy t{n} from stdin; select 1) d(1\\tone\\n) DS()",
            "Q(select count(*) from t{n})",
        ],
    ),
    (
        "a bind in the middle of a copy",
        &[
            "Q(copy t{n} from stdin) d(1\\tone\\n) B(|) E(|0) S()",
            "Q(select count(*) from t{n})",
        ],
    ),
    (
        "a bind by name in the middle of a copy, extended",
        &[
            "P(s1|select 1) S()",
            "X(copy t{n} from stdin) d(1\\tone\\n) B(|s1) E(|0) S()",
            "Q(select count(*) from t{n})",
        ],
    ),
    (
        "copy within a program of statements",
        &[
            "Q(truncate t{n}; copy t{n} from stdin; select count(*) from t{n}; copy t{n} from stdin; copy t{n} to stdout) d(1\\tone\\n) c() d(2\\ttwo\\n) c()",
            "Q(select 1; copy t{n} from stdin; select 1/0; copy t{n} from stdin) d(3\\tthree\\n) c()",
            "Q(select count(*) from t{n})",
            "Q(copy t{n} from stdin; copy t{n} from stdin) d(3\\tthree\\n) c() f(enough) Q(select count(*) from t{n})",
        ],
    ),
    (
        "copy under settings",
        &[
            "Q(set datestyle = 'German'; create temp table tt (d date))",
            "Q(copy tt from stdin) d(02.01.2026\\n) c()",
            "Q(copy tt to stdout) Q(reset datestyle) Q(copy tt to stdout) Q(drop table tt)",
            "Q(set client_encoding = 'latin1') Q(copy (select U&'\\00e4') to stdout) Q(reset client_encoding)",
            "Q(set search_path = n{n}; create table ct (i int)) Q(copy ct from stdin) d(1\\n) c() Q(copy ct to stdout)",
        ],
    ),
];
