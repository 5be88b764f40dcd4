"""Commands as they are handed out to services from outside, and as these tell their outcomes."""

from typing import Any

from rest_framework import serializers

from processes.api.polling import LONGEST_WAIT_SECONDS
from processes.api.strict import JsonObject, StrictSerializer, Text, WholeNumber
from processes.bus.external import LONGEST_LEASE_SECONDS, MOST_CLAIMED
from processes.bus.models import Command
from processes.bus.outcomes import Severity

MOST_TYPES = 100
MOST_TEXT = 10_000
KINDS = [severity.value for severity in Severity]


class ClaimCommands(StrictSerializer):
    domain = Text()
    types = serializers.ListField(
        child=Text(), max_length=MOST_TYPES, help_text="None: all external ones of the domain."
    )
    limit = WholeNumber(min_value=1, max_value=MOST_CLAIMED)
    lease_seconds = WholeNumber(
        required=False,
        min_value=1,
        max_value=LONGEST_LEASE_SECONDS,
        help_text="How long you have for each; as declared with its type if not given.",
    )
    wait_seconds = WholeNumber(
        default=0,
        min_value=0,
        max_value=LONGEST_WAIT_SECONDS,
        help_text="How long to wait if nothing is due.",
    )


class HandedOut(serializers.Serializer[Any]):
    """One delivery of a command."""

    command_id = serializers.UUIDField()
    command_type = serializers.CharField()
    domain = serializers.CharField()
    data = JsonObject()  # type: ignore[assignment] # the word for it everywhere
    correlation_id = serializers.UUIDField(allow_null=True)
    attempt = serializers.IntegerField(help_text="From 1 to max_attempts.")
    max_attempts = serializers.IntegerField()
    deliveries = serializers.IntegerField(
        help_text="The token under which what you report of this delivery counts."
    )
    lease_until = serializers.DateTimeField(help_text="By the clock of the database.")


class HandedOutCommands(serializers.Serializer[Any]):
    commands = HandedOut(many=True)


class OfDelivery(StrictSerializer):
    deliveries = WholeNumber(
        min_value=1, max_value=2**31 - 1, help_text="As it was when the command was handed out."
    )


class ExtendLease(OfDelivery):
    lease_seconds = WholeNumber(
        min_value=1, max_value=LONGEST_LEASE_SECONDS, help_text="Counted from now."
    )


class ReleaseCommand(OfDelivery):
    why = Text(
        default="", allow_blank=True, max_length=MOST_TEXT, help_text="Kept in the event log."
    )


class SucceedCommand(OfDelivery):
    result = JsonObject(
        default=None, allow_null=True, help_text="What the sender of the command is told."
    )


class FailCommand(OfDelivery):
    kind = serializers.ChoiceField(
        KINDS,
        help_text="transient: tried again, then parked; permanent: parked; business: FAILED.",
    )
    code = Text(help_text="Stable; groups alike errors.")
    message = Text(max_length=MOST_TEXT, help_text="For people.")
    details = JsonObject(default=None, allow_null=True, help_text="Kept in the event log.")


class LeaseUntil(serializers.Serializer[Any]):
    lease_until = serializers.DateTimeField(help_text="By the clock of the database.")


class SettledCommand(serializers.ModelSerializer[Command]):
    """What has become of the command."""

    command_id = serializers.UUIDField(source="id", read_only=True)

    class Meta:
        model = Command
        fields = ("command_id", "status", "attempts", "max_attempts", "available_at")
        read_only_fields = fields
