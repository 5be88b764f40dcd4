"""Aggregates against numbers worked out by hand."""

from processes.definitions.statement_report.aggregation import break_down, summarise
from tests.statement_report.factories import row

YEAR = [
    row("2024-01-10", "1200.50", "1701.00"),
    row("2024-01-10", "-200.25", "1500.75", purpose="HOUSEHOLD"),
    row("2024-02-29", "0.10", "1500.85", operation="", purpose="INTEREST"),
    row("2024-03-31", "-14.60", "1486.20", purpose="STATEMENT_FEE"),
]


def test_closing_is_opening_plus_credits_minus_debits() -> None:
    summary = summarise("500.50", YEAR)

    assert summary["opening_balance"] == "500.50"
    assert summary["credits"] == "1200.60"
    assert summary["debits"] == "214.85"
    assert summary["closing_balance"] == "1486.25"


def test_the_banks_own_balance_stands_beside_ours_with_the_difference() -> None:
    summary = summarise("500.50", YEAR)

    assert summary["bank_balance"] == "1486.20"
    assert summary["difference"] == "-0.05"


def test_cents_add_up_where_floats_would_not() -> None:
    summary = summarise("0.00", [row("2024-01-01", "0.10") for _ in range(3)])

    assert summary["closing_balance"] == "0.30"


def test_large_sums_keep_their_cents() -> None:
    summary = summarise("999999999999.99", [row("2024-01-01", "999999999999.99")] * 100)

    assert summary["closing_balance"] == "100999999999998.99"


def test_an_overdrawn_account_closes_below_zero() -> None:
    summary = summarise("10.00", [row("2024-01-01", "-60.01", "-50.01")])

    assert summary["closing_balance"] == "-50.01"
    assert summary["difference"] == "0.00"


def test_totals_are_kept_by_operation_with_what_is_not_stated() -> None:
    assert break_down("0.00", YEAR)["by_operation"] == [
        {"name": "", "credits": "0.10", "debits": "0.00"},
        {"name": "CASH_DEPOSIT", "credits": "1200.50", "debits": "0.00"},
        {"name": "CASH_WITHDRAWAL", "credits": "0.00", "debits": "214.85"},
    ]


def test_totals_are_kept_by_purpose_with_what_is_not_stated() -> None:
    assert break_down("0.00", YEAR)["by_purpose"] == [
        {"name": "", "credits": "1200.50", "debits": "0.00"},
        {"name": "HOUSEHOLD", "credits": "0.00", "debits": "200.25"},
        {"name": "INTEREST", "credits": "0.10", "debits": "0.00"},
        {"name": "STATEMENT_FEE", "credits": "0.00", "debits": "14.60"},
    ]


def test_the_daily_balance_is_that_of_the_end_of_the_day() -> None:
    assert break_down("500.50", YEAR)["daily_balance"] == [
        {"date": "2024-01-10", "balance": "1500.75"},
        {"date": "2024-02-29", "balance": "1500.85"},
        {"date": "2024-03-31", "balance": "1486.25"},
    ]


def test_of_the_last_days_balances_the_bank_may_mean_any_and_the_nearest_is_taken() -> None:
    swapped = [
        row("2024-01-30", "100.00", "100.00"),
        row("2024-01-31", "-14.60", "92.90"),
        row("2024-01-31", "7.50", "107.50"),
    ]

    summary = summarise("0.00", swapped)

    assert (summary["closing_balance"], summary["bank_balance"]) == ("92.90", "92.90")
    assert summary["difference"] == "0.00"
