"""asyncpg with its plain settings through the proxy: statement cache, transactions, COPY, cancel, a pool."""

import asyncio
import io
import os
import ssl

import asyncpg


def context():
    tls = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"])
    tls.check_hostname = True
    return tls


def arguments():
    return {
        "host": os.environ["PGHOST"],
        "port": int(os.environ["PGPORT"]),
        "user": os.environ["PGUSER"],
        "password": os.environ["PGPASSWORD"],
        "database": os.environ["PGDATABASE"],
        "ssl": context(),
    }


async def queries(conn):
    assert await conn.fetchval("SELECT 1") == 1
    for n in range(20):
        assert await conn.fetchval("SELECT $1::int + 1", n) == n + 1
    rows = await conn.fetch("SELECT n, repeat('x', 50) AS t FROM generate_series(1, 5000) n")
    assert len(rows) == 5000 and rows[4999]["n"] == 5000


async def prepared_statements(conn):
    statement = await conn.prepare("SELECT $1::text || '!'")
    for word in ("a", "b", "c"):
        assert await statement.fetchval(word) == word + "!"
    await conn.executemany("SELECT $1::int", [(n,) for n in range(50)])


async def transactions(conn):
    await conn.execute("CREATE TABLE asyncpg_rows (n int PRIMARY KEY)")
    async with conn.transaction():
        await conn.execute("INSERT INTO asyncpg_rows VALUES (1)")
    try:
        async with conn.transaction():
            await conn.execute("INSERT INTO asyncpg_rows VALUES (2)")
            raise KeyError("roll back")
    except KeyError:
        pass
    async with conn.transaction():
        try:
            async with conn.transaction():
                await conn.execute("INSERT INTO asyncpg_rows VALUES (1)")
        except asyncpg.UniqueViolationError:
            pass
        async for record in conn.cursor("SELECT n FROM generate_series(1, 300) n"):
            last = record["n"]
        assert last == 300
    assert await conn.fetchval("SELECT count(*) FROM asyncpg_rows") == 1


async def copy(conn):
    await conn.execute("CREATE TABLE asyncpg_copied (n int, t text)")
    records = [(n, "row %d" % n) for n in range(20000)]
    await conn.copy_records_to_table("asyncpg_copied", records=records)
    sink = io.BytesIO()
    await conn.copy_from_table("asyncpg_copied", output=sink, format="csv")
    assert sink.getvalue().count(b"\n") == 20000


async def cancel(conn):
    try:
        await asyncio.wait_for(conn.execute("SELECT pg_sleep(30)"), timeout=0.5)
        raise AssertionError("the query was not cancelled")
    except asyncio.TimeoutError:
        pass
    assert await conn.fetchval("SELECT 2") == 2


async def errors(conn):
    for sql, kind in [
        ("SELECT 1/0", asyncpg.DivisionByZeroError),
        ("SELECT * FROM nowhere", asyncpg.UndefinedTableError),
        ("SELEKT", asyncpg.PostgresSyntaxError),
    ]:
        try:
            await conn.fetch(sql)
            raise AssertionError(sql)
        except kind:
            pass
    assert await conn.fetchval("SELECT 3") == 3


async def pool():
    async with asyncpg.create_pool(min_size=2, max_size=5, **arguments()) as many:

        async def work(n):
            async with many.acquire() as conn:
                return await conn.fetchval("SELECT $1::int * 3", n)

        assert await asyncio.gather(*(work(n) for n in range(40))) == [3 * n for n in range(40)]


async def main():
    conn = await asyncpg.connect(**arguments())
    for part in (queries, prepared_statements, transactions, copy, cancel, errors):
        await part(conn)
        print("ok", part.__name__, flush=True)
    await conn.close()
    await pool()
    print("ok pool", flush=True)


asyncio.run(main())
