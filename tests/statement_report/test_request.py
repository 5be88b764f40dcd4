from datetime import date
from typing import Any

import pytest

from processes.definitions.statement_report.models import Format
from processes.definitions.statement_report.request import StatementRequest, read_request

GOOD = {"account_id": 7, "from": "2024-01-01", "to": "2024-12-31", "format": "HTML"}


def test_a_complete_request_is_read() -> None:
    assert read_request(GOOD) == StatementRequest(
        7, date(2024, 1, 1), date(2024, 12, 31), Format.HTML
    )


def test_a_period_may_be_a_single_day() -> None:
    request = read_request({**GOOD, "to": "2024-01-01"})

    assert request.first_day == request.last_day


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("account_id", "7", "a positive whole number"),
        ("account_id", True, "a positive whole number"),
        ("account_id", 7.0, "a positive whole number"),
        ("account_id", 0, "a positive whole number"),
        ("account_id", 2**63, "a positive whole number"),
        ("account_id", None, "a positive whole number"),
        ("from", "01.01.2024", "YYYY-MM-DD"),
        ("from", "2024-02-30", "YYYY-MM-DD"),
        ("from", "2024-W01-1", "YYYY-MM-DD"),
        ("from", 20240101, "YYYY-MM-DD"),
        ("to", "20241231", "YYYY-MM-DD"),
        ("to", None, "YYYY-MM-DD"),
        ("format", "PDF", "HTML or CSV"),
        ("format", ["HTML"], "HTML or CSV"),
        ("format", None, "HTML or CSV"),
    ],
)
def test_a_wrong_field_is_named_with_its_remedy(field: str, value: Any, remedy: str) -> None:
    with pytest.raises(ValueError, match=f"^{field} must be .*{remedy}"):
        read_request({**GOOD, field: value})


@pytest.mark.parametrize("field", GOOD)
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field} must be"):
        read_request({name: value for name, value in GOOD.items() if name != field})


def test_an_unknown_field_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="unknown field 'form': use account_id, from, to, format"):
        read_request({**GOOD, "form": "HTML"})


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match=r"from .* is later than to .*: swap them"):
        read_request({**GOOD, "from": "2025-01-01"})
