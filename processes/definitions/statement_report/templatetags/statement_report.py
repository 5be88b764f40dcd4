"""How figures and names look on a statement."""

from decimal import Decimal

from django import template

register = template.Library()


@register.filter
def money(amount: str) -> str:
    """``"-1234.50"`` as ``−1 234.50``, with thin no-break spaces and a true minus sign."""
    return f"{Decimal(amount):,.2f}".replace(",", "\u202f").replace("-", "\u2212")


@register.filter
def words(name: str) -> str:
    """``"CASH_DEPOSIT"`` as ``Cash deposit``; empty is what the ledger leaves open."""
    return name.replace("_", " ").capitalize() or "Not stated"
