"""Tables whose rows are only ever added: the database itself refuses to change one."""

CREATE_FUNCTION = """
CREATE FUNCTION bus_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are only ever added, never changed', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$
"""
DROP_FUNCTION = "DROP FUNCTION bus_append_only()"


def create_trigger(table: str) -> str:
    return (
        f"CREATE TRIGGER append_only BEFORE UPDATE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION bus_append_only()"
    )


def drop_trigger(table: str) -> str:
    return f"DROP TRIGGER append_only ON {table}"
