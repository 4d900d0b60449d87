"""Django: persistent connections, migrations, ORM, atomic, server-side cursors, time zones, its options."""

import contextlib
import os
import threading

import django
from django.conf import settings
from steps import Steps

step = Steps()


def database(**more):
    options = {"sslmode": os.environ["PGSSLMODE"], "sslrootcert": os.environ["PGSSLROOTCERT"], **more.pop("OPTIONS", {})}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["PGHOST"],
        "PORT": os.environ["PGPORT"],
        "USER": os.environ["PGUSER"],
        "PASSWORD": os.environ["PGPASSWORD"],
        "NAME": os.environ["PGDATABASE"],
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
        **more,
    }


settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.postgres", "shop"],
    DATABASES={
        "default": database(),
        "tokyo": database(TIME_ZONE="Asia/Tokyo"),
        "server_side": database(OPTIONS={"server_side_binding": True}),
        "pooled": database(CONN_MAX_AGE=0, CONN_HEALTH_CHECKS=False, OPTIONS={"pool": {"min_size": 1, "max_size": 3}}),
        "serializable": database(OPTIONS={"isolation_level": 4, "assume_role": "app"}),
    },
    USE_TZ=True,
    TIME_ZONE="Europe/Paris",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import IntegrityError, close_old_connections, connection, connections, reset_queries, transaction  # noqa: E402
from django.db.models import Count, Sum  # noqa: E402
from shop.models import Customer, Order  # noqa: E402


def request(work):
    """Django's frame around each request of a persistent connection."""
    reset_queries()
    close_old_connections()
    work()
    close_old_connections()


@step("migrate (two runs), showmigrations")
def migrate(_):
    call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0)
    with open(os.devnull, "w") as nowhere:
        call_command("showmigrations", stdout=nowhere)
    assert Customer.objects.get().name == "first"


@step("ORM: create, get, filter, update, delete, aggregates")
def orm(_):
    ada = Customer.objects.create(name="Ada", facts={"a": [1]}, tags=["x"])
    Customer.objects.bulk_create([Customer(name=f"customer {n}") for n in range(100)])
    Order.objects.bulk_create([Order(customer=ada, amount=n) for n in range(50)])
    assert Customer.objects.get(facts__a__0=1, tags__contains=["x"]).pk == ada.pk
    assert Order.objects.filter(customer__name="Ada").aggregate(total=Sum("amount"))["total"] == 1225
    assert Customer.objects.annotate(n=Count("order")).get(pk=ada.pk).n == 50
    Order.objects.filter(amount__gt=40).delete()
    assert Customer.objects.filter(name__startswith="customer").update(tags=["z"]) == 100
    assert Customer.objects.update_or_create(name="Ada", defaults={"tags": ["y"]})[1] is False
    assert Customer.objects.get_or_create(name="Bob")[1] is True
    assert Customer.objects.in_bulk([ada.pk])[ada.pk].tags == ["y"]


@step("requests over a persistent connection with health checks")
def requests(_):
    for n in range(8):
        request(lambda: Customer.objects.filter(pk=n).exists())


@step("atomic, savepoints, on_commit, select_for_update, IntegrityError")
def atomic(_):
    called = []
    with transaction.atomic():
        Customer.objects.select_for_update().get(name="Ada")
        with contextlib.suppress(IntegrityError), transaction.atomic():
            Customer.objects.create(name="Ada")
        transaction.on_commit(lambda: called.append(1))
        Customer.objects.create(name="Carl")
    assert called == [1]
    with contextlib.suppress(KeyError), transaction.atomic():
        Customer.objects.create(name="Dora")
        raise KeyError
    assert not Customer.objects.filter(name="Dora").exists()
    transaction.set_autocommit(False)
    Customer.objects.create(name="Emil")
    transaction.rollback()
    transaction.set_autocommit(True)


@step("iterator() in a transaction (server-side cursor)")
def iterator(_):
    with transaction.atomic():
        assert len(list(Customer.objects.iterator(chunk_size=20))) > 100


@step("DATABASES TIME_ZONE other than the server's")
def time_zone(_):
    for _ in range(3):
        with connections["tokyo"].cursor() as cursor:
            cursor.execute("SHOW TimeZone")
            assert cursor.fetchone() == ("Asia/Tokyo",)
    assert Customer.objects.using("tokyo").get(name="Ada").since.tzinfo is not None
    with connection.cursor() as cursor:
        cursor.execute("SHOW TimeZone")
        assert cursor.fetchone() == ("UTC",)


@step("raw SQL, callproc, introspection, EXPLAIN")
def raw(_):
    with connection.cursor() as cursor:
        for n in range(10):
            cursor.execute("SELECT %s + 1", [n])
            assert cursor.fetchone() == (n + 1,)
        cursor.callproc("pg_backend_pid")
        assert "shop_order" in connection.introspection.table_names(cursor)
        assert "shop_order_amount" in connection.introspection.get_constraints(cursor, "shop_order")
    assert Customer.objects.raw("SELECT * FROM shop_customer WHERE name = %s", ["Ada"])[0].name == "Ada"
    assert Customer.objects.filter(name="Ada").explain()


@step("option server_side_binding")
def server_side_binding(_):
    with transaction.atomic("server_side"):
        for n in range(12):
            assert Customer.objects.using("server_side").filter(pk=n).count() in (0, 1)
        assert len(list(Customer.objects.using("server_side").iterator(chunk_size=20))) > 100


@step("option pool")
def pooled(_):
    def work():
        for n in range(5):
            request(lambda: Customer.objects.using("pooled").filter(pk=n).count())

    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    connections["pooled"].close()
    connections["pooled"].close_pool()


@step("options isolation_level, assume_role")
def serializable(_):
    for _ in range(3):
        with transaction.atomic("serializable"), connections["serializable"].cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            assert cursor.fetchone() == ("serializable",)
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() == ("app",)


@step("errors leave the connection usable")
def errors(_):
    with connection.cursor() as cursor:
        for text in ("SELECT 1/0", "SELECT * FROM nowhere", "SELEKT"):
            with contextlib.suppress(django.db.Error):
                cursor.execute(text)
                raise AssertionError(text)
        cursor.execute("SELECT 3")
        assert cursor.fetchone() == (3,)


@step("constraint checks: deferred constraints, TRUNCATE, sequence reset")
def constraints(_):
    with transaction.atomic():
        connection.check_constraints()
    call_command("flush", verbosity=0, interactive=False)
    assert Customer.objects.count() == 0


@step("migrate to zero")
def migrate_back(_):
    call_command("migrate", "shop", "zero", verbosity=0)


@step("iterator() outside a transaction (cursor WITH HOLD), until read to the end")
def hold_iterator(_):
    from django.contrib.auth.models import Permission

    rows = Permission.objects.iterator(chunk_size=2)
    next(rows)
    step.held("HOLD_CURSOR")
    list(rows)


step.version(django.__version__)
step.run(lambda: contextlib.nullcontext())
