"""Rows in every state, and a service that may do everything, so that requests find something."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Permission, User

from processes.api.tokens import issue_token
from processes.base import REPLY_ADDRESS
from processes.bus.clock import BusNow
from processes.bus.models import Command
from processes.models import Process
from processes.states import ProcessStatus
from tests.factories import (
    COMMAND_TRAITS,
    PROCESS_TRAITS,
    CommandEventFactory,
    CommandFactory,
    ProcessFactory,
    ProcessStepFactory,
    ReplyFactory,
)
from tests.fuzz.shop import DOMAIN, EXTERNAL, Order
from tsq.models import BulkItem, BulkOperation
from tsq.models.bulk import BulkStatus, ItemOutcome

SERVICE = "shop"
EACH = 5
MANY = 50


BEGUN = [status for status in BulkStatus for _ in range(EACH) if status != BulkStatus.DRAFT]


@dataclass(frozen=True, slots=True)
class World:
    """``ids`` by the word before them in a path, ``words`` by the name of a field or parameter."""

    token: str
    ids: dict[str, list[str]]
    words: dict[str, list[Any]]


def make_world() -> World:
    processes = [_process(traits) for traits in PROCESS_TRAITS.values() for _ in range(EACH)]
    commands = [_command(traits) for traits in COMMAND_TRAITS.values() for _ in range(EACH)]
    handed_out = [_command({"in_progress": True}) for _ in range(MANY)]
    entries = [_command({"parked": True}) for _ in range(MANY)]
    stuck = [ReplyFactory(stuck=True, command=_step_done()) for _ in range(MANY)]
    replies = [ReplyFactory(command=command) for command in commands if command.completed_at]
    return World(
        token=_token(),
        ids={
            "processes": [str(process.id) for process in processes],
            "commands": [str(command.id) for command in commands + handed_out],
            "replies": [str(reply.id) for reply in replies],
            "entries": [str(entry.id) for entry in entries],
            "stuck-replies": [str(reply.id) for reply in stuck],
            "operations": [str(_operation(status, entries).id) for status in BEGUN],
        },
        words={
            "domain": [DOMAIN],
            "process_type": [Order.process_type],
            "command_type": list(EXTERNAL),
            "type": [Order.process_type, *EXTERNAL],
            "types": [[], ["A"], list(EXTERNAL)],
            "reply_to": [SERVICE, f"{SERVICE}/inbox"],
            "deliveries": [1, 2],
            "seen": [entries[0].deliveries, stuck[0].version],
            "ids": [[str(entry.id)] for entry in entries],
            "fingerprint": [entries[0].fingerprint],
            "claimed_by": ["me", "nobody", SERVICE],
            "error_code": ["BROKEN", "REFUSED"],
        },
    )


def _process(traits: dict[str, Any]) -> Process:
    process = ProcessFactory(process_type=Order.process_type, domain=DOMAIN, **traits)
    if process.status != ProcessStatus.PENDING:
        ProcessStepFactory(process=process, sequence=1, success=True)
    return process


def _command(traits: dict[str, Any], reply_to: str = SERVICE, **more: Any) -> Command:
    command = CommandFactory(command_type="A", domain=DOMAIN, reply_to=reply_to, **traits, **more)
    CommandEventFactory(command=command)
    return command


def _step_done() -> Command:
    """Of a process that waits for what the reply tells."""
    process = ProcessFactory(process_type=Order.process_type, domain=DOMAIN)
    command = _command({"completed": True}, reply_to=REPLY_ADDRESS, correlation_id=process.id)
    ProcessStepFactory(process=process, sequence=1, command_id=command.id)
    return command


def _operation(status: str, entries: list[Command]) -> BulkOperation:
    """Of entries one of which could not be retried."""
    finished_at = BusNow() if status in (BulkStatus.STOPPED, BulkStatus.FINISHED) else None
    operation = BulkOperation.objects.create(
        verb="retry",
        operator=SERVICE,
        channel="api",
        size=2,
        domains=[DOMAIN],
        status=status,
        finished_at=finished_at,
    )
    done, failed = entries[:2]
    BulkItem.objects.create(operation=operation, command=done, seen=1)
    BulkItem.objects.create(
        operation=operation,
        command=failed,
        seen=1,
        outcome=ItemOutcome.FAILED,
        message="no",
        at=BusNow(),
    )
    return operation


def _token() -> str:
    """Of a service with every permission of the three apps."""
    token = issue_token(SERVICE)
    ours = Permission.objects.filter(content_type__app_label__in=["processes", "bus", "tsq"])
    User.objects.get(username=SERVICE).user_permissions.set(ours)
    return token
