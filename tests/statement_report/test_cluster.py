"""The demo's workers, with a stand-in for ``manage.py qcluster``."""

from pathlib import Path

import pytest
from pytest_django import Settings

from processes.definitions.statement_report.demo import cluster
from processes.definitions.statement_report.demo.cluster import Cluster, DemoFailed


@pytest.fixture(autouse=True)
def site(tmp_path: Path, settings: Settings) -> Path:
    settings.BASE_DIR = tmp_path
    return tmp_path / "manage.py"


def test_workers_that_ended_fail_the_demo_with_their_last_words(site: Path) -> None:
    site.write_text("import sys; sys.exit('no database')")

    with Cluster() as workers:
        workers.process.wait()
        with pytest.raises(DemoFailed, match="The workers ended with code 1:\nno database"):
            workers.work()


def test_workers_are_stopped_when_the_demo_ends(site: Path) -> None:
    site.write_text("import time; time.sleep(60)")

    with Cluster() as workers:
        workers.work()

    assert workers.process.returncode is not None


def test_workers_that_do_not_stop_are_killed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.write_text(
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "open(__file__ + '.deaf', 'w').close()\n"
        "time.sleep(60)\n"
    )
    monkeypatch.setattr(cluster, "STOP_SECONDS", 0.1)

    with Cluster() as workers:
        while not site.with_name("manage.py.deaf").exists():
            workers.work()

    assert workers.process.returncode == -9
