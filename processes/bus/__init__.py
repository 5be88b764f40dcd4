"""The command bus: durable commands, delivered at least once, each with one final reply.

    sending.send_commands   writes the command and its SENT event
    delivery.deliver        claim, find handler, run, judge, settle: the life of one delivery
      handlers              which function handles which command type
      judgement             pure: an outcome and a policy in, a decision out
      statements            the SQL of the hot path: claim, settle, send
    external                the same for services from outside: claim, extend, settle
    measures                how much, how it ended, and how long it took: for /metrics
    inbox                   the replies of senders with an address of their own
    models.Command          the status machine every move goes through
    models.Reply            what the sender hears of it

The bus knows commands, and nothing of processes or operators.
"""
