"""DCSA events (Track & Trace 2.2 and 3.0-beta, IoT 1.0-beta) as ours.

A DCSA event is a ``metadata`` and a ``payload`` object. Identity is the event's id and who publishes it; a later
``eventUpdatedDateTime`` (else ``eventCreatedDateTime``) overrides; ``retractedEventID`` takes an event back and has no
payload. What has no counterpart here is not an error: it is returned with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sstl.models.codes import DCSA_TYPES, MODE_CODES, SEAL_SOURCES, SEAL_TYPES, SHORT_CODES

CLASSIFIERS = {"ACT": "ACTUAL", "EST": "ESTIMATED", "PLN": "PLANNED"}
_MODES = {"VESSEL": "SEA", "RAIL": "RAIL", "TRUCK": "ROAD", "BARGE": "SEA"}
_TAKEN_BACK = {
    "EQUIPMENT": "transport.loaded",
    "TRANSPORT": "transport.arrived",
    "IOT": "seallock.opened",
}
"""A retraction has no code; any type of its family stands for it, because identity is source and id alone."""


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A DCSA event that says nothing we follow."""

    event_id: str
    reason: str


def convert(event: Mapping[str, Any], source: str) -> tuple[str, dict[str, Any]] | Unmapped:
    """Return (family, structured CloudEvent) of a DCSA event.

    Args:
        event: With ``metadata`` and, unless it retracts, ``payload``.
        source: The CloudEvents source that stands for the publisher; its name travels no further.
    """
    metadata = event["metadata"]
    payload = event.get("payload")
    recorded = metadata.get("eventUpdatedDateTime") or metadata["eventCreatedDateTime"]
    kind = str(metadata["eventType"])
    if payload is None:
        return _retraction(metadata, kind, source, recorded)
    name = _type_of(kind, payload)
    if name is None:
        return Unmapped(metadata["eventID"], f"{kind} events without a counterpart: documents")
    if name.startswith("transport."):
        family, body = "transport", _transport(payload)
    elif name.startswith("inspection."):
        family, body = "inspection", _named(payload)
    else:
        family, body = "seallock", _named(payload) | _seal(payload, name)
    if not name.startswith("transport.") and payload.get("eventClassifierCode") != "ACT":
        return Unmapped(
            metadata["eventID"], "a plan or estimate of something that is never planned"
        )
    return family, {
        **_envelope(metadata["eventID"], name, source, recorded),
        "time": payload["eventDateTime"],
        "data": body,
    }


def _retraction(
    metadata: Mapping[str, Any], kind: str, source: str, recorded: str
) -> tuple[str, dict[str, Any]] | Unmapped:
    retracted = metadata.get("retractedEventID")
    if retracted is None:
        return Unmapped(metadata["eventID"], "neither a payload nor a retraction")
    name = _TAKEN_BACK.get(kind)
    if name is None:
        return Unmapped(
            metadata["eventID"], f"the retraction of a {kind} event, which we do not follow"
        )
    event = _envelope(retracted, name, source, recorded)
    return name.partition(".")[0], {**event, "time": recorded, "retracted": True}


def _envelope(event_id: str, name: str, source: str, recorded: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": f"org.sstl.{name}.v1",
        "recordedtime": recorded,
        "datacontenttype": "application/json",
    }


def _type_of(kind: str, payload: Mapping[str, Any]) -> str | None:
    if kind == "IOT":
        code = f"{payload.get('iotEventTypeCode')}/{payload.get('iotEventCode')}"
    else:
        code = str(payload.get(f"{kind.lower()}EventTypeCode"))
    return SHORT_CODES.get(code) or DCSA_TYPES.get(code)


def _named(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the unit, its transport document and the place."""
    body: dict[str, Any] = {}
    if payload.get("equipmentReference"):
        body["equipmentReference"] = payload["equipmentReference"]
    documents = [
        one["value"]
        for one in payload.get("relatedDocumentReferences") or ()
        if one.get("type") == "TRD"
    ]
    if documents:
        body["transportDocumentReference"] = documents[0]
    call = payload.get("transportCall") or {}
    place = call.get("location") or payload.get("location") or {}
    if place.get("UNLocationCode"):
        body["unLocationCode"] = place["UNLocationCode"]
    facility = call.get("facilityTypeCode") or payload.get("facilityTypeCode")
    if facility:
        body["facilityType"] = facility
    point = payload.get("geoLocation") or {}
    for name in ("latitude", "longitude"):
        if point.get(name) is not None:
            body[name] = float(point[name])
    return body


def _transport(payload: Mapping[str, Any]) -> dict[str, Any]:
    call = payload.get("transportCall") or {}
    body = _named(payload) | {
        "eventClassifier": CLASSIFIERS.get(str(payload.get("eventClassifierCode")), "UNKNOWN")
    }
    mode = _MODES.get(str(call.get("modeOfTransport")))
    if mode is not None:
        body["mode"] = MODE_CODES[mode]
    for name, theirs in (
        ("emptyIndicator", payload.get("emptyIndicatorCode")),
        ("ISOEquipmentCode", payload.get("ISOEquipmentCode")),
        ("isTransshipmentMove", payload.get("isTransshipmentMove")),
        ("transportCallSequenceNumber", call.get("transportCallSequenceNumber")),
    ):
        if theirs is not None:
            body[name] = theirs
    vessel = call.get("vessel") or {}
    voyage = call.get("carrierExportVoyageNumber") or call.get("carrierImportVoyageNumber")
    if vessel.get("vesselIMONumber") and voyage:
        body["conveyance"] = {"imoNumber": vessel["vesselIMONumber"], "voyageNumber": voyage}
    return body


def _seal(payload: Mapping[str, Any], name: str) -> dict[str, Any]:
    body: dict[str, Any] = {}
    seals = payload.get("seals") or ()
    if seals:
        first = seals[0]
        body["sealNumber"] = first["number"]
        source, kind = (
            SEAL_SOURCES.get(first.get("source", "")),
            SEAL_TYPES.get(first.get("type", "")),
        )
        if source is not None:
            body["sealSource"] = source
        if kind is not None:
            body["sealType"] = kind
    if name == "seallock.checked":
        body["condition"] = "RIGHT"
    return body
