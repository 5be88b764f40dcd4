"""What a test asks about a process after the workers have run."""

from processes.bus.models import Command, Reply
from processes.models import Process
from tsq.models import TsqEntry


def reload(process: Process) -> Process:
    return Process.objects.get(pk=process.pk)


def status_of(process: Process) -> str:
    return reload(process).status


def trail_of(process: Process) -> list[tuple[str, str | None]]:
    """The audit trail as (step, outcome), in order."""
    return list(process.steps.order_by("sequence").values_list("step", "outcome"))


def entry_of(process: Process) -> TsqEntry:
    """The TSQ entry of this process; there is exactly one."""
    return TsqEntry.objects.get(correlation_id=process.pk)


def command_of(process: Process, step: str) -> Command:
    """The command of the newest step of that name."""
    return Command.objects.get(pk=process.steps.filter(step=step).latest("sequence").command_id)


def replies_to(process: Process) -> list[str]:
    """The outcomes of all replies to this process, in the order it reads them."""
    replies = Reply.objects.filter(correlation_id=process.pk)
    return list(replies.order_by("id").values_list("outcome", flat=True))


def unhandled_replies_to(process: Process) -> list[str]:
    replies = Reply.objects.unhandled().filter(correlation_id=process.pk)
    return list(replies.order_by("id").values_list("outcome", flat=True))
