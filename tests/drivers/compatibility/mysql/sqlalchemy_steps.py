"""SQLAlchemy on PyMySQL or mysqlclient (argument): pools with pre-ping and reset, isolation levels, reflection, ORM."""

import contextlib
import datetime
import decimal
import os
import sys

import sqlalchemy as sa
from sqlalchemy import event, orm
from sqlalchemy.dialects import mysql
from steps import Steps

step = Steps()
driver = sys.argv[1]
mariadb = os.environ["DB_KIND"] == "mariadb"


def new_engine(**more):
    url = sa.URL.create(
        f"mysql+{driver}",
        os.environ["DB_USER"],
        os.environ["DB_PASSWORD"],
        os.environ["DB_HOST"],
        int(os.environ["DB_PORT"]),
        os.environ["DB_NAME"],
        query={"charset": "utf8mb4"},
    )
    tls = {"ssl": {"ca": os.environ["DB_CA"]}}
    return sa.create_engine(url, connect_args={**tls, **more.pop("connect_args", {})}, **more)


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
    name: orm.Mapped[str] = orm.mapped_column(sa.String(100))
    born: orm.Mapped[datetime.datetime | None] = orm.mapped_column(sa.DateTime, server_default=sa.func.now())
    books: orm.Mapped[list["Book"]] = orm.relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "books"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    author_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("authors.id"))
    title: orm.Mapped[str] = orm.mapped_column(sa.String(100))
    facts: orm.Mapped[dict | None] = orm.mapped_column(sa.JSON)
    price: orm.Mapped[decimal.Decimal | None] = orm.mapped_column(sa.Numeric(10, 2))
    cover: orm.Mapped[bytes | None] = orm.mapped_column(sa.LargeBinary)
    kind: orm.Mapped[str] = orm.mapped_column(sa.Enum("novel", "essay"), server_default="novel")
    author: orm.Mapped[Author] = orm.relationship(back_populates="books")


@step("first connection, queries with parameters")
def first(engine):
    for n in range(12):
        with engine.connect() as conn:
            assert conn.scalar(sa.text("SELECT :n + 1"), {"n": n}) == n + 1
    with engine.begin() as conn:
        assert conn.scalar(sa.select(sa.literal("naïve 🙂"))) == "naïve 🙂"


@step("create_all with enum, JSON, keys")
def create_all(engine):
    Base.metadata.create_all(engine)
    Base.metadata.create_all(engine)


@step("ORM: insert, select, update, delete, flush, refresh")
def orm_work(engine):
    with orm.Session(engine) as session:
        book = Book(title="One", facts={"a": [1]}, price=decimal.Decimal("1.10"), cover=b"\x00\xff")
        author = Author(name="Ada 🙂", books=[book, Book(title="Two")])
        session.add(author)
        session.commit()
        assert author.id == 1 and author.born is not None
        session.add_all([Author(name=f"author {n}") for n in range(50)])
        session.commit()
        found = session.scalars(sa.select(Author).options(orm.selectinload(Author.books)).where(Author.name == "Ada 🙂")).one()
        assert [book.kind for book in found.books] == ["novel", "novel"] and found.books[0].facts == {"a": [1]}
        assert found.books[0].price == decimal.Decimal("1.10") and found.books[0].cover == b"\x00\xff"
        found.name = "Ada L."
        session.delete(found.books[1])
        session.commit()
        session.refresh(found)
        assert len(found.books) == 1
        session.execute(sa.insert(Author), [{"name": str(n)} for n in range(100)])
        session.execute(sa.update(Author).where(Author.id > 51).values(name="same"))
        session.execute(mysql.insert(Author).values(id=1, name="x").on_duplicate_key_update(name="Ada"))
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
    assert inspector.has_table("books") and len(inspector.get_indexes("books")) == 1
    assert inspector.get_table_options("books")["mysql_engine"] == "InnoDB"


