"""The demo: once as people run it, and its story with workers of this process."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from processes.definitions.statement_report.demo import progress, story
from processes.definitions.statement_report.demo.cast import start_run
from processes.definitions.statement_report.demo.cluster import DemoFailed
from processes.definitions.statement_report.loading import load_ledger
from processes.definitions.statement_report.models import Statement
from processes.models import OperatorAction, Process
from tests.statement_report.telling import WorkersAsleep, WorkersHere, always, console
from tests.support.clock import DatabaseClock

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_demo_succeeds_on_a_real_cluster(folder: Path) -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.statement_report.site",
        "TEST_DATABASE": connection.settings_dict["NAME"],
        "COMMANDBUS_STATEMENTS_DIR": str(folder),
    }

    demo = subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", "demo"],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "20 processes started" in demo.stdout
    assert "Checked: every process ended as expected" in demo.stdout
    statuses = Counter(Process.objects.values_list("status", flat=True))
    assert statuses == {"COMPLETED": 16, "COMPENSATED": 2, "FAILED": 2}
    assert {path.name for path in folder.iterdir()} == set(
        Statement.objects.values_list("file", flat=True)
    )
    assert Statement.objects.count() == 16


def test_the_story_shows_what_fails_what_the_operator_does_and_how_it_ends(
    clock: DatabaseClock,
) -> None:
    page = console()

    story.tell(story.SAMPLE_LEDGER, always(WorkersHere(clock)), page)

    text = page.file.getvalue()
    in_order = (
        "20 processes started",
        "Steps done: 100 of 100",
        "Before the operator comes",
        "Troubleshooting queue",
        "Injected failure (permanent): StatementNotify",
        "completes one entry with the result data",
        "cancels 2",
        "retries the rest now that the cause is gone: 2",
        "Processes ended: 20 of 20",
        "In the end",
        "Audit trail of StatementReport",
        "undoes REGISTER (4)",
        "undoes RENDER (3)",
        "Checked: every process ended as expected",
    )
    positions = [text.find(part) for part in in_order]
    assert positions == sorted(positions)
    assert -1 not in positions
    assert Counter(OperatorAction.objects.values_list("action", flat=True)) == {
        "complete": 1,
        "cancel": 2,
        "retry": 2,
    }


def test_the_demo_may_be_run_again_beside_what_an_aborted_one_left(
    small_ledger: Path, clock: DatabaseClock
) -> None:
    start_run(load_ledger(small_ledger).account_ids)  # and then it was killed

    for _ in range(2):
        story.tell(small_ledger, always(WorkersHere(clock)), console())

    assert Process.objects.count() == 15


def test_the_demo_gives_up_when_nothing_moves(
    small_ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "STALLED_SECONDS", 0)

    with pytest.raises(DemoFailed, match="Nothing has moved for 0 s with 0 of 25 done"):
        story.tell(small_ledger, always(WorkersAsleep()), console())
