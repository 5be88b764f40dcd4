"""Entries as they are shown, with their version."""

import uuid
from typing import Any

from django.db.models import Manager, OuterRef, Subquery
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from processes.api.commands import Event
from processes.api.pagination import Page
from processes.api.strict import JsonObject
from processes.bus.locks import lock_command
from processes.bus.models import Command, CommandEvent
from processes.idempotency import hash_of
from processes.models import OperatorAction, ProcessStep
from processes.selectors import MOST_EVENTS, event_log
from processes.states import ProcessStatus
from tsq.models import EntryClaim, EntryNote
from tsq.selectors import MOST_NOTES, notes_of, with_steps

_SHOWN = (
    *("id", "command_type", "domain", "status", "correlation_id", "attempts", "max_attempts"),
    *("deliveries", "last_error_code", "last_error_message", "fingerprint", "created_at"),
    *("updated_at", "completed_at", "parked_at", "claim", "process"),
)


class Claim(serializers.ModelSerializer[EntryClaim]):
    class Meta:
        model = EntryClaim
        fields = ("operator", "claimed_at")
        read_only_fields = fields


class ItsProcess(serializers.ModelSerializer[ProcessStep]):
    """The step a command was sent for, as the process it belongs to."""

    id = serializers.UUIDField(source="process_id", read_only=True)
    process_type = serializers.CharField(source="process.process_type", read_only=True)
    status = serializers.ChoiceField(ProcessStatus.choices, source="process.status", read_only=True)

    class Meta:
        model = ProcessStep
        fields = ("id", "process_type", "status", "sequence", "step", "direction")
        read_only_fields = fields


class EntrySummary(serializers.ModelSerializer[Command]):
    deliveries = serializers.IntegerField(
        read_only=True, help_text="Send it as seen: an entry parked anew has another one."
    )
    claim = Claim(source="entry_claim", read_only=True, allow_null=True)
    process = ItsProcess(source="step", read_only=True, allow_null=True)

    class Meta:
        model = Command
        fields = _SHOWN
        read_only_fields = fields


class Action(serializers.ModelSerializer[OperatorAction]):
    """What an operator did, as the audit has it."""

    before = JsonObject(read_only=True)
    after = JsonObject(read_only=True)

    class Meta:
        model = OperatorAction
        fields = (
            *("action", "operator", "channel", "request_id", "reason", "before", "after"),
            "at",
        )
        read_only_fields = fields


class Note(serializers.ModelSerializer[EntryNote]):
    class Meta:
        model = EntryNote
        fields = ("id", "operator", "channel", "text", "at")
        read_only_fields = fields


class EntryDetail(EntrySummary):
    data = JsonObject(  # type: ignore[assignment] # the word for it everywhere
        read_only=True, help_text="As sent; never changed."
    )
    edited_data = JsonObject(
        read_only=True, allow_null=True, help_text="Delivered in its place, if it was mended."
    )
    events = serializers.SerializerMethodField(help_text=f"The latest {MOST_EVENTS}, in order.")
    notes = serializers.SerializerMethodField(help_text=f"The latest {MOST_NOTES}, in order.")
    actions = Action(
        source="operator_actions", many=True, read_only=True, help_text="What operators did."
    )

    class Meta:
        model = Command
        fields = (*_SHOWN, "data", "edited_data", "events", "notes", "actions")
        read_only_fields = fields

    @extend_schema_field(Event(many=True))
    def get_events(self, entry: Command) -> Any:
        return Event(event_log(entry), many=True).data

    @extend_schema_field(Note(many=True))
    def get_notes(self, entry: Command) -> Any:
        return Note(notes_of(entry), many=True).data


class EntryPage(Page):
    results = EntrySummary(many=True)


class NotePage(Page):
    results = Note(many=True)


class Group(serializers.Serializer[Any]):
    """Entries with the same error."""

    fingerprint = serializers.CharField(help_text="A filter word of entries.")
    domain = serializers.CharField()
    command_type = serializers.CharField()
    error_code = serializers.CharField()
    count = serializers.IntegerField()
    new = serializers.IntegerField(help_text="How many were parked within the last hour.")
    first_seen = serializers.DateTimeField()
    last_seen = serializers.DateTimeField()
    sample = serializers.CharField(help_text="One of their messages.")


class Groups(serializers.Serializer[Any]):
    results = Group(many=True)
    is_cut = serializers.BooleanField(help_text="There are more; the words of the filter help.")


class PlannedStep(serializers.Serializer[Any]):
    sequence = serializers.IntegerField()
    step = serializers.CharField()
    undone_by = serializers.CharField(help_text="Empty: nothing needs to be undone.")
    problem = serializers.CharField(help_text="Why this site cannot tell; empty: it can.")


class UndoPlan(serializers.Serializer[Any]):
    compensates = serializers.BooleanField(
        help_text=(
            "false: nothing would be compensated, for it is of no process, a compensation itself, "
            "or no longer in the TSQ."
        )
    )
    steps = PlannedStep(many=True, help_text="In the order they would be undone.")


def summary_of(pk: uuid.UUID) -> Any:
    entries = Command.objects.select_related("entry_claim").defer("data", "edited_data")
    return EntrySummary(with_steps(entries.filter(pk=pk))[0]).data


def etag_of_entry(pk: uuid.UUID) -> str:
    """Another one after each change of what is shown of the entry; asked before that is read.

    Claims, notes and resolutions are seen by their actions, for those are in the audit.
    """

    def latest(rows: Manager[Any]) -> Subquery:
        return Subquery(rows.filter(command=OuterRef("pk")).order_by("-id").values("id")[:1])

    step = ProcessStep.objects.filter(command_id=OuterRef("pk"))
    parts = Command.objects.filter(pk=pk).values_list(
        "updated_at",
        latest(CommandEvent.objects),
        latest(OperatorAction.objects),
        Subquery(step.values("process__updated_at")[:1]),
    )
    return f'"{hash_of(repr(parts.first()).encode()).hex()[:32]}"'


def etag_of_locked_entry(pk: uuid.UUID) -> str:
    """The command is locked first, so that nobody resolves it before the transaction ends."""
    lock_command(pk)
    return etag_of_entry(pk)
