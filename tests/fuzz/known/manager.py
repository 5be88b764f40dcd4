from processes.registry import register_process
from tests.fuzz.shop import Order

register_process(Order)
