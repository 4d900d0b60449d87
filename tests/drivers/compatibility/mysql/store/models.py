"""Customers and their orders."""

from django.db import models


class Customer(models.Model):
    name = models.CharField(max_length=100, unique=True)
    since = models.DateTimeField(auto_now_add=True)
    facts = models.JSONField(default=dict)
    picture = models.BinaryField(default=b"")


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    amount = models.DecimalField(max_digits=10, decimal_places=2)
