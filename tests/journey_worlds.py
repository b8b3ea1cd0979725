"""Strategies for units that are reused: events of two journeys, pings, manifests, heartbeats, few instants and names.

Ties, corrections, retractions, late binding and moves between journeys are common, because little is drawn from.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from sstl.core.milestones import order
from sstl.core.registers import Held, counting, hold_forwarded, hold_placed, hold_withdrawn
from sstl.models.common import EPOCH, to_wire
from sstl.models.policy import Corridor, LanePolicy, Policy, RulePolicy, Silence, StageLimit
from sstl.models.records import (
    Event,
    Forwarded,
    Heartbeat,
    Placed,
    Share,
    Shared,
    Version,
    Withdrawn,
)
from tests.journey_events import DAY, HOUR, LANE, START, UNIT, event, leg, share

TERMINAL = "urn:sstl:NLRTM:tos"
BACK = "NLRTM-CNYTN-SEA"
LANES = {
    LANE: LanePolicy(
        origin="CNYTN",
        destination="NLRTM",
        mode="SEA",
        sealed=True,
        seal_grade="H",
        stages=(
            StageLimit(start="T2", end="T5", limit_hours=36, learnt_high_hours=30),
            StageLimit(start="T5", end="T6", limit_hours=48),
            StageLimit(start="T6", end="T14", limit_hours=24, target_hours=12),
        ),
        silences=(Silence(start="T1", end="T4", limit_hours=12), Silence(start="T5", end="T6")),
        publishers={"T6": TERMINAL},
        corridor=Corridor(line=((22.5, 114.0), (51.9, 4.1)), width_km=500),
    ),
    BACK: LanePolicy(
        origin="NLRTM",
        destination="CNYTN",
        mode="SEA",
        stages=(StageLimit(start="T5", end="T6", limit_hours=48),),
    ),
}
POLICY = Policy(
    lanes=LANES,
    rules={"milestone-later-than-planned": RulePolicy(thresholds={"threshold": 30})},
)
LOCK: dict[str, Any] = {"deviceId": {"manufacturerId": "M1", "tagSerial": "7"}}
OTHER: dict[str, Any] = {"deviceId": {"manufacturerId": "M1", "tagSerial": "8"}}
OUT, HOME = "CNYTN", "NLRTM"
ARCHETYPES: tuple[tuple[str, str | None, dict[str, Any]], ...] = (
    ("transport.gated_out", "ACTUAL", {"place": OUT, "emptyIndicator": "EMPTY"}),
    ("transport.stuffed", "ACTUAL", {"place": OUT}),
    ("seallock.paired", None, dict(LOCK)),
    ("seallock.armed", None, {**LOCK, "sealNumber": "CN1", "sealGrade": "H"}),
    ("seallock.armed", None, {**OTHER, "sealNumber": "CN8", "placement": "VENT"}),
    ("transport.gated_in", "ACTUAL", {"place": OUT}),
    ("transport.loaded", "ACTUAL", {"place": OUT}),
    ("transport.departed", "PLANNED", {"place": OUT}),
    ("transport.departed", "ACTUAL", {"place": OUT, "lane": LANE}),
    ("transport.arrived", "PLANNED", {"place": HOME}),
    ("transport.arrived", "ESTIMATED", {"place": HOME}),
    ("transport.arrived", "ACTUAL", {"place": HOME, "lane": LANE}),
    ("transport.discharged", "ACTUAL", {"place": HOME}),
    ("inspection.selected", None, {"place": HOME, "side": "IMPORT", "inspectionId": "I1"}),
    ("declaration.accepted", None, {"place": HOME, "side": "IMPORT"}),
    ("channel.assigned", None, {"channel": "RED", "side": "IMPORT"}),
    ("inspection.physical.started", None, {"place": HOME, "side": "IMPORT", "inspectionId": "I1"}),
    ("inspection.physical.completed", None, {"side": "IMPORT", "sealAfter": "NL1"}),
    ("duty.paid", None, {"side": "IMPORT"}),
    ("inspection.released", None, {"place": HOME, "side": "IMPORT"}),
    ("inspection.revoked", None, {"place": HOME, "side": "IMPORT"}),
    ("seallock.authorisation.granted", None, {**LOCK, "commandId": "C1", "place": HOME}),
    ("seallock.opened", None, {**LOCK, "place": HOME}),
    ("seallock.alarm", None, {**LOCK, "alarm": "TAMPER"}),
    (
        "inspection.result.recorded",
        None,
        {"side": "IMPORT", "outcome": "CONFIRMED", "sealBefore": "CN1"},
    ),
    ("seallock.checked", None, {**LOCK, "sealNumber": "CN9", "condition": "RIGHT"}),
    ("seallock.device.status", None, {**LOCK, "batteryPct": 9}),
    ("transport.gated_out", "ACTUAL", {"place": HOME}),
    ("transport.stripped", "ACTUAL", {"place": HOME}),
    ("transport.gated_in", "ACTUAL", {"place": HOME, "emptyIndicator": "EMPTY"}),
    ("mass.verified", None, {"grossMassKg": 20_000}),
    ("transport.gated_in", "ACTUAL", {"place": HOME, "transportPhase": "EXPORT"}),
    ("seallock.armed", None, {**LOCK, "sealNumber": "NL2"}),
    ("transport.loaded", "ACTUAL", {"place": HOME, "transportPhase": "EXPORT"}),
    ("transport.departed", "ACTUAL", {"place": HOME}),
    ("transport.arrived", "ACTUAL", {"place": OUT}),
    ("transport.discharged", "ACTUAL", {"place": OUT}),
)
"""Two journeys of a container, out and back, in their order."""


def _text(ms: int) -> str:
    return to_wire(EPOCH + timedelta(milliseconds=ms))


WINDOWS = st.tuples(st.integers(0, 40), st.sampled_from((0, 2, 20, 240))).map(
    lambda of: {
        "validFrom": _text(START + of[0] * 6 * HOUR),
        "validTo": _text(START + (of[0] + of[1]) * 6 * HOUR),
    }
)
"""When a grant holds: on the journey on which it is entered, on the other one, or on both."""


@st.composite
def versions(draw: st.DrawFn) -> Event:
    """A version of one of the two journeys' events; about its usual instant."""
    number = draw(st.integers(0, len(ARCHETYPES) - 1))
    kind, classifier, body = ARCHETYPES[number]
    body = dict(body)
    if draw(st.integers(0, 5)) == 0:
        body |= draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "place": st.sampled_from((OUT, HOME, None)),
                    "leg": st.sampled_from(("m1", None)),
                    "sequence": st.integers(0, 1),
                    "emptyIndicator": st.sampled_from(("EMPTY", "LADEN")),
                },
            )
        )
    at_ms = START + number * 6 * HOUR + draw(st.sampled_from((0, 0, 0, HOUR, 20 * HOUR, -9 * HOUR)))
    if kind == "seallock.authorisation.granted":
        body |= draw(WINDOWS)
    if "alarm" in body:
        own: dict[str, Any] = {"kind": body.pop("alarm")}
    else:
        own = {}
    one = event(
        kind,
        at_ms,
        id=f"e{number}",
        classifier=classifier,
        recorded_ms=START + draw(st.integers(0, 2)) * HOUR,
        retracted=draw(st.integers(0, 12)) == 0,
        **body,
    )
    one = msgspec.structs.replace(one, data=one.data | own)
    digest = str((one.type, one.event_ms, one.lane_id, sorted(map(str, one.data.items()))))
    version = Version(one.version.recorded_ms, one.version.retracted, digest)
    return msgspec.structs.replace(one, version=version)


