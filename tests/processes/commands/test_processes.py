"""``processes list``, ``show``, ``compensate``, ``check``, ``repair`` and ``prune``."""

import os
import signal
import time
import uuid
from datetime import timedelta

import pytest

from processes.bus.models import Command, Reply
from processes.management import tending
from processes.models import OperatorAction, Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.factories import CommandFactory, ReplyFactory
from tests.processes.test_repair import break_rows
from tests.scenarios.acting import start_and_park_at
from tests.scenarios.reading import status_of
from tests.support.behaviours import business
from tests.support.commands import manage

pytestmark = pytest.mark.django_db

YES = ("--yes", "--operator", "ann", "--format", "json")


@pytest.fixture
def failed(story) -> list[Process]:
    story.on("B", business())
    processes = story.start_many(2)
    run_until_idle()
    return sorted(processes, key=lambda process: (process.created_at, process.id))


def rows() -> list[list[dict]]:
    tables = (Process, Command, Reply, OperatorAction)
    return [list(table.objects.order_by("pk").values()) for table in tables]


class TestLooking:
    def test_the_list_takes_the_shared_words(self, story, failed):
        start_and_park_at(story, "A")
        told = manage("processes", "list", "--format", "json").rows
        assert [row["status"] for row in told] == ["FAILED", "FAILED", "WAITING_FOR_TSQ"]
        told = manage("processes", "list", "--status", "FAILED", "--limit", 1, "--format", "json")
        assert [row["id"] for row in told.rows] == [str(failed[0].pk)]
        assert manage("processes", "list", "--domain", "nowhere").out == ""

    @pytest.mark.parametrize(
        ("words", "why"),
        [(["--status", "LOST"], "status: "), (["--older-than", "2 eons"], "older_than: Write")],
    )
    def test_a_word_that_will_not_do_is_wrong_usage(self, db, words, why):
        ran = manage("processes", "list", *words)
        assert ran.code == 2
        assert why in ran.err

    def test_a_process_tells_its_steps_and_who_acted(self, failed):
        manage("processes", "compensate", failed[0].pk, "--reason", "undo it", *YES)
        run_until_idle()
        facts = manage("processes", "show", failed[0].pk, "--format", "json").rows
        steps = [(step["step"], step["standing"]) for step in facts["steps"]]
        assert steps == [("A", "SUCCESS"), ("B", "FAILED"), ("UNDO_A", "SUCCESS")]
        assert [(a["action"], a["by"]) for a in facts["actions"]] == [("compensate", "ann")]
        assert "UNDO_A" in manage("processes", "show", failed[0].pk).out

    def test_an_unknown_one_is_told(self, db):
        ran = manage("processes", "show", uuid.uuid4())
        assert ran.code == 2
        assert "There is no process" in ran.err


class TestCompensate:
    def test_without_yes_it_only_shows(self, failed):
        before = rows()
        ran = manage("processes", "compensate", "--error-code", "REFUSED", "--reason", "undo")
        assert ran.code == 1
        assert "processes to compensate: 2" in ran.err
        assert rows() == before

    def test_all_that_failed_so_are_undone(self, story, failed):
        other = start_and_park_at(story, "A")
        ran = manage("processes", "compensate", "--all", "--reason", "undo", *YES)
        assert (ran.code, [row["outcome"] for row in ran.rows]) == (0, ["DONE"] * 2)
        run_until_idle()
        assert {status_of(process) for process in failed} == {ProcessStatus.COMPENSATED}
        assert status_of(other) == ProcessStatus.WAITING_FOR_TSQ
        told = set(OperatorAction.objects.values_list("action", "operator", "channel", "reason"))
        assert told == {("compensate", "ann", "cli", "undo")}

    def test_one_that_moved_on_is_skipped_and_says_why(self, failed):
        manage("processes", "compensate", failed[0].pk, "--reason", "undo", *YES)
        ids = [process.pk for process in failed]
        ran = manage("processes", "compensate", *ids, "--reason", "undo", *YES)
        assert ran.code == 1
        assert [row["outcome"] for row in ran.rows] == ["SKIPPED", "DONE"]
        assert "compensate by ann" in ran.rows[0]["message"]

    def test_they_are_undone_at_the_rate_given(self, failed):
        started = time.monotonic()
        ran = manage("processes", "compensate", "--all", "--rate", 5, "--reason", "undo", *YES)
        assert (ran.code, len(ran.rows)) == (0, 2)
        assert time.monotonic() - started >= 0.2

    def test_interrupted_it_ends_after_the_one_at_hand(self, failed, monkeypatch):
        at_first = tending.compensate

        def compensate_and_interrupt(*arguments, **options):
            at_first(*arguments, **options)
            os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(tending, "compensate", compensate_and_interrupt)
        ran = manage("processes", "compensate", "--all", "--reason", "undo", *YES)
        assert ran.code == 1
        assert [row["outcome"] for row in ran.rows] == ["DONE"]
        assert "Of 2: 1 done, 1 not begun." in ran.err
        monkeypatch.undo()
        assert manage("processes", "compensate", "--all", "--reason", "undo", *YES).code == 0
        run_until_idle()
        assert {status_of(process) for process in failed} == {ProcessStatus.COMPENSATED}

    @pytest.mark.parametrize(
        ("arguments", "why"),
        [
            (["--all"], "say --reason"),
            (["--reason", "undo"], "Say what you mean"),
            (["--all", "--reason", "undo", "--error-code", "X"], "only one of them"),
            ([str(uuid.UUID(int=7)), "--reason", "undo"], "There is no such process"),
            (["17", "--reason", "undo"], "'17' is not an id"),
        ],
    )
    def test_wrong_usage_changes_nothing(self, failed, arguments, why):
        before = rows()
        ran = manage("processes", "compensate", *arguments, "--yes")
        assert ran.code == 2
        assert why in ran.err
        assert rows() == before


