"""One bad item in a batch harms nobody else: its neighbours' effects and outcomes stand, once."""

from threading import Barrier

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction

from processes.bus.delivery import settle_outcomes
from processes.bus.models import Command, CommandEvent
from processes.bus.outcomes import Succeeded
from tests.bus.delivering import (
    NOBODY,
    claim_due,
    deliver_claims,
    event_types,
    reply_outcomes,
    send,
    stored,
)
from tests.support.behaviours import succeed
from tests.support.sessions import in_other_session, run_together

pytestmark = pytest.mark.django_db(transaction=True)

REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.data ? 'refused' THEN RAISE EXCEPTION 'this reply is refused'; END IF;
    RETURN NEW;
END $$
"""


def write(message) -> dict:
    """A good handler: one row, named by its command's data."""
    Group.objects.create(name=message.data["name"])
    return {"wrote": message.data["name"]}


def violate_a_constraint(message) -> None:
    Group.objects.create(name="taken")


def violate_a_deferred_constraint(message) -> None:
    Group.permissions.through.objects.create(group_id=987654, permission_id=987654)


def swallow_a_database_error(message) -> None:
    try:
        Group.objects.create(name="taken")
    except IntegrityError:
        return


def close_the_connection(message) -> None:
    Group.objects.create(name="of the bad one")
    connection.close()


def close_the_unused_connection(message) -> None:
    connection.close()


def mark_for_rollback(message) -> None:
    transaction.set_rollback(True)


def raise_outside_sql(message) -> None:
    Group.objects.create(name="of the bad one")
    raise ValueError("no luck")


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (violate_a_constraint, "IntegrityError"),
        (violate_a_deferred_constraint, "IntegrityError"),
        (swallow_a_database_error, "TransactionManagementError"),
        (close_the_connection, "OperationalError"),
        (close_the_unused_connection, "TransactionManagementError"),
        (mark_for_rollback, "TransactionManagementError"),
        (raise_outside_sql, "ValueError"),
    ],
)
def test_a_bad_handler_fails_alone(register_handler, bad, code):
    Group.objects.create(name="taken")
    register_handler("Write", write)
    register_handler("Bad", bad)
    before, culprit, after = send("Write", {"name": "a"}), send("Bad"), send("Write", {"name": "b"})

    deliver_claims(claim_due("Write", "Bad"))

    assert sorted(Group.objects.values_list("name", flat=True)) == ["a", "b", "taken"]
    for neighbour in (before, after):
        assert (stored(neighbour).status, stored(neighbour).attempts) == ("COMPLETED", 1)
        assert event_types(neighbour) == ["SENT", "COMPLETED"]
        assert reply_outcomes(neighbour) == ["SUCCESS"]
    culprit = stored(culprit)
    assert (culprit.status, culprit.attempts, culprit.deliveries) == ("PENDING", 1, 1)
    assert culprit.last_error_code == code
    assert event_types(culprit) == ["SENT", "RETRY_SCHEDULED"]
    assert reply_outcomes(culprit) == []


@pytest.fixture(params=["IMMEDIATE", "DEFERRED"])
def refusing_replies(request):
    """The database refuses replies with the key ``refused``, at once or when committing."""
    with connection.cursor() as cursor:
        cursor.execute(REFUSE)
        cursor.execute(
            "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON bus_reply "
            f"DEFERRABLE INITIALLY {request.param} FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER refuse ON bus_reply; DROP FUNCTION refuse()")


def answer(message) -> dict:
    return message.data


def answer_having_looked(message) -> dict:
    Group.objects.count()
    return message.data


@pytest.mark.usefixtures("refusing_replies")
@pytest.mark.parametrize("handler", [answer, answer_having_looked])
def test_an_outcome_the_database_refuses_fails_alone(register_handler, handler):
    register_handler("Test", handler)
    commands = [send(data=data) for data in ({"n": 1}, {"refused": True}, {"n": 2})]

    deliver_claims(claim_due())

    _assert_only_the_middle_one_failed(commands)


