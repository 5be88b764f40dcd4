"""The statement as a document: one HTML page, or CSV for those who calculate with it."""

import csv
import io
import uuid
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.template.loader import render_to_string

from processes.definitions.statement_report.models import Format
from processes.definitions.statement_report.shapes import DayBalance

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
    chart = chart_points(data["summary"]["opening_balance"], data["breakdown"]["daily_balance"])
    context = {**data, "differs": differs, "chart": chart}
    return render_to_string("statement_report/statement.html", context)


def chart_points(opening: str, days: list[DayBalance]) -> str:
    """The course of the balance as the points of an SVG polyline: a step for every day."""
    balances = [Decimal(opening), *(Decimal(day["balance"]) for day in days)]
    lowest = min(0, *balances)
    height = max(0, *balances) - lowest or 1
    points = []
    for index, balance in enumerate(balances):
        y = CHART_HEIGHT * (1 - (balance - lowest) / height)
        for x in (index, index + 1):
            points.append(f"{x * CHART_WIDTH / len(balances):.1f},{y:.1f}")
    return " ".join(points)


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
