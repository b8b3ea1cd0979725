"""Where an event belongs: the unit it names and the references that lead to its units and consignments.

Pure functions over bodies under their wire names (``Event.data``). References are one text each, kind and value:
``mrn:25NL...``, ``device:MAKER/SERIAL``. Intake refers events by them and manifests link them, so both use these.
"""

from collections.abc import Mapping
from typing import Any

from sstl.models.codes import MODE_NAMES, ModeName
from sstl.models.identifiers import canonical_seal_number

CUSTOMS_FAMILIES = frozenset({"inspection", "declaration", "channel", "duty", "bond", "mass"})
"""Families whose events are facts about a consignment even where they name a unit."""


def unit_of(data: Mapping[str, Any]) -> str | None:
    """Return the unit that a body names, None where it names none.

    A container, ULD or wagon by its number; loose cargo is its house transport document.
    """
    reference = data.get("equipmentReference")
    if reference is not None:
        return str(reference)
    if data.get("looseCargo"):
        document = data.get("transportDocumentReference") or data.get("consignmentId")
        return None if document is None else str(document)
    return None


def mode_name(code: object) -> ModeName | None:
    """Return ``SEA``, ``RAIL``, ``ROAD``, ``AIR`` or ``POST`` for a UN mode code, None for any other."""
    return MODE_NAMES.get(str(code))


def conveyance_of(means: Mapping[str, Any] | None) -> str | None:
    """Return the reference of one voyage of a means of transport, None where it is not fully named.

    IMO number and voyage, flight and its date, train (and its date where given): a ship or a flight number
    without voyage or date is reused too often to lead anywhere.
    """
    if not means:
        return None
    if means.get("imoNumber") and means.get("voyageNumber"):
        return f"conveyance:{means['imoNumber']}/{str(means['voyageNumber']).upper()}"
    if means.get("flightNumber") and means.get("flightDate"):
        return f"conveyance:{str(means['flightNumber']).upper()}/{means['flightDate']}"
    if means.get("trainNumber"):
        dated = f"/{means['trainDate']}" if means.get("trainDate") else ""
        return f"conveyance:{str(means['trainNumber']).upper()}{dated}"
    return None


def device_of(data: Mapping[str, Any]) -> str | None:
    """Return the reference of the device that a body names."""
    device = data.get("deviceId")
    return None if not device else f"device:{device['manufacturerId']}/{device['tagSerial']}"


def transport_document(number: str) -> str:
    """Return the reference of a transport document (house or master)."""
    return f"transport-document:{number}"


def consignment(consignment_id: str) -> str:
    """Return the reference of a consignment."""
    return f"consignment:{consignment_id}"


def mrn(number: str) -> str:
    """Return the reference of a movement reference number."""
    return f"mrn:{number}"


def ucr(number: str) -> str:
    """Return the reference of a unique consignment reference."""
    return f"ucr:{number}"


def command(command_id: str) -> str:
    """Return the reference of a lock command."""
    return f"command:{command_id}"


def operator(pseudonym: str) -> str:
    """Return the reference of an operator, by the pseudonym that its identifier has as a party too."""
    return f"operator:{pseudonym}"


SNOOZES = "~snoozes"
"""Key of what concerns the flags of a rule, lane or unit; it goes to every partition of ``findings``."""


def seal(number: str) -> str:
    """Return the reference of a seal number, normalised, so that every way to write it is the same."""
    return f"seal:{canonical_seal_number(number)}"


def event_key(identity: str) -> str:
    """Return the reference under which the versions of one event are registered."""
    return f"event:{identity}"


def consignment_references(data: Mapping[str, Any]) -> list[str]:
    """Return the references of a body that lead to consignments, in a fixed order."""
    found = []
    if data.get("consignmentId"):
        found.append(consignment(data["consignmentId"]))
    if data.get("transportDocumentReference"):
        found.append(transport_document(data["transportDocumentReference"]))
    if data.get("mrn"):
        found.append(mrn(data["mrn"]))
    if data.get("ucr"):
        found.append(ucr(data["ucr"]))
    return found
