"""Removing what is old: a process with its commands, a command with its replies and events.

Never a part of one, and never anything open.  In chunks, each a transaction of its own that skips
what somebody else is at.  Other apps that refer to commands add their tables and parts.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from processes.bus import sql
from processes.bus.append_only import PRUNING
from processes.bus.states import FINAL_STATUSES, quoted
from processes.states import TERMINAL_STATUSES

CHUNK = 500

STATUSES = tuple(dict.fromkeys(str(status) for status in (*TERMINAL_STATUSES, *FINAL_STATUSES)))
"""What may be pruned: ends of processes, and of commands that belong to none."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Pruned is what ended before ``before``, in one of these statuses."""

    before: datetime
    statuses: tuple[str, ...] = STATUSES

    @property
    def parameters(self) -> dict[str, Any]:
        return {"before": self.before, "statuses": list(self.statuses)}


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of thing that is pruned: how many there are, and pruning them chunk by chunk."""

    name: str
    count: Callable[[Retention], int]
    chunks: Callable[[Retention], Iterator[int]]


@dataclass(slots=True)
class _Others:
    """What other apps keep about commands."""

    parts: list[Part] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    holds: list[str] = field(default_factory=list)


_others = _Others()


def register_part(part: Part) -> None:
    """Have it pruned too, before the commands."""
    _others.parts.append(part)


def register_table(table: str) -> None:
    """Its rows go with the command that their ``command_id`` names."""
    _others.tables.append(table)


def register_hold(condition: str) -> None:
    """SQL that says whether ``command_id`` of a row ``held`` is still needed; ``%(before)s``."""
    _others.holds.append(condition)


def retention(keep: timedelta, statuses: Sequence[str] = STATUSES) -> Retention:
    ((before,),) = sql.run("SELECT bus_now() - %s::interval", [keep])
    return Retention(before, tuple(statuses))


def would_prune(what: Retention) -> dict[str, int]:
    """How many of each kind there are to remove."""
    return {part.name: part.count(what) for part in _parts()}


def prune(what: Retention, seconds: float = float("inf")) -> Iterator[dict[str, int]]:
    """Remove them; tells after each chunk how many of each kind are gone.

    Begins no chunk once so many ``seconds`` are over.
    """
    end = time.monotonic() + seconds
    removed = {part.name: 0 for part in _parts()}
    yield removed
    for part in _parts():
        for number in part.chunks(what):
            removed[part.name] += number
            yield removed
            if time.monotonic() > end:
                return


def _parts() -> tuple[Part, ...]:
    return (*_others.parts, PROCESSES, COMMANDS)


# Nothing of the process is open: every step has its outcome, every reply is handled, and no
# command of it is needed elsewhere.  The index on status and start time finds the candidates.
_PROCESSES = f"""
    p.status = ANY(%(statuses)s) AND p.status IN {quoted(TERMINAL_STATUSES)}
    AND p.created_at < %(before)s AND p.completed_at < %(before)s
    AND NOT EXISTS (SELECT FROM processes_processstep s
        WHERE s.process_id = p.id AND s.outcome IS NULL {{one_by_one}})
    AND NOT EXISTS (SELECT FROM bus_reply r WHERE r.reply_to = 'processes'
        AND r.correlation_id = p.id AND r.handled_at IS NULL {{one_by_one}})
    AND NOT EXISTS (SELECT FROM processes_processstep held
        JOIN bus_command c ON c.id = held.command_id
        WHERE held.process_id = p.id AND (c.status NOT IN {quoted(FINAL_STATUSES)} {{holds}})
        {{one_by_one}})
"""

# A command that no process sent, all of whose replies were handled or acknowledged.
_COMMANDS = f"""
    c.status = ANY(%(statuses)s) AND c.status IN {quoted(FINAL_STATUSES)}
    AND c.completed_at < %(before)s
    AND NOT EXISTS (SELECT FROM processes_processstep s WHERE s.command_id = c.id {{one_by_one}})
    AND NOT EXISTS (SELECT FROM bus_reply r
        WHERE r.command_id = c.id AND r.handled_at IS NULL {{one_by_one}})
    AND NOT EXISTS (SELECT FROM (SELECT c.id AS command_id) held WHERE false {{holds}})
