"""Stage [lanes]: what series count as a whole, brought up to date from the days that changed."""

from collections.abc import Sequence

import msgspec
import pytest

from sstl.agents.codec import pack
from sstl.agents.prepare import MAX_CELL_BYTES
from sstl.core.lanes import TOTAL, LaneCell, LanesStage, merged_cells, places
from sstl.core.lanes.cell import Beside, StartedCell, WholeCell
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


def opened(*days_open: int) -> list[Observation]:
    return [change(measure(0, day=day, outcome=OPEN)) for day in days_open]


def started(state: MemoryState) -> dict[tuple[str, str], StartedCell]:
    return {place: value for place, value in state.items() if isinstance(value, StartedCell)}


@pytest.mark.parametrize(("few", "months"), [(3, []), (2, ["started/2024-05", "started/2024-06"])])
def test_of_a_whole_with_much_that_is_open_each_month_has_a_cell(
    monkeypatch: pytest.MonkeyPatch, few: int, months: list[str]
) -> None:
    monkeypatch.setattr(places, "FEW_OPEN", few)
    state = MemoryState()
    fold(state, change(measure(HOUR)), *opened(0, 1, 40))
    tick(state)
    assert sorted(part for key, part in started(state) if key == RED) == months
    told = whole(state)
    assert told is not None
    assert (told.n, told.open) == (1, {(MAY_1 + day * DAY) // 60_000: 1 for day in (0, 1, 40)})


def test_what_ends_leaves_the_cell_of_its_month_and_at_last_the_whole_has_all_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "FEW_OPEN", 1)
    state, little = MemoryState(), MemoryState()
    fold(state, *opened(0, 1, 40))
    tick(state)
    june = started(state)[RED, "started/2024-06"]
    fold(state, change(measure(HOUR), previous=measure(0, outcome=OPEN)))
    tick(state)
    assert started(state)[RED, "started/2024-06"] is june
    assert len(started(state)[RED, "started/2024-05"].open) == 1
    fold(state, change(measure(HOUR, day=1), previous=measure(0, day=1, outcome=OPEN)))
    tick(state)
    assert started(state) == {}
    fold(little, change(measure(HOUR)), change(measure(HOUR, day=1)), *opened(40))
    tick(little)
    assert kept(state) == kept(little)


def test_a_year_with_something_open_since_each_minute_fits_the_cells() -> None:
    first = MAY_1 // 60_000
    every = {first + minute: 1 for minute in range(365 * 1440)}
    state = MemoryState()
    work = Work(state, POLICY, CONTEXT)
    places.keep_whole(work, RED, LaneCell(n=0, sum_ms="0", beside=Beside(open=every)))
    state.apply(work.outcome.changed)
    assert len(started(state)) == 12
    assert max(len(pack(msgspec.json.encode(value))) for _, value in state.items()) < MAX_CELL_BYTES
    told = whole(state)
    assert told is not None
    assert told.open == every
