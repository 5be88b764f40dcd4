"""One signed POST.  What answers is not trusted: only its status is read, redirects are not
followed, and all of it ends in time."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import SplitResult

from tsq.models import Notification
from tsq.notifications.addresses import webhook_address
from tsq.notifications.signing import signed_headers

TIMEOUT_SECONDS = 5.0
"""For connecting, and then for each piece sent or received."""

WHOLE_SECONDS = 10.0
"""For the whole exchange once connected: a server may send its answer byte by byte."""

EVENT_TYPE = "tsq.entries_parked"


class WebhookRefused(Exception):
    """The receiver answered, but not with success."""


def message_id(notification: Notification) -> str:
    """The same for every try, so that the receiver can tell a repetition."""
    return f"msg_{notification.pk.hex}"


def post_webhook(notification: Notification, at: int) -> None:
    """Raises what went wrong: UnusableAddress, OSError, HTTPException, WebhookRefused."""
    rule = notification.rule
    address = webhook_address(rule.webhook_url)
    body = _body(notification)
    headers = signed_headers(rule.webhook_secret, message_id(notification), at, body)
    headers |= {"Content-Type": "application/json", "User-Agent": "commandbus-webhooks/1"}
    target = f"{address.path or '/'}?{address.query}" if address.query else address.path or "/"
    connection = _connection(address)
    try:
        connection.connect()
        with _ended_in_time(connection.sock):
            connection.request("POST", target, body, headers)
            status = connection.getresponse().status
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise WebhookRefused(f"The receiver answered with HTTP status {status}.")


def _body(notification: Notification) -> bytes:
    content = {
        "type": EVENT_TYPE,
        "timestamp": notification.created_at.isoformat(),
        "data": notification.payload,
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _connection(address: SplitResult) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    return kind(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)


@contextmanager
def _ended_in_time(sock: socket.socket) -> Iterator[None]:
    ended = threading.Event()

    def end() -> None:
        ended.set()
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(WHOLE_SECONDS, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if ended.is_set():  # whatever half an answer looked like
            raise TimeoutError(f"no whole answer in {WHOLE_SECONDS:g} s")
