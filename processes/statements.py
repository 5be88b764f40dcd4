"""The SQL of the engine's hot path: take, lock, read, advance; and start.

Like the bus's, each is one statement over arrays.  Locks are taken on processes, by primary key,
skipping those another worker holds; what is read of replies and steps is read only after that,
in a new statement, so that it is what the last holder of the lock left.
"""

from processes.bus.querysets import MAX_TRIES
from processes.bus.statements import UNFINISHED_TRY
from processes.bus.states import FINAL_OUTCOMES, ReplyOutcome, quoted
from processes.states import TERMINAL_STATUSES, Direction

PROCESS_FIELDS = (
    "id", "domain", "process_type", "status", "current_step", "state", "error_code",
    "error_message",
)  # fmt: skip


# The predicate of the partial indexes on replies, for the replies addressed to the engine.
def _unhandled(reply: str) -> str:
    return f"{reply}.reply_to = 'processes' AND {reply}.handled_at IS NULL"


# A reply this code can handle now: the first unhandled one of its process, and due.
# Parameter: array of the known process types.
_READY = f"""
    FROM bus_reply r
    JOIN processes_process p ON p.id = r.correlation_id AND p.process_type = ANY(%b::text[])
    WHERE {_unhandled("r")} AND r.tries < {MAX_TRIES}
        AND NOT EXISTS (
            SELECT FROM bus_reply earlier
            WHERE {_unhandled("earlier")}
                AND earlier.correlation_id = r.correlation_id AND earlier.id < r.id)
"""


# Takes replies: counts a try and sets a short lease.  Parameters: known process types, most,
# lease in seconds.
def _take(which: str) -> str:
    return f"""
WITH ready AS MATERIALIZED (
    SELECT r.id {_READY} AND {which} AND r.retry_at <= bus_now()
    ORDER BY r.retry_at, r.id LIMIT %s
    FOR UPDATE OF r SKIP LOCKED
)
UPDATE bus_reply r SET
    tries = r.tries + 1,
    last_error = '{UNFINISHED_TRY}',
    retry_at = bus_now() + %s * interval '1 second'
FROM ready WHERE r.id = ready.id
RETURNING r.id, r.correlation_id
"""


TAKE = _take("r.tries = 0")

# One that was tried before is taken alone: its manager may have killed the worker.
TAKE_AGAIN = _take("r.tries > 0")

# Parameter: known process types.  Seconds until the first reply is due; null if none waits.
REPLY_DUE_IN = f"""
SELECT extract(epoch FROM r.retry_at - bus_now())::float8 {_READY} ORDER BY r.retry_at LIMIT 1
"""

# Parameter: array of process ids.
LOCK = f"""
SELECT {", ".join(PROCESS_FIELDS)} FROM processes_process
WHERE id = ANY(%b::uuid[]) ORDER BY id FOR UPDATE SKIP LOCKED
"""

# The first unhandled reply of each process, and the step it belongs to.
# Parameter: array of process ids.
READ = f"""
SELECT DISTINCT ON (r.correlation_id)
    r.correlation_id, r.id, r.command_id, r.outcome, r.data, r.error_code, r.error_message,
    r.tries, s.id, s.sequence, s.step, s.direction, s.compensates_id, s.outcome,
    s.parked_at IS NOT NULL
FROM bus_reply r LEFT JOIN processes_processstep s ON s.command_id = r.command_id
WHERE {_unhandled("r")} AND r.correlation_id = ANY(%b::uuid[])
ORDER BY r.correlation_id, r.id
"""

# Parameter: array of process ids.
READ_TRAILS = """
SELECT process_id, id, command_id, sequence, step, direction, compensates_id, outcome,
    parked_at IS NOT NULL
FROM processes_processstep WHERE process_id = ANY(%b::uuid[]) ORDER BY process_id, sequence
"""

