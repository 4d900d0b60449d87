//! Several commands in one write.

use super::{Of, Theme};

pub(super) const SCRIPTS: Theme = &[
    (
        Of::Both,
        "queries in one write",
        &[
            "Q(SELECT 1) Q(SELECT 2) PING() Q(SELECT 3)",
            "Q(BEGIN) Q(INSERT INTO t{n} (x) VALUES ('a')) Q(COMMIT) Q(SELECT COUNT(*) FROM t{n})",
            "Q(SELECT 1) Q(SELECT nothing) Q(SELECT 3)",
            "Q(BEGIN) Q(SELECT nothing) Q(ROLLBACK) Q(SELECT 4)",
            "Q(SET time_zone = '+01:00') Q(SELECT @@time_zone) Q(USE {db}x) Q(SELECT DATABASE())",
        ],
    ),
    (
        Of::Both,
        "statements in one write",
        &[
            "P(s|SELECT ?)",
            "E(s|1) E(s|5) Q(SELECT 2) E(s|3)",
            "E(s|4) C(s) PING()",
            "P(a|SELECT 1) P(b|SELECT 2) P(c|SELEC) P(d|SELECT 4)",
            "E(d) E(c) E(b) E(a)",
            "LD(d|0|x) R(d) C(d) C(a) PING()",
        ],
    ),
    (
        Of::MariaDb,
        "the statement prepared last",
        &[
            "P(s|SELECT ? + 1) E(last|1)",
            "E(last|2)",
            "P(t|SELEC) E(last|3)",
            "P(u|SELECT 5) E(last) C(last)",
            "PING()",
        ],
    ),
    (
        Of::Both,
        "a burst",
        &[
            "Q(SELECT 1) Q(SELECT 2) Q(SELECT 3) Q(SELECT 4) Q(SELECT 5) Q(SELECT 6) Q(SELECT 7) Q(SELECT 8)",
            "PING() PING() PING() PING() PING() PING() PING() PING() PING() PING()",
            "D({db}x) D({db}) D(nowhere) D({db}x) Q(SELECT DATABASE())",
        ],
    ),
    (
        Of::Both,
        "a goodbye behind a query",
        &["Q(INSERT INTO t{n} (x) VALUES ('kept')) !(01)", "PING()"],
    ),
];
