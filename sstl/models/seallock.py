"""Seal and smart lock family (``org.sstl.seallock.*.v1``).

A device knows that it was opened, never whether it was allowed to: it reports neutral facts, the core derives.
"""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from sstl.models.common import (
    Contradictions,
    Count,
    EquipmentReference,
    Instant,
    LaneId,
    Latitude,
    Located,
    Longitude,
    Office,
    Placement,
    Referring,
    SealGrade,
    SealNumber,
    SealSource,
    SealType,
    Text,
    Token,
    WireModel,
)
from sstl.models.identifiers import canonical_seal_number

DevicePart = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:\-]*$", max_length=40)
]


class DeviceId(WireModel):
    """Permanent identity of a device (ISO 18185-2: both together)."""

    manufacturer_id: DevicePart
    tag_serial: DevicePart


def _number_or_text(value: object) -> object:
    return str(value) if type(value) is int else value


class SealBody(Referring, Located):
    """Fields that every seal or lock event may carry; it names its unit, or its device."""

    device_id: DeviceId | None = None
    boot_id: Annotated[Token, BeforeValidator(_number_or_text)] | None = None
    sequence: Count | None = None
    """Counter of the device, from its last boot."""
    device_technology: Literal["SMART_CONTAINER", "PASSIVE_TAG", "NONE", "UNKNOWN"] | None = None
    seal_number: SealNumber | None = None
    seal_type: SealType | None = None
    seal_grade: SealGrade | None = None
    seal_source: SealSource | None = None
    placement: Placement | None = None
    command_id: Token | None = None
    """The command that the lock executed."""
    authorised_by: Text | None = None
    """Who authorised; travels on as a pseudonym."""
    authorisation_office: Office | None = None
    hdop: Annotated[float, Field(ge=0, le=1000)] | None = None
    accuracy_m: Annotated[float, Field(ge=0, le=1e6)] | None = None
    battery_pct: Annotated[float, Field(ge=0, le=100)] | None = None
    device_time: Instant | None = None
    """By the device's own clock."""
    received_time: Instant | None = None
    """When the vendor's platform had it."""
    shock_g: Annotated[float, Field(ge=0, le=1e5)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        found = Contradictions()
        self._judge_unit(found)
        if not (
            self.equipment_reference
            or self.device_id
            or self.loose_cargo
            or self.transport_document_reference
            or self.consignment_id
        ):
            found.add(
                "",
                "none of them",
                "equipmentReference, deviceId or looseCargo",
                reason="missing_field",
            )
        if (self.latitude is None) != (self.longitude is None):
            lacking = "latitude" if self.latitude is None else "longitude"
            found.add(f"/{lacking}", "nothing", "latitude and longitude together")
        self._judge_kind(found)
        found.refuse_if_any()
        return self

    def _judge_kind(self, found: Contradictions) -> None:
        """Add what contradicts itself in this kind of event."""


class PairedBody(SealBody):
    """``paired``: the device is tied to a unit from now on."""

    device_id: DeviceId

    def _judge_kind(self, found: Contradictions) -> None:
        if not (self.equipment_reference or self.loose_cargo):
            found.add(
                "/equipmentReference",
                "nothing",
                "the unit the device is paired with",
                reason="missing_field",
            )


class UnpairedBody(SealBody):
    """``unpaired``: the device is free; the unit may be left out."""

    device_id: DeviceId


class AlarmBody(SealBody):
    """``alarm``; a latched one stays until it is reset."""

    kind: Literal["TAMPER", "CUT", "SHOCK", "LIGHT", "LOST"]
    latched: bool | None = None


class StateBody(SealBody):
    """``state.reported``: a snapshot."""

    state: Literal["UNPAIRED", "PAIRED", "ARMED", "OPENED", "CLOSED", "ALARM"]
    since: Instant | None = None


class ResealedBody(SealBody):
    """``resealed``: a seal was replaced."""

    seal_number: SealNumber
    old_seal_number: SealNumber

    def _judge_kind(self, found: Contradictions) -> None:
        if canonical_seal_number(self.seal_number) == canonical_seal_number(self.old_seal_number):
            found.add("/sealNumber", self.seal_number, "a number other than oldSealNumber")


class CheckedBody(SealBody):
    """``checked``: somebody looked at the seal (UN/EDIFACT 4517)."""

    condition: Literal["RIGHT", "DAMAGED", "MISSING", "BROKEN", "FAULTY"]


class GrantBody(SealBody):
    """``authorisation.granted``: a command may open this device at this place in this time."""

    command_id: Token
    office: Office | None = None
    valid_from: Instant
    valid_to: Instant

    def _judge_kind(self, found: Contradictions) -> None:
        found.ordered(("validFrom", self.valid_from), ("validTo", self.valid_to))


class GrantRevokedBody(Located):
    """``authorisation.revoked``: the grant of this command no longer holds."""

    command_id: Token
    device_id: DeviceId | None = None
    equipment_reference: EquipmentReference | None = None
    lane_id: LaneId | None = None
    office: Office | None = None
    reason: Text | None = None


class PositionBody(SealBody):
    """``position``: a ping. Cannot be corrected or retracted."""

    latitude: Latitude
    longitude: Longitude


class GeofenceBody(SealBody):
    """``geofence.entered`` and ``geofence.exited``."""

    geofence_id: Token


class DeviceStatusBody(SealBody):
    """``device.status``."""

    power_status: Literal["POWER_ON", "POWER_OFF", "INACTIVE", "UNKNOWN"] | None = None
    firmware: Text | None = None


KINDS: dict[str, type[WireModel]] = {
    "paired": PairedBody,
    "unpaired": UnpairedBody,
    "armed": SealBody,
    "opened": SealBody,
    "closed": SealBody,
    "alarm": AlarmBody,
    "state.reported": StateBody,
    "resealed": ResealedBody,
    "checked": CheckedBody,
    "authorisation.granted": GrantBody,
    "authorisation.revoked": GrantRevokedBody,
    "position": PositionBody,
    "geofence.entered": GeofenceBody,
    "geofence.exited": GeofenceBody,
    "motion.started": SealBody,
    "motion.stopped": SealBody,
    "device.status": DeviceStatusBody,
}
