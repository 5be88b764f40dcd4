"""Operator actions as CSV, streamed, and harmless to whoever opens it in a spreadsheet."""

import json
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from processes import spreadsheets
from processes.models import OperatorAction

CHUNK = 1_000
COLUMNS = (
    *("id", "at", "operator", "channel", "request_id", "action", "domain"),
    *("subject", "type", "subject_id", "reason", "before", "after"),
)


def csv_lines(actions: QuerySet[OperatorAction]) -> Iterator[str]:
    """A header and a line for each action, the newest first."""
    return spreadsheets.csv_lines(COLUMNS, map(_values, _newest_first(actions)))


def subject_of(action: OperatorAction) -> tuple[str, str, Any]:
    """What was acted on: its kind, its type if it has one, and its id."""
    if action.subject_kind:
        return action.subject_kind, "", action.subject_id
    if action.process:
        return "process", action.process.process_type, action.process.pk
    if action.reply:
        return "reply", action.reply.command.command_type, action.reply.pk
    assert action.command, "the database demands exactly one subject"
    return "command", action.command.command_type, action.command.pk


def _newest_first(actions: QuerySet[OperatorAction]) -> Iterator[OperatorAction]:
    """In chunks by id: neither the memory nor a long transaction holds them all."""
    chunk = list(actions.order_by("-id")[:CHUNK])
    while chunk:
        yield from chunk
        chunk = list(actions.filter(id__lt=chunk[-1].pk).order_by("-id")[:CHUNK])


def _values(action: OperatorAction) -> Iterator[Any]:
    yield from (action.pk, action.at.isoformat(), action.operator, action.channel)
    yield from (action.request_id, action.action, action.domain)
    yield from subject_of(action)
    yield action.reason
    yield from (json.dumps(value, ensure_ascii=False) for value in (action.before, action.after))
