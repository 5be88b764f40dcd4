"""The statement as a document: one HTML page, or CSV for those who calculate with it."""

import csv
import io
import uuid
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.template.loader import render_to_string

from processes.definitions.statement_report.aggregation import ZERO
from processes.definitions.statement_report.models import Format

CSV_COLUMNS = ("record", "date", "name", "credit", "debit", "balance", "bank_balance")
CHART_WIDTH, CHART_HEIGHT = 720, 120


def file_name(data: Mapping[str, Any], process_id: uuid.UUID) -> str:
    """One name per process, so that undoing one statement never removes another's."""
    return (
        f"account-{data['account_id']}_{data['period_from']}_{data['period_to']}"
        f"_{process_id}.{data['format'].lower()}"
    )


def render_statement(data: Mapping[str, Any]) -> str:
    return _csv(data) if data["format"] == Format.CSV else _html(data)


def _html(data: Mapping[str, Any]) -> str:
    differs = Decimal(data["summary"]["difference"]) != 0
    return render_to_string(
        "statement_report/statement.html", {**data, "differs": differs, "chart": _chart(data)}
    )


def _chart(data: Mapping[str, Any]) -> dict[str, str]:
    """The course of the balance: the points of an SVG polyline, and how high zero lies."""
    first, last = (date.fromisoformat(data[day]) for day in ("period_from", "period_to"))
    length = (last - first).days + 1
    balance = Decimal(data["summary"]["opening_balance"])
    course = [(0, balance)]
    for day in data["breakdown"]["daily_balance"]:
        x = (date.fromisoformat(day["date"]) - first).days * CHART_WIDTH // length
        course += [(x, balance), (x, balance := Decimal(day["balance"]))]
    course.append((CHART_WIDTH, balance))
    balances = [ZERO, *(y for _, y in course)]
    lowest, highest = min(balances), max(balances)
    scale = CHART_HEIGHT / ((highest - lowest) or Decimal(1))
    points = " ".join(f"{x},{(highest - y) * scale:.1f}" for x, y in course)
    return {"points": points, "zero": f"{highest * scale:.1f}"}


def _csv(data: Mapping[str, Any]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(_csv_records(data))
    return text.getvalue()


def _csv_records(data: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    summary, breakdown = data["summary"], data["breakdown"]
    yield {
        "record": "OPENING",
        "date": data["period_from"],
        "balance": summary["opening_balance"],
    }
    for row in data["transactions"]:
        yield {
            "record": "TRANSACTION",
            "date": row["date"],
            "name": "/".join(filter(None, (row["operation"], row["purpose"]))),
            row["direction"].lower(): row["amount"],
            "bank_balance": row["balance"],
        }
    for record, field in (("OPERATION", "by_operation"), ("PURPOSE", "by_purpose")):
        for total in breakdown[field]:
            yield {
                "record": record,
                "name": total["name"],
                "credit": total["credits"],
                "debit": total["debits"],
            }
    for day in breakdown["daily_balance"]:
        yield {"record": "DAY", "date": day["date"], "balance": day["balance"]}
    yield {
        "record": "CLOSING",
        "date": data["period_to"],
        "credit": summary["credits"],
        "debit": summary["debits"],
        "balance": summary["closing_balance"],
        "bank_balance": summary["bank_balance"],
    }
    yield {"record": "DIFFERENCE", "balance": summary["difference"]}
