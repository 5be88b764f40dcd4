"""Processes as they are sent and shown."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from processes.access import require_domain
from processes.api.pagination import Page
from processes.api.problems import ProblemDetails, problem_about
from processes.api.strict import AnyJson, JsonObject, StrictSerializer, Text, Uuid, Words
from processes.bus.errors import CommandBusError
from processes.models import Process, ProcessStep
from processes.registry import manager_of
from processes.selectors import latest_steps
from processes.starting import Start, StartRequest, StartStatus, start_each

MOST_AT_ONCE = 1000
_SHOWN = (
    *("id", "process_type", "domain", "status", "current_step", "error_code", "error_message"),
    *("created_at", "updated_at", "completed_at"),
)


class StartProcess(StrictSerializer):
    process_type = Text(help_text="A type that this site knows.")
    data = JsonObject(  # type: ignore[assignment] # the word for it everywhere
        help_text="What the process starts with; its type says what it needs."
    )
    process_id = Uuid(
        required=False,
        help_text="Your own id: starting the same again finds the process and starts no other.",
    )


class StartProcesses(StrictSerializer):
    items = serializers.ListField(child=StartProcess(), min_length=1, max_length=MOST_AT_ONCE)


class Compensate(StrictSerializer):
    reason = Words(max_length=10_000, help_text="Kept in the audit.")


class ProcessSummary(serializers.ModelSerializer[Process]):
    class Meta:
        model = Process
        fields = _SHOWN
        read_only_fields = fields


class Step(serializers.ModelSerializer[ProcessStep]):
    compensates = serializers.IntegerField(
        source="compensates.sequence",
        default=None,
        allow_null=True,
        read_only=True,
        help_text="The sequence of the step it undoes.",
    )

    reply_data = AnyJson()

    class Meta:
        model = ProcessStep
        fields = (
            *("sequence", "step", "direction", "compensates", "command_id", "command_type"),
            *("sent_at", "parked_at", "outcome", "reply_data", "error_code", "error_message"),
            "received_at",
        )
        read_only_fields = fields


class ProcessDetail(serializers.ModelSerializer[Process]):
    data = JsonObject(read_only=True)  # type: ignore[assignment] # likewise
    state = JsonObject(read_only=True)
    steps = serializers.SerializerMethodField(help_text="The latest 500, in order.")

    class Meta:
        model = Process
        fields = (*_SHOWN, "data", "state", "steps")
        read_only_fields = fields

    @extend_schema_field(Step(many=True))
    def get_steps(self, process: Process) -> Any:
        return Step(latest_steps(process), many=True).data


class StartOutcome(serializers.Serializer[Any]):
    """What became of one item of a batch."""

    index = serializers.IntegerField(help_text="Its place in the batch, from 0.")
    status = serializers.ChoiceField(StartStatus.choices)
    process = ProcessSummary(allow_null=True)
    problem = ProblemDetails(allow_null=True)


class StartOutcomes(serializers.Serializer[Any]):
    items = StartOutcome(many=True)


class ProcessPage(Page):
    results = ProcessSummary(many=True)


def outcome_of(start: Start, index: int, request: Request) -> dict[str, Any]:
    shown = ProcessSummary(start.process).data if start.process else None
    problem = problem_about(start.error, request) if start.error else None
    return {"index": index, "status": start.status, "process": shown, "problem": problem}


def start_permitted(
    user: AbstractBaseUser | AnonymousUser, requests: Sequence[StartRequest]
) -> list[Start]:
    """Like ``start_each``; what lies in other domains than the user's is refused."""
    refused = dict(_refusals(user, {request.process_type for request in requests}))
    starts = iter(start_each([r for r in requests if r.process_type not in refused]))
    return [
        Start(error=refused[request.process_type])
        if request.process_type in refused
        else next(starts)
        for request in requests
    ]


def _refusals(
    user: AbstractBaseUser | AnonymousUser, process_types: set[str]
) -> Iterator[tuple[str, CommandBusError]]:
    for process_type in process_types:
        try:
            require_domain(user, manager_of(process_type).domain)
        except CommandBusError as error:
            yield process_type, error
