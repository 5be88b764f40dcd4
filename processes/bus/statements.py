"""The SQL of the bus's hot path: claim, settle, send.

Each is one statement over arrays (one element per command), so that a batch costs what a single
command costs.  The statuses come from the transitions declared in ``models.Command``; every
statement locks and inserts in primary key order.
"""

from processes.bus.models import Command
from processes.bus.states import FINAL_STATUSES, CommandStatus, Edge, EventType, edge, quoted

CLAIM_EDGE = edge(Command, "claim")

SETTLE_EDGES: dict[str, Edge] = {
    name: edge(Command, name) for name in ("succeed", "schedule_retry", "release", "reject", "park")
}
(_SETTLED_FROM,) = {edge.sources for edge in SETTLE_EDGES.values()}


# The predicates of the two partial indexes, spelled as literals so that the planner sees them.
WAITING = f"status = '{CommandStatus.PENDING}' AND NOT alone"
UNSETTLED = (
    f"(status = '{CommandStatus.IN_PROGRESS}' OR (alone AND status = '{CommandStatus.PENDING}'))"
)


# Parameters: arrays domain, command type, lease in seconds, most of this lane; most in all.
def _claim(returning: str) -> str:
    return f"""
WITH lane AS (
    SELECT * FROM unnest(%b::text[], %b::text[], %b::float8[], %b::int[])
        AS l(domain, command_type, lease, most)
), due AS MATERIALIZED (
    SELECT c.id, c.available_at, lane.lease
    FROM lane CROSS JOIN LATERAL (
        SELECT id, available_at FROM bus_command
        WHERE {WAITING} AND domain = lane.domain AND command_type = lane.command_type
            AND available_at <= bus_now()
        ORDER BY available_at, id LIMIT lane.most
        FOR UPDATE SKIP LOCKED
    ) c
    ORDER BY c.available_at, c.id LIMIT %s
)
UPDATE bus_command c SET
    status = '{CLAIM_EDGE.target}',
    deliveries = c.deliveries + 1,
    attempts = c.attempts + 1,
    available_at = bus_now() + due.lease * interval '1 second',
    updated_at = bus_now()
FROM due WHERE c.id = due.id AND c.status IN {quoted(CLAIM_EDGE.sources)}
RETURNING c.id, c.domain, c.command_type, coalesce(c.edited_data, c.data), c.correlation_id,
    c.attempts, c.deliveries, c.max_attempts, {returning}
"""


CLAIM = _claim("false, extract(epoch FROM bus_now() - c.handler_missing_since)::float8")

# For a service from outside, which is told when its lease ends; and what the order was.
CLAIM_EXTERNAL = _claim("c.available_at, due.available_at")

# One command that lost its lease.  Lost in company the attempt does not count; lost alone it
# does, and when it was the last one the command comes back marked as exhausted, to be parked.
# Parameters: arrays domain, command type, lease in seconds; arrays domain, command type of what
# is executed externally; lease of any other type.
CLAIM_ALONE = f"""
WITH lane AS (
    SELECT * FROM unnest(%b::text[], %b::text[], %b::float8[]) AS l(domain, command_type, lease)
), due AS MATERIALIZED (
    SELECT id, status = '{CommandStatus.IN_PROGRESS}' AS lost, alone,
        attempts + CASE WHEN status = '{CommandStatus.PENDING}' OR alone THEN 1 ELSE 0 END
            AS attempt
    FROM bus_command
    WHERE {UNSETTLED} AND available_at <= bus_now()
        AND (domain, command_type) NOT IN (SELECT * FROM unnest(%b::text[], %b::text[]))
    ORDER BY available_at, id LIMIT 1
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE bus_command c SET
        status = '{CLAIM_EDGE.target}',
        deliveries = c.deliveries + 1,
        attempts = least(due.attempt, c.max_attempts),
        alone = true,
        available_at = bus_now() + coalesce(
            (SELECT lease FROM lane
             WHERE lane.domain = c.domain AND lane.command_type = c.command_type), %s
        ) * interval '1 second',
        updated_at = bus_now()
    FROM due WHERE c.id = due.id AND c.status IN {quoted(CLAIM_EDGE.sources)}
    RETURNING c.*, due.lost, due.alone AS lost_alone, due.attempt > c.max_attempts AS exhausted
), logged AS (
    INSERT INTO bus_commandevent (command_id, type, delivery, details)
    SELECT id,
        CASE WHEN lost_alone THEN '{EventType.RETRY_SCHEDULED}' ELSE '{EventType.RELEASED}' END,
        deliveries - 1,
        CASE WHEN lost_alone THEN jsonb_build_object(
            'attempt', attempts - 1, 'error_code', 'LEASE_EXPIRED', 'error_message',
            'The worker died or overran the lease; delivered again, alone.')
        ELSE jsonb_build_object('why',
            'its lease ended while other commands ran beside it; delivered again, alone') END
    FROM claimed WHERE lost AND NOT exhausted
)
SELECT id, domain, command_type, coalesce(edited_data, data), correlation_id, attempts,
    deliveries, max_attempts, exhausted,
    extract(epoch FROM bus_now() - handler_missing_since)::float8
FROM claimed
"""

