"""The workers: the broker, and clusters that lose processes.

``qcluster.py`` starts ``manage.py qcluster`` for real and knows its processes by what they do;
``site.py`` is the site it runs, with the commands of ``handlers.py``.
"""

DOMAIN = "workers"
WORKERS = 2
BRIEF_LEASE_SECONDS = 2.0
