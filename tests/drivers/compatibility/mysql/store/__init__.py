"""An app of Django for its steps."""
