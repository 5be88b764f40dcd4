"""What the fuzzed site knows: what the examples in the schema speak of."""

from tests.support.three_steps import ThreeStep, ThreeSteps

DOMAIN = "shop"
EXTERNAL = (*(step.value for step in ThreeStep), "OrderReserve", "OrderShip")
OPTIONS = {"editable": True}


class Order(ThreeSteps):
    process_type = "Order"
    domain = DOMAIN
