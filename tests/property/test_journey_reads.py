"""What a rule is said to read of a journey is all that its answer depends on."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sstl.core.journeys.assess import assess
from sstl.core.journeys.derive import leave_traces
from sstl.core.journeys.view import JourneyView
from sstl.core.milestones import classifier_of, order
from sstl.core.positions import Positions
from sstl.core.rules import UNIT_RULES
from sstl.core.rules.base import in_force
from sstl.core.rules.engine import Asked
from sstl.core.rules.reads import LEGS, OF_STORY, POSITIONS, READS, reads_of
from sstl.core.seals.story import SealStory
from sstl.models.records import Event
from tests.journey_events import HOUR, START, UNIT, event
from tests.journey_worlds import ARCHETYPES, LOCK, OUT, POLICY, SHARES, versions

BESIDES: tuple[tuple[str, str | None, dict[str, Any]], ...] = (
    ("seallock.checked", None, {"sealNumber": "XX1", "condition": "RIGHT"}),
    ("seallock.checked", None, {"sealNumber": "CN1", "condition": "DAMAGED"}),
    ("seallock.resealed", None, {"sealNumber": "CN2", "oldSealNumber": "CN1"}),
    ("seallock.state.reported", None, {**LOCK, "sealNumber": "CN3", "state": "LOCKED"}),
    ("seallock.motion.stopped", None, {**LOCK, "latitude": 10.0, "longitude": 60.0}),
    ("seallock.motion.started", None, {**LOCK, "latitude": 10.0, "longitude": 60.0}),
    ("seallock.device.status", None, {**LOCK, "batteryPct": 90, "deviceTime": "2026-01-01T00:00Z"}),
    ("seallock.unpaired", None, dict(LOCK)),
    ("transport.loaded", "ACTUAL", {"place": "SGSIN"}),
    ("transport.discharged", "ACTUAL", {"place": "SGSIN", "seals": [{"number": "XX777"}]}),
    ("transport.arr", "ACTUAL", {"place": "DEFRA"}),
    ("transport.rcf", "ACTUAL", {"place": "DEFRA"}),
    ("transport.dlv", "ACTUAL", {"place": "DEFRA"}),
    ("transport.crc", "ACTUAL", {"place": "DEFRA"}),
    ("transport.ccd", "ACTUAL", {"place": "DEFRA"}),
    ("transport.loaded", "ESTIMATED", {"place": OUT, "mode": "1"}),
    ("transport.crossed", "ACTUAL", {"place": "PLMAA"}),
    ("inspection.result.recorded", None, {"sealBefore": "XX888"}),
    ("bond.entered", None, {"warehouseId": "W1"}),
    ("bond.left", None, {"warehouseId": "W1"}),
)
OUTWARD = 26
"""Of the archetypes so many are of the way out."""


@st.composite
def besides(draw: st.DrawFn) -> Event:
    """An event of a kind that is rare on the way out and back."""
    number = draw(st.integers(0, len(BESIDES) - 1))
    kind, classifier, body = BESIDES[number]
    at_ms = START + draw(st.integers(0, len(ARCHETYPES))) * 6 * HOUR
    return event(kind, at_ms, id=f"b{number}", classifier=classifier, **body)


@st.composite
def journeys(draw: st.DrawFn) -> list[Event]:
    """Most of what happens on the way out, and most of what is rare, in an order of its own."""
    found = []
    for number, (kind, classifier, body) in enumerate((*ARCHETYPES[1:OUTWARD], *BESIDES)):
        if draw(st.integers(0, 3)):
            own = {name: value for name, value in body.items() if name != "alarm"}
            at_ms = START + (draw(st.integers(1, 40)) if number >= OUTWARD else number) * 6 * HOUR
            found.append(event(kind, at_ms, id=f"j{number}", classifier=classifier, **own))
    return found


@st.composite
def positions(draw: st.DrawFn) -> Positions:
    """First and last position of an hour."""
    hour = draw(st.integers(0, 200))
    at_ms = START + hour * HOUR
    point = draw(st.sampled_from(((22.5, 114.0), (51.9, 4.1), (10.0, 60.0))))
    return Positions(at_ms, (at_ms, 0, *point), (at_ms + HOUR // 2, 0, *point))


def only(view: JourneyView, named: frozenset[str]) -> JourneyView:
    """Return the view with nothing but what leaves one of the traces, and its first event."""
    kept = []
    for one in view.events:
        traces: set[str] = set()
        leave_traces(one, classifier_of(one), view.plan, traces)
        if one is view.events[0] or not named.isdisjoint(traces):
            kept.append(one)
    known = view.milestones
    return replace(
        view,
        events=kept,
        milestones=msgspec.structs.replace(
            known,
            actual={code: one for code, one in known.actual.items() if code in named},
            planned={code: one for code, one in known.planned.items() if f"~{code}" in named},
            estimated={code: one for code, one in known.estimated.items() if f"~{code}" in named},
        ),
        legs=view.legs if LEGS in named else (),
        seals=SealStory(**{part: getattr(view.seals, part) for part in OF_STORY if part in named}),
        positions=view.positions if POSITIONS in named else (),
        arrived=None,
        memo={},
        carried={},
        awaited={},
    )


def test_it_is_said_of_every_rule_on_units_what_it_reads() -> None:
    assert READS.keys() == {asked.rule.id for asked in UNIT_RULES}


@pytest.mark.parametrize("asked", UNIT_RULES, ids=lambda asked: asked.rule.id)
@settings(max_examples=100)
@given(
    journeys()
    | st.lists(versions() | besides(), min_size=1, max_size=25, unique_by=lambda one: one.identity),
    st.lists(SHARES, max_size=2, unique_by=lambda one: one.manifest_id),
    st.lists(positions(), max_size=6, unique_by=lambda one: one.bucket_ms),
    st.integers(-1, 40),
)
def test_a_rule_answers_the_same_without_what_it_does_not_read(
    asked: Asked[JourneyView],
    events: list[Event],
    shares: list[Any],
    heard: list[Positions],
    as_of: int,
) -> None:
    """Of units with one journey, as those are that are gone on with."""
    counting = sorted((one for one in events if not one.version.retracted), key=order)
    as_of_ms = START + as_of * 6 * HOUR
    unit = assess(
        UNIT,
        counting,
        shares,
        POLICY,
        positions=sorted(heard, key=lambda one: one.bucket_ms),
        as_of_ms=as_of_ms,
        rules=(),
    )
    view = unit.last.view
    if view.others or not view.events:
        return
    plan = view.plan
    current = in_force(asked.rule, POLICY, mode=plan.mode, lane_id=plan.lane_id)
    named = reads_of(asked.rule.id, current.lane)
    assert named is not None
    whole = tuple(asked.judge(view, current, as_of_ms))
    assert tuple(asked.judge(only(view, named), current, as_of_ms)) == whole
