"""What operators do.  Every surface calls these functions; every rule of theirs is here.

Each is one transaction: lock, refuse if things have moved on, change by the status machine,
write the event, the audit row and the reply by which the process hears of it.
"""

import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction

from processes.audit import Operator, moved_on, record_action, require_reason
from processes.bus.errors import InvalidResult, NotFound, NotStuck
from processes.bus.fitness import UnfitJson, json_object_text
from processes.bus.models import Command, Reply
from processes.bus.states import FINAL_OUTCOMES
from processes.bus.wakeup import wake_workers
from processes.engine import give_up_reply, handle_reply_again, lock_process
from processes.states import Channel, OperatorVerb
from tsq.resolutions import Resolution, resolve_one


def retry(
    command_id: uuid.UUID | str,
    *,
    operator: str,
    note: str = "",
    seen: int | None = None,
    channel: str = Channel.PYTHON,
    request_id: str = "",
) -> Command:
    """Have the command delivered again, its attempts counted anew.

    ``seen`` is the ``deliveries`` number the operator looked at: a command parked anew since
    then is refused.  Raises NotFound, NotParked.
    """
    by = Operator(operator, channel, request_id)
    return resolve_one(retrying(by, note=note), command_id, seen)


def complete(
    command_id: uuid.UUID | str,
    *,
    operator: str,
    result_data: dict[str, Any] | None = None,
    note: str = "",
    seen: int | None = None,
    channel: str = Channel.PYTHON,
    request_id: str = "",
) -> Command:
    """Count the command as done, as if its handler had returned ``result_data``.

    Raises NotFound, NotParked, InvalidResult.
    """
    by = Operator(operator, channel, request_id)
    return resolve_one(completing(by, result_data=result_data, note=note), command_id, seen)


def cancel(
    command_id: uuid.UUID | str,
    *,
    operator: str,
    reason: str,
    seen: int | None = None,
    channel: str = Channel.PYTHON,
    request_id: str = "",
) -> Command:
    """Give the command up; a process that waits for it compensates.

    Raises NotFound, NotParked, ReasonRequired.
    """
    by = Operator(operator, channel, request_id)
    return resolve_one(canceling(by, reason=reason), command_id, seen)


def retrying(by: Operator, *, note: str = "") -> Resolution:
    return Resolution(OperatorVerb.RETRY, by, note)


def completing(
    by: Operator, *, result_data: dict[str, Any] | None = None, note: str = ""
) -> Resolution:
    """Raises InvalidResult."""
    if result_data is not None:
        try:
            json_object_text(result_data)
        except UnfitJson as error:
            raise InvalidResult(f"result_data cannot be kept: {error}.") from None
    return Resolution(OperatorVerb.COMPLETE, by, note, result=result_data)


def canceling(by: Operator, *, reason: str = "") -> Resolution:
    """Raises ReasonRequired."""
    require_reason(reason, "canceling a command")
    return Resolution(OperatorVerb.CANCEL, by, reason)


def resolving(verb: str, by: Operator, arguments: dict[str, Any]) -> Resolution:
    """By the verb's name, for many at once.  Raises ReasonRequired, InvalidResult."""
    builders: dict[str, Callable[..., Resolution]] = {
        OperatorVerb.RETRY: retrying,
        OperatorVerb.COMPLETE: completing,
        OperatorVerb.CANCEL: canceling,
    }
    return builders[verb](by, **arguments)


def handle_again(
    reply_id: int,
    *,
    operator: str,
    note: str = "",
    seen: int | None = None,
    channel: str = Channel.PYTHON,
    request_id: str = "",
) -> Reply:
    """Have a stuck reply handled again, its tries counted anew.

    ``seen`` is the ``version`` the operator looked at: one stuck anew since then is refused.

      Raises NotFound, NotStuck.
    """
    by = Operator(operator, channel, request_id)
    with transaction.atomic():
        reply = _stuck(reply_id, seen)
        before = _told_of(reply)
        handle_reply_again(reply)
        return _record_on_reply(reply, OperatorVerb.HANDLE_AGAIN, by, note, before)


def give_up(
    reply_id: int,
    *,
    operator: str,
    reason: str,
    seen: int | None = None,
    channel: str = Channel.PYTHON,
    request_id: str = "",
) -> Reply:
    """Give up a stuck reply: its step keeps the outcome, its process fails, to be compensated.

    Raises NotFound, NotStuck, ReasonRequired.
    """
    by = Operator(operator, channel, request_id)
    require_reason(reason, "giving up a reply")
    with transaction.atomic():
        reply = _stuck(reply_id, seen)
        if reply.outcome not in FINAL_OUTCOMES:
            raise NotStuck(
                f"A {reply.outcome} notice cannot be given up: its command is still open. "
                "Have it handled again once the code is mended.",
                state=reply.outcome,
            )
        before = _told_of(reply)
        give_up_reply(reply)
        return _record_on_reply(reply, OperatorVerb.GIVE_UP, by, reason, before)


def _stuck(reply_id: int, seen: int | None) -> Reply:
    """The reply, under the lock of its process, still stuck as the operator saw it."""
    reply = _reply(reply_id)
    if reply.correlation_id:
        lock_process(reply.correlation_id)
    stuck = Reply.objects.stuck().filter(pk=reply_id).first()
    if stuck and seen in (None, stuck.version):
        return stuck
    raise _not_stuck(stuck or _reply(reply_id), is_stuck_anew=stuck is not None)


def _not_stuck(reply: Reply, is_stuck_anew: bool) -> NotStuck:
    state = "STUCK" if is_stuck_anew else "HANDLED" if reply.handled_at else "WAITING"
    what = f"Only a stuck reply can be handled again or given up; this one is {state}"
    if is_stuck_anew:
        what = "The reply was stuck anew since you looked; look at its new error first"
    last = reply.operator_actions.resolutions().last()
    return moved_on(NotStuck, what, last, state=state, since=reply.handled_at)


def _reply(reply_id: int) -> Reply:
    try:
        return Reply.objects.get(pk=reply_id)
    except (Reply.DoesNotExist, ValueError, TypeError):
        raise NotFound(f"There is no reply {reply_id}.") from None


def _record_on_reply(
    reply: Reply, verb: OperatorVerb, by: Operator, reason: str, before: dict[str, Any]
) -> Reply:
    reply = _reply(reply.pk)
    record_action(verb, by, reason, before, _told_of(reply), reply=reply)
    wake_workers()
    return reply


def _told_of(reply: Reply) -> dict[str, Any]:
    """What an audit row keeps of a reply."""
    return {
        "outcome": reply.outcome,
        "tries": reply.tries,
        "handled": reply.handled_at is not None,
        "last_error": reply.last_error,
    }
