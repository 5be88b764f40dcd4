"""Stuck replies as they are shown, and what is sent to resolve them."""

from rest_framework import serializers

from processes.api.pagination import Page
from processes.api.strict import AnyJson, StrictSerializer, WholeNumber
from processes.bus.models import Reply
from tsq.api.entries import Action, ItsProcess
from tsq.api.resolutions import MOST_SEEN, NoteArgument, ReasonArgument

_SHOWN = (
    *("id", "command_id", "command_type", "domain", "outcome", "correlation_id", "tries"),
    *("version", "last_error", "created_at", "handled_at", "process"),
)


class SeenReply(StrictSerializer):
    seen = WholeNumber(
        min_value=0,
        max_value=MOST_SEEN,
        help_text="The version of the reply you looked at; one stuck anew is refused.",
    )


class HandleAgain(SeenReply, NoteArgument):
    pass


class GiveUp(SeenReply, ReasonArgument):
    pass


class StuckReplySummary(serializers.ModelSerializer[Reply]):
    command_type = serializers.CharField(source="command.command_type", read_only=True)
    domain = serializers.CharField(source="command.domain", read_only=True)
    version = serializers.IntegerField(read_only=True, help_text="Send it as seen.")
    process = ItsProcess(source="step", read_only=True, allow_null=True)

    class Meta:
        model = Reply
        fields = _SHOWN
        read_only_fields = fields


class StuckReplyDetail(StuckReplySummary):
    data = AnyJson()  # type: ignore[assignment] # the word for it everywhere
    actions = Action(
        source="operator_actions", many=True, read_only=True, help_text="What operators did."
    )

    class Meta:
        model = Reply
        fields = (*_SHOWN, "data", "error_code", "error_message", "actions")
        read_only_fields = fields


class StuckReplyPage(Page):
    results = StuckReplySummary(many=True)
