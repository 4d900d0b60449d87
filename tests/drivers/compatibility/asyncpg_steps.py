"""asyncpg: its statement cache, cursors, COPY, type introspection and codecs, reset query, pool."""

import asyncio
import contextlib
import io
import json
import os
import ssl

import asyncpg
from steps import Steps

step = Steps()


def arguments():
    return {
        "host": os.environ["PGHOST"],
        "port": int(os.environ["PGPORT"]),
        "user": os.environ["PGUSER"],
        "password": os.environ["PGPASSWORD"],
        "database": os.environ["PGDATABASE"],
        "ssl": ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"]),
    }


@contextlib.asynccontextmanager
async def connection(**more):
    conn = await asyncpg.connect(**arguments(), **more)
    try:
        yield conn
    finally:
        await conn.close()


@step("queries, parameters, rows")
async def queries(conn):
    assert await conn.fetchval("SELECT 1") == 1
    assert await conn.execute("SELECT 1; SELECT 2") == "SELECT 1"
    rows = await conn.fetch("SELECT n, $1::text AS t FROM generate_series(1, 500) n", "x")
    assert len(rows) == 500 and rows[499]["n"] == 500
    assert (await conn.fetchrow("SELECT now() AS t, $1::int[] AS a", [1, 2]))["a"] == [1, 2]


@step("statement cache by default")
async def cache(conn):
    for n in range(20):
        assert await conn.fetchval("SELECT $1::int + 1", n) == n + 1
    for n in range(120):
        assert await conn.fetchval(f"SELECT $1::int + {n}", n) == 2 * n


@step("statement_cache_size 0")
async def no_cache(conn):
    async with connection(statement_cache_size=0) as other:
        for n in range(20):
            assert await other.fetchval("SELECT $1::int + 2", n) == n + 2


@step("prepared statements")
async def prepared(conn):
    statement = await conn.prepare("SELECT $1::text || '!'")
    for word in ("a", "b", "c"):
        assert await statement.fetchval(word) == word + "!"
    assert [parameter.name for parameter in statement.get_parameters()] == ["text"]
    named = await conn.prepare("SELECT 5", name="my_own_name")
    assert await named.fetchval() == 5
    del statement, named
    assert await conn.fetchval("SELECT 1") == 1


@step("cached statement after ALTER TABLE")
async def altered(conn):
    await conn.execute("CREATE TABLE altered (a int)")
    await conn.execute("INSERT INTO altered VALUES (1)")
    assert len(await conn.fetchrow("SELECT * FROM altered")) == 1
    await conn.execute("ALTER TABLE altered ADD COLUMN b text")
    assert len(await conn.fetchrow("SELECT * FROM altered")) == 2


@step("transactions, nested, isolation, read only")
async def transactions(conn):
    await conn.execute("CREATE TABLE tx (n int PRIMARY KEY)")
    async with conn.transaction():
        await conn.execute("INSERT INTO tx VALUES (1)")
        with contextlib.suppress(asyncpg.UniqueViolationError):
            async with conn.transaction():
                await conn.execute("INSERT INTO tx VALUES (1)")
    with contextlib.suppress(KeyError):
        async with conn.transaction():
            await conn.execute("INSERT INTO tx VALUES (2)")
            raise KeyError
    async with conn.transaction(isolation="serializable", readonly=True, deferrable=True):
        assert await conn.fetchval("SHOW transaction_isolation") == "serializable"
        assert await conn.fetchval("SELECT count(*) FROM tx") == 1


@step("cursors in a transaction")
async def cursors(conn):
    async with conn.transaction():
        total = 0
        async for record in conn.cursor("SELECT n FROM generate_series(1, 300) n", prefetch=50):
            total += record["n"]
        assert total == 45150
        cursor = await conn.cursor("SELECT n FROM generate_series(1, 300) n")
        await cursor.forward(10)
        assert (await cursor.fetchrow())["n"] == 11


@step("executemany")
async def executemany(conn):
    await conn.execute("CREATE TABLE many (n int, t text)")
    await conn.executemany("INSERT INTO many VALUES ($1, $2)", [(n, str(n)) for n in range(300)])
    assert await conn.fetchmany("SELECT $1::int AS n", [(1,), (2,)]) == [(1,), (2,)]
    assert await conn.fetchval("SELECT count(*) FROM many") == 300


@step("COPY of records, queries, tables")
async def copy(conn):
    await conn.execute("CREATE TABLE copied (n int, t text)")
    await conn.copy_records_to_table("copied", records=[(n, f"row {n}") for n in range(2000)])
    sink = io.BytesIO()
    await conn.copy_from_query("SELECT * FROM copied WHERE n < $1", 100, output=sink, format="csv")
    assert sink.getvalue().count(b"\n") == 100
    await conn.copy_to_table("copied", source=io.BytesIO(b"1\tx\n"))
    with contextlib.suppress(asyncpg.PostgresError):
        await conn.copy_to_table("copied", source=io.BytesIO(b"x\tx\n"))
    assert await conn.fetchval("SELECT count(*) FROM copied") == 2001


