"""Starting processes: any number, of any types, in one statement with their first steps."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models, transaction

from processes import statements
from processes.bus import sql
from processes.bus.errors import (
    CommandBusError,
    DuplicateProcess,
    InvalidCommandData,
    InvalidProcessData,
)
from processes.bus.fitness import UnfitJson, json_object_text
from processes.bus.sending import NewCommand, as_uuid, write_commands
from processes.bus.wakeup import wake_workers
from processes.models import Process
from processes.registry import manager_of
from processes.trail import AuditTrail


@dataclass(frozen=True, slots=True)
class StartRequest:
    """What a caller wants started; the fields mean what ``start_process`` says of them."""

    process_type: str
    data: dict[str, Any]
    process_id: uuid.UUID | str | None = None


class StartStatus(models.TextChoices):
    STARTED = "started", "Started"
    EXISTING = "existing", "There before"
    REFUSED = "refused", "Refused"


@dataclass(slots=True)
class Start:
    """What became of a StartRequest: its process, started just now or found, or an error."""

    process: Process | None = None
    created: bool = False
    error: CommandBusError | None = None

    @property
    def status(self) -> StartStatus:
        if self.error:
            return StartStatus.REFUSED
        return StartStatus.STARTED if self.created else StartStatus.EXISTING

    def required(self) -> Process:
        """The process; raises the error where there is none."""
        if self.process is None:
            assert self.error
            raise self.error
        return self.process


def start_process(
    process_type: str, data: dict[str, Any], process_id: uuid.UUID | str | None = None
) -> Process:
    """Start one process and return it.

    With a ``process_id`` starting is idempotent: the same id, type and data is the same process.
    Raises UnknownProcessType, InvalidProcessData, DuplicateProcess.
    """
    return start_processes(process_type, [data], None if process_id is None else [process_id])[0]


def start_processes(
    process_type: str,
    data: Sequence[dict[str, Any]],
    process_ids: Sequence[uuid.UUID | str] | None = None,
) -> list[Process]:
    """Start many processes, all or none, in one transaction; validates all before writing any.

    Raises UnknownProcessType, InvalidProcessData (naming the item), DuplicateProcess.
    """
    new = _all_prepared(process_type, data, process_ids)
    with transaction.atomic():
        written = _write(new)
        if written.conflicting:
            raise _taken(written.conflicting)
    return [written.there_before.get(process.id, process) for process in new]


def check_process(
    process_type: str, data: dict[str, Any], process_id: uuid.UUID | str | None = None
) -> None:
    """Raises what starting it would, and writes nothing: UnknownProcessType, InvalidProcessData."""
    _prepared(process_type, data, process_id)


def start_each(requests: Sequence[StartRequest]) -> list[Start]:
    """Start all that can be started, in one transaction; what is wrong with one harms no other.

    The starts are in the order of the requests.  Of several with one id only the first counts.
    """
    starts = [_attempted(request) for request in requests]
    new: dict[uuid.UUID, Start] = {}
    for start in starts:
        if start.process and start is not new.setdefault(start.process.id, start):
            start.process, start.error = None, _same_id_twice()
    with transaction.atomic():
        written = _write([start.process for start in new.values() if start.process])
    for process_id, start in new.items():
        start.created = process_id in written.started
        start.process = written.there_before.get(process_id, start.process)
        if process_id in written.conflicting:
            start.process, start.error = None, _taken([process_id])
    return starts


@dataclass(frozen=True, slots=True)
class _Written:
    """By id: when those started that are new; the others, and which of them are not the same."""

    started: dict[uuid.UUID, datetime]
    there_before: dict[uuid.UUID, Process]
    conflicting: list[uuid.UUID]


def _write(new: Sequence[Process]) -> _Written:
    """Write those that are not there yet and send their commands; inside a transaction."""
    arrays = sql.columns([_start_row(process) for process in new], 10)
    started = dict(sql.run(statements.START, arrays))
    for process in new:
        process.created_at = process.updated_at = started.get(process.id, process.created_at)
    if started:
        write_commands([_first_command(p) for p in new if p.id in started])
        wake_workers()
    others = [process.id for process in new if process.id not in started]
    conflicting = _conflicting(arrays) if others else []
    return _Written(started, Process.objects.in_bulk(others), conflicting)


def _all_prepared(
    process_type: str,
    data: Sequence[dict[str, Any]],
    process_ids: Sequence[uuid.UUID | str] | None,
) -> list[Process]:
    """The processes with their first step decided; nothing is written."""
    manager_of(process_type)
    if process_ids is not None and len(process_ids) != len(data):
        raise InvalidProcessData(
            f"process_ids must be as many as data: {len(process_ids)} ids for {len(data)} items."
        )
    ids: Sequence[uuid.UUID | str | None] = process_ids or [None] * len(data)
    new = []
    for place, (item, process_id) in enumerate(zip(data, ids, strict=True)):
        try:
            new.append(_prepared(process_type, item, process_id))
        except InvalidProcessData as error:
            where = f"Item {place + 1} of {len(data)}: " if len(data) > 1 else ""
            raise InvalidProcessData(f"{where}{error}") from error
    if len({process.id for process in new}) < len(new):
        raise _same_id_twice()
    return new


def _attempted(request: StartRequest) -> Start:
    try:
        return Start(_prepared(request.process_type, request.data, request.process_id))
    except CommandBusError as error:
        return Start(error=error)


def _prepared(
    process_type: str, data: dict[str, Any], process_id: uuid.UUID | str | None
) -> Process:
    """A process with its first step decided; nothing is written."""
    manager = manager_of(process_type)
    process = Process(
        id=_process_id(process_id), domain=manager.domain, process_type=process_type, data=data
    )
    process.trail = AuditTrail(process.id)
    try:
        process.data_text = json_object_text(data)
        manager.start(process)
        process.state_text = json_object_text(process.state)
    except UnfitJson as error:
        raise InvalidProcessData(str(error)) from error
    return process


def _process_id(given: uuid.UUID | str | None) -> uuid.UUID:
    try:
        return as_uuid("process_id", given) or uuid.uuid4()
    except InvalidCommandData as error:
        raise InvalidProcessData(error.message) from None


def _start_row(process: Process) -> tuple[Any, ...]:
    command = _first_command(process)
    return (
        process.id,
        process.domain,
        process.process_type,
        process.data_text,
        process.status,
        process.current_step,
        process.state_text,
        command.command_id,
        command.command_type,
        command.data,
    )


def _first_command(process: Process) -> NewCommand:
    command = process.trail.added[0].command
    assert command is not None
    return command


def _conflicting(arrays: Sequence[list[Any]]) -> list[uuid.UUID]:
    """Those that were there already with another type or other data."""
    ids, _, types, data = arrays[:4]
    return [process_id for (process_id,) in sql.run(statements.CONFLICTING, [ids, types, data])]


def _taken(process_ids: Sequence[uuid.UUID]) -> DuplicateProcess:
    named = ", ".join(str(process_id) for process_id in process_ids[:3])
    return DuplicateProcess(
        f"The process id is taken by a process of another type or with other data: {named}. "
        "Use a new id, or start it with exactly the data given first."
    )


def _same_id_twice() -> InvalidProcessData:
    return InvalidProcessData("process_ids holds the same id twice; give each process its own.")
