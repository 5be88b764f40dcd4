"""Management commands in the test's own process: what they wrote, and the code they ended with."""

import json
import sys
from dataclasses import dataclass
from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def rows(self) -> Any:
        """What ``--format json`` wrote."""
        return json.loads(self.out)


def manage(name: str, *arguments: object, stdin: str | None = None) -> Ran:
    """Run it as from a shell without a terminal."""
    out, err = StringIO(), StringIO()
    terminal, sys.stdin = sys.stdin, StringIO(stdin or "")
    code = 0
    try:
        call_command(name, *map(str, arguments), stdout=out, stderr=err)
    except CommandError as error:
        # argparse itself ends a process with 2, which Django turns into an error with code 1.
        code = 2 if str(error).startswith("Error: ") else error.returncode
        err.write(str(error))
    finally:
        sys.stdin = terminal
    return Ran(code, out.getvalue(), err.getvalue())
