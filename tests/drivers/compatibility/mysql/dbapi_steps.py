"""PyMySQL, mysqlclient or mysql-connector-python (argument): what their programs do, over DB-API and beyond it."""

import contextlib
import datetime
import decimal
import importlib.metadata
import json
import os
import sys
import tempfile

from steps import Steps

step = Steps()
driver = sys.argv[1]
mariadb = os.environ["DB_KIND"] == "mariadb"

where = {
    "host": os.environ["DB_HOST"],
    "port": int(os.environ["DB_PORT"]),
    "user": os.environ["DB_USER"],
    "password": os.environ["DB_PASSWORD"],
    "database": os.environ["DB_NAME"],
}
authority = os.environ["DB_CA"]

if driver == "pymysql":
    import pymysql as module
    import pymysql.cursors

    version = "PyMySQL"
    tls = {"ssl_ca": authority, "ssl_verify_cert": True, "ssl_verify_identity": True}
elif driver == "mysqlclient":
    import MySQLdb as module
    import MySQLdb.cursors

    version = "mysqlclient"
    tls = {"ssl": {"ca": authority}, "charset": "utf8mb4"}
else:
    import mysql.connector as module
    import mysql.connector.pooling

    version = "mysql-connector-python"
    tls = {"ssl_ca": authority, "ssl_verify_cert": True, "ssl_verify_identity": True}


def connect(**more):
    return module.connect(**{**where, **tls, **more})


@contextlib.contextmanager
def around():
    conn = connect()
    try:
        yield conn
    finally:
        with contextlib.suppress(module.Error):
            conn.close()


def run(conn, sql, args=None):
    cursor = conn.cursor()
    cursor.execute(sql, args)
    rows = cursor.fetchall() if cursor.description else None
    cursor.close()
    return rows


def value(conn, sql, args=None):
    return run(conn, sql, args)[0][0]


def refused(conn, number, sql, args=None):
    try:
        run(conn, sql, args)
    except module.Error as error:
        assert error.args[0] == number or getattr(error, "errno", None) == number, error
        return
    raise AssertionError(f"not refused: {sql}")


def isolation(conn):
    return value(conn, "SELECT @@tx_isolation" if mariadb else "SELECT @@transaction_isolation")


@step("queries with parameters")
def queries(conn):
    for n in range(10):
        assert value(conn, "SELECT %s + 1", (n,)) == n + 1
    now = datetime.datetime(2024, 2, 29, 12, 30, 15)
    row = run(conn, "SELECT %s, %s, %s, %s, %s", ("it's ü", None, 1.5, decimal.Decimal("1.10"), now))[0]
    assert row[:4] == ("it's ü", None, 1.5, decimal.Decimal("1.10")), row
    assert str(row[4])[:19] == "2024-02-29 12:30:15", row
    assert value(conn, "SELECT LENGTH(%s)", (b"\x00\xff\x27",)) == 3


@step("types: integers, DECIMAL, JSON, BINARY, BIT, dates, ENUM")
def types(conn):
    run(conn, "CREATE TABLE kinds (u BIGINT UNSIGNED, d DECIMAL(30, 10), j JSON, b VARBINARY(9), t TIME, y YEAR,"
        " e ENUM('a', 'b'), day DATE, micro DATETIME(6))")
    micro = datetime.datetime(2024, 2, 29, 1, 2, 3, 456789)
    run(conn, "INSERT INTO kinds VALUES (%s, %s, %s, %s, '-12:00:01', 2024, 'b', %s, %s)",
        (2**64 - 1, decimal.Decimal("12345678901234567890.0123456789"), json.dumps({"a": [1, "ü"]}), b"\x00\x01\xff",
         datetime.date(2024, 2, 29), micro))
    conn.commit()
    row = run(conn, "SELECT * FROM kinds")[0]
    assert row[0] == 2**64 - 1 and row[1] == decimal.Decimal("12345678901234567890.0123456789"), row
    assert json.loads(row[2]) == {"a": [1, "ü"]} and bytes(row[3]) == b"\x00\x01\xff", row
    assert row[4] == -datetime.timedelta(hours=12, seconds=1) and row[5] == 2024 and row[6] == "b", row
    assert row[7] == datetime.date(2024, 2, 29) and row[8] == micro, row


