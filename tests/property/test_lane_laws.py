"""Lanes: order, repetition, correction and retraction leave no trace in cells or indicators."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from statistics import fmean, stdev
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sstl.core.indicators.definition import Definition
from sstl.core.lanes import TOTAL, LaneCell, LanesStage, Series, merged_cells, statistics
from sstl.core.lanes.cell import HoursCell, WeekCell, WholeCell
from sstl.core.lanes.cohorts import Cohorts
from sstl.core.lanes.marks import SERIES
from sstl.core.lanes.places import DAYS, whole_key
from sstl.core.lanes.windows import bounds, days_of, month_window, name_of_day, week_window
from sstl.core.stage import Context, Inbound, MemoryState, Work
from sstl.models.indicator import net_content
from sstl.models.policy import IndicatorPolicy, LanePolicy, LaneZones, Policy
from sstl.models.records import OPEN, Heartbeat, Measure, Observation
from tests.lane_kinds import RATE, TALLY, declared

POLICY = Policy(
    indicators={
        "LT_leg": IndicatorPolicy(target_hours_by_mode={"SEA": 1}),
        "prearrival": IndicatorPolicy(minimum_n=2),
    }
)
CONTEXT = Context(0, frozenset())
DAY_MS = 86_400_000
LONGEST_MS = 400 * DAY_MS
"""Beyond, a leg is not plausible."""

VALUES_MS = st.one_of(
    st.sampled_from([-3_600_000, -1, 0, 1, 499, 500, 60_000, 3_600_000, 90_061_001]),
    st.integers(-(10**7), 10**11),
)
MEASURES = st.builds(
    Measure,
    lane_id=st.sampled_from(["CNSHG-NLRTM-SEA", "CNYTN-GBFXT-SEA"]),
    mode=st.just("SEA"),
    start_ms=st.sampled_from([0, 1, 2, 4, 30, 31]).map(lambda day: day * DAY_MS),
    value_ms=VALUES_MS,
    planned_ms=st.sampled_from([None, 0, 3_600_000]),
    strata=st.sampled_from([{}, {"side": "IMPORT"}, {"side": "IMPORT", "channel": "RED"}]),
    exposure=st.sampled_from([None, 0, 5_000_000]),
    category=st.sampled_from(["HIT", "CLEAN", "UNKNOWN"]),
    outcome=st.sampled_from([None, None, OPEN, "RE_EXPORTED", "DESTROYED"]),
)
LIVES = st.lists(st.lists(st.none() | MEASURES, min_size=1, max_size=4), max_size=8)
"""Per observation, what it was set to one after the other; None: taken back."""


@pytest.fixture(scope="module", autouse=True)
def _kinds() -> Iterator[None]:
    with declared():
        yield


def messages(
    name: str, life: Sequence[Measure | None], indicator: str = "LT_leg"
) -> list[Observation]:
    before: Measure | None = None
    told = []
    for measure in life:
        told.append(
            Observation(
                id=name,
                indicator=indicator,
                counting_unit="leg" if indicator == "LT_leg" else "consignment",
                current=measure,
                previous=before,
            )
        )
        before = measure
    return told


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[list[Measure | None]], list[list[Observation]]]:
    """Draw lives, and batches in which their messages arrive: in order within each life alone."""
    lives = draw(LIVES)
    waiting = [messages(str(number), life) for number, life in enumerate(lives)]
    turns = [number for number, told in enumerate(waiting) for _ in told]
    queues = [iter(told) for told in waiting]
    arrived = [next(queues[number]) for number in draw(st.permutations(turns))]
    batches: list[list[Observation]] = [[]]
    for observation in arrived:
        if draw(st.booleans()):
            batches.append([])
        batches[-1].append(observation)
    return lives, batches


def run(
    batches: Sequence[Sequence[Observation]], *, ticks: bool, policy: Policy = POLICY
) -> tuple[MemoryState, dict[str, Any]]:
    stage, state = LanesStage(most_per_tick=3), MemoryState()
    published: dict[str, Any] = {}
    alarms = 0

    def tick() -> bool:
        outcome = stage.tick(state, policy, CONTEXT)
        state.apply(outcome.changed)
        for output in outcome.outputs:
            assert output.message.revision == 1 or output.key in published
            published[output.key] = output.message
            assert output.message.indicator != TALLY.name
        return bool(outcome.changed)

    for batch in batches:
        outcome = stage.fold(state, [Inbound(o.id, o) for o in batch], policy, CONTEXT)
        alarms += sum(by for (what, _), by in outcome.counts.items() if what == "lanes_alarm")
        state.apply(outcome.changed)
        if ticks:
            tick()
    while tick():
        pass
    assert alarms == 0
    return state, published


def cells(state: MemoryState) -> dict[tuple[str, str], bytes]:
    return {
        place: msgspec.json.encode(value)
        for place, value in state.items()
        if isinstance(value, WholeCell | WeekCell | HoursCell)
    }


def counts(state: MemoryState) -> dict[tuple[str, str], LaneCell]:
    """Return what every series counts in every window, merged ones too."""
    cohorts = Cohorts(Work(state, POLICY, CONTEXT))
    found = {}
    for key in state.parts(SERIES):
        weeks = [part for part in state.parts(whole_key(key)) if part.startswith(DAYS)]
        days = [day for week in weeks for day in days_of("P1W/" + week.removeprefix(DAYS))]
        names = {
            name for day in days for name in (name_of_day(day), week_window(day), month_window(day))
        }
        for name in (*names, TOTAL):
            cell = cohorts.counts(key, name)
            if cell is not None:
                found[key, name] = cell
    return found


def net(published: dict[str, Any]) -> dict[str, Any]:
    contents = {key: net_content(record) for key, record in published.items()}
    return {key: content for key, content in contents.items() if content is not None}


@given(deliveries())
def test_only_what_observations_are_at_last_counts(
    delivery: tuple[list[list[Measure | None]], list[list[Observation]]],
) -> None:
    lives, batches = delivery
    last = [messages(str(number), life[-1:]) for number, life in enumerate(lives)]
    plain_state, plain_published = run(last, ticks=False)
    state, published = run(batches, ticks=True)
    assert cells(state) == cells(plain_state)
    assert net(published) == net(plain_published)


@given(deliveries(), st.integers(1, 3))
def test_units_that_have_it_are_counted_whatever_the_order(
    delivery: tuple[list[list[Measure | None]], list[list[Observation]]], parity: int
) -> None:
    def share(measure: Measure | None) -> Measure | None:
        if measure is None:
            return None
        having = int(measure.value_ms % (parity + 1) == 0)
        return msgspec.structs.replace(measure, value_ms=having, outcome=None)

    lives, batches = delivery
    named = [
        [
            msgspec.structs.replace(
                one,
                indicator="prearrival",
                counting_unit="consignment",
                current=share(one.current),
                previous=share(one.previous),
            )
            for one in batch
        ]
        for batch in batches
    ]
    last = [
        messages(str(number), [share(measure) for measure in life[-1:]], "prearrival")
        for number, life in enumerate(lives)
    ]
    plain_state, plain_published = run(last, ticks=False)
    state, published = run(named, ticks=True)
    assert cells(state) == cells(plain_state)
    assert net(published) == net(plain_published)
    values = [share(life[-1]) for life in lives]
    for key, record in published.items():
        if key.endswith("|TOTAL") and not record.strata:
            here = [one.value_ms for one in values if one and one.lane_id == record.lane_id]
            assert (record.n, record.k) == (len(here), sum(here) if len(here) > 1 else None)


SATURDAY = datetime(2026, 3, 28, 22, tzinfo=UTC)
"""An hour before the day in Amsterdam on which the clock is put forward."""
IN_ZONES = Policy(
    valid_from=SATURDAY + timedelta(hours=2),
    lanes={
        "CNSHG-NLRTM-SEA": LanePolicy(
            origin="CNSHG",
            destination="NLRTM",
            mode="SEA",
            zones=LaneZones(origin="Asia/Shanghai", destination="Europe/Amsterdam"),
        )
    },
).after(Policy())


def by_hours(batches: Sequence[Sequence[Observation]], indicator: str) -> list[list[Observation]]:
    """Return the same observations of another indicator, begun in hours around the short day in place of days."""

    def moved(measure: Measure | None) -> Measure | None:
        if measure is None:
            return None
        hours = timedelta(hours=measure.start_ms // DAY_MS)
        start_ms = int((SATURDAY + hours).timestamp() * 1000)
        return msgspec.structs.replace(measure, start_ms=start_ms)

    return [
        [
            msgspec.structs.replace(
                one,
                indicator=indicator,
                counting_unit="consignment",
                current=moved(one.current),
                previous=moved(one.previous),
            )
            for one in batch
        ]
        for batch in batches
    ]


@given(deliveries(), st.sampled_from(["LT_release", "LT_export"]))
def test_local_days_are_as_if_counted_once(
    delivery: tuple[list[list[Measure | None]], list[list[Observation]]], indicator: str
) -> None:
    lives, batches = delivery
    last = [messages(str(number), life[-1:]) for number, life in enumerate(lives)]
    last, named = by_hours(last, indicator), by_hours(batches, indicator)
    plain_state, plain_published = run(last, ticks=False, policy=IN_ZONES)
    state, published = run(named, ticks=True, policy=IN_ZONES)
    assert cells(state) == cells(plain_state)
    assert net(published) == net(plain_published)


@given(deliveries(), st.sampled_from(["LT_release", "LT_export"]), st.sets(st.integers(0, 7)))
def test_local_days_of_two_partitions_merge_into_one(
    delivery: tuple[list[list[Measure | None]], list[list[Observation]]],
    indicator: str,
    there: set[int],
) -> None:
    named = by_hours(delivery[1], indicator)
    whole = counts(run(named, ticks=False, policy=IN_ZONES)[0])
    halves = [
        counts(run(half, ticks=False, policy=IN_ZONES)[0])
        for half in (
            [[one for one in batch if (int(one.id) in there) is side] for batch in named]
            for side in (True, False)
        )
    ]
    assert whole.keys() == halves[0].keys() | halves[1].keys()
    for place, cell in whole.items():
        assert merged_cells(half[place] for half in halves if place in half) == cell


@pytest.mark.parametrize("kind", [RATE, TALLY], ids=lambda one: one.kind)
@given(deliveries())
def test_rates_and_tallies_and_what_is_made_of_them_are_as_if_counted_once(
    kind: Definition, delivery: tuple[list[list[Measure | None]], list[list[Observation]]]
) -> None:
    def of_kind(measure: Measure | None) -> Measure | None:
        if measure is None:
            return None
        return msgspec.structs.replace(measure, value_ms=abs(measure.value_ms) % 4)

    lives, batches = delivery
    named = [
        [
            msgspec.structs.replace(
                one,
                indicator=kind.name,
                counting_unit="consignment",
                current=of_kind(one.current),
                previous=of_kind(one.previous),
            )
            for one in batch
        ]
        for batch in batches
    ]
    last = [
        messages(str(number), [of_kind(measure) for measure in life[-1:]], kind.name)
        for number, life in enumerate(lives)
    ]
    plain_state, plain_published = run(last, ticks=False)
    state, published = run(named, ticks=True)
    assert cells(state) == cells(plain_state)
    assert net(published) == net(plain_published)
    side = {one.id: number % 2 for number, told in enumerate(last) for one in told}
    halves = [
        counts(run([[o for o in told if side[o.id] == half] for told in last], ticks=False)[0])
        for half in (0, 1)
    ]
    for place, cell in counts(state).items():
        assert merged_cells(half[place] for half in halves if place in half) == cell


@given(deliveries(), st.permutations([0, 1, 5, 12, 50]))
def test_heartbeats_in_between_change_only_what_is_provisional_and_which_hours_are_kept(
    delivery: tuple[list[list[Measure | None]], list[list[Observation]]], reached: list[int]
) -> None:
    _, batches = delivery
    stage, state = LanesStage(), MemoryState()
    context = Context(0, frozenset({"journeys/0"}))
    beats = [
        Heartbeat(source="journeys/0", reached_ms=day * DAY_MS, caught_up=True) for day in reached
    ]
    published: dict[str, Any] = {}
    for number in range(max(len(batches), len(beats))):
        batch: list[Any] = [*batches[number : number + 1], []][0]
        inbound = [Inbound("o", one) for one in (*batch, *beats[number : number + 1])]
        state.apply(stage.fold(state, inbound, POLICY, context).changed)
        outcome = stage.tick(state, POLICY, context)
        state.apply(outcome.changed)
        published |= {output.key: output.message for output in outcome.outputs}
        for key in [key for key, record in published.items() if record is None]:
            del published[key]
    _, undisturbed = run(batches, ticks=True)
    assert net(published) == net(undisturbed)
    for key, record in published.items():
        if record.n and record.window.kind not in ("PT1H", "TOTAL"):
            # the last watermark is 50 days in; legs are waited for 30 days after the window
            ends_ms = bounds(record.window.name)[1] + 30 * DAY_MS
            assert record.provisional == (ends_ms > 50 * DAY_MS), key
    assert not [key for (key, _), _ in state.items() if key.startswith("~hours/")]


@given(deliveries())
def test_weeks_months_and_the_whole_equal_their_days_merged(
    delivery: tuple[list[list[Measure | None]], list[list[Observation]]],
) -> None:
    found = counts(run(delivery[1], ticks=False)[0])
    for (key, window), cell in found.items():
        inside = days_of(window) if window != TOTAL else None
        days = [
            day
            for (other, name), day in found.items()
            if other == key
            and name.startswith("P1D/")
            and (inside is None or days_of(name).start in inside)
        ]
        assert merged_cells(days) == cell


@given(deliveries())
def test_all_together_equals_its_strata_and_those_without(
    delivery: tuple[list[list[Measure | None]], list[list[Observation]]],
) -> None:
    lives, batches = delivery
    found = counts(run(batches, ticks=False)[0])
    last = [life[-1] for life in lives if life[-1] is not None]
    for (key, window), cell in found.items():
        if window == TOTAL:
            series = Series.of(key)
            members = [
                one
                for one in last
                if one.lane_id == series.lane_id and set(series.strata) <= set(one.strata.items())
            ]
            plausible = [one for one in members if -LONGEST_MS <= one.value_ms <= LONGEST_MS]
            ended = [one.value_ms for one in plausible if one.outcome is None]
            assert (cell.n, cell.sum_ms) == (len(ended), str(sum(ended)))
            assert sum(cell.open.values()) == sum(one.outcome == OPEN for one in members)
            assert {name: durations.n for name, durations in cell.competing.items()} == Counter(
                one.outcome for one in plausible if one.outcome not in (None, OPEN)
            )
            assert cell.n_excluded == len(
                [one for one in members if one.outcome != OPEN and one not in plausible]
            )


@given(deliveries(), st.randoms(use_true_random=False))
def test_two_partitions_merge_into_one(
    delivery: tuple[list[list[Measure | None]], list[list[Observation]]], choice: Any
) -> None:
    whole = counts(run(delivery[1], ticks=False)[0])
    side = {observation.id: choice.random() < 0.5 for b in delivery[1] for observation in b}
    halves = [
        counts(
            run([[o for o in batch if side[o.id] is half] for batch in delivery[1]], ticks=False)[0]
        )
        for half in (True, False)
    ]
    for place, cell in whole.items():
        assert merged_cells(half[place] for half in halves if place in half) == cell


@given(st.lists(VALUES_MS, min_size=1, max_size=50))
def test_statistics_equal_those_of_exact_arithmetic(values: list[int]) -> None:
    lives = [[Measure(lane_id="L", mode="SEA", start_ms=0, value_ms=value)] for value in values]
    told_of = [messages(str(number), life, "LT_other") for number, life in enumerate(lives)]
    state, _ = run(told_of, ticks=False)
    told = statistics(counts(state)["LT_other|consignment|L|SEA|", TOTAL])
    assert told.mean == float(Fraction(sum(values), 1000 * len(values)))
    assert told.mean == pytest.approx(fmean(values) / 1000)
    if len(values) > 1:
        spread = stdev([Fraction(value, 1000) for value in values])
        assert told.standard_deviation == pytest.approx(float(spread), rel=1e-15)
    else:
        assert told.standard_deviation is None
