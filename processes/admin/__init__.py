"""The console's rooms for processes; ``tsq.admin`` adds those of the troubleshooting queue.

readonly      what all pages share: they show rows and never edit them
filters       filters over known values
word_filters  filters and search by the words of ``processes.filters``
display       how ages, JSON and statuses look
forms         the reason an operator gives
processes     the list, the page of one process, and "run compensation"
commands      commands, finished ones too, and the page of one
command_list  their list, searched once
workers       the list of worker clusters
audit         what operators did: the list, one action, CSV
difference    what changed between two JSON values, line by line
people        who is limited to which domains
"""

from processes.admin import audit, commands, people, processes, workers

__all__ = ["audit", "commands", "people", "processes", "workers"]
