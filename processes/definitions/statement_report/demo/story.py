"""The story, from the ledger to the last check."""

import json
from contextlib import AbstractContextManager
from pathlib import Path

from rich.console import Console

from processes.definitions.statement_report import storage
from processes.definitions.statement_report.demo import operator, screens
from processes.definitions.statement_report.demo.cast import Run, start_run
from processes.definitions.statement_report.demo.cluster import DemoFailed
from processes.definitions.statement_report.demo.progress import (
    Workers,
    wait_until_ended,
    wait_until_settled,
)
from processes.definitions.statement_report.demo.verify import problems_of
from processes.definitions.statement_report.loading import load_ledger

SAMPLE_LEDGER = Path(__file__).parent.parent / "sample_ledger.csv"
SHOWN_PROBLEMS = 10


def tell(ledger: Path, workers: AbstractContextManager[Workers], console: Console) -> None:
    """Raises LedgerError or DemoFailed with the reason if anything is not as expected."""
    loaded = load_ledger(ledger)
    _say(
        console,
        f"Ledger {ledger.name}: {loaded.rows:,} transactions "
        f"of {len(loaded.account_ids):,} accounts.",
    )
    run = start_run(loaded.account_ids)
    _say(
        console,
        f"{len(run.roles):,} processes started: a statement from {run.first_day} "
        f"to {run.last_day} for every account. Some are made to fail.",
    )
    with workers as working:
        wait_until_settled(run, working, console)
        screens.show_statuses(run, console, title="Before the operator comes")
        screens.show_tsq(run, console)
        _let_the_operator_act(run, console)
        wait_until_ended(run, working, console)
    screens.show_statuses(run, console, title="In the end")
    screens.show_audit_trail_of_one_compensated(run, console)
    _check(run, console)


def _let_the_operator_act(run: Run, console: Console) -> None:
    _say(console, "The operator")
    if result := operator.complete_one_by_hand(run):
        _say(console, f"- completes one entry with the result data {json.dumps(result)}")
    _say(console, f"- cancels {operator.cancel_lost_mailboxes(run):,}")
    _say(
        console, f"- retries the rest now that the cause is gone: {operator.retry_the_rest(run):,}"
    )


def _check(run: Run, console: Console) -> None:
    problems = problems_of(run)
    if problems:
        shown = "\n".join(f"- {problem}" for problem in problems[:SHOWN_PROBLEMS])
        raise DemoFailed(f"{len(problems)} things are not as expected:\n{shown}")
    _say(
        console,
        "Checked: every process ended as expected; closing = opening + credits - debits to the "
        "cent for every account; the statements of completed processes lie in "
        f"{storage.statements_dir()}, those of compensated ones are gone from disk and index.",
    )


def _say(console: Console, text: str) -> None:
    """Left to the terminal to wrap, so that a file keeps one line per sentence."""
    console.print(text, soft_wrap=True)
