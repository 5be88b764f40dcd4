"""Legal rows in every state: what the database's constraints demand is filled in.

A state is a trait: ``CommandFactory(parked=True)``.  Rows come back as stored.
"""

import uuid
from typing import Any

import factory
from factory import LazyAttribute, LazyFunction, SelfAttribute, Sequence, SubFactory, Trait

from processes.bus.clock import BusNow
from processes.bus.models import Command, CommandEvent, Reply
from processes.bus.querysets import MAX_TRIES
from processes.bus.states import CommandStatus, EventType, ReplyOutcome
from processes.models import OperatorAction, Process, ProcessStep
from processes.states import Channel, Direction, OperatorVerb, ProcessStatus, StepOutcome
from tests.support.three_steps import DOMAIN, PROCESS_TYPE

REPLY_TO = "test-sender"


class StoredFactory(factory.django.DjangoModelFactory):
    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: type, *args: Any, **kwargs: Any) -> Any:
        """Read the row again, for the database fills in times."""
        created = super()._create(model_class, *args, **kwargs)
        return model_class.objects.get(pk=created.pk)


class CommandFactory(StoredFactory):
    """Pending and due unless a trait says otherwise; without an address for replies."""

    class Meta:
        model = Command

    class Params:
        in_progress = Trait(status=CommandStatus.IN_PROGRESS, attempts=1, deliveries=1)
        completed = Trait(
            status=CommandStatus.COMPLETED, attempts=1, deliveries=1, completed_at=BusNow()
        )
        failed = Trait(
            status=CommandStatus.FAILED,
            attempts=1,
            deliveries=1,
            completed_at=BusNow(),
            last_error_code="REFUSED",
            last_error_message="not allowed",
            fingerprint="f" * 32,
        )
        parked = Trait(
            status=CommandStatus.IN_TROUBLESHOOTING_QUEUE,
            attempts=1,
            deliveries=1,
            parked_at=BusNow(),
            last_error_code="BROKEN",
            last_error_message="no way",
            fingerprint="b" * 32,
        )
        canceled = Trait(
            status=CommandStatus.CANCELED,
            attempts=1,
            deliveries=1,
            parked_at=BusNow(),
            completed_at=BusNow(),
            last_error_code="BROKEN",
            last_error_message="no way",
            fingerprint="b" * 32,
        )

    domain = DOMAIN
    command_type = "Test"
    data = factory.Dict({})
    correlation_id = LazyFunction(uuid.uuid4)
    max_attempts = 3


COMMAND_TRAITS = {
    CommandStatus.PENDING: {},
    CommandStatus.IN_PROGRESS: {"in_progress": True},
    CommandStatus.COMPLETED: {"completed": True},
    CommandStatus.FAILED: {"failed": True},
    CommandStatus.CANCELED: {"canceled": True},
    CommandStatus.IN_TROUBLESHOOTING_QUEUE: {"parked": True},
}
"""For tests over all statuses: ``CommandFactory(**COMMAND_TRAITS[status])``."""


class ReplyFactory(StoredFactory):
    """An unhandled SUCCESS reply of a completed command; the other outcomes are traits.

    ``stuck``: its handling failed too often.
    """

    class Meta:
        model = Reply

    class Params:
        failed = Trait(
            outcome=ReplyOutcome.FAILED,
            command=SubFactory(CommandFactory, failed=True, reply_to=REPLY_TO),
            error_code=SelfAttribute("command.last_error_code"),
            error_message=SelfAttribute("command.last_error_message"),
        )
        canceled = Trait(
            outcome=ReplyOutcome.CANCELED,
            command=SubFactory(CommandFactory, canceled=True, reply_to=REPLY_TO),
            error_code=SelfAttribute("command.last_error_code"),
            error_message=SelfAttribute("command.last_error_message"),
        )
        parked = Trait(
            outcome=ReplyOutcome.PARKED,
            command=SubFactory(CommandFactory, parked=True, reply_to=REPLY_TO),
            error_code=SelfAttribute("command.last_error_code"),
            error_message=SelfAttribute("command.last_error_message"),
        )
        requeued = Trait(
            outcome=ReplyOutcome.REQUEUED,
            command=SubFactory(CommandFactory, deliveries=1, reply_to=REPLY_TO),
        )
        handled = Trait(handled_at=BusNow())
        stuck = Trait(tries=MAX_TRIES, last_error="ValueError: the manager raised")

    command = SubFactory(CommandFactory, completed=True, reply_to=REPLY_TO)
    correlation_id = SelfAttribute("command.correlation_id")
    reply_to = SelfAttribute("command.reply_to")
    outcome = ReplyOutcome.SUCCESS


