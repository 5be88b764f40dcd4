"""``processes start``: many at once from JSON or CSV, all checked before any is started."""

import uuid

import pytest

from processes.bus.models import Command
from processes.models import Process
from tests.support.commands import manage

pytestmark = pytest.mark.django_db

ONE, TWO = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))


@pytest.fixture(autouse=True)
def picky(story) -> None:
    """Its manager wants to know how many."""

    def create_initial_state(self, data):
        if not str(data.get("n", "")).isdigit():
            raise ValueError("n is missing; give a number")
        return self.state_class()

    story.manager.create_initial_state = create_initial_state


def start(text: str, *arguments: object):
    arguments = arguments or ("--yes", "--format", "json")
    return manage("processes", "start", "ThreeSteps", *arguments, stdin=text)


def data() -> list[dict]:
    return sorted(Process.objects.values_list("data", flat=True), key=str)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"n": 1}, {"n": 2}]', [{"n": 1}, {"n": 2}]),
        ('{"n": 1}', [{"n": 1}]),
        ('{"n": 1}\n\n{"n": 2}\n', [{"n": 1}, {"n": 2}]),
        ("n,name\n1,Zoë\n2,\n", [{"n": "1", "name": "Zoë"}, {"n": "2", "name": ""}]),
        ('\ufeff[\n{"n": 1}\n]\n'.lstrip("\ufeff"), [{"n": 1}]),
    ],
)
def test_each_is_started_from_what_stands_there(text, expected):
    ran = start(text)
    assert ran.code == 0
    assert [row["outcome"] for row in ran.rows] == ["STARTED"] * len(expected)
    assert data() == expected
    assert Command.objects.count() == len(expected)


def test_a_file_does_as_well(tmp_path):
    file = tmp_path / "data.csv"
    file.write_text("\ufeffn\r\n1\r\n2\r\n", encoding="utf-8")
    assert manage("processes", "start", "ThreeSteps", file, "--yes").code == 0
    assert data() == [{"n": "1"}, {"n": "2"}]


def test_without_yes_it_only_shows():
    ran = start('[{"n": 1}, {"n": 2}]', "--format", "json")
    assert (ran.code, ran.out) == (1, "")
    assert "processes to start: 2" in ran.err
    assert data() == []


def test_with_an_id_each_is_started_once():
    text = f"process_id,n\n{ONE},1\n{TWO},2\n"
    assert start(text).code == 0
    again = start(text + ",3\n")
    assert again.code == 0
    outcomes = [row["outcome"] for row in again.rows]
    assert outcomes == ["THERE BEFORE", "THERE BEFORE", "STARTED"]
    assert [row["process_id"] for row in again.rows[:2]] == [ONE, TWO]
    assert data() == [{"n": "1"}, {"n": "2"}, {"n": "3"}]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "stdin: there is nothing to start in it"),
        ("[]", "there is nothing to start"),
        ('[{"n": 1},\n {"n": "x"},\n {}]', "stdin line 2: ThreeSteps cannot start with this"),
        ('[{"n": 1},\n {"n": "x"},\n {}]', "stdin line 3: ThreeSteps cannot start with this"),
        ('{"n": 1}\n{"n": \n', "stdin line 3: this is not JSON"),
        ('[{"n": 1},\n17]', "stdin line 2: a JSON object is needed"),
        ('[{"n": 1}\n{"n": 2}]', "stdin line 2: a comma or ] is missing"),
        ('[{"n": 1}] x', "something follows the end of the list"),
        ('{"n": 1, "x": "\\u0000"}', "stdin line 1: it contains the NUL character"),
        ('{"n": 1, "x": NaN}', "stdin line 1: "),
        ("[" * 100_000, "stdin line 1: this is not JSON"),
        ('{"n": ' + "1" * 5000 + "}", "stdin line 1: this is not JSON"),
        ("n,name\n1,a\n2\n", "stdin line 3: 2 cells are needed"),
        ("n\n1\n2,3\n", "stdin line 3: 1 cells are needed"),
        ('n\n1\n"2\n', "this is not CSV"),
        (f"process_id,n\n{ONE},1\n{ONE},1\n", "line 3: the process_id of line 2 again"),
        ("process_id,n\nabc,1\n", "stdin line 2: process_id must be a UUID, not 'abc'"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_wrong_is_told_by_line_and_nothing_is_started(text, why):
    ran = start(text)
    assert (ran.code, ran.out) == (2, "")
    assert why in ran.err
    assert data() == []


def test_other_data_under_the_same_id_starts_none_of_them():
    start(f"process_id,n\n{ONE},1\n")
    ran = start(f"process_id,n\n{TWO},2\n{ONE},9\n")
    assert ran.code == 2
    assert f"other data: {ONE}" in ran.err
    assert data() == [{"n": "1"}]


def test_an_unknown_type_or_file_is_told():
    assert "known are" in manage("processes", "start", "Nothing", "--yes").err
    ran = manage("processes", "start", "ThreeSteps", "/nowhere", "--yes")
    assert ran.code == 2
    assert "/nowhere cannot be read" in ran.err
