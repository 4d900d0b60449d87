"""psycopg 3: what it does by default, its prepare_threshold, pipelines, cursors, COPY, types, its pool."""

import asyncio
import contextlib

import psycopg
import psycopg_pool
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.composite import CompositeInfo
from psycopg.types.enum import EnumInfo
from psycopg.types.json import Jsonb
from steps import Steps

step = Steps()


@step("queries, parameters, rows in text and binary")
def queries(conn):
    assert conn.execute("SELECT 1").fetchone() == (1,)
    assert conn.execute("SELECT %s::text, %b::int4", ["ü", 42]).fetchone() == ("ü", 42)
    assert conn.execute("SELECT %s", [Jsonb({"a": [1]})]).fetchone() == ({"a": [1]},)
    assert conn.cursor(binary=True).execute("SELECT now(), %s::int[]", [[1, 2]]).fetchone()[1] == [1, 2]
    with conn.cursor(row_factory=dict_row) as cursor:
        assert cursor.execute("SELECT 1 AS n").fetchone() == {"n": 1}
    conn.commit()


@step("transactions and savepoints")
def transactions(conn):
    conn.execute("CREATE TABLE tx (n int PRIMARY KEY)")
    conn.commit()
    with conn.transaction():
        conn.execute("INSERT INTO tx VALUES (1)")
        with contextlib.suppress(psycopg.errors.UniqueViolation), conn.transaction():
            conn.execute("INSERT INTO tx VALUES (1)")
    conn.execute("INSERT INTO tx VALUES (2)")
    conn.rollback()
    assert conn.execute("SELECT count(*) FROM tx").fetchone() == (1,)
    conn.commit()


@step("autocommit, isolation level, read only, deferrable")
def characteristics(conn):
    conn.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
    conn.read_only = True
    conn.deferrable = True
    assert conn.execute("SHOW transaction_isolation").fetchone() == ("serializable",)
    assert conn.execute("SHOW transaction_read_only").fetchone() == ("on",)
    conn.commit()
    conn.isolation_level = conn.read_only = conn.deferrable = None
    conn.autocommit = True
    assert conn.execute("SHOW transaction_isolation").fetchone() == ("read committed",)
    assert conn.execute("SHOW transaction_read_only").fetchone() == ("off",)


@step("prepared statements, prepare_threshold by default")
def default_threshold(conn):
    for n in range(12):
        assert conn.execute("SELECT %s::int * 2", [n]).fetchone() == (2 * n,)
        conn.commit()
    for n in range(12):
        with conn.transaction():
            assert conn.execute("SELECT %s::int * 3", [n]).fetchone() == (3 * n,)


@step("prepared statements, prepare_threshold 0")
def threshold_0(conn):
    conn.prepare_threshold = 0
    for n in range(12):
        assert conn.execute("SELECT %s::int * 4", [n]).fetchone() == (4 * n,)
        assert conn.execute("SELECT %s::text || 'x'", [str(n)]).fetchone() == (str(n) + "x",)
        conn.commit()


@step("prepared statements, prepare_threshold None")
def threshold_none(conn):
    conn.prepare_threshold = None
    for n in range(12):
        assert conn.execute("SELECT %s::int * 5", [n]).fetchone() == (5 * n,)
        conn.commit()


@step("prepared statements beyond prepared_max, and deallocated after DDL")
def prepared_max(conn):
    conn.prepare_threshold = 0
    conn.prepared_max = 3
    conn.autocommit = True
    for n in range(30):
        assert conn.execute(f"SELECT %s::int + {n % 7}", [n]).fetchone() == (n + n % 7,)
    conn.execute("CREATE TABLE prepared_rows (n int)")
    conn.execute("INSERT INTO prepared_rows VALUES (%s)", [1])
    assert conn.execute("SELECT * FROM prepared_rows WHERE n = %s", [1]).fetchone() == (1,)
    conn.execute("DROP TABLE prepared_rows")
    for n in range(5):
        assert conn.execute("SELECT %s::int + 9", [n]).fetchone() == (n + 9,)


@step("pipeline mode, prepared and not, with an error")
def pipeline(conn):
    for threshold in (0, 5, None):
        conn.prepare_threshold = threshold
        with conn.pipeline():
            cursors = [conn.execute("SELECT %s::int + 1", [n]) for n in range(50)]
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(1, 51))
        conn.commit()
    with contextlib.suppress(psycopg.errors.DivisionByZero), conn.pipeline():
        conn.execute("SELECT 1/0")
        conn.execute("SELECT 1")
    conn.rollback()
    assert conn.execute("SELECT 1").fetchone() == (1,)
    conn.commit()


