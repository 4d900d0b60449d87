"""psycopg 3 through the proxy: queries, prepared statements, transactions, pipelines, COPY, cancel, errors."""

import threading

import psycopg
from psycopg import errors


def queries(conn):
    assert conn.pgconn.ssl_in_use, "not encrypted"
    assert conn.execute("SELECT 1").fetchone() == (1,)
    rows = conn.execute("SELECT n, repeat('x', 100) FROM generate_series(1, 5000) n").fetchall()
    assert len(rows) == 5000 and rows[-1][0] == 5000
    assert conn.execute("SELECT %s::text", ["it's \\ ünïcode"]).fetchone()[0] == "it's \\ ünïcode"
    assert conn.execute("SELECT %b::int4", [42]).fetchone() == (42,)
    conn.commit()


def prepared_statements(conn):
    for n in range(12):
        assert conn.execute("SELECT %s::int * 2", [n], prepare=True).fetchone() == (2 * n,)
        conn.commit()
    with conn.cursor() as cursor:
        cursor.executemany("SELECT %s::int", [(n,) for n in range(50)])
    conn.commit()


def transactions(conn):
    conn.execute("CREATE TABLE psycopg_rows (n int PRIMARY KEY, t text)")
    conn.commit()
    with conn.transaction():
        conn.execute("INSERT INTO psycopg_rows VALUES (1, 'one')")
    try:
        with conn.transaction():
            conn.execute("INSERT INTO psycopg_rows VALUES (2, 'two')")
            raise KeyError("roll back")
    except KeyError:
        pass
    with conn.transaction():
        conn.execute("INSERT INTO psycopg_rows VALUES (3, 'three')")
        try:
            with conn.transaction():
                conn.execute("INSERT INTO psycopg_rows VALUES (3, 'again')")
        except errors.UniqueViolation:
            pass
    assert conn.execute("SELECT array_agg(n ORDER BY n) FROM psycopg_rows").fetchone() == ([1, 3],)
    conn.commit()


def pipelines(conn):
    with conn.pipeline():
        cursors = [conn.execute("SELECT %s::int", [n]) for n in range(100)]
    assert [cursor.fetchone()[0] for cursor in cursors] == list(range(100))
    conn.commit()


def cursors(conn):
    with conn.transaction(), conn.cursor(name="walk") as cursor:
        cursor.itersize = 100
        cursor.execute("SELECT n FROM generate_series(1, 1000) n")
        assert sum(row[0] for row in cursor) == 500500


def copy(conn):
    conn.execute("CREATE TABLE psycopg_copied (n int, t text)")
    with conn.cursor().copy("COPY psycopg_copied FROM STDIN") as writer:
        for n in range(20000):
            writer.write_row((n, "row %d" % n))
    conn.commit()
    total = 0
    with conn.cursor().copy("COPY psycopg_copied TO STDOUT (FORMAT csv)") as reader:
        for block in reader:
            total += bytes(block).count(b"\n")
    assert total == 20000, total
    conn.commit()
    try:
        with conn.cursor().copy("COPY psycopg_copied FROM STDIN") as writer:
            writer.write(b"not a number\tx\n")
        raise AssertionError("a bad COPY was accepted")
    except errors.InvalidTextRepresentation:
        conn.rollback()
    assert conn.execute("SELECT count(*) FROM psycopg_copied").fetchone() == (20000,)
    conn.commit()


def cancel(conn):
    timer = threading.Timer(0.5, conn.cancel_safe)
    timer.start()
    try:
        conn.execute("SELECT pg_sleep(30)")
        raise AssertionError("the query was not cancelled")
    except errors.QueryCanceled:
        conn.rollback()
    timer.join()
    assert conn.execute("SELECT 2").fetchone() == (2,)
    conn.commit()


def errors_leave_the_connection_usable(conn):
    for sql, kind in [
        ("SELECT 1/0", errors.DivisionByZero),
        ("SELECT * FROM nowhere", errors.UndefinedTable),
        ("SELEKT", errors.SyntaxError),
    ]:
        try:
            conn.execute(sql)
            raise AssertionError(sql)
        except kind:
            conn.rollback()
    assert conn.execute("SELECT 3").fetchone() == (3,)
    conn.commit()


def main():
    with psycopg.connect() as conn:
        for part in (
            queries,
            prepared_statements,
            transactions,
            pipelines,
            cursors,
            copy,
            cancel,
            errors_leave_the_connection_usable,
        ):
            part(conn)
            print("ok", part.__name__, flush=True)


main()
