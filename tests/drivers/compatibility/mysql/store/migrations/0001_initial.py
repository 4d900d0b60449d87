"""The first tables."""

import django.db.models.deletion
from django.db import migrations, models


def first_customer(apps, schema_editor):
    apps.get_model("store", "Customer").objects.create(name="first")


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Customer",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("name", models.CharField(max_length=100, unique=True)),
                ("since", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.RunPython(first_customer, migrations.RunPython.noop),
        migrations.AddField("Customer", "facts", models.JSONField(default=dict)),
        migrations.AddField("Customer", "picture", models.BinaryField(default=b"")),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=10)),
                ("customer", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="store.customer")),
            ],
        ),
        migrations.AddIndex("Order", models.Index(fields=["amount"], name="store_order_amount")),
    ]
