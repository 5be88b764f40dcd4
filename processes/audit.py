"""Who did what: every operator action is recorded with the change it made, in its transaction."""

from dataclasses import dataclass
from typing import Any

from processes.bus.errors import CommandBusError, ReasonRequired
from processes.bus.fitness import fit_text
from processes.bus.models import NAME_LENGTH, Command, Reply
from processes.models import OperatorAction, Process
from processes.states import Channel, OperatorVerb


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
    return OperatorAction.objects.create(
        command=command,
        process=process,
        reply=reply,
        domain=subject.domain,
        action=verb,
        operator=fit_text(by.name, NAME_LENGTH),
        channel=by.channel,
        request_id=fit_text(by.request_id, NAME_LENGTH),
        reason=fit_text(reason),
        before=before,
        after=after,
    )
