"""A transactional handler's savepoint: taken when it touches the database, kept or undone whole."""

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from processes.bus.models import Command
from processes.bus.sending import send_command
from tests.bus.delivering import claim_due, deliver_claims, event_types, send, stored
from tests.support.behaviours import permanent, succeed
from tests.support.three_steps import DOMAIN

pytestmark = pytest.mark.django_db(transaction=True)


def write_and_fail(message) -> None:
    Group.objects.create(name="undone")
    permanent()(message)


def write(message) -> None:
    Group.objects.create(name="kept")


def groups() -> list[str]:
    return sorted(Group.objects.values_list("name", flat=True))


@pytest.fixture
def run(register_handler):
    """Deliver one command to each of these handlers, in one batch."""

    def run(*handlers) -> list[Command]:
        for place, handler in enumerate(handlers):
            register_handler(f"Test{place}", handler)
        commands = [send(f"Test{place}") for place in range(len(handlers))]
        deliver_claims(claim_due(*[command.command_type for command in commands]))
        return [stored(command) for command in commands]

    return run


def test_a_handler_that_leaves_the_database_alone_costs_no_statement(register_handler):
    register_handler("Test", succeed())
    for _ in range(3):
        send()
    claims = claim_due()

    with CaptureQueriesContext(connection) as statements:
        deliver_claims(claims)

    assert [query["sql"] for query in statements] == ["BEGIN", "COMMIT"]
    assert set(Command.objects.values_list("status", flat=True)) == {"COMPLETED"}


def test_a_savepoint_is_taken_once_per_handler_that_touches_the_database(register_handler):
    def count_twice(message):
        return {"counts": [Group.objects.count(), Group.objects.count()]}

    register_handler("Test", count_twice)
    for _ in range(3):
        send()
    claims = claim_due()

    with CaptureQueriesContext(connection) as statements:
        deliver_claims(claims)

    taken = [query["sql"] for query in statements if query["sql"].startswith("SAVEPOINT")]
    assert len(taken) == 3


def test_a_failing_handlers_writes_are_undone_and_its_neighbours_kept(run):
    failed, done = run(write_and_fail, write)

    assert groups() == ["kept"]
    assert (failed.status, done.status) == ("IN_TROUBLESHOOTING_QUEUE", "COMPLETED")


def test_an_invalid_result_undoes_the_writes_too(run):
    (command,) = run(lambda _: [Group.objects.create(name="undone").pk])

    assert (groups(), command.last_error_code) == ([], "INVALID_RESULT")


def test_a_handler_may_catch_an_error_inside_a_block_of_its_own(run):
    Group.objects.create(name="kept")

    def try_twice(message):
        try:
            with transaction.atomic():
                write(message)
        except IntegrityError:
            Group.objects.create(name="another")

    (command,) = run(try_twice)

    assert (groups(), command.status) == (["another", "kept"], "COMPLETED")


@pytest.mark.parametrize(("then", "sent"), [(succeed(), 1), (permanent(), 0)])
def test_what_a_handler_sends_is_sent_only_if_it_succeeds(run, then, sent):
    def send_another(message):
        send_command("Another", {}, domain=DOMAIN)
        then(message)

    run(send_another)

    assert Command.objects.filter(command_type="Another").count() == sent


def test_a_handler_may_break_a_deferred_constraint_and_mend_it_again(run):
    link = Group.permissions.through

    def break_and_mend(message):
        made = link.objects.create(group_id=987654, permission_id=987654)
        made.delete()

    commands = run(break_and_mend, break_and_mend)

    assert [command.status for command in commands] == ["COMPLETED", "COMPLETED"]


@pytest.fixture
def checked_at_once():
    """A table whose unique constraint is deferrable, but initially immediate."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE checked (n int UNIQUE DEFERRABLE INITIALLY IMMEDIATE)")
        cursor.execute("INSERT INTO checked VALUES (1)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE checked")


def test_a_constraint_that_is_checked_at_once_still_is(run, checked_at_once):
    def insert_or_leave_it(message):
        with connection.cursor() as cursor:
            try:
                with transaction.atomic():
                    cursor.execute("INSERT INTO checked VALUES (1)")
            except IntegrityError:
                return {"was there": True}

    (command,) = run(insert_or_leave_it)

    assert command.status == "COMPLETED"
    assert command.replies.get().data == {"was there": True}


def test_what_a_failing_handler_copied_in_is_undone(run):
    def copy_and_fail(message):
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY auth_group (name) FROM STDIN") as copy,
        ):
            copy.write_row(["undone"])
        permanent()(message)

    (command,) = run(copy_and_fail)

    assert command.status == "IN_TROUBLESHOOTING_QUEUE"
    assert groups() == []


def test_commit_hooks_run_after_the_commit_and_only_for_what_succeeded(run):
    ran = []

    def hook(name):
        return lambda: ran.append((name, connection.in_atomic_block, Group.objects.count()))

    def succeed_later(message):
        write(message)
        transaction.on_commit(hook("written"))

    def fail(message):
        transaction.on_commit(hook("failed"))
        permanent()(message)

    def fail_after_writing(message):
        transaction.on_commit(hook("undone"))
        write_and_fail(message)

    def succeed_idle(message):
        transaction.on_commit(hook("idle"))

    run(fail, succeed_later, fail_after_writing, succeed_idle)

    assert ran == [("written", False, 1), ("idle", False, 1)]


@pytest.mark.parametrize(
    "error",
    [
        ValueError("hook"),
        SystemExit(1),
    ],
)
def test_a_failing_commit_hook_harms_nothing(run, error):
    ran = []

    def raise_error():
        raise error

    def with_bad_hook(message):
        write(message)
        transaction.on_commit(raise_error)

    try:
        commands = run(with_bad_hook, lambda _: transaction.on_commit(lambda: ran.append(1)))
    except SystemExit:
        pytest.fail("the hook ended its worker")

    assert (groups(), ran) == (["kept"], [1])
    for command in commands:
        assert (command.status, event_types(command)) == ("COMPLETED", ["SENT", "COMPLETED"])
