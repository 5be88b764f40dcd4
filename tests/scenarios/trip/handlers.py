from processes.bus.handlers import command_handler
from tests.scenarios.trip.definition import BOOK, DOMAIN, book

command_handler(BOOK, domain=DOMAIN)(book)
