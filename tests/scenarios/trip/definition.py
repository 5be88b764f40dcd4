"""Trip: HOTEL, FLIGHT, CAR, each of which can be undone, and then BILL.

What happens on the way is written in the plan that a trip is started with: from the name of a
step (its handler) or of a step and the reply to it ("FLIGHT SUCCESS", its manager) to what is
done there (``mishaps``).  Every handler books one row, so that effects can be counted.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from django.db import connection

from processes.base import ProcessCommand, ProcessManager
from processes.bus.handlers import CommandMessage
from tests.scenarios.trip.mishaps import happen

DOMAIN = "trip"
BOOK = "Book"

CREATE_TABLE = "CREATE TABLE IF NOT EXISTS trip_booking (command_id uuid, step text)"
DROP_TABLE = "DROP TABLE IF EXISTS trip_booking"


class TripStep(StrEnum):
    HOTEL = "HOTEL"
    FLIGHT = "FLIGHT"
    CAR = "CAR"
    BILL = "BILL"
    UNDO_HOTEL = "UNDO_HOTEL"
    UNDO_FLIGHT = "UNDO_FLIGHT"
    UNDO_CAR = "UNDO_CAR"


FOLLOWING = {
    TripStep.HOTEL: TripStep.FLIGHT,
    TripStep.FLIGHT: TripStep.CAR,
    TripStep.CAR: TripStep.BILL,
}
UNDOING = {
    TripStep.HOTEL: TripStep.UNDO_HOTEL,
    TripStep.FLIGHT: TripStep.UNDO_FLIGHT,
    TripStep.CAR: TripStep.UNDO_CAR,
}


@dataclass
class TripState:
    plan: dict[str, str]

    to_dict = asdict

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "TripState":
        return cls(**data)


class Trip(ProcessManager[TripState, TripStep]):
    process_type = "Trip"
    domain = DOMAIN
    state_class = TripState
    step_class = TripStep

    def create_initial_state(self, data: dict[str, Any]) -> TripState:
        return TripState(plan=data)

    def get_first_step(self, state: TripState) -> TripStep:
        return TripStep.HOTEL

    def build_command(self, step: TripStep, state: TripState) -> ProcessCommand:
        return ProcessCommand(BOOK, {"step": step, "mishap": state.plan.get(step, "")})

    def update_state(self, state: TripState, step: TripStep, reply) -> None:
        pass

    def get_next_step(self, step: TripStep, reply, state: TripState) -> TripStep | None:
        return FOLLOWING.get(step)

    def get_compensation_step(self, step: TripStep) -> TripStep | None:
        return UNDOING.get(step)

    def handle_reply(self, reply, process) -> None:
        super().handle_reply(reply, process)
        step = process.trail.step_of(reply.command_id)
        happen(process.state["plan"].get(f"{step.name} {reply.outcome}", ""))


def book(message: CommandMessage) -> None:
    """Book one row, and then let happen what the plan says."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO trip_booking VALUES (%s, %s)", [message.command_id, message.data["step"]]
        )
    happen(message.data["mishap"])
