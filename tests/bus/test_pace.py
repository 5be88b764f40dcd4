"""How many commands of a lane are claimed at once."""

import pytest

from processes.bus import pace

LANE = ("test", "Test")


def test_an_unknown_lane_starts_carefully():
    assert pace.batch_limit(LANE) == 10


def test_a_small_batch_size_is_kept_to(settings):
    settings.COMMANDBUS = {**settings.COMMANDBUS, "BATCH_SIZE": 4}

    assert pace.batch_limit(LANE) == 4


@pytest.mark.parametrize(("seconds", "limit"), [(0.0, 100), (0.05, 5), (0.25, 1), (30.0, 1)])
def test_a_batch_of_one_lane_runs_about_a_quarter_of_a_second(seconds, limit, settings):
    settings.COMMANDBUS = {**settings.COMMANDBUS, "BATCH_SIZE": 100}
    pace.record(LANE, seconds)

    assert pace.batch_limit(LANE) == limit


def test_one_slow_run_does_not_change_everything():
    for _ in range(20):
        pace.record(LANE, 0.01)
    pace.record(LANE, 0.06)

    assert pace.batch_limit(LANE) == 12


def test_a_slow_lane_does_not_slow_another():
    pace.record(LANE, 30.0)

    assert pace.batch_limit(("test", "Other")) == 10
