"""Registers of operators and partners (``org.sstl.registry.*.v1``)."""

from typing import Literal, Self

from pydantic import Field, model_validator

from sstl.models.common import Contradictions, Instant, Text, Token, WireModel


class _Entry(WireModel):
    operator_id: Text = Field(alias="id")
    """Register number; travels on as the pseudonym that a party with this identifier has."""
    valid_from: Instant | None = Field(default=None, alias="from")
    valid_to: Instant | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = Contradictions()
        found.ordered(("from", self.valid_from), ("to", self.valid_to))
        found.refuse_if_any()
        return self


class OperatorStatusBody(_Entry):
    """``registry.operator.status``: a trusted-trader authorisation and its time."""

    programme: Token
    mra_recognised: bool | None = None
    status: Literal["GRANTED", "SUSPENDED", "REVOKED"] | None = None


class PartnerRiskBody(_Entry):
    """``registry.partner.risk``: how a partner administration judges an operator."""

    risk: Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]
    reason_code: Token | None = None
