from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.workers.qcluster import Hold, QCluster, StartQCluster


@pytest.fixture
def start_qcluster(transactional_db: None, tmp_path: Path) -> Iterator[StartQCluster]:
    """``start_qcluster()``: clusters on the test's database, killed when the test ends."""
    started: list[QCluster] = []

    def start() -> QCluster:
        started.append(QCluster(tmp_path / "qcluster.log"))
        return started[-1]

    yield start
    for cluster in started:
        cluster.kill()
    print((tmp_path / "qcluster.log").read_text())  # shown when the test failed


@pytest.fixture
def qcluster(start_qcluster: StartQCluster) -> QCluster:
    return start_qcluster()


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Hold]:
    hold = Hold(tmp_path)
    yield hold
    hold.release()
