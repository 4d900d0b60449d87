//! What ties a client to its server connection: tables, locks and handles of its own.

use super::{Of, Theme};

pub(super) const SCRIPTS: Theme = &[
    (
        Of::Both,
        "temporary tables",
        &[
            "Q(CREATE TEMPORARY TABLE temp (i INT))",
            "Q(INSERT INTO temp VALUES (1), (2))",
            "Q(SELECT 1)",
            "Q(SELECT COUNT(*) FROM temp)",
            "Q(ALTER TABLE temp RENAME TO renamed)",
            "Q(SELECT COUNT(*) FROM renamed)",
            "Q(DROP TABLE renamed)",
            "Q(SELECT COUNT(*) FROM renamed)",
            "Q(CREATE TEMPORARY TABLE temp AS SELECT * FROM fixed)",
            "Q(SELECT COUNT(*) FROM temp)",
            "Q(DROP TEMPORARY TABLE temp)",
            "Q(SELECT 1)",
        ],
    ),
    (
        Of::Both,
        "temporary tables by statements and procedures",
        &[
            "P(s|CREATE TEMPORARY TABLE temp (i INT)) E(s)",
            "Q(SELECT COUNT(*) FROM temp)",
            "Q(DROP TABLE temp)",
            "Q(CALL p_temporary())",
            "Q(SELECT i FROM made_inside)",
            "Q(SELECT 1)",
            "Q(SELECT i FROM made_inside)",
            "Q(DROP TABLE made_inside)",
            "Q(CREATE TEMPORARY TABLE fixed (z INT))",
            "Q(SELECT * FROM fixed)",
            "RC()",
            "Q(SELECT COUNT(*) FROM fixed)",
        ],
    ),
    (
        Of::Both,
        "locked tables",
        &[
            "Q(LOCK TABLES t{n} WRITE, fixed READ)",
            "Q(INSERT INTO t{n} (x) VALUES ('a'))",
            "Q(SELECT COUNT(*) FROM isam)",
            "Q(SELECT COUNT(*) FROM fixed)",
            "Q(COMMIT)",
            "Q(SELECT COUNT(*) FROM isam)",
            "Q(UNLOCK TABLES)",
            "Q(SELECT COUNT(*) FROM isam)",
            "Q(LOCK TABLES t{n} READ) Q(BEGIN) Q(SELECT COUNT(*) FROM isam) Q(COMMIT)",
            "Q(LOCK TABLES nothing READ)",
            "Q(UNLOCK TABLES)",
        ],
    ),
    (
        Of::Both,
        "named locks",
        &[
            "Q(SELECT GET_LOCK('{db}-{n}', 1))",
            "Q(SELECT 1)",
            "Q(SELECT IS_USED_LOCK('{db}-{n}') IS NULL, IS_FREE_LOCK('{db}-{n}'))",
            "Q(SELECT GET_LOCK('{db}-{n}', 1))",
            "Q(SELECT RELEASE_LOCK('{db}-{n}'))",
            "Q(SELECT RELEASE_LOCK('{db}-{n}'))",
            "Q(SELECT RELEASE_LOCK('{db}-{n}'))",
            "Q(SELECT GET_LOCK('{db}-{n}a', 1), GET_LOCK('{db}-{n}b', 1))",
            "Q(SELECT RELEASE_ALL_LOCKS())",
            "P(s|SELECT GET_LOCK(?, 1)) E(s|{db}-{n}c)",
            "Q(DO RELEASE_LOCK('{db}-{n}c'))",
            "Q(SELECT IS_FREE_LOCK('{db}-{n}c'))",
        ],
    ),
    (
        Of::Both,
        "handlers",
        &[
            "Q(HANDLER fixed OPEN)",
            "Q(HANDLER fixed READ FIRST)",
            "Q(SELECT 1)",
            "Q(HANDLER fixed READ NEXT)",
            "Q(HANDLER fixed CLOSE)",
            "Q(HANDLER fixed READ NEXT)",
            "Q(HANDLER fixed OPEN AS h)",
            "Q(HANDLER h READ `PRIMARY` LAST)",
            "Q(HANDLER h CLOSE)",
        ],
    ),
    (
        Of::Both,
        "roles and users",
        &[
            "Q(SELECT CURRENT_USER())",
            "Q(SET ROLE NONE)",
            "Q(SELECT CURRENT_ROLE())",
            "Q(SET ROLE nothing)",
            "Q(SELECT 1)",
        ],
    ),
    (
        Of::Both,
        "administration",
        &[
            "Q(ANALYZE TABLE fixed)",
            "Q(CHECK TABLE fixed)",
            "Q(SHOW GRANTS)",
            "Q(SHOW CREATE TABLE fixed)",
            "Q(FLUSH TABLES t{n})",
            "Q(DESCRIBE fixed)",
            "Q(HELP 'nothing')",
        ],
    ),
];

/// Those that stop or disturb others.
pub(super) const FOR_ONE: Theme = &[
    (
        Of::Both,
        "everything locked for reading",
        &[
            "Q(FLUSH TABLES WITH READ LOCK)",
            "Q(SELECT COUNT(*) FROM fixed)",
            "Q(INSERT INTO t{n} (x) VALUES ('a'))",
            "Q(COMMIT)",
            "Q(INSERT INTO t{n} (x) VALUES ('a'))",
            "Q(UNLOCK TABLES)",
            "Q(INSERT INTO t{n} (x) VALUES ('a'))",
        ],
    ),
    (
        Of::Both,
        "tables locked for export",
        &[
            "Q(FLUSH TABLES t{n} FOR EXPORT)",
            "Q(SELECT COUNT(*) FROM t{n})",
            "Q(SELECT COUNT(*) FROM fixed)",
            "Q(UNLOCK TABLES)",
            "Q(SELECT COUNT(*) FROM fixed)",
        ],
    ),
    (
        Of::MySql,
        "the instance locked for a backup",
        &[
            "Q(LOCK INSTANCE FOR BACKUP)",
            "Q(SELECT 1)",
            "Q(UNLOCK INSTANCE)",
        ],
    ),
    (
        Of::MariaDb,
        "a table locked for a backup",
        &[
            "Q(BACKUP LOCK {db}.t{n})",
            "Q(SELECT 1)",
            "Q(BACKUP UNLOCK)",
        ],
    ),
];
