"""The process: which steps there are, what each needs and gives, and what undoes it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from processes.base import ProcessCommand, ProcessManager, ReceivedReply
from processes.definitions.statement_report.chaos import chaos_of_step, read_chaos
from processes.definitions.statement_report.request import read_request
from processes.definitions.statement_report.shapes import Breakdown, Summary, TransactionRow
from processes.registry import register_process


class StatementReportStep(StrEnum):
    QUERY = "QUERY"
    AGGREGATE = "AGGREGATE"
    RENDER = "RENDER"
    REGISTER = "REGISTER"
    NOTIFY = "NOTIFY"
    DELETE_RENDER = "DELETE_RENDER"
    DEREGISTER = "DEREGISTER"


Step = StatementReportStep


@dataclass(frozen=True, slots=True)
class StepPlan:
    """``needs`` and ``gives`` name fields of the state."""

    command_type: str
    needs: tuple[str, ...]
    gives: tuple[str, ...] = ()
    then: Step | None = None
    undone_by: Step | None = None


STATEMENT = ("account_id", "period_from", "period_to")

PLAN = {
    Step.QUERY: StepPlan(
        "StatementQuery",
        needs=STATEMENT,
        gives=("opening_balance", "transactions"),
        then=Step.AGGREGATE,
    ),
    Step.AGGREGATE: StepPlan(
        "StatementDataAggregation",
        needs=("account_id", "opening_balance", "transactions"),
        gives=("summary", "breakdown"),
        then=Step.RENDER,
    ),
    Step.RENDER: StepPlan(
        "StatementRender",
        needs=(*STATEMENT, "format", "summary", "breakdown", "transactions"),
        gives=("file",),
        then=Step.REGISTER,
        undone_by=Step.DELETE_RENDER,
    ),
    Step.REGISTER: StepPlan(
        "StatementRegister",
        needs=(*STATEMENT, "format", "summary", "file"),
        then=Step.NOTIFY,
        undone_by=Step.DEREGISTER,
    ),
    Step.NOTIFY: StepPlan("StatementNotify", needs=(*STATEMENT, "summary", "file")),
    Step.DELETE_RENDER: StepPlan("StatementDeleteRender", needs=("account_id", "file")),
    Step.DEREGISTER: StepPlan("StatementDeregister", needs=("account_id",)),
}


@dataclass
class StatementReportState:
    account_id: int
    period_from: str
    period_to: str
    format: str
    chaos: dict[str, Any] = field(default_factory=dict)
    opening_balance: str = ""
    transactions: list[TransactionRow] = field(default_factory=list)
    summary: Summary | None = None
    breakdown: Breakdown | None = None
    file: str = ""

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        return cls(**data)


@register_process
class StatementReport(ProcessManager[StatementReportState, StatementReportStep]):
    process_type = "StatementReport"
    domain = "reporting"
    state_class = StatementReportState
    step_class = StatementReportStep

    def create_initial_state(self, data: dict[str, Any]) -> StatementReportState:
        request = read_request(data)
        return StatementReportState(
            account_id=request.account_id,
            period_from=request.first_day.isoformat(),
            period_to=request.last_day.isoformat(),
            format=request.format.value,
            chaos=read_chaos(data.get("chaos"), steps=tuple(Step)),
        )

    def get_first_step(self, state: StatementReportState) -> Step:
        return Step.QUERY

    def build_command(self, step: Step, state: StatementReportState) -> ProcessCommand:
        plan = PLAN[step]
        data = {name: getattr(state, name) for name in plan.needs}
        if chaos := chaos_of_step(state.chaos, step):
            data["chaos"] = chaos
        return ProcessCommand(plan.command_type, data)

    def update_state(self, state: StatementReportState, step: Step, reply: ReceivedReply) -> None:
        result = reply.data or {}
        for name in PLAN[step].gives:
            if name not in result:
                raise ValueError(f"{step} must give {name!r}, and its result has none")
            setattr(state, name, result[name])
        if step is Step.RENDER:  # no later step needs them; the audit trail keeps them
            state.transactions, state.breakdown = [], None

    def get_next_step(
        self, step: Step, reply: ReceivedReply, state: StatementReportState
    ) -> Step | None:
        return PLAN[step].then

    def get_compensation_step(self, step: Step) -> Step | None:
        return PLAN[step].undone_by
