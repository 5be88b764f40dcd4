"""Claim commands from outside, keep them, and tell what came of them."""

import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from processes.access import require_domain
from processes.api.base import ChangingView
from processes.api.external import (
    ClaimCommands,
    ExtendLease,
    FailCommand,
    HandedOutCommands,
    LeaseUntil,
    ReleaseCommand,
    SettledCommand,
    SucceedCommand,
)
from processes.api.polling import wait_for
from processes.bus.errors import ClaimLost
from processes.bus.external import (
    claim_external,
    extend_lease,
    external_due_in,
    fail_external,
    release_external,
    succeed_external,
)
from processes.bus.models import Command

EXECUTE = "bus.execute_command"

CLAIM = {
    "domain": "shop",
    "types": ["OrderShip"],
    "limit": 1,
    "lease_seconds": 60,
    "wait_seconds": 20,
}
NO_CARRIER = {
    "deliveries": 1,
    "kind": "transient",
    "code": "NO_CARRIER",
    "message": "No carrier takes the parcel today.",
    "details": {"asked": 3},
}
LOST = (
    "409 CLAIM_LOST: the lease has ended and others went on, or the command is settled already; "
    "an outcome that comes so late is only kept in the event log."
)


@extend_schema_view(
    post=extend_schema(
        operation_id="claim_commands",
        summary="Claim commands to execute them",
        description=(
            "Hands out due commands, the ones due longest first; waits until there are some, or "
            "answers with none. Delivery is at least once: what no outcome comes for before "
            "lease_until is handed out again. Sent again with the same Idempotency-Key, after a "
            "broken connection, it answers with the same commands."
        ),
        request=ClaimCommands,
        responses=HandedOutCommands,
        examples=[OpenApiExample("One, waiting for it", CLAIM, request_only=True)],
    )
)
class ClaimView(ChangingView):
    needed = {"POST": (EXECUTE,)}

    def wait(self, request: Request) -> None:
        wanted = self._wanted(request)
        lanes = wanted["domain"], wanted["types"]
        wait_for(lambda: external_due_in(*lanes) == 0, wanted["wait_seconds"])

    def change(self, request: Request) -> Response:
        wanted = self._wanted(request)
        del wanted["wait_seconds"]
        handed_out = claim_external(wanted.pop("domain"), wanted.pop("types"), **wanted)
        return Response(HandedOutCommands({"commands": handed_out}).data)

    def _wanted(self, request: Request) -> dict[str, Any]:
        wanted = self.read(request, ClaimCommands)
        require_domain(request.user, wanted["domain"])
        return wanted


class OfDeliveryView(ChangingView):
    """``act`` does with a command what the ``expected`` body says, and returns what is ``shown``.

    A claim that is lost is answered here and not raised further: raised, it would undo the log of
    the late outcome.
    """

    needed = {"POST": (EXECUTE,)}
    expected: ClassVar[type[Serializer[Any]]]
    shown: ClassVar[type[Serializer[Any]]] = SettledCommand
    act: Callable[..., Any]

    def change(self, request: Request, pk: uuid.UUID) -> HttpResponse:
        told = self.read(request, self.expected)
        self.one(request, Command.objects.only("id"), pk)
        try:
            done = self.act(request, pk, told.pop("deliveries"), **told)
        except ClaimLost as error:
            return self.handle_exception(error)
        return Response(self.shown(done).data)


@extend_schema_view(
    post=extend_schema(
        operation_id="extend_lease",
        summary="Keep a claimed command for longer",
        description=LOST,
        request=ExtendLease,
        responses=LeaseUntil,
        examples=[
            OpenApiExample(
                "A minute more", {"deliveries": 1, "lease_seconds": 60}, request_only=True
            )
        ],
    )
)
class ExtendView(OfDeliveryView):
    expected, shown = ExtendLease, LeaseUntil

    def act(
        self, request: Request, pk: uuid.UUID, deliveries: int, lease_seconds: int
    ) -> dict[str, Any]:
        return {"lease_until": extend_lease(pk, deliveries, lease_seconds=lease_seconds)}


@extend_schema_view(
    post=extend_schema(
        operation_id="release_command",
        summary="Hand a claimed command back unexecuted",
        description=f"It is due at once, and the attempt does not count. {LOST}",
        request=ReleaseCommand,
        responses=SettledCommand,
        examples=[
            OpenApiExample("Why", {"deliveries": 1, "why": "shutting down"}, request_only=True)
        ],
    )
)
class ReleaseView(OfDeliveryView):
    expected = ReleaseCommand

    def act(self, request: Request, pk: uuid.UUID, deliveries: int, why: str) -> Command:
        return release_external(pk, deliveries, why=why, worker=request.user.get_username())


@extend_schema_view(
    post=extend_schema(
        operation_id="succeed_command",
        summary="Report that a claimed command is done",
        description=LOST,
        request=SucceedCommand,
        responses=SettledCommand,
        examples=[
            OpenApiExample(
                "With a result", {"deliveries": 1, "result": {"parcel": "P-1"}}, request_only=True
            )
        ],
    )
)
class SucceedView(OfDeliveryView):
    expected = SucceedCommand

    def act(
        self, request: Request, pk: uuid.UUID, deliveries: int, result: dict[str, Any] | None
    ) -> Command:
        return succeed_external(pk, deliveries, result=result, worker=request.user.get_username())


@extend_schema_view(
    post=extend_schema(
        operation_id="fail_command",
        summary="Report that a claimed command failed",
        description=(
            "A transient failure is tried again after the backoff, and parked after the last "
            f"attempt; a permanent one is parked; a business one is final. {LOST}"
        ),
        request=FailCommand,
        responses=SettledCommand,
        examples=[OpenApiExample("To be tried again", NO_CARRIER, request_only=True)],
    )
)
class FailView(OfDeliveryView):
    expected = FailCommand

    def act(self, request: Request, pk: uuid.UUID, deliveries: int, **failure: Any) -> Command:
        return fail_external(pk, deliveries, worker=request.user.get_username(), **failure)
