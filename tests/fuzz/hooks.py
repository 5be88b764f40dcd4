"""What schemathesis cannot know from the schema; it loads this."""

import itertools
import json
import os
import re
import uuid
from collections.abc import Iterator
from typing import Any

import schemathesis
from hypothesis import strategies
from schemathesis.openapi.checks import RejectedPositiveData

KEY = "Idempotency-Key"
KEY_IS_VALID = re.compile(r"[ -~]{1,255}")
WORLD = json.loads(os.environ["FUZZED_WORLD"])

REFUSED_BY_MEANING = {
    # What exists, and what a process type or PostgreSQL takes, is in no schema:
    *("UNKNOWN_PROCESS_TYPE", "INVALID_PROCESS_DATA", "NOT_EXTERNAL"),
    *("INVALID_COMMAND_DATA", "INVALID_RESULT", "NOTHING_CHOSEN", "COUNT_NOT_TYPED"),
    # A drawn If-Match names a version nobody has seen; keys are used again on purpose:
    *("PRECONDITION_FAILED", "IDEMPOTENCY_KEY_REUSED"),
}
# Only pages give a cursor; ids may be of nothing; and it depends on the verb what goes with it:
REFUSED_PLACES = re.compile(r"cursor|/ids/\d+|/arguments/\w+")
_EVERY = 20
_calls = itertools.count(1)
_last_key = str(uuid.uuid4())


@schemathesis.hook
def before_generate_case(context: Any, strategy: Any) -> Any:
    """Half of what is drawn is what there is; what is wrong on purpose stays wrong."""
    return strategy.flatmap(lambda case: strategies.just(case) if _is_wrong(case) else _known(case))


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """A new key for each change, but now and then the one before; and nobody waits for long.

    Keys that are wrong or missing stay so.
    """
    global _last_key  # noqa: PLW0603
    if KEY_IS_VALID.fullmatch(str((case.headers or {}).get(KEY, ""))):
        _last_key = _last_key if next(_calls) % _EVERY == 0 else str(uuid.uuid4())
        case.headers[KEY] = _last_key
    for place in (case.query, case.body):
        if isinstance(place, dict) and place.get("wait_seconds") in range(1, 21):
            place["wait_seconds"] = 0


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """False for a right request that is refused for what only the site can know."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem = response.json()
    places = [fault["field"] for fault in problem.get("errors", ())]
    if places and all(REFUSED_PLACES.fullmatch(place) for place in places):
        return False
    if problem["code"] == "REASON_REQUIRED":
        return "verb" not in case.body  # of the verbs that many entries take, one needs it
    return problem["code"] not in REFUSED_BY_MEANING


def _is_wrong(case: Any) -> bool:
    return case.meta is not None and case.meta.generation.mode.is_negative


@strategies.composite
def _known(draw: Any, case: Any) -> Any:
    ids = WORLD["ids"].get(case.operation.path.partition("/{id}")[0].rpartition("/")[2])
    if ids and "id" in case.path_parameters and draw(strategies.booleans()):
        case.path_parameters["id"] = draw(strategies.sampled_from(ids))
    for place in _objects_in([case.query, case.body]):
        for word in sorted(place.keys() & WORLD["words"].keys()):
            if draw(strategies.booleans()):
                place[word] = draw(strategies.sampled_from(WORLD["words"][word]))
    return case


def _objects_in(value: Any) -> Iterator[dict[str, Any]]:
    """All that have names that mean something; those in ``data`` do not."""
    if isinstance(value, list):
        for item in value:
            yield from _objects_in(item)
    elif isinstance(value, dict):
        yield value
        yield from _objects_in([value.get("items"), value.get("filter")])
