"""The business processes this site runs, one package each, listed in COMMANDBUS_DEFINITIONS.

A definition package has a ``manager`` (its process managers) and ``handlers`` (what its commands
do); both are imported at start-up.  Definitions use the engine; the engine knows none of them.
"""
