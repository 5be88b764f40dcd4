"""What changed between two JSON values, line by line as people read it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

MOST_COMPARED_LINES = 2_000
MOST_SHOWN_LINES = 2_000
CONTEXT = 3
_KINDS = {"+": "added", "-": "removed", " ": "same", "@": "gap"}


@dataclass(frozen=True, slots=True)
class Line:
    """``kind``: added, removed, same, or gap where unchanged lines are left out."""

    kind: str
    text: str

    @property
    def sign(self) -> str:
        return {"added": "+", "removed": "−", "gap": "…"}.get(self.kind, " ")


def difference(before: Any, after: Any) -> list[Line]:
    """Empty where both are the same JSON; a huge difference is cut."""
    old, new = _lines(before), _lines(after)
    if old == new:
        return []
    compare = _compared if max(len(old), len(new)) <= MOST_COMPARED_LINES else _replaced
    lines = list(compare(old, new))
    hidden = len(lines) - MOST_SHOWN_LINES
    return lines if hidden <= 0 else [*lines[:-hidden], Line("gap", f"{hidden} more lines")]


def _lines(value: Any) -> list[str]:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True).split("\n")


def _compared(old: list[str], new: list[str]) -> Iterator[Line]:
    marked = list(unified_diff(old, new, lineterm="", n=CONTEXT))[2:]
    for number, line in enumerate(marked):
        kind = _KINDS[line[0]]
        if kind != "gap":
            yield Line(kind, line[1:])
        elif number:
            yield Line("gap", "")


def _replaced(old: list[str], new: list[str]) -> Iterator[Line]:
    """Comparing so many lines would take long; what both begin and end with is left out."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    yield from (Line("removed", text) for text in old[start : len(old) - end])
    yield from (Line("added", text) for text in new[start : len(new) - end])
