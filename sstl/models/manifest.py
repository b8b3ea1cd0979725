"""Manifest family: filings and what the customs systems answer (``org.sstl.manifest.*.v1``).

Elements of an entry summary declaration and its amendments, referrals and notifications, named after the EU
customs data model and DCSA.
"""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from sstl.models.common import (
    Amount,
    Contradictions,
    Count,
    Country,
    Currency,
    EquipmentReference,
    Hs6,
    Instant,
    LaneId,
    Mass,
    Means,
    Mode,
    Mrn,
    Office,
    Place,
    Seal,
    Text,
    Token,
    TransportDocument,
    Ucr,
    WireModel,
)
from sstl.models.identifiers import awb_fault, is_waybill_shaped

LotClass = Literal["REGULAR", "SMALL"]


class Party(WireModel):
    """A person or company of a filing. Its name, identifier and address never leave intake.

    What travels on is ``role``, ``pseudonym``, ``typeOfPerson`` and ``aeo``.
    """

    role: Token
    """CONSIGNOR, CONSIGNEE, NOTIFY, SELLER, BUYER, CARRIER, DECLARANT, REPRESENTATIVE, SUPPLY_CHAIN_ACTOR, ..."""
    name: Text | None = None
    identifier: Text | None = None
    """EORI, TIN or another number of a register."""
    type_of_person: Literal["NATURAL", "LEGAL", "ASSOCIATION"] | None = None
    address: object | None = None
    aeo: bool | None = None

    @model_validator(mode="after")
    def _identified(self) -> Self:
        found = Contradictions()
        if self.name is None and self.identifier is None:
            found.add("", "neither", "name or identifier", reason="missing_field")
        found.refuse_if_any()
        return self


class OperatorStatus(WireModel):
    """Trusted-trader status as the filing claims it."""

    aeo_importer: bool | None = None
    aeo_exporter: bool | None = None
    mra_id: Token | None = None
    """The mutual recognition arrangement that is invoked."""


class Sstl(WireModel):
    """Participation of a consignment in the secure trade lanes."""

    member: bool
    valid_from: Instant | None = Field(default=None, alias="from")
    valid_to: Instant | None = Field(default=None, alias="to")


class Packages(WireModel):
    """Packages of an item."""

    count: Count | None = None
    type: Token | None = None
    marks: Text | None = None


def _packages(value: object) -> object:
    return {"count": value} if type(value) is int else value


class Item(WireModel):
    """One goods item."""

    item_no: Count | None = None
    hs6: Hs6 | None = None
    cn8: Token | None = None
    description: Text | None = None
    gross_mass_kg: Mass | None = None
    net_mass_kg: Mass | None = None
    supplementary_quantity: Amount | None = None
    supplementary_unit: Token | None = None
    packages: Annotated[Packages, BeforeValidator(_packages)] | None = None
    """Packages in detail, or (read too) their number alone."""
    un_number: Token | None = None
    """UN number of dangerous goods."""
    country_of_origin: Country | None = None
    value: Amount | None = None
    currency: Currency | None = None
    equipment_references: tuple[EquipmentReference, ...] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = Contradictions()
        if (
            self.net_mass_kg is not None
            and self.gross_mass_kg is not None
            and self.net_mass_kg > self.gross_mass_kg
        ):
            found.add(
                "/netMassKg",
                self.net_mass_kg,
                f"at most grossMassKg ({self.gross_mass_kg})",
            )
        found.refuse_if_any()
        return self


class Consignment(WireModel):
    """One house transport document."""

    consignment_id: TransportDocument
    """Number of the house transport document."""
    master_transport_document: TransportDocument | None = None
    ucr: Ucr | None = None
    mrn: Mrn | None = None
    previous_mrn: Mrn | None = Field(default=None, alias="previousMRN")
    split_consignment: bool | None = None
    reentry_indicator: bool | None = None
    items: tuple[Item, ...] = ()
    equipment_references: tuple[EquipmentReference, ...] = ()
    """The units it lies in. Empty: loose cargo, whose unit is the house transport document."""
    gross_mass_kg: Mass | None = None
    sstl: Sstl | None = None
    lot_class: LotClass | None = None
    place_of_acceptance: Place | None = None
    place_of_loading: Place | None = None
    place_of_unloading: Place | None = None
    place_of_delivery: Place | None = None
    country_of_provenance: Country | None = None
    countries_of_routing: tuple[Country, ...] | None = None
    parties: tuple[Party, ...] = ()
    operator_status: OperatorStatus | None = None


