"""Files and stdin, read line by line; what cannot be read is told by name and line."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from processes.management.base import wrong

STDIN = "-"


def lines_of(name: str) -> Iterator[tuple[str, str]]:
    """Each line with the place where it stands, for messages; raises CommandError."""
    number, told = 0, "stdin" if name == STDIN else name
    try:
        file = _opened(name)
        try:
            for number, line in enumerate(file, start=1):
                yield f"{told} line {number}", line
        finally:
            if name != STDIN:
                file.close()
    except UnicodeDecodeError:
        raise wrong(f"{told} after line {number}: this is not UTF-8 text.") from None
    except OSError as error:
        raise wrong(f"{told} cannot be read: {error.strerror or error}.") from None


def _opened(name: str) -> TextIO:
    return sys.stdin if name == STDIN else Path(name).open(encoding="utf-8-sig", newline="")