# Writes what the managers decided: replies handled, their steps' outcomes, the processes, and
# the steps they added.  A new step comes after the recorded outcomes, which free the place of
# the open forward step.  Returns how many replies it marked as handled.
# Parameters: arrays reply id, step id; arrays process id, status, current step, state, error
# code, error message; arrays of new steps: process id, sequence, step, direction, compensates,
# command id, command type, command data, outcome, error code, error message.
ADVANCE = f"""
WITH handled AS (
    UPDATE bus_reply r SET handled_at = bus_now(), last_error = ''
    FROM unnest(%b::bigint[], %b::bigint[]) AS h(reply_id, step_id)
    WHERE r.id = h.reply_id AND r.handled_at IS NULL
    RETURNING h.step_id, r.outcome, r.data, r.error_code, r.error_message
), recorded AS (
    UPDATE processes_processstep s SET
        parked_at = CASE WHEN h.outcome = '{ReplyOutcome.PARKED}'
            THEN coalesce(s.parked_at, bus_now()) ELSE s.parked_at END,
        outcome = CASE WHEN h.outcome IN {quoted(FINAL_OUTCOMES)} THEN h.outcome END,
        received_at = CASE WHEN h.outcome IN {quoted(FINAL_OUTCOMES)} THEN bus_now() END,
        reply_data = CASE WHEN h.outcome IN {quoted(FINAL_OUTCOMES)} THEN h.data END,
        error_code = h.error_code,
        error_message = h.error_message
    FROM handled h WHERE s.id = h.step_id AND s.outcome IS NULL
    RETURNING s.id
), advanced AS (
    UPDATE processes_process p SET
        status = a.status, current_step = a.current_step, state = a.state::jsonb,
        error_code = a.error_code, error_message = a.error_message, updated_at = bus_now(),
        completed_at = CASE WHEN a.status IN {quoted(TERMINAL_STATUSES)}
            THEN coalesce(p.completed_at, bus_now()) END
    FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[])
        AS a(id, status, current_step, state, error_code, error_message)
    WHERE p.id = a.id
), added AS (
    INSERT INTO processes_processstep (process_id, sequence, step, direction, compensates_id,
        command_id, command_type, command_data, sent_at, outcome, received_at, error_code,
        error_message)
    SELECT n.process_id, n.sequence, n.step, n.direction, n.compensates_id, n.command_id,
        n.command_type, n.command_data::jsonb,
        CASE WHEN n.command_id IS NOT NULL THEN bus_now() END, n.outcome,
        CASE WHEN n.outcome IS NOT NULL THEN bus_now() END, n.error_code, n.error_message
    FROM unnest(%b::uuid[], %b::int[], %b::text[], %b::text[], %b::bigint[], %b::uuid[],
        %b::text[], %b::text[], %b::text[], %b::text[], %b::text[])
        AS n(process_id, sequence, step, direction, compensates_id, command_id, command_type,
             command_data, outcome, error_code, error_message)
    CROSS JOIN (SELECT count(*) FROM recorded) AS after_recording
    ORDER BY n.process_id, n.sequence
)
SELECT count(*) FROM handled
"""

# Gives taken replies back: the try counts (an error) or not (nothing was tried).
# Parameters: arrays reply id, uncounted tries, delay in seconds, last error.
GIVE_BACK = """
UPDATE bus_reply r SET
    tries = r.tries - b.uncounted,
    retry_at = bus_now() + b.delay * interval '1 second',
    last_error = b.last_error
FROM unnest(%b::bigint[], %b::int[], %b::float8[], %b::text[])
    AS b(id, uncounted, delay, last_error)
WHERE r.id = b.id AND r.handled_at IS NULL
RETURNING r.id
"""

# Writes new processes with their first step; returns ids and times of those that were
# not there before.
# Parameters: arrays id, domain, process type, data, status, current step, state; command id,
# command type, command data.
START = f"""
WITH new AS (
    SELECT * FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
        %b::text[], %b::uuid[], %b::text[], %b::text[])
        AS n(id, domain, process_type, data, status, current_step, state, command_id,
             command_type, command_data)
), started AS (
    INSERT INTO processes_process (id, domain, process_type, data, status, current_step, state)
    SELECT id, domain, process_type, data::jsonb, status, current_step, state::jsonb
    FROM new ORDER BY id
    ON CONFLICT (id) DO NOTHING
    RETURNING id, created_at
), stepped AS (
    INSERT INTO processes_processstep (process_id, sequence, step, direction, command_id,
        command_type, command_data, sent_at)
    SELECT new.id, 1, new.current_step, '{Direction.FORWARD}', new.command_id, new.command_type,
        new.command_data::jsonb, bus_now()
    FROM new JOIN started ON started.id = new.id ORDER BY new.id
)
SELECT id, created_at FROM started
"""

# Which of these processes are there with another type or other data.
# Parameters: arrays id, process type, data.
CONFLICTING = """
SELECT DISTINCT n.id
FROM unnest(%b::uuid[], %b::text[], %b::text[]) AS n(id, process_type, data)
JOIN processes_process p ON p.id = n.id
WHERE p.process_type <> n.process_type OR p.data <> n.data::jsonb
"""
