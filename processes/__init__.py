"""Processes: business flows of several steps, run on the command bus.

How a process moves (one command at a time, everything a row in PostgreSQL):

    engine.start_process      creates the process and sends its first command
      -> bus.delivery         a worker claims the command, runs its handler, settles the outcome
      -> bus.Reply            the settlement writes the reply, addressed to "processes"
      -> engine.handle_replies locks the process and lets its manager decide (base.ProcessManager)
      -> bus.sending          the next step's command, or the end of the process

A command that cannot succeed is parked; an operator resolves it (``tsq``), which writes the
reply that lets the process go on or compensate.  Imports run one way: ``bus`` knows nothing of
processes, the engine nothing of ``definitions`` or ``tsq``.
"""
