"""The runbook's commands are understood as they are written."""

import re
import shlex
import uuid
from pathlib import Path

import pytest
from django.core.management import load_command_class

RUNBOOK = Path(__file__).parent.parent.parent / "docs" / "runbook.md"
APPS = {"tsq": "tsq", "replies": "tsq", "processes": "processes", "commandbus": "processes"}


def written() -> list[str]:
    text = RUNBOOK.read_text()
    blocks = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`(manage\.py [^`]+)`", text)
    lines = [line for block in blocks for line in block.splitlines()] + spans
    found = [re.search(r"manage\.py [^|>]*", line) for line in lines]
    return [match[0] for match in found if match]


def test_there_are_some():
    assert len(written()) > 15


@pytest.mark.parametrize("line", written())
def test_it_is_understood(line):
    _, name, *arguments = shlex.split(line)
    in_place = {"ID": "7" if name == "replies" else str(uuid.UUID(int=7))}
    in_place |= {"OPERATION_ID": str(uuid.UUID(int=7))}
    parser = load_command_class(APPS[name], name).create_parser("manage.py", name)
    options = parser.parse_args([in_place.get(argument, argument) for argument in arguments])
    assert options.subcommand == arguments[0]