@step("transactions (autocommit is off), rollback, savepoints")
def transactions(conn):
    run(conn, "CREATE TABLE tx (n INT PRIMARY KEY)")
    run(conn, "INSERT INTO tx VALUES (1)")
    conn.commit()
    run(conn, "INSERT INTO tx VALUES (2)")
    conn.rollback()
    run(conn, "INSERT INTO tx VALUES (3)")
    run(conn, "SAVEPOINT a")
    refused(conn, 1062, "INSERT INTO tx VALUES (1)")
    run(conn, "INSERT INTO tx VALUES (4)")
    run(conn, "ROLLBACK TO SAVEPOINT a")
    conn.commit()
    assert run(conn, "SELECT n FROM tx ORDER BY n") in ([(1,), (3,)], ((1,), (3,)))
    conn.commit()


@step("autocommit on and off again")
def autocommit(conn):
    turn = (lambda on: conn.autocommit(on)) if driver != "connector" else (lambda on: setattr(conn, "autocommit", on))
    turn(True)
    run(conn, "INSERT INTO tx VALUES (10)")
    conn.rollback()
    assert value(conn, "SELECT COUNT(*) FROM tx WHERE n = 10") == 1
    assert value(conn, "SELECT @@autocommit") == 1
    turn(False)
    run(conn, "INSERT INTO tx VALUES (11)")
    conn.rollback()
    assert value(conn, "SELECT COUNT(*) FROM tx WHERE n = 11") == 0