"""

_ONE_BY_ONE = "OFFSET 0"
"""Has PostgreSQL ask for each candidate of a chunk; else it would join whole tables for a few."""

_LOCK_PROCESSES = """
SELECT p.id, p.created_at FROM processes_process p
WHERE (p.created_at, p.id) > (%(at)s, %(id)s) AND {condition}
ORDER BY p.created_at, p.id LIMIT %(chunk)s FOR UPDATE OF p SKIP LOCKED
"""

_LOCK_COMMANDS = """
SELECT c.id, c.completed_at FROM bus_command c
WHERE (c.completed_at, c.id) > (%(at)s, %(id)s) AND {condition}
ORDER BY c.completed_at, c.id LIMIT %(chunk)s FOR UPDATE OF c SKIP LOCKED
"""

_FIRST_ID = uuid.UUID(int=0)
_FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)


def _complete(condition: str, one_by_one: str = "") -> str:
    holds = "".join(f" OR {hold}" for hold in _others.holds)
    return condition.format(holds=holds, one_by_one=one_by_one)


def _count(table: str, condition: str) -> Callable[[Retention], int]:
    def count(what: Retention) -> int:
        statement = f"SELECT count(*) FROM {table} WHERE {_complete(condition)}"
        ((number,),) = fetch(statement, what.parameters)
        return int(number)

    return count


def _chunks(
    lock: str, condition: str, remove: Callable[[list[uuid.UUID]], None]
) -> Callable[[Retention], Iterator[int]]:
    """Goes through them by their time, past those that stay."""

    def chunks(what: Retention) -> Iterator[int]:
        last: dict[str, Any] = {"id": _FIRST_ID, "at": _FIRST_MOMENT}
        statement = lock.format(condition=_complete(condition, _ONE_BY_ONE))
        while last:
            with transaction.atomic():
                found = fetch(statement, what.parameters | last | {"chunk": CHUNK})
                remove([pk for pk, _ in found])
            last = dict(zip(("id", "at"), found[-1], strict=True)) if found else {}
            yield len(found)

    return chunks


def _delete_processes(process_ids: list[uuid.UUID]) -> None:
    steps = "SELECT command_id FROM processes_processstep WHERE process_id = ANY(%(ids)s)"
    commands = fetch(f"{steps} AND command_id IS NOT NULL", {"ids": process_ids})
    _delete_commands([command_id for (command_id,) in commands])
    delete("processes_operatoraction WHERE process_id = ANY(%(ids)s)", process_ids)
    delete("processes_processstep WHERE process_id = ANY(%(ids)s)", process_ids)
    delete("processes_process WHERE id = ANY(%(ids)s)", process_ids)


def _delete_commands(command_ids: list[uuid.UUID]) -> None:
    about_replies = "SELECT id FROM bus_reply WHERE command_id = ANY(%(ids)s)"
    delete(f"processes_operatoraction WHERE reply_id IN ({about_replies})", command_ids)
    tables = ("processes_operatoraction", "bus_commandevent", "bus_reply", *_others.tables)
    for table in tables:
        delete(f"{table} WHERE command_id = ANY(%(ids)s)", command_ids)
    delete("bus_command WHERE id = ANY(%(ids)s)", command_ids)


def delete(rows: str, ids: list[Any]) -> None:
    """Delete rows named by ``ids``, also of a table that is only ever added to."""
    with connection.cursor() as cursor:
        cursor.execute(PRUNING)
        cursor.execute(f"DELETE FROM {rows}", {"ids": ids})


def fetch(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Bound on the client, so that each is planned for the values at hand."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


PROCESSES = Part(
    "processes",
    _count("processes_process p", _PROCESSES),
    _chunks(_LOCK_PROCESSES, _PROCESSES, _delete_processes),
)
COMMANDS = Part(
    "commands",
    _count("bus_command c", _COMMANDS),
    _chunks(_LOCK_COMMANDS, _COMMANDS, _delete_commands),
)
