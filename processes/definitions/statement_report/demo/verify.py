"""Checks the outcome of the demo against the ledger, the disk and the roles; finds problems."""

import uuid
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from django.db.models import Q, Sum

from processes.definitions.statement_report import ledger, storage
from processes.definitions.statement_report.aggregation import ZERO, summarise
from processes.definitions.statement_report.demo.cast import Run
from processes.definitions.statement_report.models import Direction, Statement, Transaction
from processes.definitions.statement_report.shapes import Summary, money_text
from processes.models import Process
from processes.states import ProcessStatus, StepOutcome

UNDONE_IN_ORDER = ["DEREGISTER", "DELETE_RENDER"]


def problems_of(run: Run) -> list[str]:
    """Empty when everything turned out as expected."""
    processes = run.processes()
    return [
        *_wrong_ends(run, processes),
        *_wrong_balances(run, processes),
        *_wrong_statements(processes),
        *_wrong_compensations(processes),
    ]


def _wrong_ends(run: Run, processes: list[Process]) -> Iterator[str]:
    if len(processes) != len(run.roles):
        yield f"{len(run.roles)} processes were started, {len(processes)} are there"
    for process in processes:
        expected = run.roles[process.id].ends
        if process.status != expected:
            yield f"{process} ended {process.status}, expected {expected}"


def _wrong_balances(run: Run, processes: list[Process]) -> Iterator[str]:
    """Recalculates every account in SQL, and compares to the cent."""
    expected = _sums_of_ledger(run, [process.data["account_id"] for process in processes])
    for process in processes:
        account_id = process.data["account_id"]
        opening, credited, debited = expected[account_id]
        if not (credited or debited):
            continue  # no transactions, no statement
        summary = process.state["summary"] or _summary_of(account_id, run)
        wanted = (opening, credited, debited, opening + credited - debited)
        got = tuple(
            Decimal(summary[name])
            for name in ("opening_balance", "credits", "debits", "closing_balance")
        )
        if got != wanted:
            yield f"account {account_id}: opening, credits, debits, closing {got}, not {wanted}"


def _sums_of_ledger(run: Run, account_ids: list[int]) -> dict[int, tuple[Decimal, ...]]:
    before, within = Q(date__lt=run.first_day), Q(date__range=(run.first_day, run.last_day))
    credit, debit = Q(direction=Direction.CREDIT), Q(direction=Direction.DEBIT)
    rows = (
        Transaction.objects.filter(account_id__in=account_ids)
        .values("account_id")
        .annotate(
            opening=Sum("amount", filter=before & credit, default=ZERO)
            - Sum("amount", filter=before & debit, default=ZERO),
            credited=Sum("amount", filter=within & credit, default=ZERO),
            debited=Sum("amount", filter=within & debit, default=ZERO),
        )
    )
    return {row["account_id"]: (row["opening"], row["credited"], row["debited"]) for row in rows}


def _summary_of(account_id: int, run: Run) -> Summary:
    """For a process that failed before it came to calculate."""
    opening = money_text(ledger.balance_before(account_id, run.first_day))
    return summarise(opening, ledger.transactions_between(account_id, run.first_day, run.last_day))


def _wrong_statements(processes: list[Process]) -> Iterator[str]:
    """Completed processes have their file and their index entry, all others have neither."""
    index = _index_entries(processes)
    on_disk = _files_by_process()
    for process in processes:
        entry = index.get(process.id)
        files = on_disk[str(process.id)]
        if process.status == ProcessStatus.COMPLETED:
            if entry is None or files != [entry.file]:
                yield f"{process}: files {files} and index entry {entry}, expected one of each"
        elif entry is not None or files:
            yield f"{process} is {process.status}, yet there is {entry or files[0]}"


def _index_entries(processes: list[Process]) -> dict[uuid.UUID, Statement]:
    ids = [process.id for process in processes]
    return {entry.process_id: entry for entry in Statement.objects.filter(process_id__in=ids)}


def _files_by_process() -> defaultdict[str, list[str]]:
    """The process id stands at the end of a statement's name; half-written files count too."""
    files = defaultdict(list)
    for path in storage.statements_dir().iterdir():
        files[path.name.lstrip(".").split(".")[0].rpartition("_")[2]].append(path.name)
    return files


def _wrong_compensations(processes: list[Process]) -> Iterator[str]:
    for process in processes:
        if process.status != ProcessStatus.COMPENSATED:
            continue
        undone = list(
            process.steps.filter(compensates__isnull=False)
            .order_by("sequence")
            .values_list("step", "outcome")
        )
        if undone != [(step, StepOutcome.SUCCESS) for step in UNDONE_IN_ORDER]:
            yield f"{process} was compensated by {undone}, expected {UNDONE_IN_ORDER}"
