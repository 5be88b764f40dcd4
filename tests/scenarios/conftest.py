"""Fixtures of the scenarios: real worker processes, and the trip they run."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from tests.scenarios.children import Children
from tests.scenarios.trip.definition import BOOK, CREATE_TABLE, DOMAIN, DROP_TABLE, Trip, book
from tests.support.clock import DatabaseClock


@pytest.fixture
def children(transactional_db: None, clock: DatabaseClock) -> Iterator[Children]:
    """Real processes that work on the test's database; see ``tests.scenarios.children``."""
    children = Children(clock)
    yield children
    children.kill_all()


@pytest.fixture
def trip(
    transactional_db: None, register_manager: Callable, register_handler: Callable
) -> Iterator[type[Trip]]:
    """Trips, known here as they are to the children."""
    register_manager(Trip)
    register_handler(BOOK, book, domain=DOMAIN)
    with connection.cursor() as cursor:
        cursor.execute(CREATE_TABLE)
    yield Trip
    with connection.cursor() as cursor:
        cursor.execute(DROP_TABLE)


@pytest.fixture
def booked(trip: type[Trip]) -> Callable[[], Counter[str]]:
    """How often each step was booked, committed rows only."""

    def count() -> Counter[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT step FROM trip_booking")
            return Counter(step for (step,) in cursor.fetchall())

    return count
