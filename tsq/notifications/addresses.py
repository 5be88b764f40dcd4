"""Which addresses a webhook may go to: asked when a rule is saved and again before each try."""

import re
from urllib.parse import SplitResult, urlsplit

LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}
_PRINTABLE = re.compile(r"[!-~]+")


class UnusableAddress(ValueError):
    """The address of a webhook that is never called; the message says why, without it."""


def webhook_address(url: str) -> SplitResult:
    """The parts of an address that may be called; raises UnusableAddress."""
    if not _PRINTABLE.fullmatch(url):
        raise UnusableAddress("Write the address without spaces, letters beyond ASCII encoded.")
    try:
        parts = urlsplit(url)
        _ = parts.port  # read only now
    except ValueError:
        raise UnusableAddress("This is not the address of a webhook.") from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise UnusableAddress("Write an address that begins with https://.")
    if parts.scheme == "http" and parts.hostname not in LOCAL_HOSTS:
        raise UnusableAddress("Write https://; plain http is for this machine (localhost) only.")
    if "@" in parts.netloc or parts.fragment:
        raise UnusableAddress("Write the address without a name, a password and a #part.")
    return parts
