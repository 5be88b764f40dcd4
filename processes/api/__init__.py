"""REST access for other services: a thin surface over the functions that the console uses.

A request's way: ``middleware`` (one log line; no error without a problem) -> ``base.ApiView``
(size, who, how often, permission, known query words) -> for a POST ``idempotency`` (once per
``Idempotency-Key``, answer and effect in one transaction) -> the view of the noun in ``views``
-> ``processes.engine`` or ``processes.bus.sending``.  Whatever is refused becomes an answer in
``problems``, and nowhere else.

kinds        every problem there is: code, status, title, remedy
problems     an exception as problem details (RFC 9457)
strict       serializers and fields that take exactly what the schema says
parsing      JSON bodies and the choice of what is answered
pagination   lists by cursor
versions     ETag, If-Match, If-None-Match
auth         service tokens, permissions, domains
schema       what OpenAPI says of all this
"""
