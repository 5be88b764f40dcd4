"""Who did what: every operator action is recorded with the change it made, in its transaction."""

from dataclasses import dataclass
from typing import Any, TypeVar

from processes.bus.errors import CommandBusError, MovedOn, ReasonRequired
from processes.bus.fitness import fit_text
from processes.bus.models import NAME_LENGTH, Command, Reply
from processes.models import OperatorAction, Process
from processes.states import Channel, OperatorVerb, SubjectKind

Refusal = TypeVar("Refusal", bound=MovedOn)


class OperatorRequired(CommandBusError):
    """Every operator action names a person or service."""

    code = "OPERATOR_REQUIRED"


@dataclass(frozen=True, slots=True)
class Operator:
    """Who acts, through which surface, and under which request."""

    name: str
    channel: str = Channel.PYTHON
    request_id: str = ""

    def __post_init__(self) -> None:
        if not str(self.name or "").strip():
            raise OperatorRequired("operator must name who acts.")
        if self.channel not in Channel.values:
            raise OperatorRequired(
                f"channel must be one of {', '.join(Channel.values)}, not {self.channel!r}."
            )


@dataclass(frozen=True, slots=True)
class Subject:
    """What is acted on above the engine; ``domain`` is empty where it is of several."""

    kind: SubjectKind
    pk: object
    domain: str


def require_reason(reason: str, what: str) -> None:
    """Raises ReasonRequired when ``reason`` is blank."""
    if not str(reason or "").strip():
        raise ReasonRequired(f"A reason is required for {what}.")


def record_action(
    verb: OperatorVerb,
    by: Operator,
    reason: str,
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    command: Command | None = None,
    process: Process | None = None,
    reply: Reply | None = None,
) -> OperatorAction:
    """Add the audit row of one action on exactly one command, process or reply."""
    subject = process or command or (reply and reply.command)
    assert subject, "an action has a subject"
    on: dict[str, Any] = {"command": command, "process": process, "reply": reply}
    return _record(verb, by, reason, before, after, on | {"domain": subject.domain})


def record_action_above(
    verb: OperatorVerb,
    by: Operator,
    reason: str,
    before: dict[str, Any],
    after: dict[str, Any],
    subject: Subject,
) -> OperatorAction:
    """Add the audit row of one action on a subject above the engine."""
    on = {"subject_kind": subject.kind, "subject_id": str(subject.pk), "domain": subject.domain}
    return _record(verb, by, reason, before, after, on)


def _record(
    verb: OperatorVerb,
    by: Operator,
    reason: str,
    before: dict[str, Any],
    after: dict[str, Any],
    on: dict[str, Any],
) -> OperatorAction:
    return OperatorAction.objects.create(
        **on,
        action=verb,
        operator=fit_text(by.name, NAME_LENGTH),
        channel=by.channel,
        request_id=fit_text(by.request_id, NAME_LENGTH),
        reason=fit_text(reason),
        before=before,
        after=after,
    )


def moved_on(
    refusal: type[Refusal], what: str, last: OperatorAction | None, *, state: str, since: Any
) -> Refusal:
    """The refusal to act on what is no longer as the operator saw it: ``what``, and who did it.

    ``last`` is the last of its ``resolutions``; without one it is so ``since`` then.
    """
    by_whom = f" ({last.action} by {last.operator}, {last.at:%Y-%m-%d %H:%M:%S %Z})" if last else ""
    return refusal(
        f"{what}{by_whom}.",
        state=state,
        actor=last.operator if last else "",
        action=last.action if last else "",
        at=last.at if last else since,
    )
