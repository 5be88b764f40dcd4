"""Replies as the owner of their address reads and acknowledges them."""

from typing import Any

from rest_framework import serializers

from processes.api.polling import LONGEST_WAIT_SECONDS
from processes.api.strict import JsonObject, StrictSerializer, Text, WrittenNumber
from processes.bus.inbox import MOST_READ
from processes.bus.models import Reply


class ReadReplies(StrictSerializer):
    reply_to = Text(help_text="Your user name, or that and / and more.")
    limit = WrittenNumber(default=MOST_READ, min_value=1, max_value=MOST_READ)
    wait_seconds = WrittenNumber(
        default=0,
        min_value=0,
        max_value=LONGEST_WAIT_SECONDS,
        help_text="How long to wait if there is none.",
    )


class Acknowledge(StrictSerializer):
    reply_to = Text(help_text="The address it was read from.")


class ReadReply(serializers.ModelSerializer[Reply]):
    command_type = serializers.CharField(source="command.command_type", read_only=True)
    domain = serializers.CharField(source="command.domain", read_only=True)
    data = JsonObject(read_only=True, allow_null=True)  # type: ignore[assignment] # its word

    class Meta:
        model = Reply
        fields = (
            *("id", "command_id", "correlation_id", "command_type", "domain", "outcome", "data"),
            *("error_code", "error_message", "created_at"),
        )
        read_only_fields = fields


class UnreadReplies(serializers.Serializer[Any]):
    results = ReadReply(many=True)


class AcknowledgedReply(serializers.ModelSerializer[Reply]):
    acknowledged_at = serializers.DateTimeField(source="handled_at", read_only=True)

    class Meta:
        model = Reply
        fields = ("id", "acknowledged_at")
        read_only_fields = fields