class Equipment(WireModel):
    """A unit of the filing."""

    equipment_reference: EquipmentReference
    iso_equipment_code: Token | None = Field(default=None, alias="ISOEquipmentCode")
    empty_indicator: Literal["EMPTY", "LADEN"] | None = None
    packed_status: Token | None = None
    supplier_type: Token | None = None
    gross_mass_kg: Mass | None = None
    number_of_seals: Count | None = None
    seals: tuple[Seal, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = Contradictions()
        if self.number_of_seals is not None and self.number_of_seals != len(self.seals):
            found.add(
                "/numberOfSeals",
                self.number_of_seals,
                f"the number of seals listed ({len(self.seals)})",
            )
        found.refuse_if_any()
        return self


class PlannedLeg(WireModel):
    """One leg of the transport plan; ``INBOUND`` legs run side by side before the ``OUTBOUND`` one."""

    leg_id: Token
    role: Literal["MAIN", "INBOUND", "OUTBOUND"] = "MAIN"
    mode: Mode
    place_of_departure: Place
    place_of_arrival: Place
    planned_start: Instant | None = None
    planned_end: Instant | None = None
    conveyance: Means | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = Contradictions()
        found.ordered(("plannedStart", self.planned_start), ("plannedEnd", self.planned_end))
        found.refuse_if_any()
        return self


class FilingBody(WireModel):
    """``lodged`` and ``amended``: the whole filing; an amendment repeats what it does not change."""

    lrn: Token
    """Local reference number: the manifest's identity."""
    mrn: Mrn | None = None
    ucr: Ucr | None = None
    filing_type: Token | None = None
    """F10 to F51 of ICS2, or the publisher's own."""
    filed_at: Instant | None = None
    lane_id: LaneId | None = None
    mode: Mode | None = None
    transport_means: Means | None = None
    estimated_departure: Instant | None = Field(default=None, alias="etd")
    actual_departure: Instant | None = Field(default=None, alias="atd")
    estimated_arrival: Instant | None = Field(default=None, alias="eta")
    office_of_first_entry: Office | None = None
    office_of_export: Office | None = None
    place_of_acceptance: Place | None = None
    place_of_loading: Place | None = None
    place_of_unloading: Place | None = None
    place_of_delivery: Place | None = None
    countries_of_routing_of_means: tuple[Country, ...] | None = None
    countries_of_routing: tuple[Country, ...] | None = None
    """Countries of routing of the consignments."""
    parties: tuple[Party, ...] = ()
    operator_status: OperatorStatus | None = None
    reentry_indicator: bool | None = None
    consignments: tuple[Consignment, ...] = Field(min_length=1)
    equipment: tuple[Equipment, ...] = ()
    legs: tuple[PlannedLeg, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = Contradictions()
        if self.actual_departure is not None:
            found.ordered(("atd", self.actual_departure), ("eta", self.estimated_arrival))
        else:
            found.ordered(("etd", self.estimated_departure), ("eta", self.estimated_arrival))
        self._judge_equipment(found)
        self._judge_documents(found)
        legs: set[str] = set()
        for i, leg in enumerate(self.legs):
            if leg.leg_id in legs:
                found.add(f"/legs/{i}/legId", leg.leg_id, "a leg listed once")
            legs.add(leg.leg_id)
        found.refuse_if_any()
        return self

    def _judge_equipment(self, found: Contradictions) -> None:
        listed: set[str] = set()
        for i, unit in enumerate(self.equipment):
            if unit.equipment_reference in listed:
                found.add(
                    f"/equipment/{i}/equipmentReference",
                    unit.equipment_reference,
                    "a unit listed once",
                )
            listed.add(unit.equipment_reference)
        for i, consignment in enumerate(self.consignments):
            for j, reference in enumerate(consignment.equipment_references):
                if reference not in listed:
                    found.add(
                        f"/consignments/{i}/equipmentReferences/{j}",
                        reference,
                        "a unit listed in equipment",
                    )
            for k, item in enumerate(consignment.items):
                for j, reference in enumerate(item.equipment_references or ()):
                    if reference not in consignment.equipment_references:
                        found.add(
                            f"/consignments/{i}/items/{k}/equipmentReferences/{j}",
                            reference,
                            "a unit of the consignment",
                        )

    def _judge_documents(self, found: Contradictions) -> None:
        houses: set[str] = set()
        for i, consignment in enumerate(self.consignments):
            if consignment.consignment_id in houses:
                found.add(
                    f"/consignments/{i}/consignmentId",
                    consignment.consignment_id,
                    "a transport document that the filing has once",
                )
            houses.add(consignment.consignment_id)
            master = consignment.master_transport_document
            if self.mode == "4" and master and is_waybill_shaped(master):
                fault = awb_fault(master)
                if fault is not None:
                    found.add(
                        f"/consignments/{i}/masterTransportDocument",
                        master,
                        fault[1],
                        reason=fault[0],
                    )


class InvalidatedBody(WireModel):
    """``invalidated``: the filing is withdrawn as a whole."""

    lrn: Token
    mrn: Mrn | None = None
    lane_id: LaneId | None = None
    reason: Text | None = None


class RegisteredBody(WireModel):
    """``registered``: the customs system has given the filing its number."""

    lrn: Token
    mrn: Mrn
    lane_id: LaneId | None = None
    consignment_id: TransportDocument | None = None
    """The house transport document the number is for; absent: the whole filing."""
    office: Office | None = None


class AnswerBody(WireModel):
    """What a customs system answers to a filing, named by LRN or, where that is not repeated, by MRN."""

    lrn: Token | None = None
    mrn: Mrn | None = None
    ucr: Ucr | None = None
    lane_id: LaneId | None = None
    consignment_id: TransportDocument | None = None
    office: Office | None = None
    reason: Text | None = None
    missing: tuple[Text, ...] | None = None
    """``not_complete``: what the filing still lacks."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        found = Contradictions()
        if self.lrn is None and self.mrn is None and self.consignment_id is None:
            found.add("/lrn", "nothing", "lrn, mrn or consignmentId", reason="missing_field")
        found.refuse_if_any()
        return self


class ReferralBody(AnswerBody):
    """``referral.raised`` and ``referral.answered``: do not load, request for information, for screening."""

    referral_id: Token | None = None
    referral_type: Literal["DNL", "RFI", "RFS"]
    answered_at: Instant | None = None
    result: Text | None = None


class ArrivalBody(AnswerBody):
    """``arrival.notified``: the means of transport has come to the office of first entry."""

    un_location_code: Place | None = None
    arrived_at: Instant | None = None
    conveyance: Means | None = None


KINDS: dict[str, type[WireModel]] = {
    "lodged": FilingBody,
    "amended": FilingBody,
    "invalidated": InvalidatedBody,
    "registered": RegisteredBody,
    "not_complete": AnswerBody,
    "assessed": AnswerBody,
    "referral.raised": ReferralBody,
    "referral.answered": ReferralBody,
    "arrival.notified": ArrivalBody,
}
