"""Combined score of what is found on one journey or consignment (topic ``scores``), to order a queue by.

Compacted, key ``group``: the last record of a group is its score. The formula is `sstl.core.scores.combined`.
"""

from typing import Annotated, Self

from pydantic import Field, FiniteFloat, StringConstraints, model_validator

from sstl.models.policy import Severity
from sstl.models.public import PublicModel
from sstl.models.risk_flag import FlagId

Filled = Annotated[str, StringConstraints(min_length=1)]


class Contribution(PublicModel):
    """What one flag brings in."""

    flag_id: FlagId
    rule_id: Filled
    severity: Severity
    score: int = Field(ge=0, le=100)
    """The flag's own score; the rule's weight is in it."""
    weight: FiniteFloat = Field(ge=0)
    """Weight of the rule by the policy, for who wants to check the score."""


class GroupScore(PublicModel):
    """The combined score of one journey or consignment."""

    group: Filled
    """``<unit>`` or ``<unit>#<key>`` of a journey, or the consignment."""
    score: int = Field(ge=0, le=100)
    severity: Severity | None = None
    """The gravest of the contributions; None without any."""
    contributions: tuple[Contribution, ...] = ()
    """Highest score first."""

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if (self.severity is None) != (not self.contributions):
            raise ValueError("a score has a severity when, and only when, something contributes")
        if not self.contributions and self.score:
            raise ValueError("nothing contributes, so the score is 0")
        return self
