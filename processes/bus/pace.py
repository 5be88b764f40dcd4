"""How many commands of a lane to claim at once, so that slow handlers do not hold up fast ones."""

from processes.bus import conf
from processes.bus.handlers import Lane

BATCH_SECONDS = 0.25
"""A batch of one lane should not run longer than this."""

_WEIGHT = 0.2  # of the newest measurement in the running average
_seconds: dict[Lane, float] = {}


def record(lane: Lane, seconds: float) -> None:
    """A handler of this lane just took so long."""
    known = _seconds.get(lane, seconds)
    _seconds[lane] = known + _WEIGHT * (seconds - known)


def batch_limit(lane: Lane) -> int:
    """At least one, at most the configured batch size; an unknown lane starts carefully."""
    most = conf.batch_size()
    seconds = _seconds.get(lane)
    if seconds is None:
        return min(10, most)
    return max(1, min(most, int(BATCH_SECONDS / max(seconds, 1e-6))))
