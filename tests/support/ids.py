"""Ids for tests whose names must be the same in every run."""

NOBODYS_ID = "00000000-0000-4000-8000-000000000000"
"""A right id, of nothing there is."""
