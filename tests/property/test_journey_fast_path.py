"""What is kept in memory never changes an answer: the fast path equals the full refold."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sstl.core.journeys import stage
from sstl.core.journeys.stage import JourneysStage
from sstl.core.stage import Inbound, MemoryState, Output
from sstl.models.policy import RulePolicy
from sstl.models.records import Heartbeat, Observation, PingBucket, Placed, Shared
from tests.journey_events import CONTEXT, HOUR, LANE, START, UNIT, event, share
from tests.journey_worlds import LOCK, OTHER, POLICY, messages

LATER = POLICY.model_copy(
    update={
        "version": "2",
        "valid_from": datetime(2026, 1, 3, tzinfo=UTC),
        "rules": {"milestone-later-than-planned": RulePolicy(thresholds={"threshold": 600})},
    }
).after(POLICY)
IN_ORDER = 4
"""Of this many worlds all but one come mostly in order, where the fast path is taken."""


@st.composite
def worlds(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """Messages to one unit and heartbeats, mostly in the order of what happened."""
    found = draw(st.lists(messages(), min_size=3, max_size=25))
    if draw(st.integers(1, IN_ORDER)) < IN_ORDER:
        found.sort(key=lambda one: _instant(one[1]))
    return found


def _instant(message: Any) -> int:
    event = getattr(message, "event", None)
    if event is not None:
        return int(event.event_ms)
    return int(getattr(message, "reached_ms", 0))


class Side:
    """A stage with its state, cells kept as the objects that they are."""

    def __init__(self, hot_room: int) -> None:
        self.policy = POLICY
        self.stage = JourneysStage(hot_room)
        self.state = MemoryState()

    def fold(
        self, records: list[tuple[str, Any]], *, commit: bool = True
    ) -> tuple[list[Output], Any]:
        inbound = [Inbound(key, message) for key, message in records]
        outcome = self.stage.fold(self.state, inbound, self.policy, CONTEXT)
        if commit:
            self.state.apply(outcome.changed)
        return outcome.outputs, outcome.counts

    def cells(self) -> dict[Any, Any]:
        return dict(self.state.items())


@settings(max_examples=150)
@given(worlds(), st.integers(0, 40))
def test_kept_in_memory_or_read_anew_every_message_is_answered_the_same(
    world: list[tuple[str, Any]], new_version: int
) -> None:
    fast, slow = Side(100), Side(0)
    for number, message in enumerate(world):
        if number == new_version:
            fast.policy = slow.policy = LATER
        assert fast.fold([message]) == slow.fold([message])
        assert fast.cells() == slow.cells()


ON_THE_WAY = [(22.5 + 29.4 * part, 114.0 - 109.9 * part) for part in (0.0, 0.02, 0.5, 0.98, 1.0)]
FAR_AWAY = [(0.0, 0.0), (91.0, 4.0), (-34.0, 18.5), (22.9, 114.0), (22.9, 114.01)]
ON_TIME = 4
"""Of so many positions all but one come in their order."""


@st.composite
def travels(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """A unit with an armed lock on its way: positions of two paths, events between them, heartbeats."""
    lane: list[tuple[str, Any]] = [
        (UNIT, Shared(manifest_id="LRN1", share=share("LRN1", lane_id=LANE))),
    ]
    for kind, place in (("seallock.armed", None), ("transport.departed", "CNYTN")):
        if draw(st.integers(0, 5)):
            body: dict[str, Any] = (
                {**LOCK, "sealNumber": "CN1"} if place is None else {"place": place}
            )
            lane.append((UNIT, Placed(event=event(kind, START, id=kind, **body))))
    if draw(st.booleans()):
        second = event("seallock.armed", START + HOUR, id="second", **OTHER)
        lane.append((UNIT, Placed(event=second)))
    hour, found = 0, lane
    for number in range(draw(st.integers(3, 30))):
        hour += draw(st.sampled_from((0, 1, 3, 6, 6, 6, 13, 50)))
        late = draw(st.integers(1, ON_TIME)) == ON_TIME
        at_ms = START + (draw(st.integers(0, hour)) if late else hour) * HOUR
        found.append((UNIT, draw(position(at_ms, number))))
        if draw(st.integers(0, 9)) == 0:
            found.append(draw(happening(START + hour * HOUR, number)))
    return found


@st.composite
def position(draw: st.DrawFn, at_ms: int, number: int) -> Placed | PingBucket:
    """A position that names the unit, or a summary of a path."""
    places = ON_THE_WAY if draw(st.integers(0, 4)) else FAR_AWAY
    latitude, longitude = draw(st.sampled_from(places))
    if draw(st.booleans()):
        where: dict[str, Any] = {"latitude": latitude, "longitude": longitude}
        whose = draw(st.sampled_from((LOCK, LOCK, OTHER, {})))
        ping = event("seallock.position", at_ms, id=f"ping/{number}", **where, **whose)
        return Placed(event=ping)
    start = at_ms - at_ms % (6 * HOUR)
    last = (at_ms, 0, f"{number}", latitude, longitude)
    first = last if draw(st.booleans()) else (start, 0, "", *ON_THE_WAY[0])
    path = draw(st.sampled_from(("device:M1/7", "device:M1/7", "device:M1/8")))
    if draw(st.integers(0, 9)) == 0:
        return PingBucket(path=path, bucket_ms=start)
    return PingBucket(path=path, bucket_ms=start, first=first, last=last)


@st.composite
def happening(draw: st.DrawFn, at_ms: int, number: int) -> tuple[str, Any]:
    """Something that changes what a position may mean."""
    kinds = (
        *("arrived", "motion.stopped", "motion.started", "opened", "status", "beat", "left"),
        "stripped",
    )
    kind = draw(st.sampled_from(kinds))
    if kind == "beat":
        beat = Heartbeat(source="intake-transport/0", reached_ms=at_ms, caught_up=True)
        return "~heartbeat", beat
    if kind == "stripped":
        return UNIT, Placed(event=event("transport.stripped", at_ms, id=f"{number}"))
    if kind in ("arrived", "left"):
        place, code = ("NLRTM", "arrived") if kind == "arrived" else ("CNYTN", "departed")
        return UNIT, Placed(event=event(f"transport.{code}", at_ms, id=f"{number}", place=place))
    latitude, longitude = draw(st.sampled_from(ON_THE_WAY))
    where: dict[str, Any] = {"latitude": latitude, "longitude": longitude}
    name = "device.status" if kind == "status" else kind
    return UNIT, Placed(event=event(f"seallock.{name}", at_ms, id=f"{number}", **where, **LOCK))


@settings(max_examples=150)
@given(travels())
def test_a_position_folded_in_place_is_answered_as_by_assessing_the_unit_anew(
    travel: list[tuple[str, Any]],
) -> None:
    fast, slow = Side(100), Side(0)
    for message in travel:
        assert fast.fold([message]) == slow.fold([message])
        assert fast.cells() == slow.cells()


@given(travels(), st.sets(st.integers(0, 30)))
def test_a_position_of_an_aborted_transaction_leaves_nothing_in_memory(
    travel: list[tuple[str, Any]], aborted: set[int]
) -> None:
    fast, slow = Side(100), Side(0)
    for number, message in enumerate(travel):
        if number in aborted:
            # what is folded next need not be what was aborted
            fast.fold([message], commit=False)
            continue
        assert fast.fold([message]) == slow.fold([message])
    assert fast.cells() == slow.cells()


def test_a_silence_that_ended_is_told_though_it_was_not_due_when_the_next_position_came() -> None:
    fast, slow = Side(100), Side(0)
    found: list[Any] = [Shared(manifest_id="LRN1", share=share("LRN1", lane_id=LANE))]
    for kind, hours in (("armed", 0), ("position", 9), ("position", 23)):
        where: dict[str, Any] = {"latitude": 22.5, "longitude": 114.0}
        told = event(f"seallock.{kind}", START + hours * HOUR, id=f"{hours}", **where, **LOCK)
        found.append(Placed(event=told))
    departed = event("transport.departed", START + 29 * HOUR, id="out", place="CNYTN")
    at_sea = event("seallock.position", START + 79 * HOUR, id="79", **where, **LOCK)
    found += [Placed(event=departed), Placed(event=at_sea)]
    for message in found:
        assert fast.fold([(UNIT, message)]) == slow.fold([(UNIT, message)])
        assert fast.cells() == slow.cells()
    head = fast.state.get(UNIT, "")
    assert head is not None
    assert head.due_ms is not None


def test_a_position_of_before_the_delivery_takes_a_silence_back() -> None:
    fast, slow = Side(100), Side(0)
    where: dict[str, Any] = {"latitude": 22.5, "longitude": 114.0}
    found: list[Any] = [Shared(manifest_id="LRN1", share=share("LRN1", lane_id=LANE))]
    # the phase from arming on allows twelve hours; buckets are of six
    for kind, hours in (("armed", 0), ("position", 7), ("delivered", 22), ("position", 21)):
        name = "transport.stripped" if kind == "delivered" else f"seallock.{kind}"
        told = event(name, START + hours * HOUR, id=f"{hours}", **where, **LOCK)
        found.append(Placed(event=told))
    silent = []
    for message in found:
        answer = fast.fold([(UNIT, message)])
        assert answer == slow.fold([(UNIT, message)])
        silent += [
            one.message.current.value_ms // HOUR
            for one in answer[0]
            if isinstance(one.message, Observation)
            and one.message.indicator == "lock_silent"
            and one.message.current is not None
        ]
    assert silent == [22 - 7 - 12, 21 - 7 - 12]


def test_a_usual_position_is_folded_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    side = Side(100)
    side.fold([(UNIT, Shared(manifest_id="LRN1", share=share("LRN1", lane_id=LANE)))])
    for kind in ("seallock.armed", "transport.departed"):
        armed = Placed(event=event(kind, START, id=kind, place="CNYTN", **LOCK))
        side.fold([(UNIT, armed)])
    monkeypatch.setattr(stage, "fold_unit", None)
    for number in range(1, 100):
        at_ms = START + number * 2 * HOUR
        body: dict[str, Any] = {
            "latitude": 22.5 + number * 0.2,
            "longitude": 114.0 - number * 0.2 * 109.9 / 29.4,
        }
        ping = event("seallock.position", at_ms, id=f"{number}", **body, **LOCK)
        side.fold([(UNIT, Placed(event=ping))])
    assert len([cell for cell in side.cells() if cell[1].startswith("pings/")]) in (1, 2)


@given(worlds(), st.sets(st.integers(0, 24)))
def test_a_transaction_that_is_aborted_leaves_nothing_in_memory(
    world: list[tuple[str, Any]], aborted: set[int]
) -> None:
    fast, slow = Side(100), Side(0)
    for number, message in enumerate(world):
        if number in aborted:
            fast.fold([message], commit=False)
        assert fast.fold([message]) == slow.fold([message])
    assert fast.cells() == slow.cells()


@given(worlds())
def test_a_batch_folded_whole_ends_as_message_by_message(world: list[tuple[str, Any]]) -> None:
    whole, single = Side(100), Side(100)
    whole.fold(world)
    for message in world:
        single.fold([message])
    judged = (UNIT, "judged")
    assert {k: v for k, v in whole.cells().items() if k != judged} == {
        k: v for k, v in single.cells().items() if k != judged
    }
