"""Every endpoint of the API, read from the URL resolver, and what is sent to it.

``CALLS`` is the table of what each needs.  ``all_calls`` fails the test for an endpoint that the
table does not know, or whose address ``ApiWorld`` cannot fill in.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.urls import get_resolver

from processes.bus.models import Command
from tests.factories import CommandFactory, ReplyFactory
from tests.security.world import COMMAND_TYPE, DOMAIN, World
from tests.support.three_steps import PROCESS_TYPE
from tsq.models import BulkItem, BulkOperation, EntryClaim

EXTERNAL_TYPE = "ZanzibarOutside"
V1 = "api/v1/"
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Call:
    """``needs``: permissions.  Answered with ``success`` to who has them in this domain.

    ``elsewhere``: to who has them in another domain; nothing there, unless it says otherwise.
    ``sends``: what ``ApiWorld.bodies`` knows by that name.
    """

    needs: tuple[str, ...]
    sends: str = ""
    success: int = 200
    elsewhere: int = 404


SEE_PROCESS, SEE_COMMAND = "processes.view_process", "bus.view_command"
SEE_ENTRY, SEE_REPLY = "tsq.view_tsqentry", "tsq.view_stuckreply"
SEE_BULK = "tsq.view_bulkoperation"
START, SEND, EXECUTE = "processes.start_process", "bus.send_command", "bus.execute_command"
COMPENSATE, METRICS = "processes.compensate_process", "processes.view_metrics"
RETRY, COMPLETE, CANCEL, EDIT, CLAIM = (
    f"tsq.{verb}_tsqentry" for verb in ("retry", "complete", "cancel", "edit", "claim")
)
AGAIN, GIVE_UP = "tsq.handle_again_stuckreply", "tsq.give_up_stuckreply"

CALLS = {
    "GET processes": Call((SEE_PROCESS,), elsewhere=200),
    "POST processes": Call((START,), "start", success=201, elsewhere=403),
    "POST processes/batch": Call((START,), "batch", elsewhere=200),
    "GET processes/<uuid:pk>": Call((SEE_PROCESS,)),
    "POST processes/<uuid:pk>/compensate": Call((SEE_PROCESS, COMPENSATE), "reason"),
    "GET commands": Call((SEE_COMMAND,), elsewhere=200),
    "POST commands": Call((SEND,), "send", success=201, elsewhere=403),
    "GET commands/<uuid:pk>": Call((SEE_COMMAND,)),
    "POST commands/claim": Call((EXECUTE,), "claim", elsewhere=403),
    "POST commands/<uuid:pk>/extend": Call((EXECUTE,), "extend"),
    "POST commands/<uuid:pk>/release": Call((EXECUTE,), "delivery"),
    "POST commands/<uuid:pk>/succeed": Call((EXECUTE,), "delivery"),
    "POST commands/<uuid:pk>/fail": Call((EXECUTE,), "fail"),
    "GET replies": Call((SEND,), "address", elsewhere=200),
    "POST replies/<int:pk>/acknowledge": Call((SEND,), "address"),
    "GET tsq/entries": Call((SEE_ENTRY,), elsewhere=200),
    "GET tsq/entries/<uuid:pk>": Call((SEE_ENTRY,)),
    "GET tsq/entries/<uuid:pk>/undo-plan": Call((SEE_ENTRY,)),
    "POST tsq/entries/<uuid:pk>/retry": Call((SEE_ENTRY, RETRY), "seen"),
    "POST tsq/entries/<uuid:pk>/complete": Call((SEE_ENTRY, COMPLETE), "seen"),
    "POST tsq/entries/<uuid:pk>/cancel": Call((SEE_ENTRY, CANCEL), "seen and reason"),
    "POST tsq/entries/<uuid:pk>/edit": Call((SEE_ENTRY, EDIT), "edit"),
    "POST tsq/entries/<uuid:pk>/claim": Call((SEE_ENTRY, CLAIM), "nothing"),
    "POST tsq/entries/<uuid:pk>/release": Call((SEE_ENTRY, CLAIM), "nothing"),
    "GET tsq/entries/<uuid:pk>/notes": Call((SEE_ENTRY,)),
    "POST tsq/entries/<uuid:pk>/notes": Call((SEE_ENTRY, CLAIM), "note", success=201),
    "GET tsq/groups": Call((SEE_ENTRY,), elsewhere=200),
    "GET tsq/stuck-replies": Call((SEE_REPLY,), elsewhere=200),
    "GET tsq/stuck-replies/<int:pk>": Call((SEE_REPLY,)),
    "POST tsq/stuck-replies/<int:pk>/handle-again": Call((SEE_REPLY, AGAIN), "version"),
    "POST tsq/stuck-replies/<int:pk>/give-up": Call((SEE_REPLY, GIVE_UP), "version and reason"),
    "GET tsq/operations": Call((SEE_BULK,), elsewhere=200),
    "POST tsq/operations": Call((SEE_BULK, SEE_ENTRY, RETRY), "begin", success=202, elsewhere=400),
    "GET tsq/operations/<uuid:pk>": Call((SEE_BULK,)),
    "GET tsq/operations/<uuid:pk>/items": Call((SEE_BULK,)),
    "POST tsq/operations/<uuid:pk>/pause": Call((SEE_BULK, RETRY), "nothing"),
    "POST tsq/operations/<uuid:pk>/resume": Call((SEE_BULK, RETRY), "nothing"),
    "POST tsq/operations/<uuid:pk>/stop": Call((SEE_BULK, RETRY), "nothing"),
    "POST tsq/operations/<uuid:pk>/retry-failures": Call((SEE_BULK, RETRY), "nothing"),
    "GET metrics": Call((METRICS,), elsewhere=200),
}


class ApiWorld(World):
    """Of everything that an address names a row that lets itself be done with what it says.

    They belong to ``caller``, where a row belongs to somebody.
    """

    def __init__(self, caller: str) -> None:
        super().__init__()
        EntryClaim.objects.update(operator=caller)
        self.ids = {
            "processes": self.process.pk,
            "commands": self._handed_out().pk,
            "replies": self._reply_to(caller).pk,
            "tsq/entries": self.entry.pk,
            "tsq/stuck-replies": self.reply.pk,
            "tsq/entries/<uuid:pk>/claim": self._unclaimed().pk,
            "tsq/operations": self.rows["tsq_bulkoperation"],
            "tsq/operations/<uuid:pk>/resume": self._operation("PAUSED").pk,
            "tsq/operations/<uuid:pk>/retry-failures": self._operation("FINISHED", "FAILED").pk,
        }
        start = {"process_type": PROCESS_TYPE, "data": {}}
        seen, version = {"seen": self.entry.deliveries}, {"seen": self.reply.version}
        delivery, reason = {"deliveries": 1}, {"reason": "because"}
        self.bodies: dict[str, dict[str, Any]] = {
            "": {},
            "nothing": {},
            "start": start,
            "batch": {"items": [start]},
            "reason": reason,
            "send": {"domain": DOMAIN, "command_type": COMMAND_TYPE, "data": {}},
            "claim": {"domain": DOMAIN, "types": [], "limit": 1},
            "delivery": delivery,
            "extend": delivery | {"lease_seconds": 60},
            "fail": delivery | {"kind": "permanent", "code": "BROKEN", "message": "no way"},
            "address": {"reply_to": caller},
            "seen": seen,
            "seen and reason": seen | reason,
            "edit": seen | reason | {"data": {"y": 1}},
            "note": {"text": "noted"},
            "version": version,
            "version and reason": version | reason,
            "begin": {"verb": "retry", "ids": [str(self.entry.pk)]},
        }

    def address(self, route: str) -> str:
        """Fails the test for one it cannot fill in."""
        if "<" in route:
            noun = route.partition("/<")[0]
            pk = self.ids.get(route) or self.ids.get(noun)
            if pk is None:
                pytest.fail(f"Tell ApiWorld what to fill in for the id of {route}.")
            route = re.sub(r"<\w+:pk>", str(pk), route)
        return f"/{route}" if route == "metrics" else f"/{V1}{route}"

    def _unclaimed(self) -> Command:
        return CommandFactory(domain=DOMAIN, command_type=COMMAND_TYPE, parked=True)

    def _handed_out(self) -> Command:
        """And another one that is due."""
        CommandFactory(domain=DOMAIN, command_type=EXTERNAL_TYPE)
        return CommandFactory(domain=DOMAIN, command_type=EXTERNAL_TYPE, in_progress=True)

    def _reply_to(self, caller: str) -> Any:
        command = CommandFactory(completed=True, domain=DOMAIN, reply_to=caller)
        return ReplyFactory(command=command)

    def _operation(self, status: str, outcome: str | None = None) -> BulkOperation:
        operation = BulkOperation.objects.create(
            verb="retry", operator="ann", channel="api", size=1, domains=[DOMAIN], status=status
        )
        at = self.entry.parked_at if outcome else None
        BulkItem.objects.create(
            operation=operation, command=self.entry, seen=1, outcome=outcome, at=at
        )
        return operation


@dataclass(frozen=True)
class Endpoint:
    """``name`` is its key in ``CALLS``."""

    name: str
    method: str
    route: str
    call: Call = field(repr=False)


def all_endpoints() -> list[Endpoint]:
    """Fails the test if ``CALLS`` lacks one, or has one too many."""
    found = {f"{method.upper()} {route}": (method, route) for route, method in _methods()}
    if unknown := found.keys() - CALLS.keys():
        pytest.fail(f"Tell CALLS what they need and what to send: {', '.join(sorted(unknown))}.")
    if gone := CALLS.keys() - found.keys():
        pytest.fail(f"CALLS has what is not there: {', '.join(sorted(gone))}.")
    return [Endpoint(name, *found[name], call) for name, call in CALLS.items()]


def _methods() -> Iterator[tuple[str, str]]:
    """Every (route, method), the routes without ``api/v1/``."""
    for route, view in _views(get_resolver().url_patterns, ""):
        if route.startswith(V1) or route == "metrics":
            for method in METHODS:
                if hasattr(view, method):
                    yield route.removeprefix(V1), method


def _views(patterns: list[Any], before: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from _views(pattern.url_patterns, route)
        else:
            yield route, getattr(pattern.callback, "cls", None)
