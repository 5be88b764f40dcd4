"""The REST API under requests that nobody thought of.

    make fuzz                                    thousands of cases, another seed each time
    python -m tests.fuzz --seed 7 --cases 1      the round of this seed again

schemathesis makes requests from the schema, right ones and wrong ones, and holds every answer
against it (``schemathesis.toml``, ``hooks``), on rows of every state (``world``).
"""
