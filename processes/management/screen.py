"""``commandbus status``: what the dashboard shows, on one screen."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from processes import dashboard
from processes.drawing import duration

_BARS = " ▁▂▃▄▅▆▇█"


def figures() -> dict[str, Any]:
    """For scripts; the names are those of the dashboard."""
    troubles, workers = dashboard.troubles(), dashboard.workers()
    return {
        "at": troubles.now,
        "workers": workers.number,
        "hosts": workers.hosts,
        "overdue_seconds": workers.overdue_seconds,
        "open_entries": troubles.open_entries,
        "oldest_entry_seconds": troubles.oldest_seconds,
        "new_entries_by_hour": [arrived.number for arrived in dashboard.arrivals()],
        "stuck_replies": troubles.stuck_replies,
        "completed_per_minute": dashboard.completed_per_minute(),
        "processes": {str(c.status): c.number for c in dashboard.process_counts()},
        "waiting_for_code": {
            f"{domain}/{name}": number for (domain, name), number in dashboard.waiting_for_code()
        },
    }


def lines(found: dict[str, Any]) -> Iterator[str]:
    at: datetime = found["at"]
    yield f"Command bus at {at:%Y-%m-%d %H:%M:%S %Z}"
    yield ""
    yield _row("Workers", found["workers"], _about_workers(found))
    oldest = f"the oldest waits for {duration(found['oldest_entry_seconds'])}"
    yield _row("TSQ entries", found["open_entries"], oldest if found["open_entries"] else "")
    arrived = found["new_entries_by_hour"]
    yield _row("  new in 24 hours", sum(arrived), _sparkline(arrived))
    yield _row(
        "Stuck replies",
        found["stuck_replies"],
        "each holds up its process" if found["stuck_replies"] else "",
    )
    yield _row("Commands a minute", round(found["completed_per_minute"], 1), "")
    yield ""
    yield "Processes (those that ended well: of the last 24 hours)"
    for status, number in found["processes"].items():
        yield _row(f"  {status}", number, "")
    for lane, number in found["waiting_for_code"].items():
        yield _row(f"Waiting for code: {lane}", number, "no worker has a handler")


def _about_workers(found: dict[str, Any]) -> str:
    if found["workers"]:
        return f"on {', '.join(found['hosts'])}"
    if found["overdue_seconds"] > 0:
        waits = duration(found["overdue_seconds"])
        return f"NONE RUNS, and work waits for {waits}: manage.py qcluster"
    return "none runs; nothing is due"


def _row(name: str, number: float, about: str) -> str:
    shown = f"{number:,}{'+' if number == dashboard.MOST_COUNTED else ''}"
    return f"{name:<24}{shown:>10}  {about}".rstrip()


def _sparkline(numbers: list[int]) -> str:
    most = max(numbers, default=0) or 1
    return "".join(_BARS[-(-number * 8 // most)] for number in numbers).rstrip()
