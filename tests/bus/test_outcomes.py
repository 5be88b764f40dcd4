"""How a delivery went, as the worker sees it: pure, whatever the handler does."""

import asyncio

import pytest

from processes.bus.errors import BusinessRuleError, PermanentCommandError, TransientCommandError
from processes.bus.fitness import MAX_CODE, MAX_MESSAGE, MAX_TRACEBACK
from processes.bus.leases import LeaseOverrun
from processes.bus.outcomes import Failed, Severity, Succeeded, outcome_of, result_text
from tests.bus.unfit import UNFIT_VALUES, Unprintable, UnprintableError, nested
from tests.support.behaviours import raising


def outcome_of_raising(error: BaseException) -> Failed:
    outcome = outcome_of(lambda: raising(error)(None))
    assert isinstance(outcome, Failed)
    return outcome


@pytest.mark.parametrize(
    ("result", "text"), [(None, None), ({}, "{}"), ({"sum": 3}, '{"sum": 3}'), ({1: 2}, '{"1": 2}')]
)
def test_nothing_or_a_json_object_is_a_success(result, text):
    assert outcome_of(lambda: result_text(result)) == Succeeded(text)


@pytest.mark.parametrize("result", [[], [1], "text", 0, 3, True, False, ("a",), object()])
def test_any_other_result_is_invalid(result):
    outcome = outcome_of(lambda: result_text(result))

    assert (outcome.severity, outcome.code) == (Severity.PERMANENT, "INVALID_RESULT")


@pytest.mark.parametrize("value", UNFIT_VALUES.values(), ids=UNFIT_VALUES)
def test_a_result_that_cannot_be_kept_is_invalid(value):
    outcome = outcome_of(lambda: result_text({"value": value}))

    assert (outcome.severity, outcome.code) == (Severity.PERMANENT, "INVALID_RESULT")
    assert outcome.message.startswith("The handler's result cannot be kept: ")


@pytest.mark.parametrize(
    ("error", "severity"),
    [
        (TransientCommandError("CODE", "the message"), Severity.TRANSIENT),
        (PermanentCommandError("CODE", "the message"), Severity.PERMANENT),
        (BusinessRuleError("CODE", "the message"), Severity.BUSINESS),
    ],
)
def test_a_handlers_error_says_its_severity_code_and_message(error, severity):
    outcome = outcome_of_raising(error)

    assert (outcome.severity, outcome.code, outcome.message) == (severity, "CODE", "the message")
    assert "in act" in outcome.details["traceback"]
    assert set(outcome.details) == {"traceback"}


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ValueError("no such thing"), "ValueError", "no such thing"),
        (KeyError("account"), "KeyError", "'account'"),
        (SystemExit(3), "SystemExit", "3"),
        (ConnectionResetError(), "ConnectionResetError", "ConnectionResetError"),
        (RecursionError("too deep"), "RecursionError", "too deep"),
        (MemoryError(), "MemoryError", "MemoryError"),
        (
            ExceptionGroup("two", [ValueError(), OSError()]),
            "ExceptionGroup",
            "two (2 sub-exceptions)",
        ),
    ],
)
def test_any_other_exception_is_transient_and_named_by_its_class(error, code, message):
    outcome = outcome_of_raising(error)

    assert (outcome.severity, outcome.code, outcome.message) == (Severity.TRANSIENT, code, message)


@pytest.mark.parametrize("error", [asyncio.CancelledError(), GeneratorExit()])
def test_an_exception_outside_the_usual_hierarchy_is_transient_too(error):
    outcome = outcome_of_raising(error)

    assert (outcome.severity, outcome.code) == (Severity.TRANSIENT, type(error).__name__)


def test_an_interruption_is_no_outcome():
    with pytest.raises(LeaseOverrun):
        outcome_of(lambda: raising(LeaseOverrun())(None))


def test_an_exception_whose_text_raises_is_still_told():
    outcome = outcome_of_raising(UnprintableError())

    assert outcome.code == "UnprintableError"
    assert outcome.message == "<UnprintableError whose text failed with RuntimeError>"


def test_codes_and_messages_are_made_fit():
    outcome = outcome_of_raising(PermanentCommandError("C\x00" + "O" * 300, "m\ud800" * 20_000))

    assert outcome.code == "C\N{REPLACEMENT CHARACTER}" + "O" * (MAX_CODE - 3) + "…"
    assert outcome.message == ("m?" * MAX_MESSAGE)[: MAX_MESSAGE - 1] + "…"


@pytest.mark.parametrize(
    ("code", "message", "told"),
    [
        ("", "why", ("PermanentCommandError", "why")),
        ("CODE", "", ("CODE", "CODE")),
        (None, None, ("None", "None")),
        (404, ["a"], ("404", "['a']")),
    ],
)
def test_a_code_and_a_message_are_always_there_and_text(code, message, told):
    outcome = outcome_of_raising(PermanentCommandError(code, message))

    assert (outcome.code, outcome.message) == told


def test_a_long_class_name_is_cut_like_any_code():
    assert len(outcome_of_raising(type("E" * 300, (Exception,), {})()).code) == MAX_CODE


def test_a_long_class_name_that_stands_for_no_code_is_cut_too():
    error = type("E" * 300, (PermanentCommandError,), {})("", "why")

    assert len(outcome_of_raising(error).code) == MAX_CODE


def test_details_that_are_json_are_kept():
    outcome = outcome_of_raising(TransientCommandError("C", "m", {"account": 17}))

    assert outcome.details["details"] == {"account": 17}


@pytest.mark.parametrize(
    ("details", "kept"),
    [
        ({"seen": {1}}, "{'seen': {1}}"),
        (Unprintable(), "<Unprintable>"),
        ({"nul": "\x00"}, "{'nul': '\\x00'}"),
    ],
)
def test_details_that_are_not_json_never_spoil_an_outcome(details, kept):
    outcome = outcome_of_raising(TransientCommandError("C", "m", details))

    assert (outcome.code, outcome.details["details"]) == ("C", kept)


def test_details_too_deep_for_json_never_spoil_an_outcome():
    outcome = outcome_of_raising(TransientCommandError("C", "m", {"deep": nested(100_000)}))

    assert isinstance(outcome.details["details"], str)


def test_details_given_as_a_list_stay_a_list():
    outcome = outcome_of_raising(TransientCommandError("C", "m", ["ab", "cd"]))

    assert outcome.details["details"] == ["ab", "cd"]


class ForgetfulError(PermanentCommandError):
    """An author's subclass that does not call its parent."""

    def __init__(self) -> None:
        Exception.__init__(self, "forgot")


def test_a_handlers_error_without_code_or_message_is_named_by_its_class():
    outcome = outcome_of_raising(ForgetfulError())

    assert (outcome.severity, outcome.code) == (Severity.PERMANENT, "ForgetfulError")


def test_a_long_traceback_keeps_its_end():
    def deep(level: int) -> None:
        if level == 0:
            raise ValueError("x" * 2 * MAX_TRACEBACK + "the end")
        deep(level - 1)

    outcome = outcome_of(lambda: deep(50))

    assert len(outcome.details["traceback"]) == MAX_TRACEBACK
    assert outcome.details["traceback"].endswith("the end\n")
