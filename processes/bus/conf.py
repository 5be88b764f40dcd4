"""The bus's settings, read from ``settings.COMMANDBUS`` (see the README's table)."""

from django.conf import settings


def batch_size() -> int:
    """At most so many commands are claimed at once."""
    return int(settings.COMMANDBUS["BATCH_SIZE"])


def lease_seconds() -> float:
    return float(settings.COMMANDBUS["LEASE_SECONDS"])


def max_attempts() -> int:
    return int(settings.COMMANDBUS["MAX_ATTEMPTS"])


def backoff_seconds() -> tuple[float, ...]:
    return tuple(settings.COMMANDBUS["BACKOFF_SECONDS"])


def threads() -> int:
    """How many handlers with ``transactional=False`` one worker runs at a time."""
    return int(settings.COMMANDBUS["THREADS"])


def no_handler_seconds() -> float:
    """How long a command waits for code that handles it before it is parked."""
    return float(settings.COMMANDBUS["NO_HANDLER_SECONDS"])