@step("isolation levels, read only transactions")
def isolation_levels(conn):
    run(conn, "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    for _ in range(3):
        assert isolation(conn) == "SERIALIZABLE"
        conn.commit()
    run(conn, "SET TRANSACTION READ ONLY")
    run(conn, "START TRANSACTION")
    refused(conn, 1792, "INSERT INTO tx VALUES (20)")
    conn.rollback()
    run(conn, "START TRANSACTION READ ONLY, WITH CONSISTENT SNAPSHOT")
    refused(conn, 1792, "INSERT INTO tx VALUES (20)")
    conn.rollback()
    run(conn, "INSERT INTO tx VALUES (20)")
    conn.commit()


@step("executemany, lastrowid, rowcount")
def many(conn):
    run(conn, "CREATE TABLE many (n INT PRIMARY KEY AUTO_INCREMENT, t VARCHAR(60))")
    cursor = conn.cursor()
    cursor.executemany("INSERT INTO many (t) VALUES (%s)", [(f"text {n}",) for n in range(2000)])
    assert cursor.rowcount == 2000
    conn.commit()
    cursor.execute("INSERT INTO many (t) VALUES ('last')")
    last = cursor.lastrowid
    conn.commit()
    assert value(conn, "SELECT LAST_INSERT_ID()") == last
    cursor.execute("UPDATE many SET t = 'x' WHERE n <= 100")
    assert cursor.rowcount == 100
    if driver != "connector":  # It asks something else in between.
        assert value(conn, "SELECT ROW_COUNT()") == 100
    cursor.execute("UPDATE many SET t = 'x' WHERE n <= 100")
    assert cursor.rowcount in (0, 100)
    conn.commit()


@step("streaming results (unbuffered cursor)")
def streaming(conn):
    if driver == "connector":
        cursor = conn.cursor(buffered=False)
    else:
        cursor = conn.cursor((pymysql if driver == "pymysql" else MySQLdb).cursors.SSCursor)
    cursor.execute("SELECT a.n FROM many a, many b LIMIT 50000")
    assert sum(1 for _ in cursor) == 50000
    cursor.close()
    conn.commit()


@step("stored procedure: parameters, several result sets, OUT")
def procedure(conn):
    run(conn, "CREATE PROCEDURE two_sets(IN a INT, OUT b INT) BEGIN SELECT a; SELECT a + 1, 'second'; SET b = a * 2; END")
    cursor = conn.cursor()
    if driver == "connector":
        assert cursor.callproc("two_sets", (4, 0))[1] == 8
        assert [found.fetchall() for found in cursor.stored_results()] == [[(4,)], [(5, "second")]]
    else:
        cursor.callproc("two_sets", (4, 0))
        assert cursor.fetchone() == (4,)
        assert cursor.nextset() and cursor.fetchone() == (5, "second")
        while cursor.nextset():
            pass
        name = "@_two_sets_1"
        assert value(conn, f"SELECT {name}") == 8
    cursor.close()
    run(conn, "CREATE FUNCTION doubled(a INT) RETURNS INT DETERMINISTIC RETURN a * 2")
    assert value(conn, "SELECT doubled(%s)", (21,)) == 42


@step("user variables")
def variables(conn):
    run(conn, "SET @a = 40, @b = 'ü'")
    conn.commit()
    assert run(conn, "SELECT @a + 2, @b")[0] == (42, "ü")
    conn.commit()


@step("settings: time_zone, sql_mode, names; USE")
def settings(conn):
    run(conn, "SET time_zone = '+05:30', sql_mode = 'ANSI_QUOTES', lock_wait_timeout = 7")
    run(conn, "SET NAMES latin1")
    for _ in range(3):
        row = run(conn, "SELECT @@time_zone, @@character_set_client, @@lock_wait_timeout, CAST(FROM_UNIXTIME(0) AS CHAR)")[0]
        assert row == ("+05:30", "latin1", 7, "1970-01-01 05:30:00"), row
        conn.commit()
    run(conn, "SET NAMES utf8mb4")
    run(conn, "USE other")
    assert value(conn, "SELECT DATABASE()") == "other"


@step("character sets: utf8mb4 and latin1 connections")
def charsets(conn):
    assert value(conn, "SELECT %s", ("naïve 🙂",)) == "naïve 🙂"
    latin = connect(charset="latin1")
    for _ in range(3):
        assert value(latin, "SELECT %s", ("naïve",)) == "naïve"
        assert value(latin, "SELECT @@character_set_client") == "latin1"
        latin.commit()
    latin.close()


@step("options of a connection: init_command, sql_mode, autocommit, attributes")
def options(conn):
    if driver == "connector":
        more = {"sql_mode": ["ANSI_QUOTES"], "time_zone": "+02:00", "conn_attrs": {"program": "steps"}}
    else:
        more = {"sql_mode": "ANSI_QUOTES", "init_command": "SET time_zone = '+02:00'"}
        more["program_name" if driver == "pymysql" else "read_timeout"] = "steps" if driver == "pymysql" else 30
    other = connect(autocommit=True, **more)
    for _ in range(3):
        assert run(other, "SELECT @@sql_mode, @@time_zone, @@autocommit")[0] == ("ANSI_QUOTES", "+02:00", 1)
    other.close()


@step("several statements in one text")
def several(conn):
    if driver == "pymysql":
        conn = connect(client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS)
    cursor = conn.cursor()
    text = "SELECT 1; UPDATE tx SET n = n; SELECT 3"
    if driver == "connector":
        cursor.execute(text, map_results=True)
        found = [rows for _, rows in cursor.fetchsets()]
        assert found == [[(1,)], [], [(3,)]], found
    else:
        cursor.execute(text)
        assert cursor.fetchall() == ((1,),)
        assert cursor.nextset() and cursor.nextset() and cursor.fetchall() == ((3,),)
    conn.commit()
    cursor.close()


@step("LOAD DATA LOCAL INFILE")
def load(conn):
    name = {"pymysql": "local_infile", "mysqlclient": "local_infile", "connector": "allow_local_infile"}[driver]
    other = connect(**{name: True})
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(f"{n},row {n}\n" for n in range(5000, 25000)))
        file.flush()
        run(other, f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE many FIELDS TERMINATED BY ','")
        other.commit()
        with contextlib.suppress(module.Error, OSError):
            run(other, f"LOAD DATA LOCAL INFILE '{file.name}.no' INTO TABLE many")
            raise AssertionError("a file that is not there")
    with contextlib.suppress(module.Error):
        other.close()
    assert value(conn, "SELECT COUNT(*) FROM many WHERE n >= 5000") == 20000


@step("values over 16 MiB in both directions")
def large(conn):
    sent = "x" * (17 << 20)
    assert value(conn, "SELECT LENGTH(%s)", (sent,)) == len(sent)
    assert value(conn, "SELECT REPEAT('y', 17 * 1024 * 1024)") == "y" * (17 << 20)
    conn.commit()


@step("ping, reconnect, connection id")
def ping(conn):
    conn.ping()
    assert value(conn, "SELECT CONNECTION_ID()") == (conn.connection_id if driver == "connector" else conn.thread_id())
    other = connect()
    with contextlib.suppress(module.Error):
        run(other, f"KILL {value(other, 'SELECT CONNECTION_ID()')}")
    if driver == "mysqlclient":
        other = connect()
    elif driver == "pymysql":
        other.ping(reconnect=True)
    else:
        other.reconnect()
    assert value(other, "SELECT 5") == 5
    other.close()


@step("errors leave the connection usable")
def errors(conn):
    for _ in range(3):
        refused(conn, 1064, "SELEKT")
        refused(conn, 1146, "SELECT * FROM nowhere")
        refused(conn, 1062, "INSERT INTO tx VALUES (1)")
        refused(conn, 1054, "SELECT nothing")
        conn.rollback()
    run(conn, "CREATE TABLE strict (n TINYINT)")
    refused(conn, 1264, "INSERT INTO strict VALUES (1000)")
    conn.commit()
    assert value(conn, "SELECT 3") == 3


@step("SHOW WARNINGS, GET DIAGNOSTICS, FOUND_ROWS")
def warnings(conn):
    run(conn, "SELECT CAST('12x' AS SIGNED)")
    assert run(conn, "SHOW WARNINGS")[0][1] == 1292
    run(conn, "SELECT SQL_CALC_FOUND_ROWS n FROM many LIMIT 2")
    assert value(conn, "SELECT FOUND_ROWS()") > 2000
    refused(conn, 1146, "SELECT * FROM nowhere")
    run(conn, "GET DIAGNOSTICS CONDITION 1 @number = MYSQL_ERRNO")
    assert int(value(conn, "SELECT @number")) == 1146
    conn.commit()


if driver == "connector":

    @step("prepared statements (binary protocol), cursors")
    def prepared(conn):
        cursor = conn.cursor(prepared=True)
        for n in range(10):
            cursor.execute("SELECT ? * 2, ?", (n, "ü"))
            assert cursor.fetchall() == [(2 * n, "ü")]
            conn.commit()
        cursor.execute("INSERT INTO many (t) VALUES (?)", (None,))
        other = conn.cursor(prepared=True)
        other.execute("SELECT LENGTH(?)", ("x" * 100_000,))
        assert other.fetchall() == [(100_000,)]
        cursor.close()
        other.close()
        conn.commit()

    @step("use_pure: the driver without its C library")
    def pure(_):
        conn = connect(use_pure=True)
        assert value(conn, "SELECT %s", ("naïve 🙂",)) == "naïve 🙂"
        cursor = conn.cursor(prepared=True)
        for n in range(5):
            cursor.execute("SELECT ? + 1", (n,))
            assert cursor.fetchall() == [(n + 1,)]
            conn.commit()
        conn.cmd_reset_connection()
        assert value(conn, "SELECT 1") == 1
        conn.close()

    @step("reset_session, cmd_change_user")
    def reset(conn):
        run(conn, "SET @a = 5")
        conn.reset_session(session_variables={"lock_wait_timeout": 9})
        assert run(conn, "SELECT @a, @@lock_wait_timeout")[0] == (None, 9)
        run(conn, "SET @a = 6")
        conn.cmd_change_user(where["user"], where["password"], "other")
        assert run(conn, "SELECT @a, DATABASE()")[0] == (None, "other")

    @step("pool with resets")
    def pool(_):
        pool = mysql.connector.pooling.MySQLConnectionPool(pool_name="steps", pool_size=2, **where, **tls)
        for n in range(10):
            conn = pool.get_connection()
            assert run(conn, "SELECT %s, @left", (n,))[0] == (n, None)
            run(conn, "SET @left = 1")
            conn.close()


if driver == "mysqlclient":

    @step("change_user")
    def change_user(conn):
        run(conn, "SET @a = 6")
        conn.change_user(where["user"], where["password"], "other")
        assert run(conn, "SELECT @a, DATABASE()")[0] == (None, "other")


@step("temporary table, until DROP")
def temporary(conn):
    run(conn, "CREATE TEMPORARY TABLE staying (n INT)")
    conn.commit()
    step.held("TEMPORARY_OBJECT")
    run(conn, "INSERT INTO staying VALUES (%s)", (5,))
    conn.commit()
    assert value(conn, "SELECT n FROM staying") == 5
    run(conn, "DROP TEMPORARY TABLE staying")
    conn.commit()


@step("GET_LOCK, until RELEASE_LOCK")
def lock(conn):
    assert value(conn, "SELECT GET_LOCK(%s, 5)", ("steps",)) == 1
    conn.commit()
    step.held("ADVISORY_LOCK")
    assert value(conn, "SELECT RELEASE_LOCK(%s)", ("steps",)) == 1
    conn.commit()


@step("LOCK TABLES, until UNLOCK TABLES")
def lock_tables(conn):
    run(conn, "LOCK TABLES tx WRITE")
    step.held("LOCKED_TABLES")
    run(conn, "INSERT INTO tx VALUES (99)")
    conn.commit()
    run(conn, "UNLOCK TABLES")


step.version(importlib.metadata.version(version))
step.run(around)
