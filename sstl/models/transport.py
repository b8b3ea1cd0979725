"""Transport family: what happens to a unit or a means of transport on its way (``org.sstl.transport.*.v1``)."""

from typing import Literal, Self

from pydantic import Field, model_validator

from sstl.models.common import (
    Contradictions,
    Count,
    Instant,
    Located,
    Mass,
    Means,
    Mode,
    Place,
    Referring,
    Seal,
    Text,
    Token,
    TransportDocument,
)

KINDS = (
    "gated_in",
    "gated_out",
    "loaded",
    "discharged",
    "stuffed",
    "stripped",
    "picked_up",
    "dropped_off",
    "available_for_pickup",
    "available_for_drop_off",
    "departed",
    "arrived",
    "approaching",
    "crossed",
    "foh",
    "rcs",
    "man",
    "dep",
    "arr",
    "rcf",
    "nfd",
    "awd",
    "crc",
    "ccd",
    "tgc",
    "dis",
    "dlv",
)

Classifier = Literal["ACTUAL", "ESTIMATED", "PLANNED"]


class TransportBody(Referring, Located):
    """One transport event. Only ``ACTUAL`` enters statistics; planned and estimated ones carry their instant.

    It names a unit, a reference or, for events of a whole ship, flight or train, the conveyance.
    """

    event_classifier: Classifier
    mode: Mode | None = None
    transport_phase: Literal["EXPORT", "IMPORT", "TRANSSHIPMENT"] | None = None
    conveyance: Means | None = None
    leg_id: Token | None = None
    """The leg of the transport plan that the event belongs to."""
    transport_call_sequence_number: Count | None = None
    master_transport_document: TransportDocument | None = None
    place_of_departure: Place | None = None
    place_of_arrival: Place | None = None
    empty_indicator: Literal["EMPTY", "LADEN"] | None = None
    iso_equipment_code: Token | None = Field(default=None, alias="ISOEquipmentCode")
    is_transshipment_move: bool | None = None
    delay_reason_code: Token | None = None
    discrepancy_code: Token | None = None
    number_of_pieces: Count | None = None
    total_pieces: Count | None = None
    """Pieces of the whole consignment; fewer in ``numberOfPieces`` means a part shipment."""
    gross_mass_kg: Mass | None = None
    seals: tuple[Seal, ...] | None = None
    scheduled_time: Instant | None = None
    """What the timetable promised for this event, where the publisher repeats it."""
    remark: Text | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = Contradictions()
        self._judge_unit(found)
        if (
            not (
                self.equipment_reference
                or self.transport_document_reference
                or self.consignment_id
                or self.mrn
                or self.ucr
                or self.master_transport_document
                or self.conveyance
            )
            and not self.loose_cargo
        ):
            found.add(
                "",
                "none of them",
                "equipmentReference, transportDocumentReference, consignmentId, mrn, ucr or conveyance",
                reason="missing_field",
            )
        if (
            self.number_of_pieces is not None
            and self.total_pieces is not None
            and self.number_of_pieces > self.total_pieces
        ):
            found.add(
                "/numberOfPieces",
                self.number_of_pieces,
                f"at most totalPieces ({self.total_pieces})",
            )
        found.refuse_if_any()
        return self
