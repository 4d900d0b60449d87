SELECT EXP(710 * ((1 + 1 = 2) IS NOT TRUE));
SHOW DATABASES;
CREATE TABLE cli_rows (n INT PRIMARY KEY AUTO_INCREMENT, t VARCHAR(100), KEY (t)) CHARACTER SET utf8mb4;
DESCRIBE cli_rows;
SHOW CREATE TABLE cli_rows\G
SHOW TABLES;
SHOW VARIABLES LIKE 'version%';
EXPLAIN SELECT * FROM cli_rows;
\s
-- step: queries, SHOW, DESCRIBE, EXPLAIN, \G, status
START TRANSACTION;
INSERT INTO cli_rows VALUES (1, 'one');
SAVEPOINT a;
INSERT INTO cli_rows VALUES (2, 'two');
ROLLBACK TO SAVEPOINT a;
RELEASE SAVEPOINT a;
COMMIT;
BEGIN;
INSERT INTO cli_rows VALUES (3, 'three');
ROLLBACK;
SELECT EXP(710 * ((COUNT(*) = 1) IS NOT TRUE)) FROM cli_rows;
-- step: transactions and savepoints
SET autocommit = 0;
INSERT INTO cli_rows VALUES (4, 'four');
ROLLBACK;
INSERT INTO cli_rows VALUES (5, 'five');
COMMIT;
SELECT 1;
SET autocommit = 1;
SELECT EXP(710 * ((COUNT(*) = 2) IS NOT TRUE)) FROM cli_rows;
-- step: autocommit off
SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE;
SELECT EXP(710 * ((/*!80000 @@transaction_isolation *//*M! @@tx_isolation */ = 'SERIALIZABLE') IS NOT TRUE));
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET TRANSACTION READ ONLY;
START TRANSACTION;
SELECT COUNT(*) FROM cli_rows;
COMMIT;
START TRANSACTION WITH CONSISTENT SNAPSHOT;
SELECT EXP(710 * ((COUNT(*) = 2) IS NOT TRUE)) FROM cli_rows;
COMMIT;
SELECT EXP(710 * ((/*!80000 @@transaction_isolation *//*M! @@tx_isolation */ = 'READ-COMMITTED') IS NOT TRUE));
-- step: isolation levels, read only, consistent snapshot
SET time_zone = '+05:30', sql_mode = 'ANSI_QUOTES,STRICT_ALL_TABLES';
SET NAMES latin1;
SELECT EXP(710 * ((@@time_zone = '+05:30' AND @@character_set_client = 'latin1') IS NOT TRUE));
SELECT EXP(710 * ((@@sql_mode LIKE '%ANSI_QUOTES%') IS NOT TRUE)) AS "quoted";
SET NAMES utf8mb4;
SET sql_mode = DEFAULT, time_zone = DEFAULT;
SELECT EXP(710 * ((CHAR_LENGTH('a🙂ü') = 3) IS NOT TRUE));
\C utf8mb4
SELECT EXP(710 * ((@@sql_mode = @@GLOBAL.sql_mode) IS NOT TRUE));
-- step: SET, SET NAMES, \C, DEFAULT
SET @a = 41, @b = 'text';
SELECT @a := @a + 1;
SELECT EXP(710 * ((@a = 42 AND @b = 'text') IS NOT TRUE));
SELECT 7 INTO @a;
SELECT EXP(710 * ((@a = 7) IS NOT TRUE));
-- step: user variables
INSERT INTO cli_rows (t) VALUES ('next');
SELECT EXP(710 * ((LAST_INSERT_ID() > 5) IS NOT TRUE));
UPDATE cli_rows SET t = 'changed' WHERE n < 10;
SELECT EXP(710 * ((ROW_COUNT() = 3) IS NOT TRUE));
SELECT SQL_CALC_FOUND_ROWS n FROM cli_rows LIMIT 1;
SELECT EXP(710 * ((FOUND_ROWS() = 3) IS NOT TRUE));
SELECT CAST('12x' AS SIGNED);
SHOW WARNINGS;
SHOW COUNT(*) WARNINGS;
-- step: LAST_INSERT_ID, ROW_COUNT, FOUND_ROWS, SHOW WARNINGS
delimiter //
CREATE PROCEDURE cli_two(IN a INT, OUT b INT) BEGIN SELECT a; SELECT a + 1; SET b = a * 2; END//
CREATE FUNCTION cli_double(a INT) RETURNS INT DETERMINISTIC RETURN a * 2//
delimiter ;
CALL cli_two(4, @b);
SELECT EXP(710 * ((@b = 8) IS NOT TRUE));
SELECT EXP(710 * ((cli_double(21) = 42) IS NOT TRUE));
SHOW PROCEDURE STATUS LIKE 'cli%';
DROP PROCEDURE cli_two;
DROP FUNCTION cli_double;
-- step: delimiter, procedures with result sets and OUT parameters, functions
LOAD DATA LOCAL INFILE 'rows.txt' INTO TABLE cli_rows FIELDS TERMINATED BY ',' (n, t);
SELECT EXP(710 * ((COUNT(*) = 3) IS NOT TRUE)) FROM cli_rows WHERE n >= 100;
source rows.sql
SELECT EXP(710 * ((COUNT(*) = 5) IS NOT TRUE)) FROM cli_rows WHERE n >= 100;
-- step: LOAD DATA LOCAL INFILE, source
PREPARE twice FROM 'SELECT ? * 2';
-- held: PREPARED_STATEMENT
SET @n = 21;
EXECUTE twice USING @n;
-- expect: PROCEDURAL_BODY
DEALLOCATE PREPARE twice;
\r
-- step: SQL PREPARE and EXECUTE, until the connection ends
SELECT REPEAT('x', 17 * 1024 * 1024);
-- step: rows over 16 MiB
\! sh errors.sh || kill $PPID
SELECT EXP(710 * ((COUNT(*) = 1) IS NOT TRUE)) FROM cli_rows WHERE t = 'kept';
-- step: errors leave the connection usable (--force)
\! $DUMP --single-transaction --routines --no-tablespaces $DB_NAME >/dev/null || kill $PPID
-- step: dump with --single-transaction
\! $DUMP --no-tablespaces $DB_NAME >/dev/null || kill $PPID
-- expect: LOCKED_TABLES
-- step: dump with LOCK TABLES
CREATE TEMPORARY TABLE cli_temp (n INT);
-- held: TEMPORARY_OBJECT
INSERT INTO cli_temp VALUES (1);
DROP TEMPORARY TABLE cli_temp;
-- step: temporary table, until DROP
SELECT GET_LOCK('cli', 5);
-- held: ADVISORY_LOCK
SELECT EXP(710 * ((RELEASE_LOCK('cli') = 1) IS NOT TRUE));
-- step: GET_LOCK, until RELEASE_LOCK
LOCK TABLES cli_rows WRITE;
-- held: LOCKED_TABLES
INSERT INTO cli_rows (t) VALUES ('locked');
UNLOCK TABLES;
-- step: LOCK TABLES, until UNLOCK TABLES
HANDLER cli_rows OPEN;
-- held: HANDLER
HANDLER cli_rows READ FIRST;
HANDLER cli_rows CLOSE;
-- step: HANDLER, until CLOSE
USE other
SELECT EXP(710 * ((DATABASE() = 'other') IS NOT TRUE));
\u other
-- step: USE, \u
