"""The console's rooms for processes; ``tsq.admin`` adds those of the troubleshooting queue.

readonly      what all pages share: they show rows and never edit them
filters       filters over known values
display       how ages, JSON and statuses look
forms         the reason an operator gives
processes     the list, the page of one process, and "run compensation"
audit         what operators did: the list, one action, CSV
difference    what changed between two JSON values, line by line
people        who is limited to which domains
"""

from processes.admin import audit, people, processes

__all__ = ["audit", "people", "processes"]
