"""The operators' console.

resolutions    what can be done: the word, its operation, its form; and doing it to a selection
resolving      the pages of it: ask (GET, changes nothing), then do (POST)
entries        the list and the page of parked commands
stuck_replies  the same for replies whose handling failed too often
"""

from tsq.admin import entries, stuck_replies

__all__ = ["entries", "stuck_replies"]
