"""What is sent to resolve an entry and to look after it."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

from processes.api.strict import JsonObject, StrictSerializer, Text, WholeNumber, Words, YesNo

MOST_TEXT = 10_000
MOST_SEEN = 2**53 - 1
NOTHING_TO_TELL: Any = OpenApiExample("Nothing to tell", {}, request_only=True)


class Nothing(StrictSerializer):
    """There is nothing to tell."""


class NoteArgument(StrictSerializer):
    note = Text(required=False, allow_blank=True, max_length=MOST_TEXT, help_text="For the audit.")


class ReasonArgument(StrictSerializer):
    reason = Words(max_length=MOST_TEXT, help_text="Kept in the audit.")


class ResultArgument(StrictSerializer):
    result_data = JsonObject(
        required=False, allow_null=True, help_text="What the handler would have returned."
    )


class SeenEntry(StrictSerializer):
    seen = WholeNumber(
        min_value=0,
        max_value=MOST_SEEN,
        help_text="The deliveries of the entry you looked at; one parked anew is refused.",
    )


class Retry(SeenEntry, NoteArgument):
    pass


class Complete(SeenEntry, ResultArgument, NoteArgument):
    pass


class Cancel(SeenEntry, ReasonArgument):
    pass


class Edit(SeenEntry, ReasonArgument):
    data = JsonObject(  # type: ignore[assignment] # the word for it everywhere
        help_text="All of it: what its handler gets instead."
    )


class TakeClaim(StrictSerializer):
    take_over = YesNo(required=False, help_text="Also if somebody else has claimed it.")


class NewNote(StrictSerializer):
    text = Words(max_length=MOST_TEXT)
