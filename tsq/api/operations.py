"""Bulk operations, as they are sent and shown."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from processes.api.pagination import Page
from processes.api.schema import schema_of_words
from processes.api.strict import (
    JsonObject,
    Number,
    StrictSerializer,
    Text,
    Uuid,
    WholeNumber,
    Words,
    YesNo,
)
from tsq.api.entries import EntrySummary
from tsq.api.resolutions import MOST_TEXT, NoteArgument, ResultArgument
from tsq.bulk.beginning import ARGUMENTS
from tsq.bulk.filters import OUTCOMES, VERBS
from tsq.bulk.selectors import MOST_GROUPS_SHOWN, OPEN, progress_of
from tsq.filters import EntryFilter
from tsq.models import BulkItem, BulkOperation
from tsq.models.bulk import HIGHEST_RATE, LOWEST_RATE

MOST_IDS = 10_000
_SHOWN = (
    *("id", "verb", "status", "size", "filter", "rate", "operator", "channel", "request_id"),
    *("domains", "created_at", "finished_at"),
)


@extend_schema_field(schema_of_words(EntryFilter))
class FilterWords(serializers.DictField):
    """A word without a value would mean everything, so it is refused."""

    child = Text(trim_whitespace=True)


class Arguments(ResultArgument, NoteArgument):
    reason = Words(required=False, max_length=MOST_TEXT, help_text="Kept in the audit.")


class BeginOperation(StrictSerializer):
    more_schema = {
        "if": {"required": ["ids"]},
        "then": {"not": {"required": ["filter"]}},
        "else": {"required": ["filter"]},
    }

    verb = serializers.ChoiceField(VERBS)
    ids = serializers.ListField(
        child=Uuid(), required=False, min_length=1, max_length=MOST_IDS, help_text="These entries."
    )
    filter = FilterWords(
        required=False, help_text="Instead of ids: all that match now; {} means every entry."
    )
    arguments = Arguments(
        required=False, help_text="As one entry takes them; cancel needs a reason."
    )
    rate = Number(
        required=False,
        allow_null=True,
        min_value=LOWEST_RATE,
        max_value=HIGHEST_RATE,
        help_text="At most so many a second.",
    )
    expected_count = WholeNumber(
        required=False,
        min_value=0,
        help_text="How many entries you mean; refused if they are not so many. Needed for many.",
    )
    dry_run = YesNo(required=False, help_text="Only tell what it would be about.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in attrs) == ("filter" in attrs):
            raise serializers.ValidationError(
                {"ids": ["Give either ids or a filter; the filter {} means every entry."]}
            )
        taken = ARGUMENTS[attrs["verb"]]
        told = [f"{attrs['verb']} takes {' and '.join(taken)} only."]
        wrong = {name: told for name in attrs.get("arguments", {}) if name not in taken}
        if wrong:
            raise serializers.ValidationError({"arguments": wrong})
        return attrs


class OperationSummary(serializers.ModelSerializer[BulkOperation]):
    verb = serializers.ChoiceField(VERBS, read_only=True)
    filter = JsonObject(read_only=True, help_text="What it was chosen by.")
    domains = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = BulkOperation
        fields = _SHOWN
        read_only_fields = fields


class Progress(serializers.Serializer[Any]):
    """How many items have which outcome."""

    total = serializers.IntegerField()
    open = serializers.IntegerField()
    done = serializers.IntegerField()
    skipped = serializers.IntegerField(help_text="Resolved by somebody else, or parked anew.")
    failed = serializers.IntegerField()


class OperationDetail(OperationSummary):
    arguments = JsonObject(read_only=True)
    progress = serializers.SerializerMethodField()

    class Meta:
        model = BulkOperation
        fields = (*_SHOWN, "arguments", "progress")
        read_only_fields = fields

    @extend_schema_field(Progress)
    def get_progress(self, operation: BulkOperation) -> Any:
        return Progress(progress_of(operation)).data


class OperationPage(Page):
    results = OperationSummary(many=True)


class ChosenGroup(serializers.Serializer[Any]):
    """How many of the chosen entries are alike."""

    domain = serializers.CharField()
    command_type = serializers.CharField()
    error_code = serializers.CharField()
    number = serializers.IntegerField()


class DryRun(serializers.Serializer[Any]):
    """What an operation would be about; nothing is stored."""

    count = serializers.IntegerField(help_text="Send it as expected_count.")
    groups = ChosenGroup(many=True, help_text=f"The {MOST_GROUPS_SHOWN} largest.")
    sample = EntrySummary(many=True, help_text="The first ones.")


class Item(serializers.ModelSerializer[BulkItem]):
    """One entry of an operation."""

    entry = serializers.UUIDField(source="command_id", read_only=True)
    domain = serializers.CharField(source="command.domain", read_only=True)
    command_type = serializers.CharField(source="command.command_type", read_only=True)
    outcome = serializers.SerializerMethodField()

    class Meta:
        model = BulkItem
        fields = ("id", "entry", "domain", "command_type", "seen", "outcome", "message", "at")
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(OUTCOMES))
    def get_outcome(self, item: BulkItem) -> str:
        return item.outcome or OPEN


class ItemPage(Page):
    results = Item(many=True)
