"""A webhook as its receiver sees it, and receivers that behave badly."""

import base64
import hashlib
import hmac
import json
import re
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.tsq.notifications.receiver import Receiver
from tsq.models import Notification
from tsq.notifications import webhook
from tsq.notifications.addresses import UnusableAddress, webhook_address
from tsq.notifications.signing import key_of, new_secret, signed_headers
from tsq.tasks_notifications import notify

DOCUMENT = Path(__file__).parents[3] / "docs" / "webhooks.md"


@pytest.fixture
def verify():
    """The receiver's function, as docs/webhooks.md prints it."""
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    names: dict = {}
    exec(example, names)
    return names["verify"]


def last_error() -> str:
    return Notification.objects.get().last_error


def test_the_signature_is_that_of_the_standard():
    """The example of the Standard Webhooks specification's libraries."""
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.django_db
def test_what_arrives_is_signed_and_tells_the_group(hook_rule, receiver, park):
    hook_rule.webhook_url += "?team=a&b=c"
    hook_rule.save()
    entry = park(data={"iban": "DE02"}, last_error_message="größer als erlaubt")
    notify()

    (request,) = receiver.received
    notification = Notification.objects.get()
    assert request.path == "/hook?team=a&b=c"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == f"msg_{notification.pk.hex}"
    signed = b".".join(
        [
            request.headers["webhook-id"].encode(),
            request.headers["webhook-timestamp"].encode(),
            request.body,
        ]
    )
    key = base64.b64decode(hook_rule.webhook_secret.removeprefix("whsec_"))
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert json.loads(request.body) == {
        "type": "tsq.entries_parked",
        "timestamp": notification.created_at.isoformat(),
        "data": notification.payload,
    }
    assert notification.payload["sample_message"] == entry.last_error_message
    assert b"DE02" not in request.body


@pytest.mark.django_db
def test_each_try_has_the_same_body_and_id_and_its_own_time(hook_rule, receiver, park, clock):
    receiver.status = 500
    park()
    notify()
    clock.advance(60)
    notify()
    first, second = receiver.received
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    times = [int(request.headers["webhook-timestamp"]) for request in receiver.received]
    assert 60 <= times[1] - times[0] <= 65


@pytest.mark.django_db
def test_the_example_of_the_document_verifies_it(hook_rule, receiver, park, verify):
    park()
    notify()
    (request,) = receiver.received
    assert verify(request.headers, request.body, hook_rule.webhook_secret)
    assert not verify(request.headers, request.body + b" ", hook_rule.webhook_secret)
    assert not verify(request.headers, request.body, new_secret())
    other = {**request.headers, "webhook-id": "msg_other"}
    assert not verify(other, request.body, hook_rule.webhook_secret)


def test_the_example_of_the_document_refuses_an_old_message(verify):
    secret = new_secret()
    for age, fresh in ((10, True), (400, False)):
        headers = signed_headers(secret, "msg_1", int(time.time()) - age, b"{}")
        assert verify(headers, b"{}", secret) is fresh


@pytest.mark.django_db
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(hook_rule, receiver, park, status):
    with Receiver() as elsewhere:

        def redirect(handler):
            handler.send_response(status)
            handler.send_header("Location", elsewhere.url)
            handler.end_headers()

        receiver.answer = redirect
        park()
        notify()
        assert elsewhere.received == []
    assert last_error() == f"WebhookRefused: The receiver answered with HTTP status {status}."


@pytest.mark.django_db
def test_what_the_receiver_writes_is_not_kept(hook_rule, receiver, park, caplog):
    receiver.answer = lambda handler: handler.wfile.write(b"<script>token=123</script>\r\n\r\n")
    park()
    notify()
    assert last_error() == "The receiver's answer is not HTTP (BadStatusLine)."
    assert "token" not in caplog.text


@pytest.mark.django_db
def test_a_huge_answer_is_not_read(hook_rule, receiver, park):
    def flood(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(10**12))
        handler.end_headers()
        handler.wfile.write(b"x" * 1000)

    receiver.answer = flood
    park()
    notify()
    assert Notification.objects.get().status == "SENT"


@pytest.mark.django_db
def test_a_receiver_that_says_nothing_is_given_up(hook_rule, receiver, park, monkeypatch):
    monkeypatch.setattr(webhook, "TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hook_rule.webhook_url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        hook_rule.save()
        park()
        notify()
    assert last_error() == "TimeoutError: timed out"


@pytest.mark.django_db
def test_a_receiver_that_answers_byte_by_byte_is_given_up(hook_rule, receiver, park, monkeypatch):
    monkeypatch.setattr(webhook, "WHOLE_SECONDS", 0.2)
    dripped = []

    def drip(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        with suppress(OSError):  # the other side has hung up
            while len(dripped) < 500:
                dripped.append(handler.wfile.write(b"x"))
                time.sleep(0.01)  # the receiver's pace, not a wait of the test

    receiver.answer = drip
    park()
    notify()
    assert last_error() == "TimeoutError: no whole answer in 0.2 s"
    assert len(dripped) < 500


@pytest.mark.django_db
def test_nobody_there_is_a_failure(hook_rule, receiver, park):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        hook_rule.webhook_url = f"http://127.0.0.1:{gone.getsockname()[1]}/"
    hook_rule.save()
    park()
    notify()
    assert last_error() == "ConnectionRefusedError: [Errno 111] Connection refused"


@pytest.mark.django_db
def test_an_address_that_may_not_be_used_is_not_called(hook_rule, receiver, park):
    """However it came into the database."""
    hook_rule.webhook_url = "http://intranet.example/"
    hook_rule.save()
    park()
    notify()
    assert last_error().startswith("UnusableAddress: Write https://;")


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.org",
        "https://hooks.example.org:8443/a?b=c",
        "http://localhost:9/x",
        "http://127.0.0.1/x",
        "http://[::1]:9/x",
    ],
)
def test_these_addresses_may_be_called(url):
    assert webhook_address(url).hostname


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/",
        "http://localhost.example.org/",
        "ftp://hooks.example.org/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//hooks.example.org/",
        "https://",
        "https://[::1/",
        "https://hooks.example.org:99999/",
        "https://hooks.example.org:a/",
        "https://ann:pass@hooks.example.org/",
        "https://hooks.example.org/#part",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/\r\nHost: x",
        "https://hööks.example.org/",
        "",
    ],
)
def test_these_addresses_are_refused_without_repeating_them(url):
    with pytest.raises(UnusableAddress) as refusal:
        webhook_address(url)
    assert "hooks" not in str(refusal.value)
    assert "pass@" not in str(refusal.value)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%", "abc", "x" * 40])
def test_a_secret_that_is_none_is_refused_without_repeating_it(secret):
    with pytest.raises(ValueError, match="24 to 64 bytes") as refusal:
        key_of(secret)
    assert str(refusal.value) == "A secret is whsec_ and the base64 form of 24 to 64 bytes."


def test_a_new_secret_is_one_and_each_is_another():
    assert len(key_of(new_secret())) == 32
    assert new_secret() != new_secret()
