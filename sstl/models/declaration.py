"""Declarations and what belongs to them: channel, duty, bond, weighed mass.

``org.sstl.declaration.*``, ``channel.assigned``, ``duty.paid``, ``bond.*``, ``mass.verified``.
"""

from typing import Literal, Self

from pydantic import model_validator

from sstl.models.common import (
    Amount,
    Channel,
    Contradictions,
    Currency,
    Instant,
    Located,
    Mass,
    Office,
    Referring,
    Side,
    Text,
    Token,
)
from sstl.models.inspection import Selection


class CustomsBody(Referring, Located):
    """What all of them share; it names a consignment, its declaration or a unit."""

    declaration_id: Token | None = None
    side: Side | None = None
    office: Office | None = None

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
                "consignmentId, mrn, ucr, transportDocumentReference or equipmentReference",
                reason="missing_field",
            )
        found.refuse_if_any()
        return self


class DeclarationBody(CustomsBody):
    """``declaration.lodged``, ``.accepted``, ``.presented``."""

    declaration_type: Literal["IMPORT", "EXPORT", "TRANSIT"] | None = None
    procedure: Token | None = None


class ChannelBody(CustomsBody):
    """``channel.assigned``: for every declaration, green ones included."""

    channel: Channel
    selections: tuple[Selection, ...] | None = None


class DutyBody(CustomsBody):
    """``duty.paid``."""

    amount: Amount | None = None
    currency: Currency | None = None
    paid_at: Instant | None = None


class BondBody(CustomsBody):
    """``bond.entered`` and ``bond.left``."""

    warehouse_id: Token | None = None
    reason: Text | None = None


class MassBody(CustomsBody):
    """``mass.verified``: weighed, not declared."""

    gross_mass_kg: Mass
    method: Literal["WEIGHED", "CALCULATED"] | None = None
