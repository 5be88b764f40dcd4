"""What confirming a bulk operation asks for: the verb's own answers, a rate, the number typed."""

from typing import Any

from django import forms

from processes.admin.forms import ReasonForm, words_field
from processes.states import OperatorVerb
from tsq.forms import MOST_RESULT_CHARACTERS, ResultField
from tsq.models.bulk import HIGHEST_RATE, LOWEST_RATE


class BulkForm(forms.Form):
    rate = forms.FloatField(
        label="At most so many a second",
        required=False,
        min_value=LOWEST_RATE,
        max_value=HIGHEST_RATE,
        help_text="Optional: spares what the commands call. Empty: as fast as the workers can.",
    )
    typed_count = forms.IntegerField(
        label="Number of entries",
        required=False,
        help_text="Type how many entries this is about, to confirm that you mean all of them.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, needs_typed_count: bool) -> None:
        super().__init__(data)
        if needs_typed_count:
            self.fields["typed_count"].widget.is_required = True
        else:
            del self.fields["typed_count"]

    def confirmed(self) -> dict[str, Any]:
        """What ``tsq.bulk.confirm`` is told."""
        answers = dict(self.cleaned_data)
        rate, typed_count = answers.pop("rate"), answers.pop("typed_count", None)
        return {"arguments": answers, "rate": rate, "typed_count": typed_count}


class BulkRetryForm(BulkForm):
    note = words_field("Note", required=False, help_text="Optional; kept in the audit trail.")
    field_order: tuple[str, ...] = ("note", "rate", "typed_count")


class BulkCompleteForm(BulkRetryForm):
    result_data = ResultField(
        label="Result",
        required=False,
        max_length=MOST_RESULT_CHARACTERS,
        help_text="Optional: a JSON object, the same for each, as the handler would return it.",
        widget=forms.Textarea(attrs={"rows": 8, "class": "code", "spellcheck": "false"}),
    )
    field_order = ("result_data", "note", "rate", "typed_count")


class BulkCancelForm(BulkForm, ReasonForm):
    field_order = ("reason", "rate", "typed_count")


FORMS: dict[str, type[BulkForm]] = {
    OperatorVerb.RETRY: BulkRetryForm,
    OperatorVerb.COMPLETE: BulkCompleteForm,
    OperatorVerb.CANCEL: BulkCancelForm,
}
