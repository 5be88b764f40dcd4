"""The statement report told over HTTP alone, by programs that know nothing but the schema.

Every step is executed from outside, by one of them; the workers here only handle the replies.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from processes.bus import handlers
from processes.bus.handlers import external_command, find_handler, unregister_handler
from processes.definitions.statement_report.manager import PLAN, StatementReport
from processes.worker import run_until_idle
from tests.support.generated import PACKAGE, GeneratedClient, generate
from tests.support.live import wait_until_alone
from tests.support.service import token_of

pytestmark = pytest.mark.django_db(transaction=True)

DOMAIN = StatementReport.domain
STATEMENT = {"account_id": 4711, "from": "2024-01-01", "to": "2024-12-31", "format": "HTML"}
RESULTS = {
    "StatementQuery": {"opening_balance": "0.00", "transactions": []},
    "StatementDataAggregation": {"summary": {"closing_balance": "0.00"}, "breakdown": {}},
    "StatementRender": {"file": "4711.html"},
    "StatementRegister": {"statement_id": 1},
}


@pytest.fixture
def executed_outside() -> Iterator[None]:
    """The site as it is where external commands are declared in the place of handlers."""
    types = [plan.command_type for plan in PLAN.values()]
    local = [find_handler(DOMAIN, command_type) for command_type in types]
    for command_type in types:
        unregister_handler(DOMAIN, command_type)
        external_command(command_type, domain=DOMAIN)
    yield
    for handler in local:
        unregister_handler(*handler.lane)
        handlers._register(handler)
    wait_until_alone()


@pytest.fixture
def programs(
    executed_outside, transactional_db, server, tmp_path: Path, monkeypatch
) -> Iterator[Callable[..., GeneratedClient]]:
    """``programs("name", *groups)``: one with a token of its own."""
    generate(server, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with ExitStack() as running:

        def start(name: str, *groups: str) -> GeneratedClient:
            return running.enter_context(GeneratedClient(server, token_of(name, *groups)))

        yield start
    for module in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[module]


def claim(reporting: GeneratedClient) -> Any:
    """The one command that is due."""
    run_until_idle()
    body = reporting.models.ClaimCommands(domain=DOMAIN, types=[], limit=10)
    (command,) = reporting.do("commands.claim_commands", body=body).commands
    return command


def succeed_next(reporting: GeneratedClient) -> str:
    models, command = reporting.models, claim(reporting)
    result = models.JsonObject.from_dict(RESULTS.get(command.command_type, {}))
    body = models.SucceedCommand(deliveries=command.deliveries, result=result)
    settled = reporting.do("commands.succeed_command", command.command_id, body=body)
    assert settled.status == models.CommandStatus.COMPLETED
    return command.command_type


def trail(process: Any) -> list[tuple[str, str]]:
    return [(step.step, step.outcome) for step in process.steps]


def test_a_report_is_started_parked_cancelled_and_compensated(programs):
    reporting, desk = programs("reporting", "API services"), programs("desk", "TSQ operators")
    models = reporting.models
    data = models.JsonObject.from_dict(STATEMENT)
    body = models.StartProcess(process_type="StatementReport", data=data)
    started = reporting.do("processes.start_process", body=body)
    assert started.status == models.ProcessStatus.WAITING_FOR_REPLY

    assert [succeed_next(reporting) for _ in RESULTS] == list(RESULTS)

    command = claim(reporting)
    assert command.data["file"] == "4711.html"
    told = models.FailCommand(
        deliveries=command.deliveries,
        kind=models.FailureKind.PERMANENT,
        code="MAILBOX_GONE",
        message="Nobody reads mail there.",
    )
    settled = reporting.do("commands.fail_command", command.command_id, body=told)
    assert settled.status == models.CommandStatus.IN_TROUBLESHOOTING_QUEUE
    run_until_idle()

    (entry,) = desk.get("tsq.list_entries", error_code="MAILBOX_GONE").parsed.results
    assert (entry.id, entry.command_type) == (command.command_id, "StatementNotify")
    assert (entry.process.id, entry.process.step) == (started.id, "NOTIFY")
    assert entry.process.status == models.ProcessStatus.WAITING_FOR_TSQ
    plan = desk.get("tsq.get_undo_plan", entry.id).parsed
    undone_by = [step.undone_by for step in plan.steps if step.undone_by]
    assert undone_by == ["DEREGISTER", "DELETE_RENDER"]

    version = desk.get("tsq.get_entry", entry.id).headers["ETag"]
    why = models.Cancel(seen=entry.deliveries, reason="The customer has left.")
    cancelled = desk.do("tsq.cancel_entry", entry.id, body=why, if_match=version)
    assert cancelled.status == models.CommandStatus.CANCELED

    compensations = [succeed_next(reporting) for _ in undone_by]
    assert compensations == ["StatementDeregister", "StatementDeleteRender"]
    run_until_idle()

    process = reporting.get("processes.get_process", started.id).parsed
    assert process.status == models.ProcessStatus.COMPENSATED
    assert (process.error_code, process.current_step) == ("MAILBOX_GONE", "NOTIFY")
    assert trail(process) == [
        *((step, "SUCCESS") for step in ("QUERY", "AGGREGATE", "RENDER", "REGISTER")),
        ("NOTIFY", "CANCELED"),
        *((step, "SUCCESS") for step in undone_by),
    ]
    assert [step.compensates for step in process.steps[-2:]] == [4, 3]
