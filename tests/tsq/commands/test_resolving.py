"""``tsq retry``, ``complete`` and ``cancel``: safe by default, exact about what happened."""

import getpass
import os
import signal
import uuid

import pytest

from processes.bus.models import Command, Reply
from processes.models import OperatorAction
from processes.states import SubjectKind
from tests.factories import CommandFactory
from tests.support.commands import manage
from tests.tsq.bulk.conftest import stored
from tests.tsq.bulk.test_running import at_chunk, failing
from tsq import bulk, operations
from tsq.bulk import running
from tsq.models import BulkOperation, TsqEntry
from tsq.models.bulk import BulkStatus

pytestmark = pytest.mark.django_db

YES = ("--yes", "--format", "json")
STEERED = [("confirm", "ann"), ("pause", "ann"), ("resume", "bob")]


def statuses(entries) -> set[str]:
    pks = [entry.pk for entry in entries]
    return set(Command.objects.filter(pk__in=pks).values_list("status", flat=True))


def ids(entries) -> str:
    return "".join(f"{entry.pk}\n" for entry in entries)


def test_without_yes_it_shows_what_it_would_do_and_changes_nothing(others, unchanged):
    ran = manage("tsq", "retry", "--domain", "billing")
    assert (ran.code, ran.out) == (1, "")
    assert "TSQ entries to retry: 3" in ran.err
    assert "DECLINED" in ran.err
    assert "The first 3:" in ran.err
    assert ran.err.endswith("Nothing was changed. To do it, say --yes.")
    assert unchanged()


def test_with_yes_each_is_done_and_told(billing, others):
    ran = manage("tsq", "retry", "--domain", "billing", *YES, "--reason", "the bank is back")
    assert ran.code == 0
    assert ran.rows == [{"id": str(e.pk), "outcome": "DONE", "message": ""} for e in billing]
    assert ran.err.endswith("Of 3: 3 done.\n")
    assert statuses(billing) == {"PENDING"}
    assert statuses(others) == {"IN_TROUBLESHOOTING_QUEUE"}
    actions = OperatorAction.objects.filter(command__in=billing)
    told = set(actions.values_list("action", "operator", "channel", "reason"))
    assert told == {("retry", getpass.getuser(), "cli", "the bank is back")}


def test_one_is_a_selection_of_one(others, billing):
    assert manage("tsq", "cancel", billing[0].pk, "--reason", "no use", *YES).code == 0
    assert statuses(billing[:1]) == {"CANCELED"}
    assert TsqEntry.objects.count() == 4


def test_completing_gives_the_result(billing):
    entry = CommandFactory(parked=True, reply_to="elsewhere")
    ran = manage("tsq", "complete", entry.pk, "--result", '{"seat": 7}', *YES)
    assert ran.code == 0
    assert Reply.objects.get().data == {"seat": 7}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["retry"], "Say what you mean: ids, a filter, or --all."),
        (["retry", "--all", "--domain", "x"], "only one of them"),
        (["retry", "--domain", "x", "{id}"], "only one of them"),
        (["retry", "--older-than", "soon"], "older_than: "),
        (["retry", "17"], "'17' is not an id"),
        (["retry", "--all", "--rate", "0"], "at least 0.01"),
        (["retry", "--all", "--rate", "nan"], "at least 0.01"),
        (["retry", "--all", "--limit", "-1"], "whole number"),
        (["retry", "--all", "--operator", " "], "operator must name who acts"),
        (["cancel", "--all"], "A reason is required for canceling entries; say --reason"),
        (["cancel", "--all", "--reason", " "], "A reason is required"),
        (["complete", "--all", "--result", "{"], "--result is not JSON"),
        (["complete", "--all", "--result", "[]"], "result_data cannot be kept"),
        (["retry", "--ids-from", "/nowhere"], "/nowhere cannot be read: No such file"),
        (["retry", "--ids-from", "/"], "cannot be read: Is a directory"),
        (["retry", "--all", "--exclude-from", "/nowhere"], "/nowhere cannot be read"),
        (["explode"], "invalid choice"),
        ([], "the following arguments are required"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_changes_nothing(billing, unchanged, arguments, why):
    told = [argument.replace("{id}", str(billing[0].pk)) for argument in arguments]
    ran = manage("tsq", *told, *(["--yes"] if told else []))
    assert (ran.code, ran.out) == (2, "")
    assert why in ran.err
    assert unchanged()


class TestIdsFromFiles:
    def test_a_file_has_an_id_on_each_line(self, billing, others, tmp_path):
        file = tmp_path / "ids"
        file.write_text(f"\ufeff# the bank's\n\n{ids(billing[:2])}  {others[0].pk}  # and this\n")
        ran = manage("tsq", "retry", "--ids-from", file, *YES)
        assert len(ran.rows) == 3
        assert statuses([*billing[:2], others[0]]) == {"PENDING"}
        assert TsqEntry.objects.count() == 2

    def test_stdin_too_and_not_those_excluded(self, billing, others, tmp_path):
        (tmp_path / "not").write_text(ids(billing[:1]))
        arguments = ("--ids-from", "-", "--exclude-from", tmp_path / "not", "--limit", "1")
        ran = manage("tsq", "retry", *arguments, *YES, stdin=ids(billing))
        assert [row["id"] for row in ran.rows] == [str(billing[1].pk)]

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("{id}\nxyz\n", "line 2: 'xyz' is not an id"),
            ("{id}\n\n" + str(uuid.UUID(int=7)), "line 3: There is no such command: 0000"),
            ("", "no id is in it"),
            ("# nothing\n", "no id is in it"),
        ],
    )
    def test_what_is_wrong_in_it_is_told_by_line(self, billing, unchanged, tmp_path, text, why):
        file = tmp_path / "ids"
        file.write_text(text.format(id=billing[0].pk))
        ran = manage("tsq", "retry", "--ids-from", file, "--yes")
        assert ran.code == 2
        assert why in ran.err
        assert unchanged()

    def test_what_is_no_text_is_told(self, billing, unchanged, tmp_path):
        file = tmp_path / "ids"
        file.write_bytes(b"\xff\xfe\x00")
        ran = manage("tsq", "retry", "--ids-from", file, "--yes")
        assert ran.code == 2
        assert "this is not UTF-8 text" in ran.err
        assert unchanged()