SHARES = st.builds(
    share,
    st.sampled_from(("LRN1", "LRN2")),
    lane_id=st.sampled_from((LANE, BACK, None)),
    mode=st.sampled_from(("SEA", "SEA", "RAIL")),
    lodged_ms=st.sampled_from((START, START + 5 * DAY)),
    consignments=st.sampled_from(((), ("A",), ("A", "B"))),
    place_of_loading=st.sampled_from((None, OUT, HOME)),
    place_of_unloading=st.sampled_from((None, OUT, HOME)),
    seals=st.sampled_from(((), ("CN1",), ("XX9",))),
    empty=st.integers(0, 9).map(lambda n: n == 0),
    legs=st.sampled_from(
        ((), (leg("m1", planned_start_ms=START, planned_end_ms=START + 2 * DAY),))
    ),
)


@st.composite
def pings(draw: st.DrawFn) -> Placed:
    """A position at one of two places."""
    at_ms = START + draw(st.integers(0, 30)) * 3 * HOUR
    latitude, longitude = draw(st.sampled_from(((22.5, 114.0), (51.9, 4.1), (0.0, 0.0))))
    return Placed(
        event=event(
            "seallock.position",
            at_ms,
            id=f"ping/{at_ms}/{latitude}",
            latitude=latitude,
            longitude=longitude,
            **draw(st.sampled_from((LOCK, LOCK, OTHER, {}))),
        )
    )


@st.composite
def messages(draw: st.DrawFn) -> tuple[str, Any]:
    """One message of the stage [journeys] and its key."""
    kind = draw(st.integers(0, 13))
    if kind <= 7:
        return UNIT, Placed(event=draw(versions()))
    if kind == 8:
        part = draw(SHARES)
        still = part if draw(st.integers(0, 3)) else None
        return UNIT, Shared(manifest_id=part.manifest_id, share=still)
    if kind == 9:
        return UNIT, draw(pings())
    if kind == 10:
        one = draw(versions())
        counts = not one.version.retracted and draw(st.booleans())
        return UNIT, Forwarded(identity=one.identity, path="mrn:1", event=one if counts else None)
    if kind == 11 and draw(st.integers(0, 3)) == 0:
        one = draw(versions())
        gone = Version(one.version.recorded_ms, retracted=False, digest="z")
        return UNIT, Withdrawn(identity=one.identity, version=gone)
    reached = START + draw(st.integers(0, 40)) * 6 * HOUR
    heard = draw(st.sampled_from(((), ((TERMINAL, reached),))))
    beat = Heartbeat(
        source="intake-transport/0", reached_ms=reached, caught_up=True, publishers=heard
    )
    return "~heartbeat", beat


def set_of(records: Iterable[tuple[str, Any]]) -> tuple[list[Event], list[Share]]:
    """Return what a unit's messages say, computed straight from the registers."""
    held: dict[str, Held | None] = {}
    known: dict[str, Share | None] = {}
    for _, message in records:
        match message:
            case Placed(event=placed):
                held[placed.identity] = hold_placed(held.get(placed.identity), message)
            case Withdrawn(identity=identity):
                held[identity] = hold_withdrawn(held.get(identity), message)
            case Forwarded(identity=identity):
                held[identity] = hold_forwarded(held.get(identity), message)
            case Shared(manifest_id=manifest, share=part):
                known[manifest] = part
    events = [one for value in held.values() if (one := counting(value)) is not None]
    return sorted(events, key=order), [part for part in known.values() if part is not None]
