-- psql through the proxy: everything in one session, stopping at the first surprise.
\set ON_ERROR_STOP on
SELECT 1 AS one \gset
\if :{?one} \else \quit 3 \endif
CREATE TABLE psql_rows (n int PRIMARY KEY, t text);
BEGIN;
INSERT INTO psql_rows VALUES (1, 'one');
SAVEPOINT a;
INSERT INTO psql_rows VALUES (2, 'two');
ROLLBACK TO a;
COMMIT;
BEGIN;
INSERT INTO psql_rows VALUES (3, 'three');
ROLLBACK;
SELECT count(*) = 1 AS good FROM psql_rows \gset
\if :good \else \warn 'transactions' \quit 3 \endif
PREPARE double(int) AS SELECT $1 * 2 AS n;
EXECUTE double(21) \gset
SELECT :n = 42 AS good \gset
\if :good \else \warn 'PREPARE' \quit 3 \endif
DEALLOCATE double;
SELECT $1::int + $2::int AS n \bind 40 2 \gset
SELECT :n = 42 AS good \gset
\if :good \else \warn 'bind' \quit 3 \endif
COPY psql_rows FROM STDIN;
10	ten
11	eleven
\.
COPY psql_rows TO STDOUT;
\copy (SELECT n FROM psql_rows ORDER BY n) TO PROGRAM 'cat >/dev/null'
SET search_path = pg_catalog, public;
SHOW search_path;
RESET search_path;
\set ON_ERROR_STOP off
SELECT 1/0;
\set ON_ERROR_STOP on
SELECT :'LAST_ERROR_SQLSTATE' = '22012' AS good \gset
\if :good \else \warn 'SQLSTATE' \quit 3 \endif
SELECT count(*) = 3 AS good FROM psql_rows \gset
\if :good \else \warn 'COPY' \quit 3 \endif
\echo ok psql
