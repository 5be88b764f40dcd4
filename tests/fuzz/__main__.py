"""``make fuzz``: rounds of schemathesis against gunicorn, on a database of their own."""

import argparse
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.fuzz.settings"
os.environ["COMMANDBUS_HTTPS"] = "off"
os.environ["COMMANDBUS_API_RATE"] = "999999999/sec"
os.environ["COMMANDBUS_API_ANONYMOUS_RATE"] = "999999999/sec"

import django
from django.conf import settings

from benchmarks.database import own_database

EXAMPLES = 50
PATIENCE_SECONDS = 30


def main() -> None:
    options = _options()
    django.setup()
    from tests.fuzz.world import make_world

    with own_database("commandbus_fuzz") as environment:
        world = make_world()
        with served(environment) as address:
            passed = run_rounds(address, world, options)
    sys.exit(0 if passed else 1)


def run_rounds(address: str, world: object, options: argparse.Namespace) -> bool:
    """Of one seed after the other, until there were enough cases or one has failed."""
    from tests.fuzz.running import fuzz

    cases, seed, started = 0, options.seed, time.monotonic()
    while cases < options.cases:
        print(f"Seed {seed} ...", flush=True)
        done = fuzz(address, world, seed=seed, examples=EXAMPLES)
        if not done.passed:
            print(done.told)
            print(f"The server's log: {log_path()}")
            print(f"Again: make fuzz SEED={seed} CASES=1")
            return False
        cases += done.cases
        seed += 1
    print(
        f"{cases} cases in {time.monotonic() - started:.0f} s, and every answer as the schema says."
    )
    return True


@contextmanager
def served(environment: dict[str, str]) -> Iterator[str]:
    """The address of a gunicorn with the site."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "2"),
        # An address of any length reaches the site: it is its answers that are looked at.
        *("--threads", "4", "--limit-request-line", "0"),
        *("--no-control-socket", "commandbus_site.wsgi"),
    ]
    with log_path().open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(PATIENCE_SECONDS)


def log_path() -> Path:
    return settings.VAR / "fuzz.log"


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"The server did not start: {log_path()}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5000, help="at least so many")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="of the first round"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
