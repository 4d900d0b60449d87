"""What Rails (ActiveRecord 8) and the pg gem send, by hand through the same libpq calls: the statements at
connect, statements prepared as a1, a2, … and deallocated, advisory lock of migrations, reset."""

import contextlib

import psycopg
from psycopg import pq
from steps import Steps

step = Steps()


class Active:
    """The parts of the PostgreSQL adapter that matter: its own statement cache, its own transactions."""

    def __init__(self):
        self.raw = psycopg.connect()
        self.pg = self.raw.pgconn
        self.names = {}
        self.count = 0

    def checked(self, result):
        if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK, pq.ExecStatus.EMPTY_QUERY):
            raise RuntimeError(result.error_message.decode())
        return [[result.get_value(row, column) for column in range(result.nfields)] for row in range(result.ntuples)]

    def query(self, sql):
        return self.checked(self.pg.exec_(sql.encode()))

    def parameters(self, sql, *values):
        return self.checked(self.pg.exec_params(sql.encode(), [str(value).encode() for value in values]))

    def prepared(self, sql, *values):
        if sql not in self.names:
            self.count += 1
            name = f"a{self.count}"
            self.checked(self.pg.prepare(name.encode(), sql.encode()))
            self.names[sql] = name
        return self.checked(self.pg.exec_prepared(self.names[sql].encode(), [str(value).encode() for value in values]))

    def forget(self, sql):
        self.query(f"DEALLOCATE {self.names.pop(sql)}")

    def configure(self):
        self.query("SET client_encoding TO 'unicode'")
        self.query("SET client_min_messages TO 'warning'")
        self.query("SET standard_conforming_strings = on")
        self.query("SET intervalstyle = iso_8601")
        self.query("SET SESSION timezone TO 'UTC'")

    def load_types(self):
        self.query(
            "SELECT t.oid, t.typname, t.typelem, t.typdelim, t.typinput, r.rngsubtype, t.typtype, t.typbasetype"
            " FROM pg_type as t LEFT JOIN pg_range as r ON oid = rngtypid"
            " WHERE t.typname IN ('int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'numeric', 'bool')"
        )
        self.query("SELECT t.oid, t.typname FROM pg_type as t WHERE t.typtype IN ('r', 'e', 'd')")


@contextlib.contextmanager
def connection():
    active = Active()
    active.configure()
    try:
        yield active
    finally:
        active.raw.close()


def settings_hold(active):
    row = active.query(
        "SELECT current_setting('client_min_messages'), current_setting('intervalstyle'), current_setting('timezone')"
    )
    assert row == [[b"warning", b"iso_8601", b"UTC"]], row


@step("statements at connect: client_min_messages, standard_conforming_strings, intervalstyle, timezone")
def connect(active):
    active.query("SHOW server_version_num")
    active.query("SHOW max_identifier_length")
    active.load_types()
    for _ in range(5):
        settings_hold(active)


@step("database.yml: variables, schema_search_path, min_messages")
def variables(active):
    active.query("SET search_path TO public")
    active.query("SET SESSION statement_timeout TO '5s'")
    active.query("SET SESSION lock_timeout TO '4s'")
    active.query("SET SESSION idle_in_transaction_session_timeout TO DEFAULT")
    for _ in range(5):
        assert active.query("SHOW statement_timeout") == [[b"5s"]]
        settings_hold(active)


@step("prepared statements a1, a2, …; the oldest deallocated")
def prepared(active):
    for n in range(12):
        assert active.prepared("SELECT $1::int * 2", n) == [[str(2 * n).encode()]]
        assert active.prepared("SELECT $1::text", "x") == [[b"x"]]
    active.forget("SELECT $1::text")
    assert active.prepared("SELECT $1::text", "y") == [[b"y"]]
    active.query("DEALLOCATE ALL")
    active.names.clear()
    assert active.prepared("SELECT $1::text", "z") == [[b"z"]]


@step("statement with parameters, not prepared")
def parameters(active):
    for n in range(5):
        assert active.parameters("SELECT $1::int + 1", n) == [[str(n + 1).encode()]]


