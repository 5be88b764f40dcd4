"""What the hot path costs must not depend on how many finished commands there are."""

import json
from typing import Any

import psycopg
import pytest
from django.db import connection

from processes.bus import statements
from tests.factories import CommandFactory

pytestmark = pytest.mark.django_db

FINISHED, WAITING = 5_000, 200

FILL = """
INSERT INTO bus_command (id, domain, command_type, data, correlation_id, reply_to, max_attempts,
    status, attempts, deliveries, completed_at)
SELECT gen_random_uuid(), 'test', 'Test', '{}', gen_random_uuid(), '', 3,
    CASE WHEN n > %s THEN 'PENDING' ELSE 'COMPLETED' END, (n <= %s)::int, (n <= %s)::int,
    CASE WHEN n <= %s THEN bus_now() END
FROM generate_series(1, %s) n
"""


@pytest.fixture
def many_finished():
    with connection.cursor() as cursor:
        cursor.execute(FILL, [FINISHED] * 4 + [FINISHED + WAITING])
        cursor.execute("ANALYZE bus_command")


def reads_of_commands(statement: str, parameters: list[Any]) -> list[dict[str, Any]]:
    """The parts of the executed plan that read ``bus_command``."""
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
        ((plan,),) = cursor.fetchall()
    found, left = [], [json.loads(plan)[0]["Plan"] if isinstance(plan, str) else plan[0]["Plan"]]
    while left:
        node = left.pop()
        left += node.get("Plans", [])
        if node.get("Relation Name") == "bus_command" and "Scan" in node["Node Type"]:
            found.append(node)
    return found


def indexes(reads: list[dict[str, Any]]) -> set[str]:
    return {read.get("Index Name", read["Node Type"]) for read in reads}


def most_rows(reads: list[dict[str, Any]]) -> float:
    touched = (r["Actual Rows"] + r.get("Rows Removed by Filter", 0) for r in reads)
    return max(touched)


@pytest.mark.usefixtures("many_finished")
def test_claiming_reads_the_index_of_what_is_due_and_only_as_much_as_it_takes():
    reads = reads_of_commands(statements.CLAIM, [["test"], ["Test"], [60.0], [10], 10])

    assert indexes(reads) == {"command_due", "bus_command_pkey"}
    assert most_rows(reads) == 10


@pytest.mark.usefixtures("many_finished")
def test_claiming_alone_reads_the_index_of_what_is_unsettled():
    CommandFactory(in_progress=True)

    reads = reads_of_commands(statements.CLAIM_ALONE, [["test"], ["Test"], [60.0], [], [], 30.0])

    assert indexes(reads) == {"command_unsettled", "bus_command_pkey"}
    assert most_rows(reads) == 1


@pytest.mark.usefixtures("many_finished")
def test_claiming_for_a_service_costs_what_claiming_for_a_worker_costs():
    parameters = [["test"], ["Test"], [60.0], [10], 10]

    reads = reads_of_commands(statements.CLAIM_EXTERNAL, parameters)

    assert indexes(reads) == {"command_due", "bus_command_pkey"}
    assert most_rows(reads) == 10


@pytest.mark.usefixtures("many_finished")
def test_looking_for_what_a_service_can_claim_costs_one_probe_for_each_type():
    reads = reads_of_commands(statements.LANES_DUE_IN, ["test", ["Test", "Other"]])

    assert indexes(reads) == {"command_due"}
    assert most_rows(reads) <= 1


@pytest.mark.usefixtures("many_finished")
def test_taking_back_lost_external_commands_reads_the_index_of_what_is_unsettled():
    for _ in range(3):
        CommandFactory(in_progress=True)

    reads = reads_of_commands(statements.TAKE_LOST_EXTERNAL, [["test"], ["Test"], 2])

    assert indexes(reads) <= {"command_unsettled", "bus_command_pkey"}
    assert most_rows(reads) <= 3


@pytest.mark.usefixtures("many_finished")
def test_looking_for_lanes_costs_one_probe_for_each():
    reads = reads_of_commands(statements.WAITING_LANES, [])

    assert indexes(reads) == {"command_due"}
    assert most_rows(reads) == 1


@pytest.mark.usefixtures("many_finished")
def test_looking_for_the_next_lease_reads_the_index_of_what_is_unsettled():
    CommandFactory(in_progress=True)

    reads = reads_of_commands(statements.UNSETTLED_DUE_IN, [])

    assert indexes(reads) == {"command_unsettled"}
    assert most_rows(reads) == 1
