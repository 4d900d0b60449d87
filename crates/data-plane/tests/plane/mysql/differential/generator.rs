//! Conversations by chance, of what is known to matter: settings, transactions, statements, errors, what ties.

use tollgate_testkit::MySqlKind;

use crate::dice::Dice;

/// Commands; `#` stands for a small number, `%` for the name of a statement. Those that ties are made of come in
/// pairs elsewhere.
const COMMANDS: &[&str] = &[
    "Q(SELECT #)",
    "Q(SELECT i, x FROM fixed WHERE i < #)",
    "Q(SELECT i, x, u FROM t{n} ORDER BY i)",
    "Q(SELECT COUNT(*) FROM t{n})",
    "Q(INSERT INTO t{n} (x, u) VALUES ('v#', #))",
    "Q(INSERT INTO t{n} (x) VALUES ('a'), ('b'))",
    "Q(UPDATE t{n} SET x = 'w#' WHERE i < #)",
    "Q(DELETE FROM t{n} WHERE u = #)",
    "Q(REPLACE INTO t{n} (u, x) VALUES (#, 'r'))",
    "Q(SELECT nothing)",
    "Q(SELEC)",
    "Q(INSERT INTO t{n} (i, x) VALUES (#, 'again'))",
    "Q(SELECT 1; SELECT 2; SELECT #)",
    "Q(SELECT 1; SELECT nothing; SELECT 2)",
    "Q(SET time_zone = '+0#:00'; SELECT nothing)",
    "Q(BEGIN; SELECT nothing)",
    "Q(INSERT INTO t{n} (x) VALUES ('m'); SELECT COUNT(*) FROM t{n})",
    "PING()",
    "STAT()",
    "D({db})",
    "D({db}x)",
    "D(nowhere)",
    "Q(USE {db})",
    "Q(SELECT DATABASE())",
    "RC()",
    "SO(0)",
    "SO(1)",
    "FL(fixed|)",
    "Q(CALL p_two())",
    "Q(CALL p_set())",
    "Q(CALL p_begin())",
    "Q(CALL p_fails())",
    "L()",
    "L(-eof)",
    "L(-track)",
    "L(-track -eof)",
    "L(+found)",
    "L(schema=)",
    "L(collation=8)",
    "CU(app|{db})",
    "CU(app|{db}x)",
];

const TRANSACTIONS: &[&str] = &[
    "Q(BEGIN)",
    "Q(START TRANSACTION READ ONLY)",
    "Q(COMMIT)",
    "Q(COMMIT)",
    "Q(ROLLBACK)",
    "Q(ROLLBACK)",
    "Q(SAVEPOINT s#)",
    "Q(ROLLBACK TO s#)",
    "Q(COMMIT AND CHAIN)",
    "Q(SET autocommit = 0)",
    "Q(SET autocommit = 1)",
    "Q(SET TRANSACTION READ ONLY)",
    "Q(SET TRANSACTION ISOLATION LEVEL SERIALIZABLE)",
    "Q(SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED)",
    "Q(SELECT @@autocommit, @@transaction_isolation)",
    "P(d|BEGIN) E(d)",
    "P(d|COMMIT) E(d)",
];

const SETTINGS: &[&str] = &[
    "Q(SET time_zone = '+0#:00')",
    "Q(SET sql_mode = 'ANSI')",
    "Q(SET sql_mode = 'ANSI_QUOTES')",
    "Q(SET sql_mode = '')",
    "Q(SET sql_mode = DEFAULT)",
    "Q(SET NAMES latin1)",
    "Q(SET NAMES utf8mb4 COLLATE utf8mb4_bin)",
    "Q(SET character_set_results = NULL)",
    "Q(SET sql_select_limit = #)",
    "Q(SET sql_select_limit = DEFAULT)",
    "Q(SET time_zone = '+0#:00', sql_mode = 'nothing')",
    "Q(SET group_concat_max_len = 5#)",
    "Q(SET @a = #)",
    "Q(SET @a = @a + 1, @b = 'x')",
    "Q(SELECT # INTO @c)",
    "Q(SELECT @a IS NULL, @b IS NULL, @a = 3, @b = 'x', @c = 2)",
    "Q(SELECT @@time_zone, @@sql_mode, @@group_concat_max_len)",
    "Q(SELECT @@character_set_client, @@character_set_results, @@collation_connection)",
    "Q(SELECT \"i\", 'a' || 'b' FROM fixed)",
    "Q(SELECT @@sql_select_limit)",
];

