"""Django on mysqlclient: persistent connections, migrations, ORM, atomic, time zones, its options."""

import contextlib
import os
import threading

import django
from django.conf import settings
from steps import Steps

step = Steps()


def database(**more):
    options = {"ssl": {"ca": os.environ["DB_CA"]}, "charset": "utf8mb4", **more.pop("OPTIONS", {})}
    return {
        "ENGINE": "django.db.backends.mysql",
        "HOST": os.environ["DB_HOST"],
        "PORT": os.environ["DB_PORT"],
        "USER": os.environ["DB_USER"],
        "PASSWORD": os.environ["DB_PASSWORD"],
        "NAME": os.environ["DB_NAME"],
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
        **more,
    }


settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "store"],
    DATABASES={
        "default": database(),
        "offset": database(TIME_ZONE="Asia/Tokyo"),
        "serializable": database(OPTIONS={"isolation_level": "serializable", "sql_mode": "TRADITIONAL"}),
        "init": database(OPTIONS={"init_command": "SET lock_wait_timeout = 8"}),
    },
    USE_TZ=True,
    TIME_ZONE="Europe/Paris",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import IntegrityError, close_old_connections, connection, connections, reset_queries, transaction  # noqa: E402
from django.db.models import Count, Sum  # noqa: E402
from store.models import Customer, Order  # noqa: E402


def request(work):
    """Django's frame around each request of a persistent connection."""
    reset_queries()
    close_old_connections()
    work()
    close_old_connections()


def asked(name, sql):
    with connections[name].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()


@step("migrate (two runs), showmigrations")
def migrate(_):
    call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0)
    with open(os.devnull, "w") as nowhere:
        call_command("showmigrations", stdout=nowhere)
    assert Customer.objects.get().name == "first"


@step("ORM: create, get, filter, update, delete, aggregates, JSON")
def orm(_):
    ada = Customer.objects.create(name="Ada 🙂", facts={"a": [1]}, picture=b"\x00\xff")
    Customer.objects.bulk_create([Customer(name=f"customer {n}") for n in range(100)])
    Order.objects.bulk_create([Order(customer=ada, amount=n) for n in range(50)])
    assert Customer.objects.get(facts__a__0=1).pk == ada.pk
    assert bytes(Customer.objects.get(pk=ada.pk).picture) == b"\x00\xff"
    assert Order.objects.filter(customer__name="Ada 🙂").aggregate(total=Sum("amount"))["total"] == 1225
    assert Customer.objects.annotate(n=Count("order")).get(pk=ada.pk).n == 50
    Order.objects.filter(amount__gt=40).delete()
    assert Customer.objects.filter(name__startswith="customer").update(facts={"z": 1}) == 100
    assert Customer.objects.update_or_create(name="Ada 🙂", defaults={"facts": {"y": 2}})[1] is False
    assert Customer.objects.get_or_create(name="Bob")[1] is True
    assert Customer.objects.in_bulk([ada.pk])[ada.pk].facts == {"y": 2}
    Customer.objects.bulk_create([Customer(id=ada.pk, name="Ada 🙂", facts={})], update_conflicts=True, update_fields=["facts"])


@step("requests over a persistent connection with health checks")
def requests(_):
    for n in range(8):
        request(lambda: Customer.objects.filter(pk=n).exists())


@step("atomic, savepoints, on_commit, select_for_update, IntegrityError")
def atomic(_):
    called = []
    with transaction.atomic():
        Customer.objects.select_for_update().get(name="Ada 🙂")
        with contextlib.suppress(IntegrityError), transaction.atomic():
            Customer.objects.create(name="Ada 🙂")
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


@step("iterator()")
def iterator(_):
    assert len(list(Customer.objects.iterator(chunk_size=20))) > 100


@step("DATABASES TIME_ZONE other than the server's")
def time_zone(_):
    assert Customer.objects.using("offset").get(name="Carl").since.tzinfo is not None
    assert Customer.objects.get(name="Carl").since.tzinfo is not None


@step("raw SQL, introspection, EXPLAIN")
def raw(_):
    with connection.cursor() as cursor:
        for n in range(10):
            cursor.execute("SELECT %s + 1", [n])
            assert cursor.fetchone() == (n + 1,)
        assert "store_order" in connection.introspection.table_names(cursor)
        assert "store_order_amount" in connection.introspection.get_constraints(cursor, "store_order")
    assert Customer.objects.raw("SELECT * FROM store_customer WHERE name = %s", ["Bob"])[0].name == "Bob"
    assert Customer.objects.filter(name="Bob").explain()


@step("threads with connections of their own")
def threads(_):
    def work():
        for n in range(5):
            request(lambda: Customer.objects.filter(pk=n).count())
        connection.close()

    all_threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in all_threads]
    [thread.join() for thread in all_threads]


@step("options isolation_level, sql_mode, init_command")
def options(_):
    shown = "SELECT @@tx_isolation" if os.environ["DB_KIND"] == "mariadb" else "SELECT @@transaction_isolation"
    for _ in range(3):
        with transaction.atomic("serializable"):
            assert asked("serializable", shown) == ("SERIALIZABLE",)
        assert "TRADITIONAL" in asked("serializable", "SELECT @@sql_mode")[0]
        assert asked("init", "SELECT @@lock_wait_timeout") == (8,)
    assert asked("default", shown) == ("READ-COMMITTED",)


@step("errors leave the connection usable")
def errors(_):
    with connection.cursor() as cursor:
        for text in ("SELECT nothing", "SELECT * FROM nowhere", "SELEKT"):
            with contextlib.suppress(django.db.Error):
                cursor.execute(text)
                raise AssertionError(text)
        cursor.execute("SELECT 3")
        assert cursor.fetchone() == (3,)


@step("constraint checks switched off, flush (TRUNCATE)")
def constraints(_):
    with connection.constraint_checks_disabled(), transaction.atomic():
        Order.objects.bulk_create([Order(customer_id=10**9, amount=1)])
        Order.objects.filter(customer_id=10**9).delete()
    with contextlib.suppress(IntegrityError):
        Order.objects.create(customer_id=10**9, amount=1)
        raise AssertionError("constraints are off")
    call_command("flush", verbosity=0, interactive=False)
    assert Customer.objects.count() == 0


@step("migrate to zero")
def migrate_back(_):
    call_command("migrate", "store", "zero", verbosity=0)


step.version(django.__version__)
step.run(lambda: contextlib.nullcontext())
