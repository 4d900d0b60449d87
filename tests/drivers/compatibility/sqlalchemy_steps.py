"""SQLAlchemy: pools with pre-ping and reset, isolation levels, reflection, ORM, on psycopg or asyncpg (argument)."""

import asyncio
import contextlib
import datetime
import os
import ssl
import sys

import sqlalchemy as sa
from sqlalchemy import event, orm
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util.concurrency import greenlet_spawn
from steps import Steps

step = Steps()
driver = sys.argv[1]


def new_engine(**more):
    if driver == "psycopg":
        return sa.create_engine("postgresql+psycopg://", **more)
    url = sa.URL.create(
        "postgresql+asyncpg",
        os.environ["PGUSER"],
        os.environ["PGPASSWORD"],
        os.environ["PGHOST"],
        int(os.environ["PGPORT"]),
        os.environ["PGDATABASE"],
    )
    tls = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"])
    return create_async_engine(url, connect_args={"ssl": tls}, **more).sync_engine


@contextlib.contextmanager
def engine():
    made = new_engine()
    try:
        yield made
    finally:
        made.dispose()


class Base(orm.DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
    born: orm.Mapped[datetime.datetime | None] = orm.mapped_column(sa.DateTime(timezone=True), server_default=sa.func.now())
    books: orm.Mapped[list["Book"]] = orm.relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "books"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    author_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("authors.id"))
    title: orm.Mapped[str]
    facts: orm.Mapped[dict | None] = orm.mapped_column(postgresql.JSONB)
    tags: orm.Mapped[list[str] | None] = orm.mapped_column(postgresql.ARRAY(sa.Text))
    kind: orm.Mapped[str] = orm.mapped_column(sa.Enum("novel", "essay", name="book_kind"), server_default="novel")
    author: orm.Mapped[Author] = orm.relationship(back_populates="books")


@step("first connection, queries with parameters")
def first(engine):
    for n in range(12):
        with engine.connect() as conn:
            assert conn.scalar(sa.text("SELECT CAST(:n AS int) + 1"), {"n": n}) == n + 1
    with engine.begin() as conn:
        assert conn.scalar(sa.select(sa.literal("ü"))) == "ü"


@step("create_all with enum, JSONB, arrays")
def create_all(engine):
    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)


@step("ORM: insert with RETURNING, select, update, delete, flush, refresh")
def orm_work(engine):
    with orm.Session(engine) as session:
        author = Author(name="Ada", books=[Book(title="One", facts={"a": [1]}, tags=["x", "y"]), Book(title="Two")])
        session.add(author)
        session.commit()
        assert author.id == 1 and author.born is not None
        session.add_all([Author(name=f"author {n}") for n in range(50)])
        session.commit()
        found = session.scalars(sa.select(Author).options(orm.selectinload(Author.books)).where(Author.name == "Ada")).one()
        assert [book.kind for book in found.books] == ["novel", "novel"] and found.books[0].facts == {"a": [1]}
        found.name = "Ada L."
        session.delete(found.books[1])
        session.commit()
        session.refresh(found)
        assert len(found.books) == 1
        many = session.scalars(sa.insert(Author).returning(Author.id), [{"name": str(n)} for n in range(100)])
        assert len(many.all()) == 100
        session.execute(sa.update(Author).where(Author.id > 51).values(name="same"))
        session.execute(postgresql.insert(Author).values(id=1, name="x").on_conflict_do_nothing())
        session.commit()
        assert session.scalar(sa.select(sa.func.count()).select_from(Author)) == 151


@step("ORM: savepoints, rollback, IntegrityError")
def savepoints(engine):
    with orm.Session(engine) as session:
        with contextlib.suppress(sa.exc.IntegrityError), session.begin_nested():
            session.add(Author(id=1, name="again"))
            session.flush()
        session.add(Author(name="kept"))
        session.commit()
        session.add(Author(name="lost"))
        session.flush()
        session.rollback()
        assert session.scalar(sa.select(sa.func.count()).where(Author.name == "lost")) == 0


@step("reflection: MetaData.reflect, inspect")
def reflection(engine):
    meta = sa.MetaData()
    meta.reflect(engine)
    assert set(meta.tables) >= {"authors", "books"}
    inspector = sa.inspect(engine)
    assert inspector.get_foreign_keys("books")[0]["referred_table"] == "authors"
    assert inspector.get_enums()[0]["labels"] == ["novel", "essay"]
    assert inspector.has_table("books") and inspector.get_indexes("books") == []


