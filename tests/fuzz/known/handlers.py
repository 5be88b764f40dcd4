from processes.bus.handlers import external_command
from tests.fuzz.shop import DOMAIN, EXTERNAL, OPTIONS

for command_type in EXTERNAL:
    external_command(command_type, domain=DOMAIN, **OPTIONS)
