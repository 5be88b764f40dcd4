"""Wiring only: settings, addresses, entry points and the embedded PostgreSQL."""
