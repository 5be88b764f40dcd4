"""Making foreign texts and values fit for PostgreSQL: pure, but the last word is PostgreSQL's."""

import datetime as dt
import math

import pytest

from processes.bus import sql
from processes.bus.fitness import (
    UnfitJson,
    fit_details,
    fit_text,
    json_object_text,
    json_text,
)
from tests.bus.unfit import FIT_VALUES, UNFIT_VALUES, Unprintable


@pytest.mark.parametrize("value", UNFIT_VALUES.values(), ids=UNFIT_VALUES)
def test_what_json_or_postgresql_cannot_hold_is_refused(value):
    with pytest.raises(UnfitJson) as refused:
        json_text({"value": value})

    assert str(refused.value)


@pytest.mark.django_db
@pytest.mark.parametrize("value", FIT_VALUES.values(), ids=FIT_VALUES)
def test_what_is_fit_postgresql_holds(value):
    text = json_text({"value": value})

    ((key,),) = sql.run("SELECT jsonb_object_keys(%s::jsonb)", [text])
    assert key == "value"


@pytest.mark.parametrize("value", [[1], "text", 3, None, True, ("a",)])
def test_only_an_object_is_a_json_object(value):
    with pytest.raises(UnfitJson, match="a JSON object is needed"):
        json_object_text(value)


def test_an_escaped_backslash_before_u0000_is_no_nul():
    assert json_text({"path": r"C:\u0000"}) == r'{"path": "C:\\u0000"}'


def test_text_loses_what_a_text_column_refuses():
    assert fit_text("a\x00b\ud800c") == "a\N{REPLACEMENT CHARACTER}b?c"


@pytest.mark.parametrize(("length", "kept"), [(10, "x" * 10), (11, "x" * 9 + "…")])
def test_text_is_cut_to_its_limit(length, kept):
    assert fit_text("x" * length, 10) == kept


def test_text_of_what_has_none_says_so():
    assert fit_text(Unprintable()) == "<Unprintable whose text failed with RuntimeError>"


def test_details_that_are_json_stay_as_they_are():
    details = {"account": 17, "tags": ["a", None]}

    assert fit_details(details) is details


@pytest.mark.parametrize(
    ("details", "kept"),
    [
        ({"when": dt.date(2024, 5, 17)}, "{'when': datetime.date(2024, 5, 17)}"),
        ({"ratio": math.nan}, "{'ratio': nan}"),
        (Unprintable(), "<Unprintable>"),
    ],
)
def test_details_that_are_not_json_are_kept_as_text(details, kept):
    assert fit_details(details) == kept
