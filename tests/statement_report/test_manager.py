"""What the process manager decides, without a database."""

import json
import uuid
from typing import Any

import pytest

from processes.base import ReceivedReply
from processes.bus.handlers import find_handler
from processes.bus.states import ReplyOutcome
from processes.definitions.statement_report.manager import (
    PLAN,
    StatementReport,
    StatementReportState,
)
from processes.definitions.statement_report.manager import StatementReportStep as Step

DATA = {"account_id": 7, "from": "2024-01-01", "to": "2024-12-31", "format": "HTML"}
RESULTS: dict[Step, dict[str, Any] | None] = {
    Step.QUERY: {"opening_balance": "1.00", "transactions": [{"transaction_id": 1}]},
    Step.AGGREGATE: {"summary": {"closing_balance": "2.00"}, "breakdown": {"by_purpose": []}},
    Step.RENDER: {"file": "s.html"},
    Step.REGISTER: {"statement_id": 3},
    Step.NOTIFY: None,
}

manager = StatementReport()


def reply(data: dict[str, Any] | None) -> ReceivedReply:
    return ReceivedReply(1, uuid.uuid4(), ReplyOutcome.SUCCESS, data, "", "")


def state_after(last: Step) -> StatementReportState:
    """The state once every step up to ``last`` has succeeded."""
    state = manager.create_initial_state(DATA)
    for step, result in RESULTS.items():
        manager.update_state(state, step, reply(result))
        if step is last:
            break
    return state


def test_the_steps_follow_each_other_to_the_end() -> None:
    state = manager.create_initial_state(DATA)
    steps = [manager.get_first_step(state)]
    while following := manager.get_next_step(steps[-1], reply(RESULTS[steps[-1]]), state):
        steps.append(following)

    assert steps == [Step.QUERY, Step.AGGREGATE, Step.RENDER, Step.REGISTER, Step.NOTIFY]


def test_only_rendering_and_registering_are_undone() -> None:
    undone = {step: manager.get_compensation_step(step) for step in Step}

    assert {step: undoing for step, undoing in undone.items() if undoing} == {
        Step.RENDER: Step.DELETE_RENDER,
        Step.REGISTER: Step.DEREGISTER,
    }


@pytest.mark.parametrize("step", Step)
def test_every_step_sends_a_command_that_has_a_handler(step: Step) -> None:
    command = manager.build_command(step, state_after(Step.NOTIFY))

    assert find_handler(manager.domain, command.command_type)


def test_each_command_carries_what_its_handler_needs() -> None:
    statement = {"account_id": 7, "period_from": "2024-01-01", "period_to": "2024-12-31"}
    rows, summary = [{"transaction_id": 1}], {"closing_balance": "2.00"}

    def data_of(step: Step, after: Step) -> dict[str, Any]:
        return manager.build_command(step, state_after(after)).data

    assert manager.build_command(Step.QUERY, manager.create_initial_state(DATA)).data == statement
    assert data_of(Step.AGGREGATE, after=Step.QUERY) == {
        "account_id": 7,
        "opening_balance": "1.00",
        "transactions": rows,
    }
    assert data_of(Step.RENDER, after=Step.AGGREGATE) == {
        **statement,
        "format": "HTML",
        "summary": summary,
        "breakdown": {"by_purpose": []},
        "transactions": rows,
    }
    registered = {**statement, "summary": summary, "file": "s.html"}
    assert data_of(Step.REGISTER, after=Step.RENDER) == {**registered, "format": "HTML"}
    assert data_of(Step.NOTIFY, after=Step.REGISTER) == registered
    assert data_of(Step.DEREGISTER, after=Step.REGISTER) == {"account_id": 7}
    assert data_of(Step.DELETE_RENDER, after=Step.REGISTER) == {"account_id": 7, "file": "s.html"}


def test_the_state_lets_go_of_the_transactions_once_rendered() -> None:
    assert state_after(Step.AGGREGATE).transactions
    assert state_after(Step.RENDER).transactions == []
    assert state_after(Step.RENDER).breakdown is None


@pytest.mark.parametrize("last", RESULTS)
def test_the_state_survives_its_way_through_json(last: Step) -> None:
    state = state_after(last)

    stored = json.loads(json.dumps(state.to_dict()))

    assert StatementReportState.from_dict(stored) == state


@pytest.mark.parametrize(
    ("step", "result"),
    [(Step.QUERY, {"transactions": []}), (Step.AGGREGATE, {}), (Step.RENDER, None)],
)
def test_a_result_without_what_the_step_must_give_is_refused_by_name(
    step: Step, result: dict[str, Any] | None
) -> None:
    with pytest.raises(ValueError, match=f"{step} must give '{PLAN[step].gives[0]}'"):
        manager.update_state(manager.create_initial_state(DATA), step, reply(result))


def test_chaos_reaches_only_the_commands_of_its_step() -> None:
    chaos = {"seed": 7, "NOTIFY": {"transient": 50}}
    state = manager.create_initial_state({**DATA, "chaos": chaos})

    assert "chaos" not in manager.build_command(Step.QUERY, state).data
    assert manager.build_command(Step.NOTIFY, state).data["chaos"] == {
        "seed": 7,
        "outage": "",
        "transient": 50,
    }


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"format": "PDF"}, "format"), ({"from": "soon"}, "from"), ({"chaos": 3}, "chaos")],
)
def test_wrong_data_is_refused_by_name(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named} must be"):
        manager.create_initial_state({**DATA, **wrong})
