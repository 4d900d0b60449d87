"""A small Django application."""
