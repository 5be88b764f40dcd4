"""``manage.py load_ledger FILE.csv``: see ``loading``."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from processes.definitions.statement_report.ledger_file import LedgerError
from processes.definitions.statement_report.loading import load_ledger


class Command(BaseCommand):
    help = (
        "Loads a bank's transactions from a CSV file. Every line is checked; "
        "if one is wrong nothing is loaded. Loading a file again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv")

    def handle(self, *, file: Path, **options: Any) -> None:
        try:
            loaded = load_ledger(file)
        except LedgerError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{file.name}: {loaded.rows:,} transactions of {len(loaded.account_ids):,} accounts; "
            f"new in the ledger: {loaded.new_transactions:,} transactions, "
            f"{loaded.new_accounts:,} accounts."
        )