# Commands executed externally whose lease has ended, to be settled in the same transaction; and
# those marked to run alone, from when they were executed here, are freed of that.
# Parameters: arrays domain, command type; most in all.
TAKE_LOST_EXTERNAL = f"""
WITH due AS MATERIALIZED (
    SELECT id, domain, command_type, correlation_id, status, attempts, deliveries, max_attempts
    FROM bus_command
    WHERE {UNSETTLED} AND available_at <= bus_now()
        AND (domain, command_type) IN (SELECT * FROM unnest(%b::text[], %b::text[]))
    ORDER BY available_at, id LIMIT %s
    FOR UPDATE OF bus_command SKIP LOCKED
), freed AS (
    UPDATE bus_command c SET alone = false, updated_at = bus_now()
    FROM due WHERE c.id = due.id AND due.status = '{CommandStatus.PENDING}'
)
SELECT id, domain, command_type, correlation_id, attempts, deliveries, max_attempts,
    status = '{CommandStatus.IN_PROGRESS}'
FROM due
"""

# What a reply's last error says while someone handles it, and still says if they die over it.
UNFINISHED_TRY = "A worker took this reply and has not finished with it."

# Writes outcomes, each only if its claim still holds; returns the id of each command it settled,
# and id and correlation id of each reply that is born taken: one to ``taken_by``, whose settler
# goes on to handle it and has the lease for that.
# Parameters: arrays id, deliveries, target status, uncounted, delay in seconds, handler missing,
# error code, error message, fingerprint, event type, event details, reply outcome, reply data;
# actor; taken by, its lease in seconds.
SETTLE = f"""
WITH outcome AS MATERIALIZED (
    SELECT * FROM unnest(%b::uuid[], %b::int[], %b::text[], %b::bool[], %b::float8[], %b::bool[],
        %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[])
        AS o(id, deliveries, status, uncounted, delay, handler_missing, error_code,
             error_message, fingerprint, event, details, reply, result)
), held AS MATERIALIZED (
    SELECT c.id FROM bus_command c JOIN outcome o ON o.id = c.id
    WHERE c.status IN {quoted(_SETTLED_FROM)} AND c.deliveries = o.deliveries
    ORDER BY c.id FOR UPDATE OF c
), settled AS (
    UPDATE bus_command c SET
        status = o.status,
        attempts = c.attempts - o.uncounted::int,
        alone = c.alone AND o.status = '{CommandStatus.PENDING}' AND o.uncounted,
        available_at = bus_now() + o.delay * interval '1 second',
        handler_missing_since =
            CASE WHEN o.handler_missing THEN coalesce(c.handler_missing_since, bus_now()) END,
        last_error_code = coalesce(o.error_code, c.last_error_code),
        last_error_message = coalesce(o.error_message, c.last_error_message),
        fingerprint = coalesce(o.fingerprint, c.fingerprint),
        completed_at = CASE WHEN o.status IN {quoted(FINAL_STATUSES)} THEN bus_now() END,
        parked_at = CASE WHEN o.status = '{SETTLE_EDGES["park"].target}' THEN bus_now() END,
        updated_at = bus_now()
    FROM outcome o JOIN held ON held.id = o.id WHERE c.id = o.id
    RETURNING c.id, c.correlation_id, c.reply_to, o.deliveries, o.error_code, o.error_message,
        o.event, o.details, o.reply, o.result
), logged AS (
    INSERT INTO bus_commandevent (command_id, type, delivery, details, actor)
    SELECT id, event, deliveries, details::jsonb, %s::text FROM settled ORDER BY id
), replied AS (
    INSERT INTO bus_reply (command_id, correlation_id, reply_to, outcome, data, error_code,
        error_message, tries, last_error, retry_at)
    SELECT id, correlation_id, reply_to, reply, result::jsonb, coalesce(error_code, ''),
        coalesce(error_message, ''), (reply_to = taken.by)::int,
        CASE WHEN reply_to = taken.by THEN '{UNFINISHED_TRY}' ELSE '' END,
        bus_now() + CASE WHEN reply_to = taken.by THEN taken.lease ELSE 0 END * interval '1 second'
    FROM settled CROSS JOIN (SELECT %s::text AS by, %s::float8 AS lease) taken
    WHERE reply IS NOT NULL AND reply_to <> '' ORDER BY id
    RETURNING id, correlation_id, tries
)
SELECT id, NULL::bigint, NULL::uuid FROM settled
UNION ALL SELECT NULL::uuid, id, correlation_id FROM replied WHERE tries > 0
"""