@step("type introspection: enum, composite, array, range, domain")
async def types(conn):
    await conn.execute("CREATE TYPE mood AS ENUM ('good', 'bad')")
    await conn.execute("CREATE TYPE pair AS (a int, b mood[])")
    await conn.execute("CREATE DOMAIN small AS int CHECK (VALUE < 100)")
    await conn.execute("CREATE TYPE spans AS RANGE (subtype = int8)")
    row = await conn.fetchrow("SELECT 'good'::mood, (1, '{bad,good}')::pair, 5::small, '[1,3)'::spans, $1::mood[]", ["bad"])
    assert row[0] == "good" and row[1]["b"] == ["bad", "good"] and row[4] == ["bad"]
    assert await conn.fetchval("SHOW jit") == "on" or conn.get_server_version().major > 18


@step("set_type_codec, reset_type_codec")
async def codecs(conn):
    await conn.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
    assert await conn.fetchval("SELECT $1::jsonb", {"a": 1}) == {"a": 1}
    await conn.reset_type_codec("jsonb", schema="pg_catalog")
    assert json.loads(await conn.fetchval("SELECT '{\"a\": 1}'::jsonb")) == {"a": 1}
    await conn.reload_schema_state()


@step("SET, SHOW, RESET")
async def settings(conn):
    await conn.execute("SET work_mem = '7MB'")
    await conn.execute("SET TIME ZONE 'Asia/Tokyo'")
    await conn.execute("SELECT set_config('app.tenant', '9', false)")
    for _ in range(5):
        assert await conn.fetchval("SHOW work_mem") == "7MB"
        assert await conn.fetchval("SHOW app.tenant") == "9"
    assert conn.get_settings().TimeZone == "Asia/Tokyo"
    await conn.execute("RESET work_mem")
    assert await conn.fetchval("SHOW work_mem") == "4MB"


@step("server_settings at startup: jit, search_path, application_name")
async def startup(conn):
    async with connection(server_settings={"jit": "off", "search_path": "public", "application_name": "steps"}) as other:
        for _ in range(3):
            assert await other.fetchval("SHOW jit") == "off"
            assert await other.fetchval("SHOW search_path") == "public"
            assert await other.fetchval("SHOW application_name") == "steps"


@step("reset query")
async def reset(conn):
    await conn.execute("SET work_mem = '7MB'")
    await conn.reset()
    assert await conn.fetchval("SHOW work_mem") == "4MB"


@step("cancel by timeout")
async def cancel(conn):
    with contextlib.suppress(asyncio.TimeoutError):
        await conn.execute("SELECT pg_sleep(30)", timeout=0.3)
        raise AssertionError("not cancelled")
    assert await conn.fetchval("SELECT 2") == 2


@step("errors leave the connection usable")
async def errors(conn):
    for text, kind in [
        ("SELECT 1/0", asyncpg.DivisionByZeroError),
        ("SELECT * FROM nowhere", asyncpg.UndefinedTableError),
        ("SELEKT", asyncpg.PostgresSyntaxError),
    ]:
        for _ in range(2):
            try:
                await conn.fetch(text)
                raise AssertionError(text)
            except kind:
                pass
    assert await conn.fetchval("SELECT 3") == 3


@step("pool: reset on release, init with codecs, many tasks")
async def pool(conn):
    async def init(one):
        await one.set_type_codec("json", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)

    async with asyncpg.create_pool(min_size=2, max_size=4, init=init, **arguments()) as many:

        async def work(n):
            async with many.acquire() as one, one.transaction():
                assert await one.fetchval("SELECT $1::json", {"n": n}) == {"n": n}
                await one.execute("SET LOCAL work_mem = '6MB'")
                return await one.fetchval("SELECT $1::int * 3", n)

        assert await asyncio.gather(*(work(n) for n in range(40))) == [3 * n for n in range(40)]
        await many.execute("SET statement_timeout = '50s'")
        assert await many.fetchval("SHOW statement_timeout") == "0"


@step("temporary table, until DROP")
async def temp_table(conn):
    await conn.execute("CREATE TEMP TABLE staying (n int)")
    step.held("TEMPORARY_OBJECT")
    await conn.copy_records_to_table("staying", records=[(1,), (2,)])
    assert await conn.fetchval("SELECT count(*) FROM staying") == 2
    await conn.execute("DROP TABLE staying")


@step("advisory lock of the session, until unlocked")
async def lock(conn):
    await conn.fetchval("SELECT pg_advisory_lock($1)", 8)
    step.held("ADVISORY_LOCK")
    assert await conn.fetchval("SELECT pg_advisory_unlock($1)", 8)


@step("add_listener, until remove_listener")
async def listen(conn):
    heard = asyncio.Queue()
    hear = lambda conn, pid, channel, payload: heard.put_nowait(payload)
    await conn.add_listener("news", hear)
    step.held("LISTEN")
    await conn.execute("NOTIFY news, 'hello'")
    assert await asyncio.wait_for(heard.get(), 10) == "hello"
    await conn.remove_listener("news", hear)


step.version(asyncpg.__version__)
asyncio.run(step.run_async(connection))
