//! Results of every form: text and binary, one and many, small and huge.

use super::{Of, Theme};

pub(super) const SCRIPTS: Theme = &[
    (
        Of::Both,
        "rows",
        &[
            "Q(SELECT * FROM fixed)",
            "Q(SELECT * FROM fixed WHERE i > 9)",
            "Q(SELECT NULL, '', 'x', 1.5, DATE '2020-02-02')",
            "Q(SHOW TABLES LIKE 'fix%')",
            "Q(SHOW COLUMNS FROM fixed)",
            "Q(EXPLAIN SELECT 1)",
            "Q(SHOW VARIABLES LIKE 'sql_mode')",
        ],
    ),
    (
        Of::Both,
        "counts",
        &[
            "Q(INSERT INTO t{n} (x) VALUES ('a'), ('b'), ('c'))",
            "Q(UPDATE t{n} SET x = 'd' WHERE i > 1)",
            "Q(UPDATE t{n} SET x = 'd')",
            "Q(DELETE FROM t{n} WHERE i = 1)",
            "Q(REPLACE INTO t{n} (i, x) VALUES (2, 'e'), (9, 'f'))",
            "Q(DO 1)",
            "Q(TRUNCATE t{n})",
        ],
    ),
    (
        Of::Both,
        "several statements in one text",
        &[
            "Q(SELECT 1; SELECT 2, 3; INSERT INTO t{n} (x) VALUES ('a'))",
            "Q(INSERT INTO t{n} (x) VALUES ('b'); SELECT COUNT(*) FROM t{n};)",
            "Q(SELECT 1; SELEC 2; SELECT 3)",
            "Q(SELECT 1; SELECT * FROM nothing; SELECT 3)",
            "Q(SET @a = 4; SELECT @a; SET time_zone = '+04:00'; SELECT @@time_zone)",
            "Q(SELECT @a, @@time_zone)",
            "Q(SET time_zone = '+05:00'; SELECT * FROM nothing)",
            "Q(SELECT @@time_zone)",
            "Q(BEGIN; INSERT INTO t{n} (x) VALUES ('c'); SELECT nothing)",
            "Q(ROLLBACK; SELECT COUNT(*) FROM t{n})",
        ],
    ),
    (
        Of::Both,
        "procedures with several results",
        &[
            "Q(CALL p_two())",
            "Q(CALL p_two(); SELECT 3)",
            "P(s|CALL p_two()) E(s) E(s)",
            "Q(CALL p_nothing())",
            "Q(CALL p_warns())",
            "L(-eof) Q(CALL p_two())",
            "P(s|CALL p_two()) E(s)",
        ],
    ),
    (
        Of::Both,
        "output parameters",
        &[
            "Q(SET @a = 4)",
            "Q(CALL p_out(@a, @b))",
            "Q(SELECT @a, @b)",
            "P(s|CALL p_out(?, ?)) E(s|6|x) E(s|7|y)",
            "L(-eof) P(s|CALL p_out(?, ?)) E(s|6|x)",
        ],
    ),
    (
        Of::Both,
        "errors in every place",
        &[
            "Q(SELEC)",
            "Q(SELECT nothing)",
            "Q(SELECT * FROM nothing)",
            "Q(INSERT INTO fixed VALUES (1, 'again'))",
            "Q(SELECT (SELECT i FROM fixed))",
            "Q(SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'mine', MYSQL_ERRNO = 5555)",
            "Q(SELECT i, JSON_EXTRACT(x, '$') FROM fixed)",
            "PING()",
        ],
    ),
    (
        Of::Both,
        "old ends of results",
        &[
            "L(-eof)",
            "Q(SELECT * FROM fixed)",
            "Q(SELECT 1; SELECT 2)",
            "P(s|SELECT * FROM fixed WHERE i = ?) E(s|1) E(s|9)",
            "Q(SELECT * FROM nothing)",
            "Q(USE {db}x) Q(SELECT DATABASE())",
        ],
    ),
    (
        Of::Both,
        "nobody listens to changes",
        &[
            "L(-track)",
            "Q(SET time_zone = '+01:00') Q(USE {db}x) Q(SELECT @@time_zone, DATABASE())",
            "Q(BEGIN) Q(SELECT 1) Q(COMMIT)",
            "Q(INSERT INTO {db}.t{n} (x) VALUES ('a'), ('b'))",
            "L(-track -eof)",
            "Q(SET time_zone = '+01:00') Q(USE {db}x) Q(SELECT @@time_zone, DATABASE())",
            "Q(INSERT INTO {db}.t{n} (x) VALUES ('a'), ('b'))",
        ],
    ),
    (
        Of::Both,
        "found rows are counted",
        &[
            "L(+found)",
            "Q(INSERT INTO t{n} (x) VALUES ('a'), ('b'))",
            "Q(UPDATE t{n} SET x = 'a')",
            "Q(UPDATE t{n} SET x = 'a')",
            "P(s|UPDATE t{n} SET x = ?) E(s|a)",
        ],
    ),
    (
        Of::Both,
        "more packets than numbers",
        &[
            "Q(WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 600) SELECT i FROM r)",
            "L(-eof)",
            "Q(WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 600) SELECT i FROM r)",
            "P(s|WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r WHERE i < 600) SELECT i FROM r) E(s)",
        ],
    ),
    (
        Of::Both,
        "rows that begin like ends",
        &[
            "Q(SELECT REPEAT('x', 300), REPEAT('y', 70000))",
            "P(s|SELECT REPEAT('x', 70000), ?) E(s|1)",
        ],
    ),
    (
        Of::Both,
        "rows of many packets",
        &[
            "Q(SELECT REPEAT('x', 16777216))",
            "Q(SELECT REPEAT('x', 16777215 - 4), 1)",
            "P(s|SELECT REPEAT('x', 17000000), ?) E(s|1)",
            "Q(SELECT 1)",
        ],
    ),
    (
        Of::Both,
        "commands of many packets",
        &[
            "Q(SELECT LENGTH('<x*17000000>'))",
            "Q(SELECT LENGTH('<x*16777197>'))",
            "P(s|SELECT LENGTH(?)) E(s|<y*300000>)",
            "Q(SET @a = '<z*300000>') Q(SELECT LENGTH(@a))",
            "Q(SELECT 1)",
        ],
    ),
    (
        Of::Both,
        "a text that is longer than what is seen whole",
        &[
            "Q(SELECT '<x*270000>' = @a)",
            "Q(INSERT INTO t{n} (x) VALUES ('a') /* <x*270000> */)",
            "Q(SELECT COUNT(*) FROM t{n})",
            "Q(SET time_zone = '+07:00' /* <x*270000> */) Q(SELECT @@time_zone)",
            "Q(SELECT * FROM nothing /* <x*270000> */) Q(SELECT 1)",
            "P(s|SELECT ? + 1 /* <x*270000> */) E(s|1) E0(s|2) C(s)",
        ],
    ),
];
