"""What an operator can do to entries and stuck replies, and doing it to each one chosen."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from processes.bus.errors import CommandBusError
from processes.requests import Acting
from processes.states import OperatorVerb
from tsq import operations
from tsq.forms import CompleteForm, NoteForm, ResolutionForm, ResolutionReasonForm

MOST_REASONS_TOLD = 5


@dataclass(frozen=True, slots=True)
class Resolution:
    """The verb is the same word in the URL, the permission, the operation and the audit."""

    verb: OperatorVerb
    operation: Callable[..., object]
    form: type[ResolutionForm]
    done: str
    effect: str


@dataclass(slots=True)
class Tally:
    """What came of a selection: each item was done, or refused with a message."""

    done: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def told(self, done_word: str) -> str:
        """For instance "3 retried, 1 skipped: The command is no longer in the TSQ; …"."""
        parts = [f"{self.done} {done_word}"] if self.done else []
        if self.refused:
            parts.append(f"{self.refused.total()} skipped: {self._reasons()}")
        return ", ".join(parts)

    def _reasons(self) -> str:
        told = self.refused.most_common(MOST_REASONS_TOLD)
        reasons = [f"{why} ({times} times)" if times > 1 else why for why, times in told]
        if len(self.refused) > len(told):
            reasons.append(f"… and {len(self.refused) - len(told)} other reasons.")
        return " ".join(reasons)


def resolve(resolution: Resolution, form: ResolutionForm, by: Acting) -> Tally:
    """Do it to every row chosen, each in a transaction of its own; refusals stop nothing."""
    tally = Tally()
    arguments: dict[str, Any] = form.answers() | dict(by)
    for chosen in form.cleaned_data["chosen"]:
        try:
            resolution.operation(chosen.pk, seen=chosen.seen, **arguments)
        except CommandBusError as error:
            tally.refused[error.message] += 1
        else:
            tally.done += 1
    return tally


RETRY = Resolution(
    OperatorVerb.RETRY,
    operations.retry,
    NoteForm,
    "retried",
    "The command is delivered again at once, with its attempts counted anew.",
)
COMPLETE = Resolution(
    OperatorVerb.COMPLETE,
    operations.complete,
    CompleteForm,
    "completed",
    "The command counts as done, as if its handler had returned this result, "
    "and its process goes on. This cannot be taken back.",
)
CANCEL = Resolution(
    OperatorVerb.CANCEL,
    operations.cancel,
    ResolutionReasonForm,
    "canceled",
    "The command is given up. This cannot be taken back.",
)
HANDLE_AGAIN = Resolution(
    OperatorVerb.HANDLE_AGAIN,
    operations.handle_again,
    NoteForm,
    "to be handled again",
    "The process gets the reply once more, with its tries counted anew.",
)
GIVE_UP = Resolution(
    OperatorVerb.GIVE_UP,
    operations.give_up,
    ResolutionReasonForm,
    "given up",
    "The step keeps the reply's outcome and its process fails, so that it can be compensated. "
    "This cannot be taken back.",
)
