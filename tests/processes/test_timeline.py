"""The timeline of a process: its bars, its waits in the TSQ, and that a long one stays bounded."""

import re

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

from processes import drawing, timeline
from processes.drawing import MACHINE_PLACES, duration, process_machine
from processes.models import Process
from processes.states import ProcessStatus, StepOutcome
from processes.timeline import timeline_of
from processes.worker import run_until_idle
from tests.factories import ProcessFactory, ProcessStepFactory
from tests.support.behaviours import in_turn, permanent, succeed
from tests.support.three_steps import Story
from tsq.models import TsqEntry
from tsq.operations import cancel, retry

pytestmark = pytest.mark.django_db


def reload(process: Process) -> Process:
    return Process.objects.get(pk=process.pk)


def bars(process: Process) -> list[tuple[str, list[tuple[str, str]]]]:
    lanes = timeline_of(reload(process)).lanes
    return [(lane.name, [(bar.row.step.step, bar.kind) for bar in lane.bars]) for lane in lanes]


def test_forward_steps_and_compensations_have_a_lane_each(story: Story):
    story.on("C", permanent())
    process = story.start()
    run_until_idle()
    cancel(TsqEntry.objects.get().pk, operator="ann", reason="no")
    run_until_idle()
    assert bars(process) == [
        ("Forward", [("A", "success"), ("B", "success"), ("C", "canceled")]),
        ("Compensation", [("UNDO_B", "success"), ("UNDO_A", "success")]),
    ]


def test_every_wait_in_the_tsq_is_drawn_and_told(story: Story, clock):
    story.on("A", in_turn(permanent(), permanent(), succeed()))
    process = story.start()
    run_until_idle()
    for _ in range(2):
        clock.advance(3600)
        retry(TsqEntry.objects.get().pk, operator="ann")
        run_until_idle()
    bar = timeline_of(reload(process)).bars[0]
    assert (bar.deliveries, len(bar.waits), bar.kind) == (3, 2, "success")
    assert bar.waited == "2 h"
    first, second = bar.waits
    assert drawing.LEFT <= first.x < first.x + first.width <= second.x
    assert second.x + second.width <= drawing.LEFT + drawing.PLOT
    assert bar.says == "1. A, success, after 2 h, of which 2 h in the TSQ, delivered 3 times"


def test_a_step_still_parked_waits_until_now(story: Story, clock):
    story.on("A", permanent("DOWN"))
    process = story.start()
    run_until_idle()
    clock.advance(3 * 24 * 3600)
    (bar,) = timeline_of(reload(process)).bars
    assert (bar.kind, bar.waited) == ("parked", "3 d")
    assert bar.waits[0].x + bar.waits[0].width == drawing.LEFT + drawing.PLOT


def test_a_compensation_parked_when_the_process_ended_waits_until_now(story: Story, clock):
    story.on("B", permanent())
    story.on("UNDO_A", permanent("GONE"))
    process = story.start()
    run_until_idle()
    cancel(TsqEntry.objects.get().pk, operator="ann", reason="no")
    run_until_idle()
    clock.advance(3600)
    assert reload(process).status == ProcessStatus.COMPENSATED
    bar = timeline_of(reload(process)).bars[-1]
    assert (bar.row.step.step, bar.kind) == ("UNDO_A", "parked")
    assert (bar.took, bar.waited) == ("1 h", "1 h")


def test_a_compensation_that_was_not_built_is_in_its_lane():
    process = ProcessFactory(compensated=True)
    done = ProcessStepFactory(process=process, success=True, sequence=1)
    ProcessStepFactory(process=process, compensates=done, not_built=True, sequence=2, step="U")
    assert bars(process) == [("Forward", [("A", "success")]), ("Compensation", [("U", "failed")])]


def test_a_long_process_is_drawn_in_part_and_says_so(monkeypatch):
    monkeypatch.setattr(timeline, "MOST_BARS", 3)
    process = ProcessFactory(completed=True)
    for sequence in range(1, 11):
        ProcessStepFactory(process=process, success=True, sequence=sequence)
    drawn = timeline_of(process)
    assert [bar.row.step.sequence for bar in drawn.bars] == [8, 9, 10]
    assert drawn.left_out == 7
    text = render_to_string("processes/_timeline.html", {"timeline": drawn})
    assert "The 7 earlier steps are not drawn" in text


def test_its_queries_do_not_grow_with_the_steps():
    process = ProcessFactory(completed=True)
    for sequence in range(1, 31):
        ProcessStepFactory(process=process, canceled=True, sequence=sequence)
    with CaptureQueriesContext(connection) as queries:
        timeline_of(process)
    assert len(queries) == 3


def test_a_process_without_steps_has_no_drawing():
    text = render_to_string("processes/_timeline.html", {"timeline": timeline_of(ProcessFactory())})
    assert "<svg" not in text
    assert "No step has been sent yet" in text


def test_what_authors_name_their_steps_is_escaped():
    process = ProcessFactory()
    ProcessStepFactory(process=process, step="<script>", error_code="</desc>")
    text = render_to_string("processes/_timeline.html", {"timeline": timeline_of(process)})
    assert "<script>" not in text
    assert text.count("</desc>") == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 ms"),
        (0.012, "12 ms"),
        (3.4, "3.4 s"),
        (59.97, "1 min"),
        (310, "5 min 10 s"),
        (7200, "2 h"),
        (7500, "2 h 5 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_are_told_in_two_units(seconds: float, words: str):
    assert duration(seconds) == words


def test_the_machine_has_every_status_and_every_declared_transition():
    assert set(MACHINE_PLACES) == set(ProcessStatus.values)
    machine = process_machine(ProcessStatus.FAILED)
    assert [box.status for box in machine.boxes if box.is_current] == ["FAILED"]
    declared = {(str(m.source), str(m.target)) for m in Process().get_all_status_transitions()}
    assert {(arrow.source, arrow.target) for arrow in machine.arrows} == declared
    assert [a.name for a in machine.arrows if a.leaves_current] == ["begin compensation"]


@pytest.mark.parametrize("outcome", StepOutcome.values)
def test_numbers_in_the_drawing_are_plain_whatever_the_language(outcome, settings):
    settings.LANGUAGE_CODE = "de"
    process = ProcessFactory()
    ProcessStepFactory(process=process, **{outcome.lower(): True})
    text = render_to_string("processes/_timeline.html", {"timeline": timeline_of(process)})
    assert re.findall(r' (?:x|width|y)="[^"]*[^0-9."][^"]*"', text) == []
