"""What a busy site has after a month, written by set-based statements.

A million finished commands with their replies and events, 100,000 processes of three steps, 20,000
of them waiting for a TSQ entry each, and what operators did to some.
"""

# ruff: noqa: S608 - statements made of their own parts

from django.db import connection

_SCALE = {
    "processes": 100_000,
    "entries": 20_000,  # of the first processes, one each, at the last step
    "stuck": 200,  # of the processes after those
    "commands": 1_020_000,  # the first three times as many as processes are theirs
}

# Of the n-th command, and of the p-th process, in SQL.
_COMMAND = "md5('command' || {0})::uuid"
_PROCESS = "md5('process' || {0})::uuid"
_DOMAIN = "(ARRAY['benchmark', 'billing', 'claims', 'payments', 'shipping'])[{0} %% 5 + 1]"
_TYPE = "(ARRAY['Reserve', 'Charge', 'Render', 'Notify'])[{0} / 7 %% 4 + 1]"
_MONTH_AGO = "now() - interval '30 days' + {0} * interval '2.5 seconds'"
_ERROR = "{0} * 7919 %% 60"  # sixty groups of errors
_PARKED_AT = "now() - ({0} * interval '13 seconds')"

_STATEMENTS = (
    # Commands: the n-th is parked when it is the third of one of the first processes.
    f"""
    INSERT INTO bus_command (
        id, domain, command_type, data, correlation_id, reply_to, status, attempts, deliveries,
        max_attempts, available_at, last_error_code, last_error_message, fingerprint, created_at,
        updated_at, completed_at, parked_at)
    SELECT {_COMMAND.format("n")}, {_DOMAIN.format("n / 3")}, {_TYPE.format("n")},
        jsonb_build_object('account', n, 'customer', md5(n::text), 'amount', n %% 1000,
            'lines', jsonb_build_array(repeat('x', 40), repeat('y', 40))),
        CASE WHEN n < 3 * %(processes)s THEN {_PROCESS.format("n / 3")} END,
        CASE WHEN n < 3 * %(processes)s THEN 'processes' ELSE 'elsewhere' END,
        CASE WHEN parked THEN 'IN_TROUBLESHOOTING_QUEUE' ELSE 'COMPLETED' END, 3, 3, 3, sent,
        CASE WHEN parked THEN 'CODE_' || {_ERROR.format("n / 3")} %% 12 ELSE '' END,
        CASE WHEN parked THEN 'Host ' || {_ERROR.format("n / 3")} || ' refused account ' || n
            ELSE '' END,
        CASE WHEN parked THEN md5('error' || {_ERROR.format("n / 3")}) ELSE '' END, sent, sent,
        CASE WHEN NOT parked THEN sent + interval '1 second' END,
        CASE WHEN parked THEN {_PARKED_AT.format("n / 3")} END
    FROM generate_series(0, %(commands)s - 1) AS n,
        LATERAL (SELECT n %% 3 = 2 AND n / 3 < %(entries)s AS parked,
            {_MONTH_AGO.format("n")} AS sent) AS c
    """,
    """
    INSERT INTO bus_reply (command_id, correlation_id, reply_to, outcome, data, created_at,
        handled_at, retry_at)
    SELECT id, correlation_id, reply_to,
        CASE WHEN parked_at IS NULL THEN 'SUCCESS' ELSE 'PARKED' END,
        '{"done": true}', updated_at, updated_at, updated_at
    FROM bus_command
    """,
    """
    INSERT INTO bus_commandevent (command_id, type, delivery, at)
    SELECT id, 'SENT', 0, created_at FROM bus_command
    """,
    """
    INSERT INTO bus_commandevent (command_id, type, delivery, details, at)
    SELECT id, CASE WHEN parked_at IS NULL THEN 'COMPLETED' ELSE 'PARKED' END, 3,
        CASE WHEN parked_at IS NOT NULL THEN jsonb_build_object('error_code', last_error_code,
            'error_message', last_error_message, 'attempt', 3,
            'traceback', repeat('File "handlers.py", line 1' || chr(10), 20)) END,
        coalesce(parked_at, completed_at)
    FROM bus_command
    """,
    # Processes: the first wait for the TSQ, some are stuck, of the others one in fifty failed.
    f"""
    INSERT INTO processes_process (id, domain, process_type, data, status, current_step, state,
        error_code, error_message, created_at, updated_at, completed_at)
    SELECT {_PROCESS.format("p")}, {_DOMAIN.format("p")},
        (ARRAY['Noop', 'Order', 'Refund'])[p %% 3 + 1],
        jsonb_build_object('account', p), status, 'LAST', jsonb_build_object('results', p),
        CASE status WHEN 'FAILED' THEN 'REFUSED' ELSE '' END,
        CASE status WHEN 'FAILED' THEN 'The account is closed' ELSE '' END, started, started,
        CASE WHEN status IN ('FAILED', 'COMPLETED') THEN started + interval '1 minute' END
    FROM generate_series(0, %(processes)s - 1) AS p,
        LATERAL (SELECT {_MONTH_AGO.format("3 * p")} AS started,
            CASE WHEN p < %(entries)s THEN 'WAITING_FOR_TSQ'
                WHEN p < %(entries)s + %(stuck)s THEN 'WAITING_FOR_REPLY'
                WHEN p %% 50 = 0 THEN 'FAILED' ELSE 'COMPLETED' END AS status) AS c
    """,
    f"""
    INSERT INTO processes_processstep (process_id, sequence, step, direction, command_id,
        command_type, command_data, sent_at, parked_at, outcome, reply_data, received_at)
    SELECT p.id, s + 1, (ARRAY['FIRST', 'SECOND', 'LAST'])[s + 1], 'FORWARD', c.id, c.command_type,
        c.data, c.created_at, c.parked_at, CASE WHEN NOT still_open THEN 'SUCCESS' END,
        CASE WHEN NOT still_open THEN '{{"done": true}}'::jsonb END,
        CASE WHEN NOT still_open THEN c.completed_at END
    FROM generate_series(0, %(processes)s - 1) AS n, generate_series(0, 2) AS s,
        LATERAL (SELECT s = 2 AND n < %(entries)s + %(stuck)s AS still_open) AS o,
        processes_process AS p, bus_command AS c
    WHERE p.id = {_PROCESS.format("n")} AND c.id = {_COMMAND.format("3 * n + s")}
    """,
    f"""
    UPDATE bus_reply SET handled_at = NULL, tries = 5, last_error = 'KeyError: state'
    WHERE command_id IN (SELECT {_COMMAND.format("3 * n + 2")}
        FROM generate_series(%(entries)s, %(entries)s + %(stuck)s - 1) AS n)
    """,
    # Operators: what they did to every twentieth command, claims and notes of open entries.
    """
    INSERT INTO processes_operatoraction (command_id, domain, action, operator, channel,
        request_id, reason, before, after, at)
    SELECT id, domain, (ARRAY['retry', 'complete', 'cancel'])[n % 3 + 1], 'operator' || n % 9,
        'admin', md5(n::text), 'The host is back', '{"status": "IN_TROUBLESHOOTING_QUEUE"}',
        '{"status": "COMPLETED"}', completed_at
    FROM (SELECT id, domain, completed_at, row_number() OVER () AS n FROM bus_command
        WHERE status = 'COMPLETED' LIMIT 50000) AS c
    """,
    """
    INSERT INTO tsq_entryclaim (command_id, operator, claimed_at)
    SELECT id, 'operator' || n % 9, parked_at + interval '1 minute'
    FROM (SELECT id, parked_at, row_number() OVER (ORDER BY id) AS n FROM bus_command
        WHERE status = 'IN_TROUBLESHOOTING_QUEUE') AS c WHERE n % 10 = 0
    """,
    """
    INSERT INTO tsq_entrynote (command_id, operator, channel, text, at)
    SELECT command_id, operator, 'admin', 'Asked the host''s people', claimed_at
    FROM tsq_entryclaim
    """,
    """
    WITH operation AS (
        INSERT INTO tsq_bulkoperation (id, verb, arguments, filter, operator, channel, request_id,
            size, domains, status, finished_at)
        SELECT gen_random_uuid(), 'retry', '{}', '{}', 'operator1', 'admin', '', 20000,
            '["billing"]', 'STOPPED', now()
        RETURNING id
    )
    INSERT INTO tsq_bulkitem (operation_id, command_id, seen, outcome, message, at)
    SELECT operation.id, c.id, 3, CASE WHEN random() < 0.9 THEN 'DONE' ELSE 'FAILED' END,
        'Nothing to tell', now()
    FROM operation, bus_command AS c WHERE c.status = 'IN_TROUBLESHOOTING_QUEUE'
    """,
)


def fill() -> None:
    """A few minutes at most."""
    with connection.cursor() as cursor:
        for statement in _STATEMENTS:
            if "%(" in statement:
                cursor.execute(statement, _SCALE)
            else:
                cursor.execute(statement)
        cursor.execute("VACUUM ANALYZE")
