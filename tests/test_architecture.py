"""Imports run one way: bus <- processes (the engine) <- definitions and tsq, which are strangers.

Read from the source of every file, so that an import inside a function counts as well.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SURFACES = ("django.contrib.admin", "rest_framework", "django_q")
CORE = (
    "processes/bus/**/*.py",
    *(
        f"processes/{name}.py"
        for name in (
            *("base", "engine", "progress", "trail", "statements", "registry"),
            *("worker", "models", "audit", "states"),
            *("starting", "idempotency", "access", "filters", "requests"),
        )
    ),
    "tsq/models/*.py",
    "tsq/operations.py",
    "tsq/resolutions.py",
)
DEMO = "processes/definitions/statement_report/demo"


def files(*patterns: str, apart_from: tuple[str, ...] = ()) -> list[Path]:
    found = {path for pattern in patterns for path in ROOT.glob(pattern)}
    return sorted(
        path
        for path in found
        if not path.relative_to(ROOT).as_posix().startswith(apart_from or ("//",))
    )


def imports(source: str, package: list[str]) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported by a module of ``package``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def is_within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def violations(
    paths: list[Path], forbidden: tuple[str, ...], allowed: tuple[str, ...] = ()
) -> list[str]:
    """``file:line imports module`` for every import that may not be there."""
    assert paths, "the rule looks at no file at all"
    return [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in paths
        for line, module in imports(path.read_text(), list(path.relative_to(ROOT).parent.parts))
        if is_within(module, forbidden) and not is_within(module, allowed)
    ]


def test_the_bus_knows_nothing_of_processes_or_operators():
    bus = files("processes/bus/**/*.py")
    assert violations(bus, ("processes", "tsq"), allowed=("processes.bus",)) == []


def test_the_engine_knows_nothing_of_definitions_or_operators():
    engine = files("processes/**/*.py", apart_from=("processes/definitions/",))
    assert violations(engine, ("processes.definitions", "tsq")) == []


def test_definitions_do_not_know_the_operators_console():
    definitions = files("processes/definitions/**/*.py", apart_from=(DEMO,))
    assert violations(definitions, ("tsq",)) == []


def test_the_operators_console_does_not_know_definitions():
    assert violations(files("tsq/**/*.py"), ("processes.definitions",)) == []


def test_the_core_needs_no_admin_no_rest_framework_and_no_django_q():
    assert violations(files(*CORE), (*SURFACES, "processes.admin", "processes.api")) == []


def test_the_console_and_rest_do_not_know_each_other():
    rest, console = "api/**/*.py", "admin/**/*.py"
    forbidden = ("django.contrib.admin", "processes.admin", "tsq.admin", "tsq.forms")
    assert violations(files(f"processes/{rest}", f"tsq/{rest}"), forbidden) == []
    forbidden = ("rest_framework", "processes.api", "tsq.api")
    assert violations(files(f"processes/{console}", f"tsq/{console}"), forbidden) == []


def test_only_rest_needs_the_rest_framework():
    rest = ("processes/api/", "processes/health/", "tsq/api/")
    others = files("processes/**/*.py", "tsq/**/*.py", apart_from=rest)
    # Tokens are of the accounts of services, which a management command looks after as well.
    allowed = ("processes.api.tokens",)
    assert violations(others, ("rest_framework", "processes.api", "tsq.api"), allowed) == []


def test_every_module_named_as_core_exists():
    named = [ROOT / pattern for pattern in CORE if "*" not in pattern]
    assert [path for path in named if not path.is_file()] == []


@pytest.mark.parametrize(
    ("statement", "module"),
    [
        ("import tsq", "tsq"),
        ("import tsq.operations as o", "tsq.operations"),
        ("from tsq import operations", "tsq.operations"),
        ("from ..engine import start_process", "processes.engine.start_process"),
        ("from .. import engine", "processes.engine"),
        ("def f():\n    from processes import engine", "processes.engine"),
    ],
)
def test_every_way_to_import_is_seen(statement: str, module: str):
    ((_, seen),) = imports(statement, ["processes", "bus"])
    assert seen == module
