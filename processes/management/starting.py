"""``processes start``: the data of many processes from a file or stdin, JSON or CSV.

All of it is read and checked before any is started; what is wrong is told by its line.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from processes.bus.errors import CommandBusError
from processes.management.asking import NOTHING_DONE, agreed
from processes.management.base import Options, some_failed, wrong
from processes.management.each import SAMPLE, Preview
from processes.management.output import write_rows
from processes.management.reading import lines_of
from processes.models import Process
from processes.registry import manager_of
from processes.starting import check_process, start_processes

PROCESS_ID = "process_id"
STARTED, THERE = "STARTED", "THERE BEFORE"
CHUNK = 1000
MOST_ERRORS = 10


@dataclass(frozen=True, slots=True)
class Item:
    line: int
    data: dict[str, Any]
    process_id: Any = None


def start(command: BaseCommand, options: Options) -> None:
    process_type, name = options["type"], options["file"]
    manager_of(process_type)
    items = list(_read(name))
    if not items:
        raise wrong(f"{_told(name)}: there is nothing to start in it.")
    _check(process_type, name, items)
    sample = [(item.line, item.process_id, item.data) for item in items[:SAMPLE]]
    groups = [(process_type, len(items))]
    header = ("line", PROCESS_ID, "data")
    what = "processes to start"
    preview = Preview(len(items), what, ("type", "count"), groups, header, sample)
    preview.write(command)
    if not agreed(options, f"{preview.title}."):
        raise some_failed(NOTHING_DONE)
    started = _start(process_type, items)
    write_rows(command.stdout, options["format"], ("line", PROCESS_ID, "outcome"), started)
    command.stderr.write(f"Of {len(items)}: {len(items)} done.")


def _start(process_type: str, items: list[Item]) -> list[tuple[int, Any, str]]:
    """All or none."""
    rows = []
    rest = iter(items)
    with transaction.atomic():
        while chunk := list(islice(rest, CHUNK)):
            given = [item.process_id for item in chunk]
            there = set(Process.objects.filter(pk__in=filter(None, given)).values_list("pk"))
            started = start_processes(process_type, [item.data for item in chunk], given)
            for item, process in zip(chunk, started, strict=True):
                outcome = THERE if (process.pk,) in there else STARTED
                rows.append((item.line, process.pk, outcome))
    return rows


def _check(process_type: str, name: str, items: list[Item]) -> None:
    """Raises CommandError that tells the first wrong lines."""
    told: list[str] = []
    lines: dict[str, int] = {}
    for item in items:
        try:
            check_process(process_type, item.data, item.process_id)
        except CommandBusError as error:
            told.append(f"{_told(name)} line {item.line}: {error.message}")
        key = str(item.process_id).lower()
        if item.process_id is not None and lines.setdefault(key, item.line) != item.line:
            why = f"the {PROCESS_ID} of line {lines[key]} again; give each its own."
            told.append(f"{_told(name)} line {item.line}: {why}")
    if told:
        left_out = len(told) - MOST_ERRORS
        more = [f"… and {left_out} more."] if left_out > 0 else []
        raise wrong("\n".join([*told[:MOST_ERRORS], *more, "Nothing was started."]))


def _read(name: str) -> Iterator[Item]:
    text = "".join(line for _, line in lines_of(name))
    read = _read_json if text.lstrip().startswith(("{", "[")) else _read_csv
    for line, value in read(text, name):
        if not isinstance(value, dict):
            raise wrong(f"{_told(name)} line {line}: a JSON object is needed for each process.")
        yield Item(line, value, value.pop(PROCESS_ID, None) or None)


def _read_json(text: str, name: str) -> Iterator[tuple[int, Any]]:
    """A list of objects, or objects one after the other, each on lines of its own or not."""
    decoder = json.JSONDecoder()
    at = _after_space(text, 0)
    is_list = text.startswith("[", at)
    at = _after_space(text, at + 1) if is_list else at
    while at < len(text) and not (is_list and text[at] == "]"):
        line = text.count("\n", 0, at) + 1
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            place = getattr(error, "lineno", line)
            raise wrong(f"{_told(name)} line {place}: this is not JSON: {error}.") from None
        yield line, value
        at = _after_space(text, end)
        if is_list and text.startswith(",", at):
            at = _after_space(text, at + 1)
        elif is_list and not text.startswith("]", at):
            line = text.count("\n", 0, at) + 1
            raise wrong(f"{_told(name)} line {line}: a comma or ] is missing.")
    if is_list and text[at + 1 :].strip():
        raise wrong(f"{_told(name)}: something follows the end of the list.")


def _read_csv(text: str, name: str) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(text.splitlines(keepends=True), strict=True)
    try:
        for row in reader:
            if None in row or None in row.values():
                cells = len(reader.fieldnames or ())
                raise wrong(f"{_told(name)} line {reader.line_num}: {cells} cells are needed.")
            yield reader.line_num, dict(row)
    except csv.Error as error:
        raise wrong(f"{_told(name)} line {reader.line_num}: this is not CSV: {error}.") from None


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _told(name: str) -> str:
    return "stdin" if name == "-" else name