@step("migrations: schema_migrations, DDL in transactions, advisory lock until the end")
def migrations(active):
    assert active.query("SELECT pg_try_advisory_lock(4858505371123125185)") == [[b"t"]]
    step.held("ADVISORY_LOCK")
    active.query('CREATE TABLE "schema_migrations" ("version" character varying NOT NULL PRIMARY KEY)')
    active.query("BEGIN")
    active.query(
        'CREATE TABLE "posts" ("id" bigserial primary key, "title" character varying, "created_at" timestamp(6) NOT NULL)'
    )
    active.query('CREATE INDEX "index_posts_on_title" ON "posts" ("title")')
    active.prepared('INSERT INTO "schema_migrations" ("version") VALUES ($1) RETURNING "version"', "20260101000000")
    active.query("COMMIT")
    assert active.query("SELECT pg_advisory_unlock(4858505371123125185)") == [[b"t"]]


@step("models: INSERT … RETURNING, transactions, savepoints active_record_1")
def models(active):
    insert = 'INSERT INTO "posts" ("title", "created_at") VALUES ($1, $2) RETURNING "id"'
    active.query("BEGIN")
    assert active.prepared(insert, "one", "2026-01-01 00:00:00") == [[b"1"]]
    active.query("SAVEPOINT active_record_1")
    assert active.prepared(insert, "two", "2026-01-01 00:00:00") == [[b"2"]]
    active.query("ROLLBACK TO SAVEPOINT active_record_1")
    active.query("RELEASE SAVEPOINT active_record_1")
    active.query("COMMIT")
    active.query("BEGIN ISOLATION LEVEL SERIALIZABLE")
    assert active.prepared('SELECT "posts".* FROM "posts" WHERE "posts"."title" = $1 LIMIT $2', "one", 1)[0][0] == b"1"
    active.query("ROLLBACK")


@step("schema reflection of a model")
def reflection(active):
    columns = active.query(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid), a.attnotnull"
        " FROM pg_attribute a LEFT JOIN pg_attrdef d ON a.attrelid = d.adrelid AND a.attnum = d.adnum"
        " WHERE a.attrelid = '\"posts\"'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
    )
    assert [column[0] for column in columns] == [b"id", b"title", b"created_at"]
    assert active.query("SELECT pg_get_serial_sequence('posts', 'id')") == [[b"public.posts_id_seq"]]


@step("cached statement after a migration (error 0A000 or a fresh plan, as without a proxy)")
def altered(active):
    select = 'SELECT "posts".* FROM "posts" WHERE "posts"."id" = $1'
    assert len(active.prepared(select, 1)[0]) == 3
    active.query('ALTER TABLE "posts" ADD "body" text')
    try:
        active.prepared(select, 1)
        raise AssertionError("the statement went stale without an error")
    except RuntimeError as error:
        assert "cached plan must not change result type" in str(error), error
    active.forget(select)
    assert len(active.prepared(select, 1)[0]) == 4


@step("disable_referential_integrity, SET CONSTRAINTS, SET LOCAL")
def integrity(active):
    active.query("BEGIN")
    active.query('ALTER TABLE "posts" DISABLE TRIGGER USER;ALTER TABLE "posts" ENABLE TRIGGER USER')
    active.query("SET CONSTRAINTS ALL DEFERRED")
    active.query("SET LOCAL lock_timeout TO '1s'")
    active.query("COMMIT")


@step("active? and reset! (ROLLBACK, DISCARD ALL, configure again)")
def reset(active):
    for _ in range(3):
        active.query(";")
        active.query("BEGIN")
        active.query("ROLLBACK")
        active.query("DISCARD ALL")
        active.names.clear()
        active.configure()
        assert active.prepared("SELECT $1::int", 1) == [[b"1"]]
        settings_hold(active)


@step("errors leave the connection usable")
def errors(active):
    for text in ("SELECT 1/0", "SELECT * FROM nowhere", "SELEKT"):
        for _ in range(2):
            with contextlib.suppress(RuntimeError):
                active.query(text)
                raise AssertionError(text)
    with contextlib.suppress(RuntimeError):
        active.prepared("SELECT * FROM nowhere WHERE n = $1", 1)
        raise AssertionError("prepared")
    assert active.query("SELECT 3") == [[b"3"]]


@step("Action Cable: LISTEN, until UNLISTEN")
def listen(active):
    active.query('LISTEN "news"')
    step.held("LISTEN")
    active.query('NOTIFY "news", \'hello\'')
    active.query('UNLISTEN "news"')


step.version("8")
step.run(connection)
