"""Runs schemathesis against a site that is served."""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.world import World

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent
PHASES = "examples,coverage,fuzzing,stateful"


@dataclass(frozen=True, slots=True)
class Round:
    """``told`` is what schemathesis printed."""

    passed: bool
    cases: int
    told: str


def fuzz(address: str, world: World, *, seed: int, examples: int, phases: str = PHASES) -> Round:
    """All checks on all operations; ``examples`` bounds the drawn cases of each operation."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(FOLDER / "schemathesis.toml")),
            *("run", f"{address}/api/schema/", "--url", address, "--checks", "all", "--no-color"),
            *("--header", f"Authorization: Token {world.token}"),
            *("--phases", phases, "--max-examples", str(examples), "--seed", str(seed)),
            *("--report-json-path", str(report)),
        ]
        told = {"FUZZED_WORLD": json.dumps(dataclasses.asdict(world)), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, env=os.environ | told, cwd=folder, capture_output=True, text=True, check=False
        )
        cases = json.loads(report.read_text())["test_cases"]["generated"] if report.exists() else 0
    return Round(done.returncode == 0, cases, done.stdout + done.stderr)