# Writes new commands and their SENT events; returns the ids that were not there before.  One
# with a lease is claimed in the same breath, by the worker that sends it and runs it next.
# Parameters: arrays id, domain, command type, data, correlation id, reply to, max attempts,
# lease in seconds (null: left for any worker).
SEND = f"""
WITH new AS (
    SELECT * FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::text[], %b::uuid[], %b::text[],
        %b::int[], %b::float8[])
        AS n(id, domain, command_type, data, correlation_id, reply_to, max_attempts, lease)
), sent AS (
    INSERT INTO bus_command (id, domain, command_type, data, correlation_id, reply_to,
        max_attempts, status, attempts, deliveries, available_at)
    SELECT id, domain, command_type, data::jsonb, correlation_id, reply_to, max_attempts,
        CASE WHEN lease IS NULL THEN '{CommandStatus.PENDING}' ELSE '{CLAIM_EDGE.target}' END,
        (lease IS NOT NULL)::int, (lease IS NOT NULL)::int,
        bus_now() + coalesce(lease, 0) * interval '1 second'
    FROM new ORDER BY id
    ON CONFLICT (id) DO NOTHING
    RETURNING id
), logged AS (
    INSERT INTO bus_commandevent (command_id, type) SELECT id, '{EventType.SENT}' FROM sent
)
SELECT id FROM sent
"""

# Which of these commands are there with other content than given; ``data`` is compared as jsonb.
# Parameters: arrays id, domain, command type, data, correlation id, reply to.
CONFLICTING = """
SELECT DISTINCT n.id
FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::text[], %b::uuid[], %b::text[])
    AS n(id, domain, command_type, data, correlation_id, reply_to)
JOIN bus_command c ON c.id = n.id
WHERE (c.domain, c.command_type, c.correlation_id, c.reply_to)
    IS DISTINCT FROM (n.domain, n.command_type, n.correlation_id, n.reply_to)
    OR c.data <> n.data::jsonb
"""

# Every lane that has waiting commands, with when its first one is due, in seconds from now;
# one index probe per lane, however many commands wait.
WAITING_LANES = f"""
WITH RECURSIVE lane AS (
    (SELECT domain, command_type, available_at FROM bus_command WHERE {WAITING}
     ORDER BY domain, command_type, available_at LIMIT 1)
    UNION ALL
    SELECT following.* FROM lane CROSS JOIN LATERAL (
        SELECT domain, command_type, available_at FROM bus_command c
        WHERE {WAITING} AND (c.domain, c.command_type) > (lane.domain, lane.command_type)
        ORDER BY domain, command_type, available_at LIMIT 1
    ) following
)
SELECT domain, command_type, extract(epoch FROM available_at - bus_now())::float8 FROM lane
"""

# Seconds until the first command of these types is due; null if none waits.  One index probe each.
# Parameters: domain; array of command types.
LANES_DUE_IN = f"""
SELECT extract(epoch FROM min(first.available_at) - bus_now())::float8
FROM (SELECT %s::text AS domain) AS of
CROSS JOIN unnest(%b::text[]) AS lane(command_type)
CROSS JOIN LATERAL (
    SELECT available_at FROM bus_command c
    WHERE {WAITING} AND c.domain = of.domain AND c.command_type = lane.command_type
    ORDER BY available_at LIMIT 1
) first
"""

# Gives a claim that holds a new lease; returns when that ends.
# Parameters: lease in seconds; id, deliveries.
EXTEND = f"""
UPDATE bus_command SET available_at = bus_now() + %s * interval '1 second', updated_at = bus_now()
WHERE id = %s AND deliveries = %s AND status IN {quoted(_SETTLED_FROM)}
RETURNING available_at
"""

# Seconds until the first lease ends, or the first command is due that runs alone.
UNSETTLED_DUE_IN = f"""
SELECT extract(epoch FROM min(available_at) - bus_now())::float8 FROM bus_command
WHERE {UNSETTLED}
"""

# Parameters: actor; arrays id, deliveries, details.
LOG_LATE_OUTCOMES = f"""
INSERT INTO bus_commandevent (command_id, type, delivery, details, actor)
SELECT c.id, '{EventType.LATE_OUTCOME}', late.delivery, late.details::jsonb, %s::text
FROM unnest(%b::uuid[], %b::int[], %b::text[]) AS late(id, delivery, details)
JOIN bus_command c ON c.id = late.id
ORDER BY c.id
RETURNING id
"""
