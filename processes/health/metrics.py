"""The metrics, as Prometheus reads them.  Counters and histograms are kept in the database."""

from collections.abc import Iterable, Iterator

from prometheus_client import generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.registry import Collector

from processes.bus.measures import LaneMeasures, read
from processes.bus.states import EventType
from processes.dashboard import HOURS, MOST_COUNTED, Domains, workers
from processes.gauges import gauges
from processes.invariants import oldest_due_seconds

__all__ = ["CONTENT_TYPE", "metrics_text"]

_LANE = ("domain", "command_type")
_CUT = f"Not counted beyond {MOST_COUNTED}."
_SINCE = "since they are counted."
_OUTCOMES = {
    "completed": (EventType.COMPLETED, "Commands that succeeded"),
    "retried": (EventType.RETRY_SCHEDULED, "Attempts that failed and are tried again"),
    "parked": (EventType.PARKED, "Commands that were put into the TSQ"),
    "failed": (EventType.FAILED, "Commands that a business rule refused"),
}


def metrics_text(domains: Domains = None) -> bytes:
    """All metrics; ``domains`` are those whose figures are told, None tells of all."""
    return generate_latest(_Everything(domains))


class _Everything(Collector):
    def __init__(self, domains: Domains) -> None:
        self._domains = domains

    def collect(self) -> Iterator[Metric]:
        yield from _gauges(self._domains)
        yield from _of_workers()
        told = self._domains
        lanes = [lane for lane in read() if told is None or lane.domain in told]
        yield from _counters(lanes)
        yield _handler_seconds(lanes)


def _gauges(domains: Domains) -> Iterator[Metric]:
    now = gauges(domains)
    yield _gauge(
        "commands",
        f"Commands that are not finished. {_CUT}",
        ["status"],
        (([status], number) for status, number in now.commands.items()),
    )
    yield _gauge(
        "processes",
        f"Processes; of those that ended well the ones started in the last {HOURS} hours. {_CUT}",
        ["status"],
        (([status], number) for status, number in now.processes.items()),
    )
    yield _gauge(
        "tsq_entries",
        f"Open TSQ entries, by the most frequent errors. {_CUT}",
        ["domain", "error_code"],
        ((labels, number) for labels, number in now.entries.items()),
    )
    parked = "Age of the oldest open TSQ entry; 0 if there is none."
    yield _gauge("oldest_parked_seconds", parked, [], [([], now.oldest_parked_seconds)])
    stuck = f"Replies whose handling failed too often. {_CUT}"
    yield _gauge("stuck_replies", stuck, [], [([], now.stuck_replies)])


def _of_workers() -> Iterator[Metric]:
    there = workers()
    overdue = oldest_due_seconds() if there.clusters else there.overdue_seconds
    due = "How long the oldest item waits that is due and can run here; 0 if none does."
    yield _gauge("oldest_due_seconds", due, [], [([], overdue)])
    yield _gauge("workers_alive", "Workers, by their heartbeats.", [], [([], there.number)])


def _counters(lanes: list[LaneMeasures]) -> Iterator[Metric]:
    delivered = _counter("delivered", f"Deliveries {_SINCE}")
    for lane in lanes:
        delivered.add_metric([lane.domain, lane.command_type], lane.delivered)
    yield delivered
    for name, (event, told) in _OUTCOMES.items():
        outcomes = _counter(name, f"{told}, {_SINCE}")
        for lane in lanes:
            outcomes.add_metric([lane.domain, lane.command_type], lane.outcomes.get(event, 0))
        yield outcomes
    resolved = _counter("resolved", f"TSQ entries that people resolved, {_SINCE}", "verb")
    for lane in lanes:
        for verb, number in lane.resolutions.items():
            resolved.add_metric([lane.domain, lane.command_type, verb], number)
    yield resolved


def _handler_seconds(lanes: list[LaneMeasures]) -> Metric:
    told = "How long handlers here took, whatever came of it."
    histogram = HistogramMetricFamily("commandbus_handler_seconds", told, labels=_LANE)
    for lane in lanes:
        if took := lane.durations:
            buckets = [(_upper(bound), number) for bound, number in took.buckets]
            histogram.add_metric([lane.domain, lane.command_type], buckets, took.seconds)
    return histogram


def _upper(bound: float) -> str:
    return "+Inf" if bound == float("inf") else str(bound)


def _gauge(
    name: str, told: str, labels: list[str], samples: Iterable[tuple[Iterable[str], float]]
) -> Metric:
    family = GaugeMetricFamily(f"commandbus_{name}", told, labels=labels)
    for values, number in samples:
        family.add_metric(list(values), number)
    return family


def _counter(name: str, told: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"commandbus_commands_{name}", told, labels=(*_LANE, *labels))