@step("executemany, INSERT … RETURNING of an identity column")
def executemany(conn):
    conn.execute("CREATE TABLE many (id bigserial PRIMARY KEY, t text)")
    cursor = conn.cursor()
    cursor.executemany("INSERT INTO many (t) VALUES (%s) RETURNING id", [(str(n),) for n in range(50)], returning=True)
    ids = []
    while True:
        ids.append(cursor.fetchone()[0])
        if not cursor.nextset():
            break
    assert ids == list(range(1, 51))
    conn.commit()


@step("server-side cursors in a transaction")
def server_cursors(conn):
    with conn.transaction(), conn.cursor(name="walk") as cursor:
        cursor.itersize = 100
        cursor.execute("SELECT n FROM generate_series(1, 1000) n")
        assert sum(row[0] for row in cursor) == 500500
    with conn.transaction(), conn.cursor(name="jump", scrollable=True) as cursor:
        cursor.execute("SELECT n FROM generate_series(1, 100) n")
        cursor.scroll(50)
        assert cursor.fetchone() == (51,)
        cursor.scroll(0, mode="absolute")
        assert cursor.fetchone() == (1,)


@step("rows one by one (stream)")
def stream(conn):
    assert sum(row[0] for row in conn.cursor().stream("SELECT n FROM generate_series(1, 500) n")) == 125250
    conn.commit()


@step("COPY in, out, binary, failing")
def copy(conn):
    conn.execute("CREATE TABLE copied (n int, t text)")
    with conn.cursor().copy("COPY copied FROM STDIN") as writer:
        for n in range(2000):
            writer.write_row((n, f"row {n}"))
    with conn.cursor().copy("COPY copied TO STDOUT (FORMAT binary)") as reader:
        reader.set_types(["int4", "text"])
        assert len(list(reader.rows())) == 2000
    conn.commit()
    with contextlib.suppress(psycopg.errors.InvalidTextRepresentation):
        with conn.cursor().copy("COPY copied FROM STDIN") as writer:
            writer.write(b"not a number\tx\n")
    conn.rollback()
    assert conn.execute("SELECT count(*) FROM copied").fetchone() == (2000,)
    conn.commit()


@step("type lookups: enum, composite")
def types(conn):
    conn.execute("CREATE TYPE mood AS ENUM ('good', 'bad')")
    conn.execute("CREATE TYPE pair AS (a int, b text)")
    conn.commit()
    moods = EnumInfo.fetch(conn, "mood")
    psycopg.types.enum.register_enum(moods, conn)
    pairs = CompositeInfo.fetch(conn, "pair")
    psycopg.types.composite.register_composite(pairs, conn)
    row = conn.execute("SELECT 'good'::mood, (1, 'x')::pair").fetchone()
    assert row[0].name == "good" and row[1] == (1, "x")
    conn.commit()


@step("SET and RESET: TIME ZONE, search_path, work_mem, statement_timeout, client_encoding")
def settings(conn):
    conn.autocommit = True
    conn.execute("SET TIME ZONE 'Asia/Tokyo'")
    conn.execute("SET search_path = pg_catalog, public")
    conn.execute("SET work_mem = '7MB'")
    conn.execute("SET statement_timeout = '55s'")
    conn.execute("SET client_encoding = 'LATIN1'")
    for _ in range(5):
        now = conn.execute(
            "SELECT current_setting('timezone'), current_setting('search_path'), current_setting('work_mem'),"
            " current_setting('statement_timeout'), 'ü'"
        ).fetchone()
        assert now == ("Asia/Tokyo", "pg_catalog, public", "7MB", "55s", "ü"), now
    assert conn.info.encoding == "iso8859-1" and conn.info.timezone.key == "Asia/Tokyo"
    conn.execute("RESET ALL")
    assert conn.execute("SHOW work_mem").fetchone() == ("4MB",)


@step("set_config and SET LOCAL in transactions, rolled back SET")
def local_settings(conn):
    with conn.transaction():
        conn.execute("SELECT set_config('app.tenant', '42', true)")
        conn.execute("SET LOCAL work_mem = '8MB'")
        assert conn.execute("SHOW app.tenant").fetchone() == ("42",)
    conn.execute("SET work_mem = '9MB'")
    conn.rollback()
    assert conn.execute("SHOW work_mem").fetchone() == ("4MB",)
    conn.commit()
    conn.execute("SELECT set_config('app.tenant', '43', false)")
    conn.commit()
    for _ in range(5):
        assert conn.execute("SHOW app.tenant").fetchone() == ("43",)
        conn.commit()


@step("SET ROLE and RESET ROLE")
def roles(conn):
    conn.autocommit = True
    conn.execute("SET ROLE app")
    assert conn.execute("SELECT current_user").fetchone() == ("app",)
    conn.execute("RESET ROLE")