def test_one_resolved_before_is_skipped_and_says_by_whom(billing):
    operations.cancel(billing[0].pk, operator="bob", reason="no use")
    ran = manage("tsq", "retry", *(entry.pk for entry in billing), *YES)
    assert ran.code == 1
    skipped = [row for row in ran.rows if row["outcome"] == "SKIPPED"]
    assert [row["id"] for row in skipped] == [str(billing[0].pk)]
    assert "it is CANCELED (cancel by bob, " in skipped[0]["message"]
    assert "Of 3: 2 done, 1 skipped." in ran.err
    assert statuses(billing) == {"CANCELED", "PENDING"}


def test_one_that_fails_is_told_and_the_rest_is_done(billing):
    with failing(billing[1].pk):
        ran = manage("tsq", "retry", "--all", *YES)
    assert ran.code == 1
    assert [row["outcome"] for row in ran.rows] == ["DONE", "FAILED", "DONE"]
    assert "Of 3: 2 done, 1 failed." in ran.err


def test_nothing_that_matches_is_not_all_done(billing, unchanged):
    ran = manage("tsq", "retry", "--domain", "nowhere", *YES)
    assert ran.code == 1
    assert "Nothing matches; nothing was changed." in ran.err
    assert unchanged()


def test_everything_needs_to_be_said(billing, others):
    assert manage("tsq", "retry", "--all", *YES).code == 0
    assert not TsqEntry.objects.exists()


def test_the_rate_is_kept(billing, clock):
    ran = manage("tsq", "retry", "--all", "--rate", "10", *YES)
    operation = BulkOperation.objects.get()
    assert (ran.code, operation.rate) == (0, 10)
    assert (operation.finished_at - operation.created_at).total_seconds() < 5


def test_one_that_others_stop_meanwhile_says_so(billing, others, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_ITEMS", 2)
    at_chunk(monkeypatch, 1, lambda: bulk.stop(BulkOperation.objects.get().pk, operator="bob"))
    ran = manage("tsq", "retry", "--all", *YES)
    assert ran.code == 1
    assert "Somebody stopped it" in ran.err
    assert [row["outcome"] for row in ran.rows] == ["DONE"] * 2 + ["OPEN"] * 3


class TestInterrupted:
    @pytest.fixture
    def operation(self, billing, others, monkeypatch) -> BulkOperation:
        """Ctrl-C was pressed while the first two of five were resolved."""
        with monkeypatch.context() as patched:
            patched.setattr(running, "CHUNK_ITEMS", 2)
            at_chunk(patched, 1, lambda: os.kill(os.getpid(), signal.SIGINT))
            self.ran = manage("tsq", "retry", "--all", *YES, "--operator", "ann")
        return BulkOperation.objects.get()

    def test_it_pauses_after_the_chunk_at_hand_and_says_how_to_go_on(self, operation):
        assert operation.status == BulkStatus.PAUSED
        assert self.ran.code == 1
        assert [row["outcome"] for row in self.ran.rows] == ["DONE"] * 2 + ["OPEN"] * 3
        assert f"To go on: manage.py tsq resume {operation.pk}" in self.ran.err
        assert "Of 5: 2 done, 3 not begun." in self.ran.err
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_resumed_each_item_is_done_once(self, operation):
        ran = manage("tsq", "resume", operation.pk, "--format", "json", "--operator", "bob")
        assert ran.code == 0
        steered = OperatorAction.objects.on(SubjectKind.BULK_OPERATION, operation.pk)
        told = list(steered.values_list("action", "operator", "channel"))
        assert told == [(w, o, "cli") for w, o in STEERED]
        assert [row["outcome"] for row in ran.rows] == ["DONE"] * 5
        assert OperatorAction.objects.filter(action="retry").count() == 5
        assert stored(operation).status == BulkStatus.FINISHED

    def test_one_left_running_by_a_dead_process_is_gone_on_with(self, operation, clock):
        manage("tsq", "resume", operation.pk)
        assert manage("tsq", "resume", operation.pk).code == 0  # finished: tells its outcomes
        assert OperatorAction.objects.filter(action="retry").count() == 5

    @pytest.mark.parametrize("given", [uuid.uuid4(), "17"])
    def test_an_unknown_one_is_told(self, operation, given):
        assert manage("tsq", "resume", given).code == 2
        assert stored(operation).status == BulkStatus.PAUSED
