"""The operators' console.

resolutions    what can be done: the word, its operation, its form; and doing it to a selection
resolving      the pages of it: ask (GET, changes nothing), then do (POST)
choosing       from several chosen rows of the list to a bulk operation
bulk           bulk operations: list, confirmation, page
entries        the list and the page of parked commands
notifications  who is told of new entries, and what became of each message
stuck_replies  the same for replies whose handling failed too often
"""

from tsq.admin import bulk, entries, notifications, stuck_replies

__all__ = ["bulk", "entries", "notifications", "stuck_replies"]
