"""How fast are many entries resolved?  N parked commands retried by one bulk operation.

    python -m benchmarks.repair [--entries 100000] [--verb retry]

Uses a database of its own, made and dropped beside the configured one.  This process takes every
turn of the operation itself, as ``manage.py tsq retry`` does without workers; prints entries a
second, the longest chunk, and the memory of this process before and at its peak.
"""

import argparse
import os
import resource
import time

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
os.environ.setdefault("COMMANDBUS_LOG_LEVEL", "WARNING")

import django
from django.db import connection

from benchmarks.database import own_database

VERBS = {"retry": {"note": ""}, "complete": {"note": ""}, "cancel": {"reason": "a benchmark"}}

_PARK = """
INSERT INTO bus_command (id, domain, command_type, data, correlation_id, reply_to, status,
    attempts, deliveries, max_attempts, last_error_code, last_error_message, fingerprint, parked_at)
SELECT gen_random_uuid(), 'benchmark', 'NoopOne', jsonb_build_object('account', n),
    gen_random_uuid(), 'elsewhere', 'IN_TROUBLESHOOTING_QUEUE', 3, 3, 3, 'DOWN',
    'Host 7 refused account ' || n, md5('down'), now()
FROM generate_series(1, %s) AS n
"""


def main() -> None:
    options = _options()
    django.setup()
    with own_database("commandbus_repair"):
        figures = measure(options.entries, options.verb)
    for name, value in figures.items():
        print(f"{name:32} {value:>12,.2f}")


def measure(entries: int, verb: str) -> dict[str, float]:
    from processes.audit import Operator
    from processes.states import OperatorVerb
    from tsq import bulk
    from tsq.bulk.selectors import progress_of
    from tsq.models import BulkOperation, TsqEntry

    with connection.cursor() as cursor:
        cursor.execute(_PARK, [entries])
        cursor.execute("ANALYZE")
    before = _peak_megabytes()
    started = time.perf_counter()
    by = Operator("ann", "cli")
    draft = bulk.choose(OperatorVerb(verb), TsqEntry.objects.all(), by, {})
    chosen = time.perf_counter()
    turns = BulkOperation.objects.filter(pk=draft.pk).values_list("available_at", flat=True)
    bulk.confirm(draft.pk, operator="ann", arguments=VERBS[verb], typed_count=entries)
    longest = 0.0
    while True:
        at = time.perf_counter()
        if not bulk.run_chunk(draft.pk, turns.get()):
            break
        longest = max(longest, time.perf_counter() - at)
    ended = time.perf_counter()
    assert progress_of(draft).done == entries
    return {
        "seconds_to_choose": chosen - started,
        "seconds": ended - started,
        "entries_per_second": entries / (ended - started),
        "longest_chunk_ms": longest * 1000,
        "memory_before_mb": before,
        "memory_peak_mb": _peak_megabytes(),
    }


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--verb", choices=VERBS, default="retry")
    return parser.parse_args()


if __name__ == "__main__":
    main()
