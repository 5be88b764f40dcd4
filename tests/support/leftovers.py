"""What the product keeps per operating system process, and how a test starts without it."""

from processes import worker
from processes.bus import measures, pace


def forget_worker_state() -> None:
    """Handler times, counts, a request to stop, and this process's worker with its threads."""
    pace._seconds.clear()
    measures._start_anew()
    worker._stop.clear()
    if hasattr(worker._own, "worker"):
        worker._own.worker._threads._pool.shutdown(wait=False, cancel_futures=True)
    vars(worker._own).clear()
