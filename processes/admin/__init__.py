"""The console's rooms for processes; ``tsq.admin`` adds those of the troubleshooting queue.

readonly      what all pages share: they show rows and never edit them
filters       filters over known values
display       how ages, JSON and statuses look
forms         the reason an operator gives
processes     the list, the page of one process, and "run compensation"
"""

from processes.admin import processes

__all__ = ["processes"]
