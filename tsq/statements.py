"""The SQL of resolving many at once.  Like the bus's, one statement over arrays."""

# Writes what is kept and told of resolved commands: their events, audit rows and replies, these in
# primary key order of the commands, which are locked; and ends the claims on them.
# Parameters: arrays command id, before, after (JSON); event, actor, event details; verb, channel,
# request id, reason; outcome and data of the reply, whether it tells the last error.
TELL = """
WITH given AS (
    SELECT * FROM (SELECT %s::text AS event, %s::text AS actor, %s::jsonb AS details) e,
        (SELECT %s::text AS verb, %s::text AS channel, %s::text AS request_id,
            %s::text AS reason) a,
        (SELECT %s::text AS outcome, %s::jsonb AS result, %s::bool AS tells_error) r
), resolved AS MATERIALIZED (
    SELECT c.id, c.domain, c.deliveries, c.correlation_id, c.reply_to, c.last_error_code,
        c.last_error_message, told.before, told.after
    FROM unnest(%b::uuid[], %b::text[], %b::text[]) AS told(id, before, after)
    JOIN bus_command c ON c.id = told.id
    ORDER BY c.id
), logged AS (
    INSERT INTO bus_commandevent (command_id, type, delivery, actor, details)
    SELECT id, event, deliveries, actor, details FROM resolved CROSS JOIN given ORDER BY id
), recorded AS (
    INSERT INTO processes_operatoraction (command_id, domain, action, operator, channel,
        request_id, reason, before, after)
    SELECT id, domain, verb, actor, channel, request_id, reason, before::jsonb, after::jsonb
    FROM resolved CROSS JOIN given ORDER BY id
), replied AS (
    INSERT INTO bus_reply (command_id, correlation_id, reply_to, outcome, data, error_code,
        error_message)
    SELECT id, correlation_id, reply_to, outcome, result,
        CASE WHEN tells_error THEN last_error_code ELSE '' END,
        CASE WHEN tells_error THEN last_error_message ELSE '' END
    FROM resolved CROSS JOIN given WHERE reply_to <> '' ORDER BY id
), unclaimed AS (
    DELETE FROM tsq_entryclaim c USING resolved WHERE c.command_id = resolved.id
)
SELECT count(*) FROM resolved
"""
