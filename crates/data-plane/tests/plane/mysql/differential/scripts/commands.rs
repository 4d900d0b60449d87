//! Every command that is neither a query nor about a statement.

use super::{Of, Theme};

pub(super) const SCRIPTS: Theme = &[
    (
        Of::Both,
        "ping and statistics",
        &["PING()", "STAT()", "PING() PING() STAT()"],
    ),
    (
        Of::Both,
        "the schema is changed by command and by text",
        &[
            "Q(SELECT DATABASE())",
            "D({db}x)",
            "Q(SELECT DATABASE())",
            "Q(USE {db})",
            "Q(SELECT DATABASE())",
            "D(nowhere{n})",
            "Q(SELECT DATABASE())",
            "Q(USE nowhere{n})",
            "Q(SELECT DATABASE())",
            "D() Q(SELECT DATABASE())",
        ],
    ),
    (
        Of::Both,
        "columns of a table",
        &[
            "FL(t{n}|)",
            "FL(fixed|x%)",
            "FL(nothing|)",
            "FL(|)",
            "D({db}x) FL(fixed|)",
            "L(-eof) FL(fixed|)",
        ],
    ),
    (
        Of::Both,
        "several statements are allowed and forbidden",
        &[
            "Q(SELECT 1; SELECT 2)",
            "SO(1)",
            "Q(SELECT 1; SELECT 2)",
            "SO(0)",
            "Q(SELECT 1; SELECT 2)",
            "SO(7)",
            "L(-multi)",
            "Q(SELECT 1; SELECT 2)",
            "SO(0)",
            "Q(SELECT 1; SELECT 2)",
            "L(-eof) SO(1) SO(0)",
        ],
    ),
    (
        Of::Both,
        "a reset makes a new session",
        &[
            "Q(SET @a = 1, sql_mode = 'ANSI', time_zone = '+03:00')",
            "Q(USE {db}x)",
            "P(s|SELECT 1)",
            "Q(BEGIN)",
            "Q(INSERT INTO {db}.t{n} (x) VALUES ('lost'))",
            "RC()",
            "Q(SELECT @a, @@sql_mode, @@time_zone, DATABASE(), LAST_INSERT_ID())",
            "Q(SELECT COUNT(*) FROM {db}.t{n})",
            "E(s)",
            "Q(SELECT @@character_set_client, @@collation_connection, @@autocommit)",
        ],
    ),
    (
        Of::Both,
        "resets and settings in one write",
        &[
            "Q(SET time_zone = '+02:00')",
            "RC() Q(SET NAMES utf8mb4) Q(SELECT @@time_zone)",
            "RC() RC() Q(SELECT @@time_zone)",
            "Q(CREATE TEMPORARY TABLE gone (i INT)) RC() Q(SELECT * FROM gone)",
            "Q(SET autocommit = 0) RC() PING()",
        ],
    ),
    (
        Of::Both,
        "commands that nobody serves",
        &[
            "!(05 78)", "!(0b)", "!(0f)", "!(10)", "!(14)", "!(77)", "PING()",
        ],
    ),
    (
        Of::Both,
        "a session logs in again",
        &[
            "Q(SET @a = 1, time_zone = '+03:00')",
            "P(s|SELECT 1)",
            "CU(app|{db}x)",
            "Q(SELECT @a, @@time_zone, DATABASE())",
            "E(s)",
            "Q(BEGIN) Q(INSERT INTO {db}.t{n} (x) VALUES ('lost'))",
            "CU(app|{db})",
            "Q(SELECT COUNT(*) FROM t{n})",
            "CU(app|)",
            "Q(SELECT DATABASE())",
        ],
    ),
    (
        Of::Both,
        "a session logs in again as nobody",
        &["Q(SELECT 1)", "CU(nobody|{db})", "Q(SELECT 2)"],
    ),
    (
        Of::Both,
        "the connection's own number",
        &[
            // A column that has no name is named after the text that the server got.
            "Q(SELECT CONNECTION_ID() = {id} AS mine)",
            "Q(SELECT connection_id() = {id} AS mine, 'connection_id()' AS text)",
            "P(s|SELECT CONNECTION_ID() = ? AS mine) E(s|{id})",
            "Q(BEGIN) Q(SELECT CONNECTION_ID() = {id} AS mine) Q(COMMIT)",
        ],
    ),
    (
        Of::Both,
        "ends of others",
        &[
            "Q(KILL 99999999)",
            "Q(KILL QUERY 99999998)",
            "Q(KILL QUERY {id})",
            "Q(SELECT 1)",
        ],
    ),
    (Of::Both, "a goodbye", &["Q(SELECT 1) !(01)", "PING()"]),
    (
        Of::Both,
        "an empty query",
        &[
            "Q()",
            "Q( )",
            "Q(;)",
            "Q(-- nothing)",
            "Q(/* nothing */)",
            "PING()",
        ],
    ),
];
