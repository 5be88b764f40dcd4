"""Which rows a command is about: the shared filter words as options, ids, or everything."""

import uuid
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from processes.management.base import Options, wrong
from processes.management.reading import lines_of

FilterSet = type[django_filters.FilterSet]
_WORD = "word_"


def add_words(parser: ArgumentParser, filters: FilterSet) -> None:
    """An option for each filter word but the id, which is an argument."""
    words = parser.add_argument_group("filter")
    for word in filters.base_filters:
        if word != "id":
            flag = f"--{word.replace('_', '-')}"
            words.add_argument(flag, dest=f"{_WORD}{word}", metavar=_example(word))


def words_of(options: Options) -> dict[str, str]:
    given = {name.removeprefix(_WORD): v for name, v in options.items() if name.startswith(_WORD)}
    return {word: value for word, value in given.items() if value is not None}


def add_selection(parser: ArgumentParser, filters: FilterSet, what: str) -> None:
    parser.add_argument("ids", nargs="*", metavar="ID", help=f"the {what} meant")
    parser.add_argument("--ids-from", metavar="FILE", help="an id on each line; - for stdin")
    parser.add_argument("--exclude-from", metavar="FILE", help="not these: an id on each line")
    parser.add_argument("--all", action="store_true", help=f"all {what}, whatever they are")
    add_limit(parser)
    add_words(parser, filters)


def add_limit(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", type=positive, metavar="N", help="at most so many, in order")


def add_rate(parser: ArgumentParser) -> None:
    parser.add_argument("--rate", type=_rate, metavar="N", help="at most so many a second")


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked for; ``ids`` tell for each id where it stands, in the order given."""

    words: dict[str, str] = field(default_factory=dict)
    ids: dict[Any, str] = field(default_factory=dict)
    excluded: Collection[Any] = ()
    limit: int | None = None

    @property
    def told(self) -> dict[str, Any]:
        """For people to read later."""
        return self.words | ({"ids": len(self.ids)} if self.ids else {})


def selection_of(options: Options, parse: Callable[[str], Any] = uuid.UUID) -> Selection:
    """Raises CommandError, for a file that cannot be read and for what is no id in it as well."""
    words, ids = words_of(options), _ids(options, parse)
    ways = [bool(words), bool(ids), options["all"]]
    if not any(ways):
        raise wrong("Say what you mean: ids, a filter, or --all.")
    if sum(ways) > 1:
        raise wrong("Give ids, or a filter, or --all: only one of them.")
    excluded = _read_ids(options["exclude_from"], parse) if options["exclude_from"] else {}
    return Selection(words, ids, tuple(excluded), options["limit"])


def named_rows(rows: QuerySet[Any], selection: Selection, column: str = "uuid") -> QuerySet[Any]:
    """The rows with the given ids; raises CommandError for the first that is not there."""
    named = rows.filter(pk__in=_array(list(selection.ids), column))
    there = set(named.values_list("pk", flat=True).iterator())
    for pk, place in selection.ids.items():
        if pk not in there:
            raise wrong(f"{place}There is no such {rows.model._meta.verbose_name}: {pk}.")
    return named


def narrowed(rows: QuerySet[Any], selection: Selection, column: str = "uuid") -> QuerySet[Any]:
    """Without those excluded, and no more than the limit."""
    if selection.excluded:
        rows = rows.exclude(pk__in=_array(selection.excluded, column))
    return rows[: selection.limit] if selection.limit else rows


def positive(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) < 2**31:
        raise ArgumentTypeError(f"a whole number of at least 1, not {text!r}")
    return int(text)


def _rate(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.01 <= number <= 1_000_000:
        raise ArgumentTypeError(f"a number of at least 0.01, not {text!r}")
    return number


def _ids(options: Options, parse: Callable[[str], Any]) -> dict[Any, str]:
    given = {_id(text, "", parse): "" for text in options["ids"]}
    return given | (_read_ids(options["ids_from"], parse) if options["ids_from"] else {})


def _read_ids(name: str, parse: Callable[[str], Any]) -> dict[Any, str]:
    def read() -> Iterator[tuple[Any, str]]:
        for place, line in lines_of(name):
            text = line.partition("#")[0].strip()
            if text:
                yield _id(text, f"{place}: ", parse), f"{place}: "

    ids = dict(read())
    if not ids:
        raise wrong(f"{name}: no id is in it.")
    return ids


def _id(text: str, place: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except ValueError:
        raise wrong(f"{place}{text[:80]!r} is not an id.") from None


def _array(ids: Sequence[Any] | Collection[Any], column: str) -> RawSQL:
    """One parameter, however many ids there are."""
    return RawSQL(f"SELECT unnest(%s::{column}[])", [list(ids)])  # noqa: S611 - no input in it


def _example(word: str) -> str:
    if word.endswith(("_after", "_before")):
        return "2026-12-31T23:59"
    return {"older_than": "2h", "claimed_by": "NAME|me|nobody"}.get(word, word.upper())
