"""Time is the database's: every timestamp and every "is it due" asks ``bus_now()``.

``bus_now()`` is the statement's time, for a transaction may last as long as the handlers in it,
plus the session setting ``commandbus.clock_offset`` (an interval, empty in operation), so that a
test can let an hour pass without patching a clock.
"""

from django.db.models import DateTimeField, Func

CREATE_BUS_NOW = """
CREATE FUNCTION bus_now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT statement_timestamp()
        + coalesce(nullif(current_setting('commandbus.clock_offset', true), ''), '0')::interval
$$
"""
DROP_BUS_NOW = "DROP FUNCTION bus_now()"


class BusNow(Func):
    function = "bus_now"
    template = "%(function)s()"
    output_field = DateTimeField()