class CommandEventFactory(StoredFactory):
    class Meta:
        model = CommandEvent

    command = SubFactory(CommandFactory)
    type = EventType.SENT
    delivery = SelfAttribute("command.deliveries")


class ProcessFactory(StoredFactory):
    """Waits for the reply of step A unless a trait says otherwise; steps are made apart."""

    class Meta:
        model = Process

    class Params:
        pending = Trait(status=ProcessStatus.PENDING, current_step="")
        waiting_for_tsq = Trait(status=ProcessStatus.WAITING_FOR_TSQ)
        compensating = Trait(
            status=ProcessStatus.COMPENSATING, error_code="BROKEN", error_message="no way"
        )
        completed = Trait(status=ProcessStatus.COMPLETED, current_step="C", completed_at=BusNow())
        compensated = Trait(
            status=ProcessStatus.COMPENSATED,
            completed_at=BusNow(),
            error_code="BROKEN",
            error_message="no way",
        )
        failed = Trait(
            status=ProcessStatus.FAILED,
            completed_at=BusNow(),
            error_code="REFUSED",
            error_message="not allowed",
        )

    domain = DOMAIN
    process_type = PROCESS_TYPE
    data = factory.Dict({})
    status = ProcessStatus.WAITING_FOR_REPLY
    current_step = "A"
    state = factory.Dict({"results": factory.Dict({})})


PROCESS_TRAITS = {
    ProcessStatus.PENDING: {"pending": True},
    ProcessStatus.WAITING_FOR_REPLY: {},
    ProcessStatus.WAITING_FOR_TSQ: {"waiting_for_tsq": True},
    ProcessStatus.COMPENSATING: {"compensating": True},
    ProcessStatus.COMPLETED: {"completed": True},
    ProcessStatus.COMPENSATED: {"compensated": True},
    ProcessStatus.FAILED: {"failed": True},
}
"""The same for every process status that is ever stored."""


class ProcessStepFactory(StoredFactory):
    """The open forward step A; ``compensates=step`` makes it a compensation of that step.

    ``parked`` waits in the TSQ; ``success``, ``failed`` and ``canceled`` have their outcome;
    ``not_built`` is a compensation whose command could not be built.
    """

    class Meta:
        model = ProcessStep

    class Params:
        parked = Trait(parked_at=BusNow(), error_code="BROKEN", error_message="no way")
        success = Trait(outcome=StepOutcome.SUCCESS, received_at=BusNow())
        failed = Trait(
            outcome=StepOutcome.FAILED,
            received_at=BusNow(),
            error_code="REFUSED",
            error_message="not allowed",
        )
        canceled = Trait(
            outcome=StepOutcome.CANCELED,
            received_at=BusNow(),
            parked_at=BusNow(),
            error_code="BROKEN",
            error_message="no way",
        )
        not_built = Trait(
            outcome=StepOutcome.FAILED,
            received_at=BusNow(),
            error_code="COMPENSATION_NOT_BUILT",
            error_message="ValueError: cannot be undone",
            command_id=None,
            command_type="",
            command_data=None,
            sent_at=None,
        )

    process = SubFactory(ProcessFactory)
    sequence = Sequence(lambda number: number + 1)
    step = "A"
    compensates = None
    direction = LazyAttribute(
        lambda step: Direction.COMPENSATION if step.compensates else Direction.FORWARD
    )
    command_id = LazyAttribute(lambda step: uuid.uuid5(step.process.id, str(step.sequence)))
    command_type = SelfAttribute("step")
    command_data = factory.Dict({"results": factory.Dict({})})
    sent_at = BusNow()


class OperatorActionFactory(StoredFactory):
    """An operator's retry of a command; name another subject with ``command=None, process=...``."""

    class Meta:
        model = OperatorAction

    command = SubFactory(CommandFactory, deliveries=1)
    domain = DOMAIN
    action = OperatorVerb.RETRY
    operator = "ann"
    channel = Channel.PYTHON
    before = factory.Dict({"status": CommandStatus.IN_TROUBLESHOOTING_QUEUE})
    after = factory.Dict({"status": CommandStatus.PENDING})