@step("pool_pre_ping, pool reset on return")
def pre_ping(engine):
    pinged = new_engine(pool_pre_ping=True, pool_size=2)
    for n in range(10):
        with pinged.connect() as conn:
            assert conn.scalar(sa.text("SELECT :n * 2"), {"n": n}) == 2 * n
    pinged.dispose()


@step("isolation levels per connection, AUTOCOMMIT")
def isolation(engine):
    shown = sa.text("SELECT @@tx_isolation" if mariadb else "SELECT @@transaction_isolation")
    for level in ("SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED", "READ UNCOMMITTED"):
        with engine.connect() as conn:
            conn = conn.execution_options(isolation_level=level)
            for _ in range(2):
                assert conn.scalar(shown) == level.replace(" ", "-")
                conn.commit()
    with engine.connect() as conn:
        conn = conn.execution_options(isolation_level="AUTOCOMMIT")
        assert conn.scalar(sa.text("SELECT @@autocommit")) == 1
    with engine.connect() as conn:
        assert conn.scalar(shown) == "REPEATABLE-READ"
        assert conn.scalar(sa.text("SELECT @@autocommit")) == 0


@step("create_engine with isolation_level")
def engine_isolation(engine):
    other = new_engine(isolation_level="READ COMMITTED")
    for _ in range(3):
        with other.begin() as conn:
            assert conn.scalar(sa.text("SELECT @@tx_isolation" if mariadb else "SELECT @@transaction_isolation")) == "READ-COMMITTED"
    other.dispose()


@step("SET time_zone and sql_mode when a connection is made")
def on_connect(engine):
    other = new_engine(pool_size=1)

    @event.listens_for(other, "connect", insert=True)
    def connect(dbapi_connection, record):
        cursor = dbapi_connection.cursor()
        cursor.execute("SET time_zone = '+05:30'")
        cursor.execute("SET sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES')")
        cursor.close()

    for _ in range(4):
        with other.connect() as conn:
            assert conn.scalar(sa.text("SELECT @@time_zone")) == "+05:30"
            assert "NO_BACKSLASH_ESCAPES" in conn.scalar(sa.text("SELECT @@sql_mode"))
    other.dispose()


@step("stream_results, yield_per")
def streaming(engine):
    with engine.connect() as conn:
        rows = conn.execution_options(yield_per=50).execute(sa.text("SELECT a.id AS n FROM authors a, authors b"))
        assert sum(1 for _ in rows) == 152 * 152
    with orm.Session(engine) as session:
        assert len(list(session.scalars(sa.select(Author).execution_options(yield_per=20)))) > 100


@step("executemany, insertmanyvalues")
def executemany(engine):
    with engine.begin() as conn:
        conn.execute(sa.text("CREATE TABLE many6 (n INT, t TEXT)"))
        conn.execute(sa.text("INSERT INTO many6 VALUES (:n, :t)"), [{"n": n, "t": str(n)} for n in range(300)])
        assert conn.scalar(sa.text("SELECT COUNT(*) FROM many6")) == 300


@step("errors leave the connection usable")
def errors(engine):
    with engine.connect() as conn:
        for text in ("SELEKT", "SELECT * FROM nowhere", "INSERT INTO authors (id, name) VALUES (1, 'x')"):
            with contextlib.suppress(sa.exc.DBAPIError):
                conn.execute(sa.text(text))
                raise AssertionError(text)
            conn.rollback()
        assert conn.scalar(sa.text("SELECT 3")) == 3


@step("schema_translate_map, drop_all")
def ddl(engine):
    with engine.begin() as conn:
        mapped = conn.execution_options(schema_translate_map={None: "other"})
        Base.metadata.create_all(mapped)
        mapped.execute(sa.insert(Author).values(name="tenant's"))
        assert mapped.scalar(sa.select(sa.func.count()).select_from(Author)) == 1
        Base.metadata.drop_all(mapped)
    Base.metadata.drop_all(engine)


step.version(sa.__version__)
step.run(engine)
