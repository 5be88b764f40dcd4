"""What tells a machine how the site does.

    /livez     200 while this process answers; asks nobody
    /readyz    200, or 503 naming what fails: the database, its migrations, workers, work overdue
    /metrics   for Prometheus, to who has the permission ``processes.view_metrics``

The first two are for everybody, are neither throttled nor redirected to HTTPS, and tell nothing
but ok or failing.  A prober that asks by IP address sends that as its host: name it in
ALLOWED_HOSTS, or have the prober send a host that is named there.
"""
