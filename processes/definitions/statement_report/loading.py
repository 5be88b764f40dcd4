"""Loads a ledger file: all of it or nothing, and any number of times.

The rows are streamed into a temporary table, compared there with each other and with what is
already loaded, and what is new is inserted: one transaction, four statements.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from processes.definitions.statement_report.ledger_file import COLUMNS, BadLine, read_rows
from processes.definitions.statement_report.models import Account, Transaction

LEDGER = Transaction._meta.db_table
ACCOUNTS = Account._meta.db_table
FIELDS = ", ".join(COLUMNS)

STAGE = f"""
CREATE TEMPORARY TABLE staged_ledger AS
SELECT 0::bigint AS line, {FIELDS} FROM {LEDGER} WITH NO DATA
"""
COPY = f"COPY staged_ledger (line, {FIELDS}) FROM STDIN"
# One load at a time, so that nothing comes in between comparing and inserting.
LOCK = f"LOCK TABLE {LEDGER} IN SHARE ROW EXCLUSIVE MODE"
REPEATED = """
SELECT line, transaction_id, first_line
FROM (
    SELECT line, transaction_id,
           min(line) OVER (PARTITION BY transaction_id) AS first_line
    FROM staged_ledger
) AS numbered
WHERE line > first_line
ORDER BY line LIMIT 1
"""
CONTRADICTED = f"""
SELECT staged.line, staged.transaction_id, (to_jsonb(staged) - 'line')::text, to_jsonb(loaded)::text
FROM staged_ledger AS staged JOIN {LEDGER} AS loaded USING (transaction_id)
WHERE to_jsonb(staged) - 'line' <> to_jsonb(loaded)
ORDER BY staged.line LIMIT 1
"""
INSERT_ACCOUNTS = f"""
INSERT INTO {ACCOUNTS} (account_id)
SELECT DISTINCT account_id FROM staged_ledger ORDER BY account_id
ON CONFLICT DO NOTHING
"""
INSERT_TRANSACTIONS = f"""
INSERT INTO {LEDGER} ({FIELDS})
SELECT {FIELDS} FROM staged_ledger ORDER BY account_id, date, transaction_id
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class LoadedLedger:
    """``rows`` and ``account_ids`` of the file; how many of them are ``new`` in the ledger."""

    rows: int
    account_ids: list[int]
    new_accounts: int
    new_transactions: int


@transaction.atomic
def load_ledger(path: Path) -> LoadedLedger:
    """Raises LedgerError, and loads nothing, if any row of the file is wrong."""
    with connection.cursor() as cursor:
        rows = _stage(cursor, path)
        cursor.execute(LOCK)
        _refuse_repeated(cursor)
        _refuse_contradicted(cursor)
        cursor.execute(INSERT_ACCOUNTS)
        new_accounts = cursor.rowcount
        cursor.execute(INSERT_TRANSACTIONS)
        new_transactions = cursor.rowcount
        cursor.execute("SELECT DISTINCT account_id FROM staged_ledger ORDER BY account_id")
        account_ids = [account_id for (account_id,) in cursor.fetchall()]
        cursor.execute("DROP TABLE staged_ledger")
    return LoadedLedger(rows, account_ids, new_accounts, new_transactions)


def _stage(cursor: CursorWrapper, path: Path) -> int:
    cursor.execute(STAGE)
    rows = 0
    with cursor.copy(COPY) as copy:
        for row in read_rows(path):
            copy.write_row(row)
            rows += 1
    cursor.execute("ANALYZE staged_ledger")
    return rows


def _refuse_repeated(cursor: CursorWrapper) -> None:
    cursor.execute(REPEATED)
    if found := cursor.fetchone():
        line, transaction_id, first_line = found
        raise BadLine(line, f"transaction_id {transaction_id} was used on line {first_line}")


def _refuse_contradicted(cursor: CursorWrapper) -> None:
    cursor.execute(CONTRADICTED)
    if found := cursor.fetchone():
        line, transaction_id, here, there = found
        here, there = (json.loads(row, parse_float=str) for row in (here, there))
        field = next(name for name in COLUMNS if here[name] != there[name])
        raise BadLine(
            line,
            f"transaction_id {transaction_id} is already loaded with {field} {there[field]!r}, "
            f"here it has {here[field]!r}",
        )
