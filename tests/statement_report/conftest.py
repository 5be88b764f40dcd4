from pathlib import Path

import pytest
from pytest_django import Settings

from processes.definitions.statement_report.demo import operator, progress, story
from processes.definitions.statement_report.demo.cast import Run, start_run
from processes.definitions.statement_report.loading import load_ledger
from tests.statement_report.telling import WorkersHere, console
from tests.support.clock import DatabaseClock


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    """The statements folder, a new one for every test; not there until something is written."""
    settings.COMMANDBUS_STATEMENTS_DIR = tmp_path / "statements"
    return tmp_path / "statements"


@pytest.fixture
def small_ledger(tmp_path: Path) -> Path:
    """The first five accounts of the sample: one for every part that is played."""
    header, *rows = story.SAMPLE_LEDGER.read_text().splitlines()
    path = tmp_path / "small.csv"
    path.write_text("\n".join([header, *(row for row in rows if row < "900006")]))
    return path


@pytest.fixture
def told(small_ledger: Path, clock: DatabaseClock) -> Run:
    """The small ledger's story, told to its end."""
    run = start_run(load_ledger(small_ledger).account_ids)
    workers = WorkersHere(clock)
    progress.wait_until_settled(run, workers, console())
    operator.complete_one_by_hand(run)
    operator.cancel_lost_mailboxes(run)
    operator.retry_the_rest(run)
    progress.wait_until_ended(run, workers, console())
    return run
