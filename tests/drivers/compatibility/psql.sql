-- (psql reads this in portions: a line `step:` ends a step, and the next one has a new connection.)
SELECT 1 AS one \gset
SELECT :one + 1 AS more, :'one' || 'x' AS two \gset
SELECT :"one"  FROM (SELECT 1 AS "1") AS t;
SELECT :'two';
\if :{?one} \else \quit 3 \endif
-- step: queries, \gset, :variables
CREATE TABLE psql_rows (n int PRIMARY KEY, t text DEFAULT 'x');
CREATE INDEX psql_rows_t ON psql_rows (t);
CREATE VIEW psql_view AS SELECT * FROM psql_rows;
CREATE FUNCTION psql_function(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1';
\d
\d psql_rows
\d+ psql_view
\dt+
\df psql_function
\sf psql_function
\du
\l
\dn
\dp psql_rows
\dx
\dconfig work_mem
-- step: \d and its sisters
SELECT n, t FROM psql_rows \gdesc
-- step: \gdesc
SELECT $1::int + $2::int AS n \bind 40 2 \gset
SELECT :n \g
SELECT 'SELECT 1' AS a, 'SELECT 2' AS b \gexec
SELECT 1 AS a, 'x' AS b, 5 AS c \crosstabview
SELECT 1 \gx
-- step: \bind, \gexec, \crosstabview, \gx
SELECT $1::int * 2 AS n \parse doubled
\bind_named doubled 21 \gset
SELECT 1 / (:n = 42)::int;
\bind_named doubled 4 \g
\close_prepared doubled
-- step: \parse, \bind_named, \close_prepared
BEGIN;
INSERT INTO psql_rows VALUES (1, 'one');
SAVEPOINT a;
INSERT INTO psql_rows VALUES (2, 'two');
ROLLBACK TO a;
COMMIT;
BEGIN;
INSERT INTO psql_rows VALUES (3, 'three');
ROLLBACK;
SELECT 1 / (count(*) = 1)::int FROM psql_rows;
-- step: transactions and savepoints
\set AUTOCOMMIT off
INSERT INTO psql_rows VALUES (4, 'four');
ROLLBACK;
SELECT 1;
COMMIT;
\set AUTOCOMMIT on
\set ON_ERROR_ROLLBACK on
BEGIN;
INSERT INTO psql_rows VALUES (5, 'five');
\set ON_ERROR_STOP off
INSERT INTO psql_rows VALUES (5, 'again');
\set ON_ERROR_STOP on
COMMIT;
SELECT 1 / (count(*) = 2)::int FROM psql_rows;
\set ON_ERROR_ROLLBACK off
-- step: AUTOCOMMIT off, ON_ERROR_ROLLBACK
\! "$PSQL" -X -q -1 -v ON_ERROR_STOP=1 -c 'CREATE TABLE psql_one (n int)' -c 'INSERT INTO psql_one VALUES (1)' -c '\d psql_one' >/dev/null || kill $PPID
SELECT 1 / (count(*) = 1)::int FROM psql_one;
-- step: psql -1 with several -c
COPY psql_rows FROM STDIN;
10	ten
11	eleven
\.
COPY psql_rows TO STDOUT;
\copy psql_rows FROM PROGRAM 'printf "20\\ttwenty\\n"'
\copy (SELECT n FROM psql_rows ORDER BY n) TO PROGRAM 'cat >/dev/null'
\copy psql_rows TO PROGRAM 'cat >/dev/null' CSV HEADER
SELECT 1 / (count(*) = 5)::int FROM psql_rows;
-- step: COPY and \copy
\set FETCH_COUNT 10
SELECT n FROM generate_series(1, 95) n;
\unset FETCH_COUNT
-- step: FETCH_COUNT
PREPARE double(int) AS SELECT $1 * 2 AS n;
EXECUTE double(21) \gset
SELECT 1 / (:n = 42)::int;
DEALLOCATE double;
-- step: SQL PREPARE, EXECUTE, DEALLOCATE
SET search_path = pg_catalog, public;
SET TIME ZONE 'Europe/Rome';
SET statement_timeout = '1min';
\encoding LATIN1
SELECT 1 / (current_setting('search_path') = 'pg_catalog, public')::int;
SELECT 1 / (current_setting('TimeZone') = 'Europe/Rome')::int;
SELECT 1 / (current_setting('statement_timeout') = '1min')::int;
\encoding UTF8
RESET search_path;
RESET ALL;
SELECT 1 / (current_setting('statement_timeout') = '0')::int;
-- step: SET, \encoding, RESET
DO $$ BEGIN PERFORM 1; RAISE NOTICE 'hello'; END $$;
\set ON_ERROR_STOP off
SELECT 1/0;
SELECT * FROM nowhere;
SELEKT;
\errverbose
\set ON_ERROR_STOP on
SELECT 1;
-- step: errors, \errverbose
SELECT 1 \watch c=2 i=0.01
\timing on
SELECT 1;
\timing off
\conninfo
SELECT count(*) FROM pg_stat_activity WHERE pid = pg_backend_pid();
-- step: \watch, \timing, \conninfo
DISCARD ALL;
SELECT 1;
-- step: DISCARD ALL
\! "$PGBIN/pg_dump" --no-password >/dev/null || kill $PPID
\! "$PGBIN/pg_dump" --no-password --schema-only --no-owner >/dev/null || kill $PPID
-- (It calls set_config with a column as the name, so that what it has set cannot be told from the text.)
-- expect: SESSION_SETTING
-- step: pg_dump
\! "$PGBIN/pgbench" -i -q -s 1 >/dev/null 2>&1 || kill $PPID
\! for mode in simple extended prepared; do "$PGBIN/pgbench" -n -M $mode -c 2 -t 15 >/dev/null 2>&1 || kill $PPID; done
-- step: pgbench -i, -M simple, extended, prepared
CREATE SEQUENCE psql_sequence;
SELECT nextval('psql_sequence');
SELECT setval('psql_sequence', 40);
INSERT INTO psql_rows VALUES (nextval('psql_sequence'), 'next') RETURNING n;
-- step: nextval, setval
SELECT nextval('psql_sequence');
SELECT currval('psql_sequence');
-- held: SEQUENCE
SELECT 1 / (lastval() = 42)::int;
DISCARD SEQUENCES;
-- step: currval and lastval, until DISCARD SEQUENCES
BEGIN;
DECLARE c CURSOR FOR SELECT n FROM generate_series(1, 100) n;
FETCH 10 FROM c;
MOVE 5 IN c;
CLOSE c;
COMMIT;
-- step: cursors in a transaction
CREATE TEMP TABLE psql_temp (n int);
-- held: TEMPORARY_OBJECT
INSERT INTO psql_temp VALUES (1);
DROP TABLE psql_temp;
-- step: temporary table, until DROP
SELECT pg_advisory_lock(5);
-- held: ADVISORY_LOCK
SELECT pg_advisory_unlock(5);
-- step: advisory lock of the session, until unlocked
LISTEN news;
-- held: LISTEN
NOTIFY news, 'hello';
UNLISTEN news;
-- step: LISTEN, until UNLISTEN
BEGIN;
DECLARE kept CURSOR WITH HOLD FOR SELECT n FROM generate_series(1, 100) n;
COMMIT;
-- held: HOLD_CURSOR
FETCH 10 FROM kept;
CLOSE kept;
-- step: cursor WITH HOLD, until CLOSE
