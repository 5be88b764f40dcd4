from pathlib import Path

import pytest
from pytest_django import Settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    """The statements folder, a new one for every test; not there until something is written."""
    settings.COMMANDBUS_STATEMENTS_DIR = tmp_path / "statements"
    return tmp_path / "statements"
