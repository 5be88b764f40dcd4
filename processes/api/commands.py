"""Commands as they are sent and shown."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from processes.api.pagination import Page
from processes.api.strict import AnyJson, JsonObject, StrictSerializer, Text, Uuid, WholeNumber
from processes.bus.models import Command, CommandEvent
from processes.bus.sending import MAX_ATTEMPTS_LIMIT

MOST_EVENTS = 200
_SHOWN = (
    *("id", "command_type", "domain", "status", "correlation_id", "reply_to", "attempts"),
    *("max_attempts", "deliveries", "available_at", "last_error_code", "last_error_message"),
    *("fingerprint", "created_at", "updated_at", "completed_at", "parked_at"),
)


class SendCommand(StrictSerializer):
    domain = Text()
    command_type = Text()
    data = JsonObject(help_text="What the handler is given.")  # type: ignore[assignment] # its word
    command_id = Uuid(
        required=False,
        help_text="Your own id: sending the same again finds the command and sends no other.",
    )
    correlation_id = Uuid(required=False, help_text="Kept with the command and its replies.")
    reply_to = Text(
        required=False,
        allow_blank=True,
        help_text="Where its replies wait for you: your user name, or that and / and more.",
    )
    max_attempts = WholeNumber(required=False, min_value=1, max_value=MAX_ATTEMPTS_LIMIT)


class CommandSummary(serializers.ModelSerializer[Command]):
    class Meta:
        model = Command
        fields = _SHOWN
        read_only_fields = fields


class Event(serializers.ModelSerializer[CommandEvent]):
    details = AnyJson()

    class Meta:
        model = CommandEvent
        fields = ("type", "delivery", "actor", "details", "at")
        read_only_fields = fields


class CommandDetail(serializers.ModelSerializer[Command]):
    data = JsonObject(read_only=True)  # type: ignore[assignment] # likewise
    edited_data = JsonObject(
        read_only=True, allow_null=True, help_text="Delivered in its place, if it was mended."
    )
    events = serializers.SerializerMethodField(help_text=f"The latest {MOST_EVENTS}, in order.")

    class Meta:
        model = Command
        fields = (*_SHOWN, "data", "edited_data", "events")
        read_only_fields = fields

    @extend_schema_field(Event(many=True))
    def get_events(self, command: Command) -> Any:
        latest = list(command.events.order_by("-id")[:MOST_EVENTS])
        return Event(latest[::-1], many=True).data


class CommandPage(Page):
    results = CommandSummary(many=True)