const STATEMENTS: &[&str] = &[
    "P(%|SELECT ?)",
    "P(%|SELECT ?, @@time_zone)",
    "P(%|SELECT i, x FROM fixed WHERE i > ?)",
    "P(%|INSERT INTO t{n} (x) VALUES (?))",
    "P(%|SELECT nothing)",
    // One that asks for the schema cannot be made again where there is one, if it was made without.
    "P(%|SELECT CONCAT(x, ?) FROM {db}.fixed)",
    "P(%|SELECT CONCAT(\"x\", ?))",
    "E(%|#)",
    "E(%|text)",
    "E(%|NULL)",
    "E0(%|#)",
    "E0(%|#)",
    // Bound to a number before, MariaDB shows an address and MySQL refuses.
    "P(%|SELECT ?) LD(%|0|piece) E(%|@)",
    "P(%|SELECT CONCAT(?, 'x')) LD(%|0|piece) R(%)",
    "R(%)",
    "C(%)",
    // MySQL forgets to end definitions when a statement that had a cursor is executed without one.
    "P(k|SELECT i, x FROM fixed WHERE i > ?) EC(k|#)",
    "EC(k|#)",
    "F(k|1)",
    "F(k|9)",
    "Q(PREPARE p FROM 'SELECT # + 1')",
    "Q(EXECUTE p)",
    "Q(DEALLOCATE PREPARE p)",
];

const LEFT: &[&str] = &[
    "Q(SELECT LAST_INSERT_ID())",
    "Q(UPDATE t{n} SET x = 'c#' WHERE i < #) Q(SELECT ROW_COUNT())",
    "Q(SELECT CAST('#x' AS SIGNED)) Q(SHOW WARNINGS)",
    "Q(SELECT nothing) Q(SHOW WARNINGS)",
    "Q(SELECT CAST('#x' AS SIGNED)) Q(GET DIAGNOSTICS @a = NUMBER, @b = ROW_COUNT) Q(SELECT @a, @b)",
    "Q(SELECT nothing) Q(GET DIAGNOSTICS CONDITION # @a = RETURNED_SQLSTATE, @b = MESSAGE_TEXT)",
    // It needs no table: on MariaDB, a session that has found nothing has what an earlier connection found.
    "Q(SELECT # UNION SELECT 7 UNION SELECT 8) Q(SELECT FOUND_ROWS())",
    "Q(SELECT LAST_INSERT_ID(#))",
];

const TIES: &[&str] = &[
    "Q(CREATE TEMPORARY TABLE temp (i INT))",
    "Q(INSERT INTO temp VALUES (#))",
    "Q(SELECT COUNT(*) FROM temp)",
    "Q(DROP TEMPORARY TABLE temp)",
    "Q(LOCK TABLES t{n} WRITE, fixed READ)",
    "Q(UNLOCK TABLES)",
    "Q(UNLOCK TABLES)",
    "Q(SELECT GET_LOCK('{db}-{n}-#', 1))",
    "Q(SELECT RELEASE_LOCK('{db}-{n}-#'))",
    "Q(SELECT RELEASE_ALL_LOCKS())",
    "Q(HANDLER fixed OPEN)",
    "Q(HANDLER fixed READ NEXT)",
    "Q(HANDLER fixed CLOSE)",
    "Q(CALL p_temporary())",
    "Q(SELECT i FROM made_inside)",
    "Q(SELECT f_var())",
    "Q(SELECT @left = 'behind')",
    "I(\\tf#\\n|LOAD DATA LOCAL INFILE 'f' INTO TABLE t{n} (u, x))",
];

const MARIADB: &[&str] = &[
    "P(%|SELECT ?) E(last|#)",
    "Q(SET STATEMENT sql_select_limit = 1 FOR SELECT i FROM fixed)",
    "Q(EXECUTE IMMEDIATE 'SELECT #')",
];

const MYSQL: &[&str] = &[
    "L(+attributes)",
    "Q(SELECT i FROM {db}.fixed LIMIT #) Q(SELECT FOUND_ROWS())",
    "Q(SELECT /*+ SET_VAR(sql_select_limit = 1) */ i FROM fixed)",
];

/// Batches of one to four commands.
pub(super) fn conversation(dice: &mut Dice, kind: MySqlKind) -> Vec<String> {
    let own = match kind {
        MySqlKind::MySql9 => MYSQL,
        MySqlKind::MariaDb => MARIADB,
    };
    let themes = [
        COMMANDS,
        TRANSACTIONS,
        SETTINGS,
        STATEMENTS,
        STATEMENTS,
        LEFT,
        TIES,
        own,
    ];
    // A conversation has its favourites, so that things that belong together meet.
    let favourites = [*dice.pick(&themes), *dice.pick(&themes)];
    let batches = 6 + dice.below(10);
    let mut conversation = Vec::new();
    for _ in 0..batches {
        let commands = (0..=dice.below(4)).map(|_| {
            let theme = if dice.one_in(2) {
                *dice.pick(&themes)
            } else {
                *dice.pick(&favourites)
            };
            let command = *dice.pick(theme);
            let name = *dice.pick(&["a", "b", "c"]);
            let number = (1 + dice.below(4)).to_string();
            let command = match kind {
                // MySQL reads a value by the type that was bound first, on a server connection of the moment by another.
                MySqlKind::MySql9 => command.replace("SELECT ?", "SELECT CONCAT(?, '')"),
                MySqlKind::MariaDb => command.to_owned(),
            };
            command.replace('%', name).replace('#', &number)
        });
        let batch: Vec<String> = commands.collect();
        conversation.push(batch.join(" "));
    }
    conversation
}
