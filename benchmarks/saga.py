"""How fast is the engine?  N processes of three no-op steps on a real qcluster.

    python -m benchmarks.saga [--processes 5000] [--singles 200] [--json FILE]

Uses a database of its own, made and dropped beside the configured one (DATABASE_URL, or the
embedded PostgreSQL).  Prints the start rate, throughput, the latency of single processes on the
then idle system, and commits and statements per step; every audit row is written.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"

import django
from django.db import connection

from benchmarks.database import own_database

STEPS = 3
ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    options = _options()
    django.setup()
    with own_database("commandbus_saga") as environment:
        with qcluster(environment):
            figures = measure(options.processes, options.singles)
        figures["statements_per_step"] = statements_per_step()
    for name, value in figures.items():
        print(f"{name:32} {value:>12,.2f}")
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2) + "\n")


def measure(processes: int, singles: int) -> dict[str, float]:
    from processes.engine import start_processes

    latencies = [latency_of_one() for _ in range(singles + 20)][20:]
    commits = commits_so_far()
    started = time.perf_counter()
    start_processes("Noop", [{}] * processes)
    starting = time.perf_counter() - started
    wait_for_completion()
    running = time.perf_counter() - started
    committing = commits_so_far() - commits
    steps = processes * STEPS
    return {
        "starts_per_second": processes / starting,
        "processes_per_second": processes / running,
        "steps_per_second": steps / running,
        "idle_latency_p50_ms": statistics.median(latencies) * 1000,
        "idle_latency_p95_ms": statistics.quantiles(latencies, n=20)[-1] * 1000,
        "commits_per_step": committing / steps,
    }


def latency_of_one() -> float:
    """Seconds from the call of start_process until the process is seen completed."""
    from processes.engine import start_process
    from processes.models import Process
    from processes.states import ProcessStatus

    started = time.perf_counter()
    process = start_process("Noop", {})
    finished = Process.objects.filter(pk=process.pk, status=ProcessStatus.COMPLETED)
    while not finished.exists():
        time.sleep(0.0005)
    return time.perf_counter() - started


def wait_for_completion() -> None:
    from processes.models import Process
    from processes.states import ProcessStatus

    running = Process.objects.filter(status=ProcessStatus.WAITING_FOR_REPLY)
    while running.exists():
        time.sleep(0.02)


def commits_so_far() -> int:
    """Transactions committed in the benchmark's database, its pollers' included."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        time.sleep(1.1)  # backends report their counters at most once a second
        cursor.execute(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        )
        (commits,) = cursor.fetchone()
    return int(commits)


def statements_per_step(processes: int = 500) -> float:
    """Statements sent, BEGIN and COMMIT not counted, when one worker runs many processes."""
    from processes.bus import sql
    from processes.engine import start_processes
    from processes.worker import run_until_idle

    run_until_idle()
    start_processes("Noop", [{}] * processes)
    sent = 0
    run = sql.run

    def counting_run(*arguments: object) -> object:
        nonlocal sent
        sent += 1
        return run(*arguments)

    sql.run = counting_run
    try:
        run_until_idle()
    finally:
        sql.run = run
    return sent / (processes * STEPS)


@contextmanager
def qcluster(environment: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "manage.py", "qcluster"]
    cluster = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        latency_of_one()
        yield
    finally:
        cluster.terminate()
        cluster.wait(30)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=5000)
    parser.add_argument("--singles", type=int, default=200, help="processes run one at a time")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
