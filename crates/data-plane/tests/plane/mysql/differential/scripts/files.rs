//! Files that the server asks for.

use super::{Of, Theme};

pub(super) const SCRIPTS: Theme = &[
    (
        Of::Both,
        "a file of the client",
        &[
            "I(1\\tone\\n2\\ttwo\\n|LOAD DATA LOCAL INFILE 'a file' INTO TABLE t{n} (i, x))",
            "Q(SELECT i, x FROM t{n})",
            "I(|LOAD DATA LOCAL INFILE 'empty' INTO TABLE t{n} (i, x))",
            "I(3\\tthree|LOAD DATA LOCAL INFILE 'no newline' INTO TABLE t{n} (i, x))",
            "Q(SELECT COUNT(*) FROM t{n})",
        ],
    ),
    (
        Of::Both,
        "files that do not fit",
        &[
            "I(1\\tone\\n1\\tagain\\nx\\ty\\n|LOAD DATA LOCAL INFILE 'f' INTO TABLE t{n} (i, x))",
            "Q(SHOW WARNINGS)",
            "I(1|LOAD DATA LOCAL INFILE 'f' INTO TABLE nothing)",
            "Q(SELECT 1)",
            "I(7\\tseven\\n|LOAD DATA LOCAL INFILE 'f' INTO TABLE t{n} (i, nothing))",
            "Q(SELECT COUNT(*) FROM t{n})",
        ],
    ),
    (
        Of::Both,
        "a file in a transaction",
        &[
            "Q(BEGIN)",
            "I(1\\tone\\n|LOAD DATA LOCAL INFILE 'f' INTO TABLE t{n} (i, x))",
            "Q(ROLLBACK)",
            "Q(SELECT COUNT(*) FROM t{n})",
            "I(1\\tone\\n|LOAD DATA LOCAL INFILE 'f' INTO TABLE t{n} (i, @v) SET x = CONCAT(@v, '!'))",
            "Q(SELECT x, @v FROM t{n})",
        ],
    ),
    (
        Of::Both,
        "a file between other statements",
        &[
            "I(1\\tone\\n|SELECT 1; LOAD DATA LOCAL INFILE 'f' INTO TABLE t{n} (i, x); SELECT 2)",
            "Q(SELECT COUNT(*) FROM t{n})",
        ],
    ),
    (
        Of::Both,
        "the insert id of a file",
        &[
            "Q(INSERT INTO t{n} (x) VALUES ('a'), ('b'))",
            "I(c\\nd\\n|LOAD DATA LOCAL INFILE 'f' INTO TABLE t{n} (x))",
            "Q(SELECT LAST_INSERT_ID())",
            "Q(SELECT 1)",
            "Q(SELECT LAST_INSERT_ID())",
            "I(77\\te\\n|LOAD DATA LOCAL INFILE 'f' INTO TABLE t{n} (i, x))",
            "Q(SELECT LAST_INSERT_ID())",
            "I(f\\n|LOAD DATA LOCAL INFILE 'f' INTO TABLE t{n} (x))",
            "Q(SELECT 1)",
            "Q(INSERT INTO t{n} (x, u) VALUES ('g', LAST_INSERT_ID()))",
            "Q(SELECT i, x, u FROM t{n} ORDER BY i)",
        ],
    ),
    (
        Of::Both,
        "names of files",
        &[
            "I(1\\n|LOAD DATA LOCAL INFILE 'it''s' INTO TABLE t{n} (u))",
            "I(2\\n|LOAD DATA LOCAL INFILE \"it's\" INTO TABLE t{n} (u))",
            "I(3\\n|LOAD DATA LOCAL INFILE 'a \\'quoted\\' name' INTO TABLE t{n} (u))",
            "I(4\\n|/* 'g' */ LOAD DATA LOCAL INFILE '/a/b/../c' INTO TABLE t{n} (u) -- h)",
            "I(5\\n|LOAD DATA LOCAL INFILE 'ä' INTO TABLE t{n} (u))",
            "Q(SET sql_mode = 'ANSI')",
            "I(6\\n|LOAD DATA LOCAL INFILE 'f' INTO TABLE \"t{n}\" (u))",
            "Q(SET sql_mode = 'NO_BACKSLASH_ESCAPES')",
            "I(7\\n|LOAD DATA LOCAL INFILE 'a\\\\b' INTO TABLE t{n} (u))",
            "Q(SELECT u FROM t{n} ORDER BY u)",
        ],
    ),
    (
        Of::Both,
        "a large file",
        &[
            "I(<x\\n*20000>|LOAD DATA LOCAL INFILE 'f' INTO TABLE t{n} (x))",
            "Q(SELECT COUNT(*) FROM t{n})",
        ],
    ),
    (
        Of::Both,
        "a client without files",
        &[
            "L(-files)",
            "I(1\\tone\\n|LOAD DATA LOCAL INFILE 'f' INTO TABLE t{n} (i, x))",
            "Q(SELECT 1)",
        ],
    ),
    (
        Of::Both,
        "a file of the server",
        &[
            "Q(LOAD DATA INFILE '/nothing' INTO TABLE t{n})",
            "Q(SELECT 1)",
        ],
    ),
];
