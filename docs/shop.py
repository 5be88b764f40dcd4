"""A shop whose orders run into trouble: what the screenshots show."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from processes.base import ProcessCommand, ProcessManager, ReceivedReply
from processes.bus.errors import BusinessRuleError, PermanentCommandError
from processes.bus.handlers import CommandMessage, command_handler
from processes.registry import register_process


class Step(StrEnum):
    RESERVE = "OrderReserve"
    CHARGE = "OrderCharge"
    SHIP = "OrderShip"
    REFUND = "OrderRefund"
    RELEASE = "OrderRelease"


@dataclass
class Order:
    number: int
    amount: str
    parcel: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Order":
        return cls(**data)


@register_process
class Orders(ProcessManager[Order, Step]):
    process_type = "Order"
    domain = "shop"
    state_class = Order
    step_class = Step

    def create_initial_state(self, data: dict[str, Any]) -> Order:
        return Order(number=data["number"], amount=data["amount"])

    def get_first_step(self, state: Order) -> Step:
        return Step.RESERVE

    def build_command(self, step: Step, state: Order) -> ProcessCommand:
        return ProcessCommand(step.value, state.to_dict())

    def update_state(self, state: Order, step: Step, reply: ReceivedReply) -> None:
        if step == Step.SHIP:
            state.parcel = (reply.data or {}).get("parcel")

    def get_next_step(self, step: Step, reply: ReceivedReply, state: Order) -> Step | None:
        return {Step.RESERVE: Step.CHARGE, Step.CHARGE: Step.SHIP}.get(step)

    def get_compensation_step(self, step: Step) -> Step | None:
        return {Step.RESERVE: Step.RELEASE, Step.CHARGE: Step.REFUND}.get(step)


@command_handler("OrderReserve", domain="shop")
@command_handler("OrderRelease", domain="shop")
@command_handler("OrderRefund", domain="shop")
def succeed(message: CommandMessage) -> None:
    """All is well."""


@command_handler("OrderCharge", domain="shop")
def charge(message: CommandMessage) -> None:
    number = message.data["number"]
    if number % 7 == 0:
        raise PermanentCommandError("CARD_EXPIRED", f"The card of order {number} has expired.")
    if number % 31 == 0:
        raise BusinessRuleError("ACCOUNT_CLOSED", "The customer's account is closed.")


@command_handler("OrderShip", domain="shop")
def ship(message: CommandMessage) -> dict[str, Any]:
    number = message.data["number"]
    if number % 5 == 0:
        raise PermanentCommandError("NO_CARRIER", f"No carrier takes order {number}: no postcode.")
    if number % 11 == 0:
        raise PermanentCommandError("LABEL_PRINTER", "The printer answers: out of paper.")
    return {"parcel": f"P-{number}"}