@step("startup parameters: options, application_name")
def startup(conn):
    conn.close()
    options = "-c statement_timeout=54321 -c search_path=public"
    with psycopg.connect(options=options, application_name="steps", autocommit=True) as other:
        for _ in range(3):
            assert other.execute("SHOW statement_timeout").fetchone() == ("54321ms",)
            assert other.execute("SHOW application_name").fetchone() == ("steps",)


@step("SQL PREPARE, EXECUTE, DEALLOCATE")
def sql_prepare(conn):
    conn.autocommit = True
    conn.execute("PREPARE double(int) AS SELECT $1 * 2")
    for n in range(5):
        assert conn.execute(sql.SQL("EXECUTE double({})").format(n)).fetchone() == (2 * n,)
    conn.execute("DEALLOCATE double")
    conn.execute("DISCARD ALL")


@step("errors leave the connection usable")
def errors(conn):
    for text, kind in [
        ("SELECT 1/0", psycopg.errors.DivisionByZero),
        ("SELECT * FROM nowhere", psycopg.errors.UndefinedTable),
        ("SELEKT", psycopg.errors.SyntaxError),
        ("SET no_such_setting = 1", psycopg.errors.UndefinedObject),
    ]:
        try:
            conn.execute(text)
            raise AssertionError(text)
        except kind:
            conn.rollback()
    assert conn.execute("SELECT 3").fetchone() == (3,)
    conn.commit()


@step("notices, NOTIFY to others")
def notices(conn):
    heard = []
    conn.add_notice_handler(lambda notice: heard.append(notice.message_primary))
    conn.execute("DO $$ BEGIN RAISE NOTICE 'hello'; END $$")
    conn.execute("NOTIFY nobody_listens, 'x'")
    conn.commit()
    assert heard == ["hello"]


@step("ConnectionPool with check and reset")
def pool(conn):
    conn.close()

    def reset(conn):
        conn.execute("RESET ALL")
        conn.commit()

    with psycopg_pool.ConnectionPool(
        "", min_size=2, max_size=3, reset=reset, check=psycopg_pool.ConnectionPool.check_connection
    ) as many:
        for n in range(10):
            with many.connection() as one:
                one.execute("SET statement_timeout = '50s'")
                assert one.execute("SELECT %s::int", [n]).fetchone() == (n,)
        with many.connection() as one:
            assert one.execute("SHOW statement_timeout").fetchone() == ("0",)


@step("AsyncConnection, AsyncConnectionPool")
def async_connections(conn):
    conn.close()

    async def work():
        async with psycopg_pool.AsyncConnectionPool("", min_size=2, max_size=4, open=False) as many:

            async def one(n):
                async with many.connection() as conn:
                    return (await (await conn.execute("SELECT %s::int * 3", [n])).fetchone())[0]

            assert await asyncio.gather(*(one(n) for n in range(30))) == [3 * n for n in range(30)]

    asyncio.run(work())


@step("temporary table ON COMMIT DROP")
def on_commit_drop(conn):
    conn.execute("CREATE TEMP TABLE passing (n int) ON COMMIT DROP")
    conn.execute("INSERT INTO passing VALUES (1)")
    assert conn.execute("SELECT n FROM passing").fetchone() == (1,)
    conn.commit()


@step("advisory lock of a transaction")
def xact_lock(conn):
    conn.execute("SELECT pg_advisory_xact_lock(7)")
    conn.commit()


@step("temporary table, until DROP")
def temp_table(conn):
    conn.autocommit = True
    conn.execute("CREATE TEMP TABLE staying (n int)")
    step.held("TEMPORARY_OBJECT")
    conn.execute("INSERT INTO staying VALUES (1)")
    assert conn.execute("SELECT n FROM staying").fetchone() == (1,)
    conn.execute("DROP TABLE staying")


@step("advisory lock of the session, until unlocked")
def session_lock(conn):
    conn.autocommit = True
    conn.execute("SELECT pg_advisory_lock(8)")
    step.held("ADVISORY_LOCK")
    assert conn.execute("SELECT pg_advisory_unlock(8)").fetchone() == (True,)


@step("cursor WITH HOLD, until CLOSE")
def hold_cursor(conn):
    conn.autocommit = True
    with conn.cursor(name="holding", withhold=True) as cursor:
        cursor.execute("SELECT n FROM generate_series(1, 100) n")
        step.held("HOLD_CURSOR")
        assert len(cursor.fetchall()) == 100


@step("LISTEN, until UNLISTEN")
def listen(conn):
    conn.autocommit = True
    conn.execute("LISTEN news")
    step.held("LISTEN")
    conn.execute("NOTIFY news, 'hello'")
    assert [notify.payload for notify in conn.notifies(timeout=5, stop_after=1)] == ["hello"]
    conn.execute("UNLISTEN news")


step.version(psycopg.__version__)
step.run(psycopg.connect)
