"""Two operators at the same moment, in two real transactions: one wins, the other is told."""

import threading
from functools import partial

import pytest
from django.db import connection, transaction

from processes.bus.errors import NotParked
from processes.bus.models import Command, CommandEvent, Reply
from processes.models import OperatorAction
from processes.worker import run_until_idle
from tests.scenarios.acting import start_and_park_at
from tests.scenarios.reading import entry_of
from tests.support.sessions import in_other_session, run_together, wait_until
from tsq.operations import cancel, complete, retry

pytestmark = pytest.mark.django_db(transaction=True)

PAIRS = [
    pytest.param(retry, retry, id="retry-retry"),
    pytest.param(retry, complete, id="retry-complete"),
    pytest.param(complete, partial(cancel, reason="no use"), id="complete-cancel"),
    pytest.param(partial(cancel, reason="no use"), retry, id="cancel-retry"),
]


def sessions_that_wait_for_a_lock() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone()[0]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_the_second_waits_for_the_first_and_is_told_who_did_what(story, first, second):
    entry = entry_of(start_and_park_at(story, "B"))
    acted, commit = threading.Event(), threading.Event()

    def act_and_hold():
        with transaction.atomic():
            first(entry.id, operator="ben", seen=entry.deliveries)
            acted.set()
            assert commit.wait(10)

    winner = in_other_session(act_and_hold)
    assert acted.wait(10)
    loser = in_other_session(partial(second, entry.id, operator="ann", seen=entry.deliveries))
    wait_until(lambda: sessions_that_wait_for_a_lock() == 1)
    commit.set()
    winner.result(10)

    with pytest.raises(NotParked) as refusal:
        loser.result(10)
    done = OperatorAction.objects.get()
    assert (done.operator, refusal.value.actor) == ("ben", "ben")
    assert (refusal.value.action, refusal.value.at) == (done.action, done.at)
    assert refusal.value.state == Command.objects.get(pk=entry.id).status
    assert CommandEvent.objects.filter(command=entry, type__startswith="OPERATOR").count() == 1


def test_of_many_at_the_same_moment_one_wins(story):
    process = start_and_park_at(story, "B")
    entry = entry_of(process)
    acts = [partial(cancel, reason="no use"), complete, complete, partial(cancel, reason="no use")]
    outcomes = run_together(
        *(partial(act, entry.id, operator=f"op {n}") for n, act in enumerate(acts))
    )

    refused = [outcome for outcome in outcomes if isinstance(outcome, NotParked)]
    done = OperatorAction.objects.get()
    assert [type(outcome) for outcome in outcomes].count(Command) == 1
    assert [refusal.actor for refusal in refused] == [done.operator] * 3
    finals = Reply.objects.final().filter(command=entry)
    assert finals.count() == 1
    run_until_idle()
    assert finals.get().handled_at is not None
