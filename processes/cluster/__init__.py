"""Running django-q2's cluster so that it recovers by itself, whatever process of it is killed.

The processes of one ``manage.py qcluster``, each started by the one above it:

    supervisor            supervisor.py: starts the cluster, looks after it, replaces it
      sentinel            sentinel.py: django-q2's; starts the others and replaces what ends
        pusher            takes tasks from ``processes.broker`` and puts them in a shared queue
        workers           take them from the queue and run them, ``processes.tasks.work`` mostly
        monitor           stores the results of ordinary tasks

They tell each other what they do on a board in shared memory (board.py), which has no locks, so
that a process killed at any moment leaves nothing locked there.  The queues do have locks: killing
a worker that waits for a task leaves the queue locked for ever, and every other worker waiting.
Hence the rules:

1. Every process ends when the one above it ends (lifeline.py).
2. When a process was killed, its cluster is no longer trusted: the sentinel condemns it.
3. When the board shows the same fault for some seconds (a process gone or stopped, a task that
   no idle worker takes, a silent pusher), the supervisor condemns the cluster.
4. A condemned cluster is given nothing more.  A new one starts at once, and the old one is killed
   as soon as none of its workers is busy.

The supervisor itself is stateless: when it is killed, everything below it ends, and whoever
started it (systemd, a container, honcho, a person) starts it again.
"""
