"""What the README shows is true: its drawings are the code's, its example runs as printed."""

import re
import sys
from pathlib import Path

import pytest

from processes.bus.handlers import unregister_handler
from processes.management.commands.draw_status_machines import redrawn
from processes.models import Process
from processes.registry import load_definitions, unregister_process
from processes.worker import run_until_idle

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def test_the_status_machines_are_drawn_as_the_code_declares_them():
    assert redrawn(README) == README


@pytest.fixture
def shop(tmp_path, monkeypatch, settings):
    """The README's example as a package that the site loads."""
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    for module in ("manager", "handlers"):
        (package / f"{module}.py").write_text(_block(f"`shop/{module}.py`:"))
    monkeypatch.syspath_prepend(tmp_path)
    settings.COMMANDBUS_DEFINITIONS = ["shop"]
    load_definitions()
    yield
    unregister_process("Order")
    for command_type in ("OrderReserve", "OrderCharge", "OrderRelease"):
        unregister_handler("shop", command_type)
    for module in [name for name in sys.modules if name.split(".")[0] == "shop"]:
        del sys.modules[module]


@pytest.mark.django_db(transaction=True)
def test_the_example_process_runs_as_printed(shop):
    started = {}
    exec(_block("let the workers do the rest:"), started)  # the README's own code

    run_until_idle()

    process = Process.objects.get(pk=started["process"].pk)
    assert process.status == "COMPLETED"
    assert process.state == {"order": "4711", "reservation": 7}


def _block(heading: str) -> str:
    """The Python block that follows this text in the README."""
    found = re.search(re.escape(heading) + r"\s+```python\n(.*?)```", README, re.DOTALL)
    assert found, heading
    return found.group(1)
