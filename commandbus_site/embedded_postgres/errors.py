class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be started or reached; the message says what to do."""
