"""Law 1 for what is found about devices and seal numbers: order, repetition, corrections, retractions."""

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from sstl.core.references import ReferencesStage
from sstl.core.stage import Context, Inbound, MemoryState
from sstl.models.policy import Policy
from sstl.models.records import Event, Finding, Referred, Withdrawn
from tests.journey_events import HOUR, START, event

CONTEXT = Context(0, frozenset({"intake-seallock/0"}))
LOCK, SEAL = "device:LOCKS/1", "seal:CN1234567"


@st.composite
def _versions(draw: st.DrawFn, number: int) -> list[Event | Withdrawn]:
    kind = draw(st.sampled_from(("paired", "paired", "unpaired", "armed")))
    found: list[Event | Withdrawn] = []
    for version in range(draw(st.integers(1, 2))):
        unit = draw(st.sampled_from(("U1", "U2", "U3", None)))
        if kind == "paired" and unit is None:
            unit = "U1"
        one = event(
            f"seallock.{kind}",
            START + draw(st.integers(0, 4)) * HOUR,
            id=f"e{number}",
            recorded_ms=START + version,
            retracted=version == 1 and draw(st.booleans()),
            digest=str(version),
            equipmentReference=unit,
            deviceId={"manufacturerId": "LOCKS", "tagSerial": str(draw(st.integers(1, 2)))},
        )
        moved = version == 1 and draw(st.integers(0, 3)) == 0
        found.append(Withdrawn(identity=one.identity, version=one.version) if moved else one)
    return found


@st.composite
def worlds(draw: st.DrawFn) -> list[Event | Withdrawn]:
    return [one for n in range(draw(st.integers(1, 5))) for one in draw(_versions(n))]


def _message(what: Event | Withdrawn, reference: str) -> Any:
    if isinstance(what, Withdrawn):
        return what
    unit = what.data["equipmentReference"]
    binds = unit if what.type == "seallock.paired" and reference == LOCK else None
    return Referred(event=what, to_units=unit is None and reference == LOCK, binds_unit=binds)


def found(facts: list[Event | Withdrawn], reference: str, seed: int | None) -> dict[str, Finding]:
    """Return the findings in force after the facts, in their order or (with a seed) mixed and repeated."""
    messages = [_message(what, reference) for what in facts]
    size = 1
    if seed is not None:
        rng = random.Random(seed)
        messages = messages + rng.sample(messages, len(messages) // 2)
        rng.shuffle(messages)
        size = rng.choice((1, 3, len(messages)))
    state, last = MemoryState(), {}
    for start in range(0, len(messages), size):
        batch = [Inbound(reference, message) for message in messages[start : start + size]]
        outcome = ReferencesStage().fold(state, batch, Policy(), CONTEXT)
        state.apply(outcome.changed)
        for output in outcome.outputs:
            if output.topic == "findings":
                last[output.key] = output.message
    return {
        name: msgspec.structs.replace(one, state="RAISED")
        for name, one in sorted(last.items())
        if one.state != "CLEARED"
    }


@settings(max_examples=150, deadline=None)
@given(worlds(), st.sampled_from((LOCK, SEAL)), st.integers(0, 2**32))
def test_what_is_found_does_not_depend_on_order_or_repetition(
    facts: list[Event | Withdrawn], reference: str, seed: int
) -> None:
    assert found(facts, reference, seed) == found(facts, reference, None)


@settings(max_examples=60, deadline=None)
@given(worlds(), st.sampled_from((LOCK, SEAL)))
def test_when_every_report_is_taken_back_nothing_is_found(
    facts: list[Event | Withdrawn], reference: str
) -> None:
    latest = {}
    for what in facts:
        identity = what.identity
        version = msgspec.structs.replace(what.version, recorded_ms=START + 9, retracted=True)
        latest[identity] = Withdrawn(identity=identity, version=version)
    assert found([*facts, *latest.values()], reference, None) == {}
