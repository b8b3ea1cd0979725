"""Inspection family: controls, their results and the release (``org.sstl.inspection.*.v1``)."""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from sstl.models.codes import RiskArea
from sstl.models.common import (
    Amount,
    Channel,
    Contradictions,
    Instant,
    Located,
    Office,
    Probability,
    Referring,
    SealNumber,
    Side,
    Text,
    Token,
    WireModel,
)

Purpose = Literal[
    "SECURITY",
    "FISCAL",
    "IPR",
    "SANITARY",
    "PHYTOSANITARY",
    "VETERINARY",
    "PRODUCT_SAFETY",
    "DRUGS",
    "OTHER",
]
ControlType = Literal["DOCUMENT", "SEAL", "NII", "PHYSICAL", "LAB"]
ControlResult = Annotated[str, StringConstraints(pattern=r"^[A-Z][0-9]$")]
"""Control result code (CL047), judged by its shape: the list is not published in full."""
ControlOutcome = Literal["CONFIRMED", "NOT_CONFIRMED", "INCONCLUSIVE"]


class Selection(WireModel):
    """One reason for which a consignment was selected; all that apply are listed, they overlap."""

    basis: Literal["RULE", "RANDOM", "OFFICER", "REFERRAL", "PARTNER_RIF", "SEAL_ALARM"]
    rule_id: Token | None = None
    probability: Probability | None = None
    """Chance of being drawn; the estimators need it for RANDOM and for sampled rules."""
    sampled: bool | None = None
    """True: the rule selects only a drawn share of what it hits."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = Contradictions()
        if self.probability is None and (self.basis == "RANDOM" or self.sampled):
            found.add(
                "/probability",
                "nothing",
                "a probability, because the selection was drawn",
            )
        found.refuse_if_any()
        return self


class Irregularity(WireModel):
    """One thing found."""

    type: Token
    risk_area: RiskArea | None = None
    quantity: Amount | None = None
    unit: Token | None = None
    value: Amount | None = None
    revenue: Amount | None = None


class InspectionBody(Referring, Located):
    """Fields of all inspection events; it names a unit or the consignment concerned."""

    inspection_id: Token | None = None
    side: Side | None = None
    office: Office | None = None
    channel: Channel | None = None
    selections: tuple[Selection, ...] | None = None
    control_purpose: Purpose | None = None
    control_type: ControlType | None = None
    status: Literal["DONE", "NOT_DONE"] | None = None
    flag_ids: tuple[Token, ...] | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    nii_result: Literal["CLEAR", "SUSPECT", "INCONCLUSIVE"] | None = None
    image_ref: Text | None = None
    """Where the image lies; images never travel on a topic."""
    control_result_code: ControlResult | None = None
    outcome: ControlOutcome | None = None
    irregularities: tuple[Irregularity, ...] | None = None
    seal_before: SealNumber | None = None
    seal_after: SealNumber | None = None
    officer_override: bool | None = None
    agency: Token | None = None
    """Other government agency of ``oga.*`` events."""
    reason: Text | None = None
    cited_inspection_id: Token | None = None
    """The partner's inspection on whose result a control is waived."""
    quantity: Amount | None = None
    unit: Token | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = Contradictions()
        self._judge_unit(found)
        if not (
            self.equipment_reference
            or self.loose_cargo
            or self.transport_document_reference
            or self.consignment_id
            or self.mrn
            or self.ucr
        ):
            found.add(
                "",
                "none of them",
                "equipmentReference, consignmentId, transportDocumentReference, mrn or ucr",
                reason="missing_field",
            )
        found.ordered(("startedAt", self.started_at), ("endedAt", self.ended_at))
        if self.status == "NOT_DONE" and self.outcome == "CONFIRMED":
            found.add("/outcome", self.outcome, "no finding of a control that was not done")
        self._judge_kind(found)
        found.refuse_if_any()
        return self

    def _judge_kind(self, found: Contradictions) -> None:
        """Add what contradicts itself in this kind of event."""


class ResultBody(InspectionBody):
    """``result.recorded`` and ``partner.result.received``."""

    def _judge_kind(self, found: Contradictions) -> None:
        if not (self.control_result_code or self.outcome or self.nii_result or self.status):
            found.add(
                "/controlResultCode",
                "nothing",
                "controlResultCode, outcome, niiResult or status",
                reason="missing_field",
            )


class WaivedBody(InspectionBody):
    """``control.waived``."""

    reason: Text = Field()


KINDS: dict[str, type[WireModel]] = {
    **dict.fromkeys(
        (
            "selected",
            "document.checked",
            "scan.started",
            "scan.completed",
            "physical.started",
            "physical.completed",
            "sample.taken",
            "oga.started",
            "oga.completed",
            "detained",
            "detention.lifted",
            "seized",
            "returned",
            "destroyed",
            "abandoned",
            "released",
            "revoked",
        ),
        InspectionBody,
    ),
    "result.recorded": ResultBody,
    "partner.result.received": ResultBody,
    "control.waived": WaivedBody,
}
