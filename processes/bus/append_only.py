"""Tables whose rows are only ever added: the database itself refuses to change or remove one.

Pruning may remove rows, and only in a transaction that says so, by ``PRUNING``.
"""

PRUNING = "SET LOCAL commandbus.pruning = 'on'"

CREATE_FUNCTION = """
CREATE FUNCTION bus_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' AND current_setting('commandbus.pruning', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'rows of % are only ever added, never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$
"""
DROP_FUNCTION = "DROP FUNCTION bus_append_only()"


def create_trigger(table: str) -> str:
    return (
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION bus_append_only();"
        f"CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION bus_append_only()"
    )


def drop_trigger(table: str) -> str:
    return f"DROP TRIGGER append_only ON {table}; DROP TRIGGER append_only_whole ON {table}"
