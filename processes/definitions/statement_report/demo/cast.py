"""Which account plays which part: the failures asked for, and how its process must end."""

import uuid
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Max

from processes.definitions.statement_report.models import Format, Transaction
from processes.engine import start_processes
from processes.models import Process
from processes.states import ProcessStatus

SEED = 1993
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Role:
    """``failures`` are percentages per step, as ``chaos`` takes them."""

    failures: dict[str, dict[str, int]]
    ends: ProcessStatus


EASY = Role({"RENDER": {"transient": 25}, "NOTIFY": {"transient": 15}}, ProcessStatus.COMPLETED)
DORMANT = Role({}, ProcessStatus.FAILED)  # no transactions in the period
MAILBOX_GONE = Role({"NOTIFY": {"permanent": 100}}, ProcessStatus.COMPENSATED)
UNPRINTABLE = Role({"RENDER": {"permanent": 100}}, ProcessStatus.COMPLETED)
DISK_DOWN = Role({"RENDER": {"transient": 100}}, ProcessStatus.COMPLETED)
MAIL_DOWN = Role({"NOTIFY": {"transient": 100}}, ProcessStatus.COMPLETED)
REFUSED = Role({"AGGREGATE": {"business": 100}}, ProcessStatus.FAILED)

# One company of twenty after the other: so many play these parts, the others have it easy.
COMPANY = 20
PARTS = {0: MAILBOX_GONE, 1: UNPRINTABLE, 2: DISK_DOWN, 3: REFUSED, 4: MAIL_DOWN, 9: MAILBOX_GONE}


@dataclass(frozen=True, slots=True)
class Run:
    """One telling of the story: the role of every process that was started."""

    outage: str
    first_day: date
    last_day: date
    roles: dict[uuid.UUID, Role] = field(default_factory=dict)

    def processes(self) -> list[Process]:
        return list(Process.objects.filter(id__in=self.roles).order_by("data__account_id"))


def start_run(account_ids: list[int]) -> Run:
    """Ask for the last year's statement of every account."""
    first_day, last_day = _last_year(account_ids)
    run = Run(f"demo {uuid.uuid4().hex[:8]}", first_day, last_day)
    roles = _cast(account_ids, run)
    requests = [
        _request(run, account_id, role, Format.CSV if number % 4 == 2 else Format.HTML)
        for number, (account_id, role) in enumerate(roles)
    ]
    started = start_processes("StatementReport", requests)
    for process, (_, role) in zip(started, roles, strict=True):
        run.roles[process.id] = role
    return run


def _last_year(account_ids: list[int]) -> tuple[date, date]:
    """The twelve calendar months that end with the ledger's last day."""
    ledger = Transaction.objects.filter(account_id__in=account_ids)
    last_day: date = ledger.aggregate(last=Max("date"))["last"]
    months = last_day.year * 12 + last_day.month - MONTHS
    return date(months // 12, months % 12 + 1, 1), last_day


def _cast(account_ids: list[int], run: Run) -> list[tuple[int, Role]]:
    active = set(
        Transaction.objects.filter(date__range=(run.first_day, run.last_day))
        .values_list("account_id", flat=True)
        .distinct()
    )
    parts = (PARTS.get(number % COMPANY, EASY) for number in range(len(account_ids)))
    return [
        (account_id, next(parts) if account_id in active else DORMANT) for account_id in account_ids
    ]


def _request(run: Run, account_id: int, role: Role, wanted: Format) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "from": run.first_day.isoformat(),
        "to": run.last_day.isoformat(),
        "format": wanted.value,
        "chaos": {"seed": SEED, "outage": run.outage, **role.failures},
    }
