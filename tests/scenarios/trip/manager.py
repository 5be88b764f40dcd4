from processes.registry import register_process
from tests.scenarios.trip.definition import Trip

register_process(Trip)
