"""One made-up open journey with 40 events, folded by the real stage, and its cells under other unit numbers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from sstl.core.journeys.stage import JourneysStage
from sstl.core.stage import Cell, Context, Inbound, MemoryState
from sstl.intake.envelope import RawRecord
from sstl.intake.stage import IntakeStage
from sstl.models.policy import Policy
from sstl.models.records import Share, Shared
from sstl.publish.message import encode
from sstl.synthetic import numbers
from sstl.synthetic.log import text

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
TEMPLATE = numbers.container(25, 0)
encode_cell = msgspec.json.Encoder().encode

STEPS = (
    ("gated_in", "CNYTN"),
    ("loaded", "CNYTN"),
    ("departed", "CNYTN"),
    ("arrived", "SGSIN"),
    ("discharged", "SGSIN"),
    ("loaded", "SGSIN"),
    ("departed", "SGSIN"),
    ("arrived", "NLRTM"),
)
"""What is planned, expected and reported of the journey so far."""
SEALS = (
    *("paired", "armed", "geofence.exited", "motion.started"),
    *("device.status", "motion.stopped", "device.status", "geofence.entered"),
)


def _event(name: str, kind: str, at: datetime, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"SY-{TEMPLATE}-{name}",
        "source": "urn:sstl:CNYTN:terminal",
        "type": f"org.sstl.{kind}.v1",
        "time": text(at),
        "recordedtime": text(at + timedelta(minutes=2)),
        "laneid": "CNYTN-NLRTM-SEA",
        "data": {"equipmentReference": TEMPLATE, **body},
    }


def events() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (family, event): 40 of them, plans and estimates before what happened."""
    for number, (kind, place) in enumerate(STEPS):
        planned = START + timedelta(days=3 * number)
        # every fourth step is late, which its flag then says
        late_h = 3 if number % 4 == 3 else -1
        reports = (("PLANNED", 0), ("ESTIMATED", -3), ("ESTIMATED", -2), ("ACTUAL", late_h))
        for classifier, late in reports:
            body = {
                "eventClassifier": classifier,
                "unLocationCode": place,
                "mode": "SEA",
                "transportCallSequenceNumber": number // 3 + 1,
                "facilityCode": "TERM1",
                "conveyance": {"name": "SYNTHETIC", "imoNumber": numbers.imo(1), "voyage": "001W"},
            }
            at = planned + timedelta(hours=late)
            yield "transport", _event(f"{number}-{late}", f"transport.{kind}", at, body)
    device = {"deviceId": {"manufacturerId": "LOCKS", "tagSerial": "4711"}}
    for number, kind in enumerate(SEALS):
        fence = {"geofenceId": "CNYTN-GATE"} if kind.startswith("geofence") else {}
        body = {
            **device,
            **fence,
            "sequence": number,
            "bootId": "1",
            "batteryPct": 90.0,
            "sealNumber": "CN1",
        }
        at = START + timedelta(days=2 * number)
        yield "seallock", _event(f"lock-{number}", f"seallock.{kind}", at, body)


def positions(count: int, *, days: int = 30) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (family, position), evenly over so many days."""
    device = {"deviceId": {"manufacturerId": "LOCKS", "tagSerial": "4711"}}
    for number in range(count):
        at = START + timedelta(days=days) * (number / count)
        body = {
            **device,
            "sequence": 100 + number,
            "bootId": "1",
            "latitude": round(22.57 + 29 * number / count, 5),
            "longitude": round(114.27 - 110 * number / count, 5),
        }
        yield "seallock", _event(f"ping-{number}", "seallock.position", at, body)


def share() -> Shared:
    """Return the unit's part of a manifest."""
    own = Share(
        manifest_id=f"LRN-{TEMPLATE}",
        lane_id="CNYTN-NLRTM-SEA",
        mode="SEA",
        consignments=("HBL1", "HBL2"),
        references=("transport-document:MBL1", "ucr:UCR1"),
        hs6=("851712", "847130"),
        gross_mass_kg=18_250.0,
        teu=2,
        place_of_loading="CNYTN",
        place_of_unloading="NLRTM",
        parties=(("CONSIGNOR", "p" * 32), ("CONSIGNEE", "q" * 32)),
    )
    return Shared(manifest_id=own.manifest_id, share=own)


def fold(*, pings: int = 0, cells: MemoryState | None = None) -> MemoryState:
    """Return the state of [journeys] after the journey so far.

    Raises:
        RuntimeError: Intake refused an event: it no longer fits the models.
    """
    policy, context, stage = Policy(), Context(0, frozenset()), JourneysStage()
    state = cells or MemoryState()
    inbound = [Inbound(TEMPLATE, share())]
    for family, event in (*events(), *positions(pings)):
        intake = IntakeStage(family, pseudonym_key=b"bench")
        message = encode(event)
        arrival_ms = int(datetime.fromisoformat(event["recordedtime"]).timestamp() * 1000)
        raw = RawRecord(
            family, family, 0, 1, arrival_ms, None, message.value, tuple(message.headers)
        )
        outcome = intake.fold(state, [raw], policy, context)
        if outcome.counts["accepted", family] != 1:
            raise RuntimeError(f"intake refused {event['id']}: {outcome.counts}")
        inbound += [Inbound(o.key, o.message) for o in outcome.outputs if o.topic == "journeys"]
    for record in inbound:
        state.apply(stage.fold(state, [record], policy, context).changed)
    return state


def encoded(state: MemoryState) -> dict[Cell, bytes]:
    """Return the unit's own cells as JSON; a store keeps them packed."""
    return {cell: encode_cell(value) for cell, value in state.items() if cell[0] == TEMPLATE}


def copies(cells: dict[Cell, bytes], count: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield (key, part, value) of so many units, each with its own number in every place."""
    old = TEMPLATE.encode()
    for number in range(count):
        unit = numbers.container(number // 1_000_000, number)
        new = unit.encode()
        for (_, part), value in cells.items():
            yield unit, part, value.replace(old, new)
