"""``commandbus status``: the dashboard's figures without a browser."""

import os
import signal
from io import StringIO

import pytest
from django.core.management import call_command

from processes.heartbeat import WorkerHeartbeat
from tests.factories import CommandFactory, ReplyFactory
from tests.scenarios.acting import start_and_park_at
from tests.support.commands import manage

pytestmark = pytest.mark.django_db


def test_it_tells_what_the_dashboard_shows(story):
    start_and_park_at(story, "B")
    ReplyFactory(stuck=True)
    CommandFactory()
    WorkerHeartbeat.objects.create(host="north", pid=1, workers=2)
    ran = manage("commandbus", "status")
    assert ran.code == 0
    told = {line[:24].strip(): line[24:].split() for line in ran.out.splitlines()}
    assert told["Workers"] == ["2", "on", "north"]
    assert told["TSQ entries"][0] == "1"
    assert told["new in 24 hours"][0] == "1"
    assert told["Stuck replies"][0] == "1"
    assert told["WAITING_FOR_TSQ"] == ["1"]


def test_scripts_get_json(story):
    start_and_park_at(story, "B")
    found = manage("commandbus", "status", "--format", "json").rows
    assert (found["open_entries"], found["workers"]) == (1, 0)
    assert found["processes"]["WAITING_FOR_TSQ"] == 1
    assert sum(found["new_entries_by_hour"]) == 1


def test_missing_workers_are_told_loudly(story, clock):
    assert "none runs; nothing is due" in manage("commandbus", "status").out
    story.start()
    clock.advance(90)
    ran = manage("commandbus", "status")
    assert "NONE RUNS, and work waits for 1 min 30 s: manage.py qcluster" in ran.out


class Watcher(StringIO):
    """Presses Ctrl-C when the screen was written twice."""

    def write(self, text: str) -> int:
        written = super().write(text)
        if self.getvalue().count("Command bus at") == 2 and "Processes" in text:
            os.kill(os.getpid(), signal.SIGINT)
        return written


def test_it_is_watched_until_ctrl_c(db, monkeypatch):
    monkeypatch.setattr("processes.management.commands.commandbus.EVERY_SECONDS", 0.01)
    out = Watcher()
    call_command("commandbus", "status", "--watch", stdout=out)
    assert out.getvalue().count("Command bus at") == 2
    assert "\x1b" not in out.getvalue()