class TestCheck:
    def test_it_is_clean_where_all_is_well(self, story):
        start_and_park_at(story, "B")
        ran = manage("processes", "check")
        assert ran.code == 0
        assert ran.out.endswith("all invariants hold\n")

    def test_it_tells_what_is_broken(self, story):
        process = start_and_park_at(story, "B")
        break_rows("UPDATE processes_process SET status = 'WAITING_FOR_REPLY'")
        ran = manage("processes", "check")
        assert (ran.code, ran.err) == (1, "1 violation(s)")
        assert f"waiting_for_tsq: {process.pk}" in ran.out


class TestRepair:
    @pytest.fixture
    def broken(self, story) -> Process:
        process = start_and_park_at(story, "B")
        break_rows("UPDATE processes_process SET status = 'WAITING_FOR_REPLY'")
        break_rows("DELETE FROM bus_reply WHERE outcome = 'PARKED'")
        return process

    def test_without_yes_it_only_tells(self, broken):
        before = rows()
        ran = manage("processes", "repair", "--format", "json")
        assert ran.code == 1
        assert "1 of 1 findings can be repaired" in ran.err
        assert ran.rows[0]["remedy"] == "write the PARKED notice"
        assert rows() == before

    def test_with_yes_check_is_clean_after_it(self, broken):
        ran = manage("processes", "repair", "--yes")
        assert (ran.code, ran.err) == (0, "1 repaired.\n")
        run_until_idle()
        assert manage("processes", "check").code == 0
        assert status_of(broken) == ProcessStatus.WAITING_FOR_TSQ
        ran = manage("processes", "repair", "--yes")
        assert (ran.code, ran.err) == (0, "Nothing needs to be repaired.\n")

    def test_where_only_persons_can_help_it_says_so(self, db):
        ReplyFactory(stuck=True, reply_to="processes")
        ran = manage("processes", "repair", "--yes")
        assert (ran.code, ran.err) == (1, "Nothing of this can be repaired without a person.")

    def test_what_needs_a_person_is_told_with_the_command_for_it(self, broken):
        reply = ReplyFactory(stuck=True, reply_to="processes")
        ran = manage("processes", "repair", "--yes", "--format", "json")
        assert ran.code == 1
        assert "1 repaired; the rest needs a person." in ran.err
        told = {row["remedy"]: row["outcome"] for row in ran.rows}
        assert told[f"manage.py replies handle {reply.pk}, or give-up"] == "needs a person"


class TestPrune:
    @pytest.fixture
    def old(self, clock) -> Command:
        command = CommandFactory(completed=True)
        clock.advance(timedelta(days=2).total_seconds())
        CommandFactory(completed=True)
        return command

    def test_without_yes_it_only_counts(self, old):
        before = rows()
        ran = manage("processes", "prune", "--older-than", "1d", "--format", "json")
        assert ran.code == 0
        assert {row["what"]: row["number"] for row in ran.rows}["commands"] == 1
        assert "Nothing was changed." in ran.err
        assert rows() == before

    def test_with_yes_what_is_old_is_gone(self, old):
        ran = manage("processes", "prune", "--older-than", "1d", "--yes", "--format", "json")
        assert ran.code == 0
        assert {row["what"]: row["number"] for row in ran.rows}["commands"] == 1
        assert Command.objects.count() == 1
        assert not Command.objects.filter(pk=old.pk).exists()

    def test_only_of_a_status(self, old):
        arguments = ("--older-than", "1d", "--yes", "--status", "FAILED", "--status", "CANCELED")
        assert manage("processes", "prune", *arguments).code == 0
        assert Command.objects.count() == 2

    @pytest.mark.parametrize(
        ("arguments", "why"),
        [
            ([], "--older-than"),
            (["--older-than", "old"], "--older-than: Write a number"),
            (["--older-than", ""], "--older-than: This field is required"),
            (["--older-than", "1d", "--status", "PENDING"], "invalid choice"),
        ],
    )
    def test_wrong_usage_removes_nothing(self, old, arguments, why):
        ran = manage("processes", "prune", *arguments, "--yes")
        assert ran.code == 2
        assert why in ran.err
        assert Command.objects.count() == 2