@step("pool_pre_ping, pool reset on return")
def pre_ping(engine):
    pinged = new_engine(pool_pre_ping=True, pool_size=2)
    for n in range(10):
        with pinged.connect() as conn:
            assert conn.scalar(sa.text("SELECT CAST(:n AS int) * 2"), {"n": n}) == 2 * n
    with pinged.connect() as conn:
        conn.execute(sa.text("SET LOCAL work_mem = '7MB'"))
    with pinged.connect() as conn:
        assert conn.scalar(sa.text("SHOW work_mem")) == "4MB"
    pinged.dispose()


@step("reset event with DISCARD ALL")
def discard(engine):
    other = new_engine(pool_size=1, pool_reset_on_return=None)

    @event.listens_for(other, "reset")
    def reset(dbapi_connection, record, reset_state):
        dbapi_connection.rollback()
        if driver == "psycopg":
            dbapi_connection.autocommit = True
            dbapi_connection.execute("DISCARD ALL")
            dbapi_connection.autocommit = False

    for n in range(8):
        with other.connect() as conn:
            assert conn.scalar(sa.text("SELECT CAST(:n AS int) * 2"), {"n": n}) == 2 * n
    other.dispose()


@step("isolation levels per connection, AUTOCOMMIT, read only, deferrable")
def isolation(engine):
    for level in ("SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED", "AUTOCOMMIT"):
        with engine.connect() as conn:
            conn = conn.execution_options(isolation_level=level)
            shown = conn.scalar(sa.text("SHOW transaction_isolation"))
            assert shown == ("read committed" if level == "AUTOCOMMIT" else level.lower())
    with engine.connect() as conn:
        conn = conn.execution_options(isolation_level="SERIALIZABLE", postgresql_readonly=True, postgresql_deferrable=True)
        assert conn.scalar(sa.text("SHOW transaction_read_only")) == "on"
    with engine.connect() as conn:
        assert conn.scalar(sa.text("SHOW transaction_isolation")) == "read committed"
        assert conn.scalar(sa.text("SHOW transaction_read_only")) == "off"


@step("create_engine with isolation_level")
def engine_isolation(engine):
    other = new_engine(isolation_level="REPEATABLE READ")
    for _ in range(3):
        with other.begin() as conn:
            assert conn.scalar(sa.text("SHOW transaction_isolation")) == "repeatable read"
    other.dispose()


@step("SET search_path when a connection is made")
def search_path(engine):
    other = new_engine(pool_size=1)

    @event.listens_for(other, "connect", insert=True)
    def connect(dbapi_connection, record):
        before = dbapi_connection.autocommit
        dbapi_connection.autocommit = True
        cursor = dbapi_connection.cursor()
        cursor.execute("SET SESSION search_path = public, pg_catalog")
        cursor.execute("SET TIME ZONE 'UTC'")
        cursor.close()
        dbapi_connection.autocommit = before

    for _ in range(4):
        with other.connect() as conn:
            assert conn.scalar(sa.text("SHOW search_path")) == "public, pg_catalog"
    other.dispose()


@step("stream_results, yield_per (server-side cursor)")
def streaming(engine):
    with engine.connect() as conn:
        rows = conn.execution_options(yield_per=50).execute(sa.text("SELECT n FROM generate_series(1, 500) n"))
        assert sum(row.n for row in rows) == 125250
    with orm.Session(engine) as session:
        assert len(list(session.scalars(sa.select(Author).execution_options(yield_per=20)))) > 100


@step("executemany")
def executemany(engine):
    with engine.begin() as conn:
        conn.execute(sa.text("CREATE TABLE many (n int, t text)"))
        conn.execute(sa.text("INSERT INTO many VALUES (:n, :t)"), [{"n": n, "t": str(n)} for n in range(300)])
        assert conn.scalar(sa.text("SELECT count(*) FROM many")) == 300


@step("errors leave the connection usable")
def errors(engine):
    with engine.connect() as conn:
        for text in ("SELECT 1/0", "SELECT * FROM nowhere", "SELEKT"):
            with contextlib.suppress(sa.exc.DBAPIError):
                conn.execute(sa.text(text))
                raise AssertionError(text)
            conn.rollback()
        assert conn.scalar(sa.text("SELECT 3")) == 3


@step("schema_translate_map, DDL in a transaction, drop_all")
def ddl(engine):
    with engine.begin() as conn:
        conn.execute(sa.schema.CreateSchema("tenant"))
        mapped = conn.execution_options(schema_translate_map={None: "tenant"})
        Base.metadata.create_all(mapped)
        mapped.execute(sa.insert(Author).values(name="tenant's"))
        assert mapped.scalar(sa.select(sa.func.count()).select_from(Author)) == 1
    with engine.begin() as conn:
        conn.execute(sa.text("DROP SCHEMA tenant CASCADE"))
    Base.metadata.drop_all(engine)


def run():
    step.version(sa.__version__)
    step.run(engine)


if driver == "psycopg":
    run()
else:
    asyncio.run(greenlet_spawn(run))
