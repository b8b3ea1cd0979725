"""Stage [lanes]: what series count as a whole, brought up to date from the days that changed."""

from collections.abc import Sequence

import msgspec
import pytest

from sstl.core.lanes import TOTAL, LaneCell, LanesStage, merged_cells
from sstl.core.lanes.cell import WholeCell
from sstl.core.lanes.cohorts import Cohorts
from sstl.core.lanes.marks import CHANGED, MARK, SERIES, Changed
from sstl.core.stage import Context, Inbound, MemoryState, Work
from sstl.models.policy import Policy
from sstl.models.records import OPEN, Measure, Observation

pytestmark = pytest.mark.unit

POLICY = Policy()
CONTEXT = Context(0, frozenset())
HOUR = 3_600_000
DAY = 24 * HOUR
MAY_1 = 1_714_521_600_000
LANE = "CNSHG-NLRTM-SEA"
RELEASE = f"LT_release|consignment|{LANE}|SEA|"
RED = f"{RELEASE}channel=RED"


def measure(
    value_ms: int, *, day: int = 0, channel: str = "RED", outcome: str | None = None
) -> Measure:
    return Measure(
        lane_id=LANE,
        mode="SEA",
        start_ms=MAY_1 + day * DAY,
        value_ms=value_ms,
        strata={"channel": channel},
        outcome=outcome,
    )


def change(current: Measure | None, previous: Measure | None = None) -> Observation:
    return Observation(
        id="o",
        indicator="LT_release",
        counting_unit="consignment",
        current=current,
        previous=previous,
    )


def fold(state: MemoryState, *told: Observation) -> None:
    records = [Inbound("o", one) for one in told]
    state.apply(LanesStage().fold(state, records, POLICY, CONTEXT).changed)


def tick(state: MemoryState, most_per_tick: int = 2000) -> list[str]:
    outcome = LanesStage(most_per_tick).tick(state, POLICY, CONTEXT)
    state.apply(outcome.changed)
    return [output.key for output in outcome.outputs]


def kept(state: MemoryState) -> dict[str, LaneCell]:
    return {
        key: value.counts
        for (key, part), value in state.items()
        if part == TOTAL and isinstance(value, WholeCell)
    }


def days(state: MemoryState, key: str, numbers: Sequence[int]) -> LaneCell | None:
    cohorts = Cohorts(Work(state, POLICY, CONTEXT))
    found = (cohorts.counts(key, f"P1D/2024-05-{number:02d}") for number in numbers)
    return merged_cells(cell for cell in found if cell is not None)


def whole(state: MemoryState, key: str = RED) -> LaneCell | None:
    return Cohorts(Work(state, POLICY, CONTEXT)).counts(key, TOTAL)


def test_a_batch_writes_no_whole_and_a_tick_those_of_all_series() -> None:
    state = MemoryState()
    fold(state, change(measure(HOUR)), change(measure(2 * HOUR, channel="GREEN", day=1)))
    assert kept(state) == {}
    assert list(state.parts(SERIES)) == [f"{RELEASE}~END"]
    tick(state)
    counts = {key.removeprefix(RELEASE): cell.n for key, cell in kept(state).items()}
    assert counts == {"": 2, "channel=RED": 1, "channel=GREEN": 1}
    assert list(state.parts(CHANGED)) == []
    assert set(state.parts(SERIES)) == {*kept(state), f"{RELEASE}~END"}


def test_who_asks_between_ticks_is_told_what_the_days_say() -> None:
    state = MemoryState()
    fold(state, change(measure(HOUR)), change(measure(7, outcome="RE_EXPORTED")))
    tick(state)
    fold(state, change(measure(5 * HOUR, day=1)), change(measure(0, day=2, outcome=OPEN)))
    before = kept(state)
    assert whole(state) == days(state, RED, (1, 2, 3))
    assert kept(state) == before
    fold(state, change(None, previous=measure(HOUR)))
    assert whole(state) == days(state, RED, (1, 2, 3))


def test_a_day_that_changes_twice_keeps_what_the_whole_counts_of_it() -> None:
    state = MemoryState()
    fold(state, change(measure(HOUR)))
    tick(state)
    fold(state, change(measure(2 * HOUR)))
    fold(state, change(measure(3 * HOUR)))
    (mark,) = (one for one in state.parts(CHANGED) if one.startswith(RED))
    assert state.get(CHANGED, mark) == Changed(HOUR * 16)
    tick(state)
    assert kept(state)[RED] == days(state, RED, (1,))


def test_what_waits_for_the_next_tick_is_in_the_whole_already() -> None:
    state = MemoryState()
    fold(state, change(measure(HOUR)), change(measure(HOUR, day=1)), change(measure(9, day=2)))
    tick(state, most_per_tick=1)
    waiting = [mark for mark in state.parts(CHANGED) if mark.startswith(RED)]
    assert waiting
    assert {state.get(CHANGED, mark) for mark in waiting} == {MARK}
    assert kept(state)[RED].n == 3
    fold(state, change(None, previous=measure(9, day=2)))
    while tick(state, most_per_tick=1):
        assert kept(state)[RED] == days(state, RED, (1, 2, 3))
    assert kept(state)[RED].n == 2


def test_a_detour_leaves_no_whole_behind() -> None:
    state = MemoryState()
    fold(state, change(measure(HOUR)))
    tick(state)
    fold(state, change(None, previous=measure(HOUR)))
    tick(state)
    assert kept(state) == {}
    assert whole(state) is None


def test_marks_of_changed_days_travel_in_the_changelog_and_back() -> None:
    state = MemoryState()
    fold(state, change(measure(HOUR)))
    tick(state)
    fold(state, *(change(measure(value * HOUR)) for value in range(3)))
    decoder = msgspec.json.Decoder(LanesStage.cell_type)
    for part in state.parts(CHANGED):
        cell = state.get(CHANGED, part)
        assert decoder.decode(msgspec.json.encode(cell)) == cell
