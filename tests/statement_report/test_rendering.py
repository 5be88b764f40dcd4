import csv
import io
import uuid
from decimal import Decimal
from html.parser import HTMLParser

from processes.definitions.statement_report.rendering import file_name, render_statement
from processes.definitions.statement_report.templatetags.statement_report import money, words
from tests.statement_report.factories import render_data, row

ROWS = (
    row("2024-01-10", "1200.50", "1200.50"),
    row("2024-02-01", "-3200.25", "-1999.70", purpose="HOUSEHOLD"),
)


def text_of(html: str) -> str:
    """What a reader sees, in one line; every kind of space is a plain one."""
    seen: list[str] = []
    parser = HTMLParser()
    parser.handle_data = seen.append  # type: ignore[method-assign]
    parser.feed(html)
    return " ".join(" ".join(seen).split())


def test_the_page_shows_all_four_balances() -> None:
    text = text_of(render_statement(render_data(*ROWS)))

    assert "Opening balance 0.00" in text
    assert "Credits +1 200.50" in text
    assert "Debits −3 200.25" in text
    assert "Closing balance −1 999.75" in text


def test_where_the_bank_differs_the_page_shows_both_balances_and_the_difference() -> None:
    text = text_of(render_statement(render_data(*ROWS)))

    assert "show a balance of −1 999.70 , a difference of 0.05" in text


def test_where_the_bank_agrees_the_page_says_so() -> None:
    text = text_of(render_statement(render_data(ROWS[0])))

    assert "show the same balance, 1 200.50" in text
    assert "difference" not in text


def test_what_came_with_the_data_is_escaped() -> None:
    attack = "<script>alert('x')</script>"
    html = render_statement(render_data(row("2024-01-10", "1.00", purpose=attack)))

    assert "<script" not in html.lower()
    assert "&lt;script&gt;" in html.lower()


def test_an_overdrawn_account_crosses_the_zero_line_of_the_chart() -> None:
    html = render_statement(render_data(*ROWS))

    points = html.split('<polyline points="')[1].split('"')[0].split()
    heights = [Decimal(point.split(",")[1]) for point in points]
    zero = Decimal(html.split('y1="')[1].split('"')[0])
    assert min(heights) == 0 < zero < max(heights) == 120


def test_csv_holds_every_transaction_and_every_figure() -> None:
    data = render_data(*ROWS, format="CSV")

    records = list(csv.DictReader(io.StringIO(render_statement(data))))

    transactions = [record for record in records if record["record"] == "TRANSACTION"]
    assert [(t["credit"], t["debit"], t["bank_balance"]) for t in transactions] == [
        ("1200.50", "", "1200.50"),
        ("", "3200.25", "-1999.70"),
    ]
    closing = next(record for record in records if record["record"] == "CLOSING")
    assert (closing["balance"], closing["bank_balance"]) == ("-1999.75", "-1999.70")
    assert records[0]["balance"] == "0.00"
    assert records[-1]["record"] == "DIFFERENCE"
    assert records[-1]["balance"] == "0.05"
    kinds = {record["record"] for record in records}
    assert {"OPENING", "OPERATION", "PURPOSE", "DAY"} <= kinds


def test_two_processes_never_share_a_file() -> None:
    data = render_data(*ROWS)
    one, other = uuid.uuid4(), uuid.uuid4()

    assert file_name(data, one) != file_name(data, other)
    assert file_name(data, one) == file_name(data, one)
    assert file_name({**data, "format": "CSV"}, one).endswith(".csv")


def test_money_is_grouped_by_thousands_with_a_true_minus() -> None:
    assert money("-1234567.80") == "\u22121\u202f234\u202f567.80"
    assert money("0.00") == "0.00"


def test_codes_become_words() -> None:
    assert words("OUTGOING_TRANSFER") == "Outgoing transfer"
    assert words("") == "Not stated"
