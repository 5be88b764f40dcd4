"""What operators fill in.  The forms parse; what is allowed is decided in ``tsq.operations``."""

import json
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model

from processes.admin.forms import ReasonForm, words_field
from processes.bus.fitness import UnfitJson, json_object_text
from processes.bus.handlers import find_handler
from processes.bus.models import Command

MOST_CHOSEN = 500
MOST_RESULT_CHARACTERS = 1_000_000
_EXCERPT = 30


@dataclass(frozen=True, slots=True)
class Chosen:
    """A row the operator chose, and the ``seen`` number it had when it was shown."""

    pk: Any
    seen: int

    def __str__(self) -> str:
        return f"{self.pk}:{self.seen}"


class ResolutionForm(forms.Form):
    """``chosen`` holds ``pk:seen`` pairs: what was seen is what is acted on."""

    chosen = forms.CharField(widget=forms.HiddenInput, max_length=100 * MOST_CHOSEN)

    def __init__(self, model: type[Model], data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        self._pk: Any = model._meta.pk

    def clean_chosen(self) -> list[Chosen]:
        pairs = self.cleaned_data["chosen"].split()
        if len(pairs) > MOST_CHOSEN:
            raise ValidationError(f"Choose at most {MOST_CHOSEN} at a time.")
        return [self._pair(pair) for pair in pairs]

    def answers(self) -> dict[str, Any]:
        """What the operation is told beside what was chosen."""
        return {name: value for name, value in self.cleaned_data.items() if name != "chosen"}

    def _pair(self, pair: str) -> Chosen:
        pk, _, seen = pair.rpartition(":")
        if not (seen.isascii() and seen.isdigit() and len(seen) < 19):
            raise ValidationError("The selection cannot be read; choose again from the list.")
        return Chosen(self._pk.to_python(pk), int(seen))


class NoteForm(ResolutionForm):
    note = words_field("Note", required=False, help_text="Optional; kept in the audit trail.")


class EntryNoteForm(forms.Form):
    text = words_field("Add a note", required=True)


class ResolutionReasonForm(ResolutionForm, ReasonForm):
    """The reason is needed, for this cannot be taken back."""


class ResultField(forms.CharField):
    """A JSON object, or nothing; an error says where it is and what stands there."""

    what = "a result"

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text or len(text) > MOST_RESULT_CHARACTERS:
            return text or None
        return read_json(text, self.what)

    def run_validators(self, value: Any) -> None:
        """The length and characters are checked on the text."""
        if isinstance(value, str):
            super().run_validators(value)


class ValueField(forms.CharField):
    """One value of a result: text as it stands, or JSON where it begins like an object or list."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text or text[0] not in '{["' or len(text) > MOST_RESULT_CHARACTERS:
            return text
        return read_json(text, wrapped=True)

    def run_validators(self, value: Any) -> None:
        if isinstance(value, str):
            super().run_validators(value)


class CompleteForm(NoteForm):
    """Asks for the result, field by field where the handler of what was chosen declares them."""

    result_data = ResultField(
        label="Result",
        required=False,
        max_length=MOST_RESULT_CHARACTERS,
        help_text="Optional: a JSON object, as the handler would have returned it.",
        widget=forms.Textarea(attrs={"rows": 8, "class": "code", "spellcheck": "false"}),
    )
    field_order = ("result_data", "note")

    def __init__(self, model: type[Model], data: Any = None, **options: Any) -> None:
        super().__init__(model, data, **options)
        names = result_fields_of(str(self["chosen"].value() or ""))
        self._declared = {f"result_{name}": name for name in names}
        for field, name in self._declared.items():
            self.fields[field] = _value_field(name)
        if self._declared:
            self.fields["result_data"].label = "Or the whole result as JSON"
            self.fields["result_data"].help_text = "In place of the fields above."
        self.order_fields([*self._declared, *self.field_order])

    def clean(self) -> dict[str, Any]:
        answers: dict[str, Any] = super().clean() or {}
        if not self._declared or self.errors:
            return answers
        given = {name: answers[field] for field, name in self._declared.items()}
        if answers["result_data"] is None:
            for field in self._declared:
                if answers[field] == "":
                    self.add_error(field, "The process needs this to go on.")
            answers["result_data"] = given
        elif any(value != "" for value in given.values()):
            self.add_error("result_data", "Fill in the fields or this, not both.")
        return answers

    def answers(self) -> dict[str, Any]:
        return {k: v for k, v in super().answers().items() if k not in self._declared}


def result_fields_of(chosen: str) -> tuple[str, ...]:
    """The fields that the handler of all the chosen entries declares; none if they differ."""
    pks = [pair.rpartition(":")[0] for pair in chosen.split()[:MOST_CHOSEN]]
    try:
        lanes = Command.objects.filter(pk__in=pks).values_list("domain", "command_type")
        (lane,) = lanes.distinct()[:2]
    except (ValueError, ValidationError):  # no readable ids, or more than one kind
        return ()
    handler = find_handler(*lane)
    return handler.result_fields if handler else ()


def _value_field(name: str) -> ValueField:
    return ValueField(
        label=name,
        required=False,
        max_length=MOST_RESULT_CHARACTERS,
        help_text='Text, or JSON if it begins with {, [ or ".',
        widget=forms.Textarea(attrs={"rows": 2, "class": "code", "spellcheck": "false"}),
    )


def read_json(text: str, what: str = "a result", *, wrapped: bool = False) -> Any:
    """A JSON object (``wrapped``: any value); raises ValidationError, which says where and why."""
    try:
        value = json.loads(text)
        json_object_text({"value": value} if wrapped else value)
    except json.JSONDecodeError as error:
        raise ValidationError(_where(error)) from None
    except UnfitJson as error:
        raise ValidationError(f"This cannot be {what}: {error}.") from None
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"This JSON cannot be read: {error}.") from None
    return value


def _where(error: json.JSONDecodeError) -> str:
    before = error.doc[max(error.pos - _EXCERPT, 0) : error.pos]
    after = error.doc[error.pos : error.pos + _EXCERPT]
    found = f"{before} ▶ {after or 'the end'}"
    return (
        f"Not valid JSON at line {error.lineno}, column {error.colno}: "
        f"{error.msg.lower()}. It is here: {' '.join(found.split())}"
    )
