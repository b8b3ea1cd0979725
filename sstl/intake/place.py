"""Where an accepted event goes: to the places it names itself, and to the references it names."""

from collections.abc import Iterator
from typing import Any

from sstl.core import routing
from sstl.core.stage import Output
from sstl.intake.validate import Accepted
from sstl.models.records import Event, Placed, Referred, Registered

PING = "seallock.position"
_PAIRINGS = frozenset({"seallock.paired", "seallock.unpaired"})
_CLAIMS = frozenset({"seallock.paired", "seallock.armed", "seallock.resealed"})
"""They say on which unit a seal number is; armed and resealed do so for a device too."""
_GRANTS = frozenset({"seallock.authorisation.granted", "seallock.authorisation.revoked"})


def outputs(accepted: Accepted) -> Iterator[Output]:
    """Yield the messages of one accepted event, its registration last.

    A retraction without body goes nowhere but into the register, which knows the places of the version it
    takes back.
    """
    event = accepted.event
    places: list[str] = []
    if not accepted.bodiless:
        for kind, topic, key, message in _placed(event):
            places.append(f"{kind}:{key}")
            yield Output(topic, key, message, broadcast=kind == "flags")
    if event.type != PING:
        registered = Registered(
            identity=event.identity,
            version=event.version,
            places=tuple(places),
            type=event.type,
            event_ms=None if accepted.bodiless else event.event_ms,
        )
        yield Output("references", routing.event_key(event.identity), registered)


def _placed(event: Event) -> Iterator[tuple[str, str, str, Placed | Referred]]:
    data = event.data
    family = event.type.partition(".")[0]
    if family == "manifest" and data.get("lrn"):
        yield "manifest", "manifests", data["lrn"], Placed(event=event)
    elif family == "risk":
        for flag in dict.fromkeys(filter(None, (data.get("flagId"), *data.get("flagIds", ())))):
            yield "flag", "findings", flag, Placed(event=event)
    elif family == "action":
        for flag in dict.fromkeys(data.get("flagIds", ())):
            yield "flag", "findings", flag, Placed(event=event)
        if not data.get("flagIds"):
            yield "flags", "findings", routing.SNOOZES, Placed(event=event)
    elif family == "registry":
        key = routing.operator(data["id"])
        yield "ref", "references", key, Referred(event=event)
    else:
        unit = routing.unit_of(data)
        if unit is not None:
            yield "unit", "journeys", unit, Placed(event=event)
        for reference, message in _referred(event, family, unit):
            yield "ref", "references", reference, message


def _referred(event: Event, family: str, unit: str | None) -> Iterator[tuple[str, Referred]]:
    """Yield the references to go by, each with what it is told."""
    for reference, binds in _references(event, family, unit):
        yield reference, Referred(event=event, to_units=unit is None, binds_unit=binds)
    number = event.data.get("sealNumber")
    if number and event.type in _CLAIMS:
        # only compared there: what names no unit finds it through its device
        yield routing.seal(number), Referred(event=event, to_units=False)


def _references(event: Event, family: str, unit: str | None) -> Iterator[tuple[str, str | None]]:
    """Yield the references to go by, each with the unit that the event ties it to (None: to none)."""
    data = event.data
    if family == "seallock":
        yield from _device_references(event, unit)
        if unit is None:
            yield from ((reference, None) for reference in routing.consignment_references(data))
        return
    found = routing.consignment_references(data)
    if unit is None:
        found = found or _wide_references(data)
    elif family not in routing.CUSTOMS_FAMILIES:
        # The unit's own milestones reach its consignments; loose cargo need not go round by its own number.
        own = {routing.transport_document(unit), routing.consignment(unit)}
        found = [reference for reference in found if reference not in own]
    yield from ((reference, None) for reference in found)


def _device_references(event: Event, unit: str | None) -> Iterator[tuple[str, str | None]]:
    """Yield device and command: where they lead to the unit, and where the event ties them to it."""
    data = event.data
    device, command_id = routing.device_of(data), data.get("commandId")
    ordered = None if command_id is None else routing.command(command_id)
    if event.type in _PAIRINGS:
        if device is not None:
            yield device, unit
    elif event.type in _GRANTS:
        if device is not None:
            yield device, unit
        if ordered is not None:
            yield ordered, unit
    elif unit is None or event.type in _CLAIMS:
        if device is not None:
            yield device, None
        if unit is None and ordered is not None and event.type != PING:
            yield ordered, None


def _wide_references(data: dict[str, Any]) -> list[str]:
    """Return what leads to many consignments at once, used where nothing narrower is named."""
    master = data.get("masterTransportDocument")
    if master:
        return [routing.transport_document(master)]
    conveyance = routing.conveyance_of(data.get("conveyance"))
    return [] if conveyance is None else [conveyance]
