"""Feedback on a risk flag (``org.sstl.risk.feedback.v1``)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sstl.models.common import (
    Amount,
    Contradictions,
    Instant,
    LaneId,
    Office,
    Text,
    Token,
    WireModel,
)
from sstl.models.inspection import ControlOutcome, ControlResult, ControlType


class FeedbackBody(WireModel):
    """What an office did about a flag. One control may answer several flags."""

    flag_id: Token | None = None
    flag_ids: tuple[Token, ...] | None = None
    feedback_id: Token
    responding_office: Office | None = None
    received_at: Instant | None = None
    action_taken: Literal["CONTROL_DONE", "CONTROL_NOT_DONE", "NOT_ARRIVED", "ALREADY_RELEASED"]
    reason_not_done: Text | None = None
    control_type: ControlType | None = None
    control_result_code: ControlResult | None = None
    outcome: ControlOutcome | None = None
    findings: tuple[Text, ...] | None = None
    seizure_ref: Token | None = None
    duty_adjusted: Amount | None = None
    usefulness: Annotated[int, Field(ge=1, le=5)] | None = None
    closed_at: Instant | None = None
    lane_id: LaneId | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = Contradictions()
        if not (self.flag_id or self.flag_ids):
            found.add("/flagId", "nothing", "flagId or flagIds", reason="missing_field")
        found.ordered(("receivedAt", self.received_at), ("closedAt", self.closed_at))
        if self.action_taken != "CONTROL_DONE" and self.outcome == "CONFIRMED":
            found.add("/outcome", self.outcome, f"no confirmation by {self.action_taken}")
        found.refuse_if_any()
        return self
