"""Executes commands from outside, over HTTP, with nothing but the standard library.

    BUS_URL=http://localhost:8000 BUS_TOKEN=... python docs/external_worker.py shop OrderShip

Claims commands of one domain, does the work while a thread keeps the lease, and reports how it
went.  Delivery is at least once, so the work must bear being done twice.
"""

import json
import os
import sys
import threading
import uuid
from contextlib import suppress
from http.client import HTTPException
from time import sleep
from urllib.error import HTTPError
from urllib.request import Request, urlopen

API = os.environ["BUS_URL"].rstrip("/") + "/api/v1/commands"
LEASE_SECONDS = int(os.environ.get("LEASE_SECONDS", "30"))


class Refused(Exception):
    """By the bus, which says why; sent again it would be refused again."""


def ship(data: dict) -> dict:
    """The work: whatever it raises is told to the bus as a failure that may pass."""
    sleep(data.get("seconds", 0))
    if "postcode" not in data:
        raise LookupError("no carrier takes a parcel without a postcode")
    return {"parcel": f"P-{data['postcode']}"}


def post(path: str, body: dict) -> dict:
    """Send it until it is answered; having one key, it counts once all the same."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
    headers["Authorization"] = f"Token {os.environ['BUS_TOKEN']}"
    request = Request(API + path, json.dumps(body).encode(), headers, method="POST")
    while True:
        try:
            with urlopen(request, timeout=40) as response:
                return json.load(response)
        except (OSError, HTTPException) as error:
            if isinstance(error, HTTPError) and error.code < 500 and error.code != 429:
                problem = error.read().decode()
                if "IDEMPOTENCY_KEY_RUNNING" not in problem:
                    raise Refused(problem) from None
            print(f"{path}: {error}; trying again", file=sys.stderr)
            sleep(1)


def execute(command: dict) -> None:
    path, token = f"/{command['command_id']}", {"deliveries": command["deliveries"]}
    done = threading.Event()

    def keep_lease() -> None:
        with suppress(Refused):  # the claim is lost, and so will be what comes of the work
            while not done.wait(LEASE_SECONDS / 3):
                post(f"{path}/extend", token | {"lease_seconds": LEASE_SECONDS})

    threading.Thread(target=keep_lease, daemon=True).start()
    try:
        report, answer = "succeed", {"result": ship(command["data"])}
    except Exception as error:
        told = {"code": type(error).__name__, "message": str(error) or "no message"}
        report, answer = "fail", {"kind": "transient"} | told
    done.set()
    try:
        post(f"{path}/{report}", token | answer)
    except Refused as refused:  # whoever has the command now reports on it
        print(f"{path}: dropped: {refused}", file=sys.stderr)


wanted = {"domain": sys.argv[1], "types": sys.argv[2:], "limit": 1, "wait_seconds": 20}
while True:
    for claimed in post("/claim", wanted | {"lease_seconds": LEASE_SECONDS})["commands"]:
        execute(claimed)
