"""What the demo's own checks find when something did not turn out as expected."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import transaction

from processes.definitions.statement_report import storage
from processes.definitions.statement_report.demo.cast import Role, Run
from processes.definitions.statement_report.demo.verify import problems_of
from processes.definitions.statement_report.models import Statement, Transaction
from processes.models import Process, ProcessStep
from processes.states import ProcessStatus

pytestmark = pytest.mark.django_db(transaction=True)


def lose_a_file(run: Run) -> None:
    storage.remove_statement(Statement.objects.all()[0].file)


def lose_an_index_entry(run: Run) -> None:
    Statement.objects.all()[0].delete()


def bring_back_a_file(run: Run) -> None:
    process = Process.objects.get(status="COMPENSATED")
    storage.write_statement(process.state["file"], "not gone")


def leave_half_a_file(run: Run) -> None:
    process = Process.objects.get(status="COMPENSATED")
    (storage.statements_dir() / f".{process.state['file']}.0123.part").write_text("half")


def miscalculate_by_a_cent(run: Run) -> None:
    process = Process.objects.filter(status="COMPLETED")[0]
    process.state["summary"]["closing_balance"] = "0.01"
    Process.objects.filter(pk=process.pk).update(state=process.state)


def change_the_ledger(run: Run) -> None:
    Transaction.objects.filter(account_id=900002).update(amount=1)


def fail_a_compensation(run: Run) -> None:
    ProcessStep.objects.filter(step="DEREGISTER").update(outcome="FAILED")


def lose_a_process(run: Run) -> None:
    process = Process.objects.get(status="FAILED")
    ProcessStep.objects.filter(process=process).delete()
    process.delete()


def cast_another_part(run: Run) -> None:
    ended = Process.objects.get(status="FAILED")
    run.roles[ended.id] = Role({}, ProcessStatus.COMPLETED)


SPOILT = (
    (lose_a_file, "expected one of each"),
    (lose_an_index_entry, "expected one of each"),
    (bring_back_a_file, "is COMPENSATED, yet there is"),
    (leave_half_a_file, "is COMPENSATED, yet there is"),
    (miscalculate_by_a_cent, "opening, credits, debits, closing"),
    (change_the_ledger, "opening, credits, debits, closing"),
    (fail_a_compensation, "was compensated by"),
    (lose_a_process, "5 processes were started, 4 are there"),
    (cast_another_part, "ended FAILED, expected COMPLETED"),
)


@contextmanager
def undone_afterwards(folder: Path) -> Iterator[None]:
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        shutil.rmtree(folder)
        kept.rename(folder)


def test_what_did_not_turn_out_as_expected_is_found(
    told: Run, folder: Path, subtests: pytest.Subtests
) -> None:
    for spoil, told_of in SPOILT:
        with subtests.test(spoil.__name__), undone_afterwards(folder):
            assert problems_of(told) == []

            spoil(told)

            (problem,) = problems_of(told)
            assert told_of in problem
