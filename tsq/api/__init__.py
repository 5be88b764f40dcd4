"""REST access to the troubleshooting queue, as thin as the console and over the same functions.

entries        entries as they are shown, with their version
resolutions    what is sent to resolve an entry and to look after it
stuck_replies  stuck replies as they are shown, and what is sent to resolve them
operations     bulk operations, as they are sent and shown
views          one module for each of these nouns
"""