@pytest.mark.usefixtures("refusing_replies")
def test_an_outcome_of_a_thread_the_database_refuses_fails_alone(register_handler):
    register_handler("Test", succeed(), transactional=False)
    commands = [send() for _ in range(3)]
    results = ('{"n": 1}', '{"refused": true}', '{"n": 2}')

    settle_outcomes(list(zip(claim_due(), map(Succeeded, results), strict=True)), NOBODY)

    _assert_only_the_middle_one_failed(commands)


def _assert_only_the_middle_one_failed(commands: list[Command]) -> None:
    assert [stored(c).status for c in commands] == ["COMPLETED", "PENDING", "COMPLETED"]
    assert [reply_outcomes(command) for command in commands] == [["SUCCESS"], [], ["SUCCESS"]]
    assert [stored(command).attempts for command in commands] == [1, 1, 1]
    assert stored(commands[1]).last_error_code in {"RaiseException", "ProgrammingError"}
    assert "this reply is refused" in stored(commands[1]).last_error_message


def test_a_deadlock_between_two_batches_is_run_again_without_using_an_attempt(register_handler):
    Group.objects.bulk_create([Group(name="a"), Group(name="b")])
    crossing, met = Barrier(2), set()

    def cross(message):
        Group.objects.select_for_update().get(name=message.data["first"])
        if message.command_id not in met:
            met.add(message.command_id)
            crossing.wait(10)
        Group.objects.select_for_update().get(name=message.data["second"])

    register_handler("Cross", cross)
    register_handler("Write", write)
    neighbours = [send("Write", {"name": "c"}), send("Write", {"name": "d"})]
    rivals = [
        send("Cross", {"first": "a", "second": "b"}),
        send("Cross", {"first": "b", "second": "a"}),
    ]
    writes, crosses = claim_due("Write"), claim_due("Cross")

    run_together(
        lambda: deliver_claims([writes[0], crosses[0]]),
        lambda: deliver_claims([writes[1], crosses[1]]),
    )

    for command in map(stored, [*neighbours, *rivals]):
        assert (command.status, command.attempts, command.deliveries) == ("COMPLETED", 1, 1)
        assert event_types(command) == ["SENT", "COMPLETED"]
    assert Group.objects.filter(name__in="cd").count() == 2


def test_a_lost_connection_is_run_again_without_using_an_attempt(register_handler):
    ran = []

    def lose_connection_once(message):
        Group.objects.create(name="of the lost connection")
        ran.append(message.attempt)
        if len(ran) == 1:
            pid = connection.connection.info.backend_pid
            in_other_session(lambda: _terminate(pid)).result(5)
            Group.objects.count()

    register_handler("Write", write)
    register_handler("Lose", lose_connection_once)
    neighbour, culprit = send("Write", {"name": "a"}), send("Lose")

    deliver_claims(claim_due("Write", "Lose"))

    assert ran == [1, 1]
    assert Group.objects.count() == 2
    for command in (neighbour, culprit):
        assert (stored(command).status, stored(command).attempts) == ("COMPLETED", 1)
        assert event_types(command) == ["SENT", "COMPLETED"]


def test_every_row_of_a_batch_and_its_outcomes_appear_together(register_handler):
    seen = []

    def look_from_outside(message):
        seen.append(in_other_session(lambda: (Group.objects.count(), _completed())).result(5))

    register_handler("Write", write)
    register_handler("Look", look_from_outside)
    for name in "abc":
        send("Write", {"name": name})
    send("Look")

    deliver_claims(claim_due("Write", "Look"))

    assert seen == [(0, 0)]
    assert (Group.objects.count(), _completed()) == (3, 4)
    assert CommandEvent.objects.filter(type="COMPLETED").count() == 4


def _completed() -> int:
    return Command.objects.filter(status="COMPLETED").count()


def _terminate(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
