"""Everything at once, by a seed: random outcomes, failing managers, random operators, many workers.

Whatever the order in which it happens, every process ends, and the invariants hold all the way.
"""

import uuid
from functools import partial
from random import Random

import pytest

from processes.bus.errors import (
    BusinessRuleError,
    MovedOn,
    PermanentCommandError,
    TransientCommandError,
)
from processes.bus.handlers import CommandMessage
from processes.bus.models import Command, Reply
from processes.bus.states import FINAL_OUTCOMES, FINAL_STATUSES, CommandStatus
from processes.engine import compensate, start_processes
from processes.invariants import violations
from processes.models import Process, ProcessStep
from processes.states import TERMINAL_STATUSES, ProcessStatus
from processes.worker import run_until_idle
from tests.support.sessions import in_other_session
from tests.support.three_steps import PROCESS_TYPE, ThreeStep, ThreeSteps
from tsq.models import StuckReply, TsqEntry
from tsq.operations import cancel, complete, give_up, handle_again, retry

pytestmark = pytest.mark.django_db(transaction=True)

SEED = "a rainy day"
PROCESSES = 200
WORKERS = 3
ROUNDS = 100
PATIENCE_SECONDS = 60


def chance(*about: object) -> Random:
    """The same dice for the same thing, whichever worker comes to it, and when."""
    return Random(" ".join(map(str, [SEED, *about])))


def act(message: CommandMessage) -> dict[str, str]:
    dice = chance(message.command_id, message.attempt).random()
    if dice < 0.10:
        raise TransientCommandError("BUSY", "try later")
    if dice < 0.15:
        raise PermanentCommandError("BROKEN", "no way")
    if dice < 0.20:
        raise BusinessRuleError("REFUSED", "not allowed")
    if dice < 0.23:
        raise SystemExit(1)
    return {"did": message.command_type}


class Moody(ThreeSteps):
    """One reply in thirty is more than it can handle."""

    def handle_reply(self, reply, process) -> None:
        if chance(reply.command_id, "reply").random() < 1 / 30:
            raise LookupError("the map is lost")
        super().handle_reply(reply, process)


def resolve(entry: Command, dice: Random) -> None:
    by = {"operator": "ann", "seen": entry.deliveries}
    dice.choice(
        [
            partial(retry, entry.id, **by),
            partial(complete, entry.id, **by, result_data={"by": "hand"}),
            partial(cancel, entry.id, **by, reason="no use"),
        ]
    )()


def settle(reply: Reply, dice: Random) -> None:
    if reply.outcome in FINAL_OUTCOMES and dice.random() < 0.5:
        give_up(reply.id, operator="ben", reason="odd")
    else:
        handle_again(reply.id, operator="ben")


def operate(dice: Random) -> None:
    """What operators do in a round; now and then somebody else was faster."""
    deeds = [partial(resolve, entry, dice) for entry in TsqEntry.objects.all()]
    deeds += [partial(settle, reply, dice) for reply in StuckReply.objects.all()]
    for process in Process.objects.filter(status=ProcessStatus.FAILED):
        if chance(process.id, "compensated").random() < 0.5:
            deeds.append(partial(compensate, process.id, operator="eve", reason="asked"))
    for deed in dice.sample(deeds, len(deeds)):
        try:
            deed()
        except MovedOn:
            continue


def is_over() -> bool:
    return not (
        Process.objects.exclude(status__in=TERMINAL_STATUSES).exists()
        or TsqEntry.objects.exists()
        or Reply.objects.unhandled().exists()
    )


def test_every_process_ends_and_the_invariants_hold(register_manager, register_handler, clock):
    moods = register_manager(type("Moods", (Moody,), {"process_type": PROCESS_TYPE}))
    for step in ThreeStep:
        register_handler(step.value, act, backoff=(1, 5))
    ids = [uuid.uuid5(uuid.NAMESPACE_OID, f"{SEED} {number}") for number in range(PROCESSES)]
    start_processes(PROCESS_TYPE, [{}] * PROCESSES, ids)

    dice = chance("operators")
    for number in range(ROUNDS):
        at_once = [run_until_idle] * WORKERS + [partial(operate, chance("at once", number))]
        for session in [in_other_session(each) for each in at_once]:
            session.result(PATIENCE_SECONDS)
        assert list(violations()) == []
        operate(dice)
        if number == 20:
            moods.handle_reply = ThreeSteps.handle_reply  # the code is mended
        if is_over():
            break
        clock.advance(61)
    assert is_over()

    run_until_idle()
    assert list(violations()) == []
    assert set(Command.objects.values_list("status", flat=True)) <= set(FINAL_STATUSES)
    assert not ProcessStep.objects.filter(outcome=None).exists()
    assert Reply.objects.final().count() == Command.objects.count()
    assert all_kinds_of_ends_were_seen()


def all_kinds_of_ends_were_seen() -> bool:
    ends = set(Process.objects.values_list("status", flat=True))
    commands = set(Command.objects.values_list("status", flat=True))
    return ends == set(TERMINAL_STATUSES) and commands == {
        CommandStatus.COMPLETED,
        CommandStatus.FAILED,
        CommandStatus.CANCELED,
    }
