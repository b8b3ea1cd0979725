"""Notice (``org.sstl.notice.v1``): what somebody should know of, without being called to act.

A device's clock that is off, a weak battery, a vague description, a reported delay. A notice has no score and no
severity, asks for no control and no feedback, and no precision is reckoned from it. Topic ``notices``, key
``noticeId``; it lives as a risk flag does (docs/risk-flags.md).
"""

from typing import Self

from pydantic import Field, FiniteFloat, model_validator

from sstl.models.public import PublicModel, UtcInstant
from sstl.models.risk_flag import (
    TAKEN_BACK,
    Filled,
    FlagEvidence,
    FlagId,
    FlagSnoozed,
    FlagStatus,
    FlagSubject,
    FlagText,
)


class Notice(PublicModel):
    """A published notice, in one version of its life."""

    notice_id: FlagId
    version: int = Field(ge=1)
    status: FlagStatus
    rule_id: Filled
    rule_version: int = Field(ge=1)
    name: Filled
    observed: FiniteFloat | str | None
    """None: nothing was observed where something should have been."""
    expected: FiniteFloat | str | None
    unit: str
    """Of observed and expected; empty for what has none."""
    issued_at: UtcInstant
    """The instant that governs the finding, as on a risk flag."""
    valid_to: UtcInstant
    subject: FlagSubject
    group: Filled | None = None
    """The journey or consignment it belongs to."""
    evidence: tuple[FlagEvidence, ...] = ()
    text: FlagText
    advice: FlagText | None = None
    snoozed: FlagSnoozed | None = None
    policy_hash: Filled
    detected_at: UtcInstant
    """When it was noticed; envelope."""
    reason: Filled | None = None
    """Why it was taken back."""

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.valid_to <= self.issued_at:
            raise ValueError("validTo must be after issuedAt")
        if (self.status in TAKEN_BACK) != (self.reason is not None):
            raise ValueError("a notice has a reason when, and only when, it is taken back")
        return self
