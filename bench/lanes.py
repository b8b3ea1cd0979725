"""Stage [lanes]: CPU of an observation, and the state of one lane with all strata and a year of windows.

Observations of one lane come in the order of their starts, a day in a batch, each with all strata, so that it counts
in up to eight series; one in twenty is a correction of an earlier one, on another day. Fold and tick are timed apart.
The state is what a `PartitionStore` holds, packed as in the changelog.
"""

import gc
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import psutil

from bench import lab
from sstl.agents.codec import pack
from sstl.agents.store import PartitionStore, changelog_key
from sstl.core.indicators.registry import REGISTRY, Kind
from sstl.core.lanes import LanesStage
from sstl.core.lanes.marks import CHANGED
from sstl.core.stage import Context, Inbound, MemoryState
from sstl.models.policy import Policy
from sstl.models.records import Heartbeat, Measure, Observation

GOAL_US = 10.0
GOAL_BYTES = 5 * 1024 * 1024
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
START_MS = 1_714_521_600_000
LANE = "CNYTN-NLRTM-SEA"
STRATA = {
    "operator": ("AEO", "NON_AEO", "OTHER"),
    "channel": ("GREEN", "YELLOW", "RED"),
    "sstl": ("YES", "NO"),
    "inspected": ("YES", "NO"),
    "lot": ("REGULAR", "SMALL"),
}
CATEGORIES = {
    "recall": ("--..@1/100", "T-1P@1/100", "T-0N@1/100", "-R0P@1/100"),
    "amount": ("1", "12", "250"),
}
"""Of tallies, by their estimator."""
SOURCE = "journeys/0"
CROWD = ("LT_release", "LT_clear", "LT_transit", "LT_import", "prearrival", "inspection_rate")
CONTEXT = Context(0, frozenset({SOURCE}))


def observations(
    days: int,
    a_day: int,
    indicators: tuple[str, ...],
    *,
    corrected: bool = True,
    lane: str = LANE,
) -> Iterator[list[Observation]]:
    """Yield the observations of each day."""
    draw = random.Random(1)
    before: list[tuple[str, Measure]] = []
    for day in range(days):
        told = []
        for number in range(a_day):
            for indicator in indicators:
                measure = _measure(draw, indicator, lane, START_MS + day * DAY_MS)
                told.append(_told(f"{day}/{number}", indicator, measure, None))
                before.append((indicator, measure))
        for _ in range(len(told) // 20 if corrected else 0):
            place = draw.randrange(len(before))
            indicator, old = before[place]
            later = old.start_ms // HOUR_MS * HOUR_MS
            new = msgspec.structs.replace(old, start_ms=later)
            before[place] = (indicator, new)
            told.append(_told("correction", indicator, new, old))
        del before[:-5000]
        yield told


def _measure(draw: random.Random, indicator: str, lane: str, day_ms: int) -> Measure:
    """Draw a value of the indicator's kind."""
    kind, estimator = REGISTRY[indicator].kind, REGISTRY[indicator].estimator or ""
    value = round(draw.lognormvariate(11, 1) * 1000)
    if kind is not Kind.DURATION:
        value = draw.randrange(2)
    return Measure(
        lane_id=lane,
        mode="SEA",
        start_ms=day_ms + draw.randrange(DAY_MS),
        value_ms=value,
        planned_ms=90_000_000 if kind is Kind.DURATION else None,
        strata={name: draw.choice(values) for name, values in STRATA.items()},
        exposure=draw.randrange(10**9) if kind is Kind.RATE else None,
        category=draw.choice(CATEGORIES.get(estimator, ("HIT", "CLEAN"))),
    )


def _told(name: str, indicator: str, current: Measure, previous: Measure | None) -> Observation:
    return Observation(
        id=name,
        indicator=indicator,
        counting_unit="consignment",
        current=current,
        previous=previous,
    )


@dataclass(frozen=True, slots=True)
class Figure:
    """CPU in us for each observation, and what is left in the state."""

    fold_us: float
    least_us: float
    """The same of the fastest batch: what others do to the machine is not in it."""
    tick_us: float
    size_bytes: int
    cells: int
    count: int


def run(
    days: int,
    a_day: int,
    indicators: tuple[str, ...],
    *,
    corrected: bool = True,
    tick_every: int = 1,
) -> Figure:
    """Fold day after day, and tick every so many days."""
    stage, state, policy = LanesStage(), MemoryState(), Policy()
    fold_s = tick_s = 0.0
    least_us = float("inf")
    count = 0
    world = list(observations(days, a_day, indicators, corrected=corrected))
    gc.collect()
    gc.freeze()
    for day, told in enumerate(world):
        beat = Heartbeat(source=SOURCE, reached_ms=START_MS + (day + 1) * DAY_MS, caught_up=True)
        batch = [Inbound(one.id, one) for one in told]
        began = time.process_time()
        outcome = stage.fold(state, batch, policy, CONTEXT)
        took_s = time.process_time() - began
        fold_s += took_s
        least_us = min(least_us, took_s / len(batch) * 1e6)
        state.apply(outcome.changed)
        state.apply(stage.fold(state, [Inbound("", beat)], policy, CONTEXT).changed)
        count += len(told)
        if (day + 1) % tick_every and day + 1 < days:
            continue
        began = time.process_time()
        while (outcome := stage.tick(state, policy, CONTEXT)).changed:
            state.apply(outcome.changed)
        tick_s += time.process_time() - began
    store = _store(state)
    return Figure(
        fold_us=fold_s / count * 1e6,
        least_us=least_us,
        tick_us=tick_s / count * 1e6,
        size_bytes=store.size_bytes,
        cells=store.cell_count,
        count=count,
    )


@dataclass(frozen=True, slots=True)
class Crowd:
    """A day of many lanes on one worker."""

    count: int
    fold_us: float
    resident_mb: float
    size_bytes: int
    waiting: int
    tick_s: float
    ticks: int


def crowd(lanes: int, a_day: int, indicators: tuple[str, ...]) -> Crowd:
    """Fold a day of many lanes, an hour of all in a batch, and publish until nothing waits."""
    stage, state, policy = LanesStage(), MemoryState(), Policy()
    hours: list[list[Inbound]] = [[] for _ in range(24)]
    for number in range(lanes):
        for told in observations(1, a_day, indicators, corrected=False, lane=f"LANE-{number}"):
            for one in told:
                at_ms = START_MS if one.current is None else one.current.start_ms
                hours[(at_ms - START_MS) // HOUR_MS].append(Inbound(one.id, one))
    gc.collect()
    gc.freeze()
    before = psutil.Process().memory_info().rss
    began = time.process_time()
    for batch in hours:
        state.apply(stage.fold(state, batch, policy, CONTEXT).changed)
    fold_s = time.process_time() - began
    resident = psutil.Process().memory_info().rss - before
    count, waiting, ticks = sum(map(len, hours)), len(list(state.parts(CHANGED))), 0
    began = time.process_time()
    while (outcome := stage.tick(state, policy, CONTEXT)).changed:
        state.apply(outcome.changed)
        ticks += bool(outcome.outputs)
    tick_s = time.process_time() - began
    size = _store(state).size_bytes
    return Crowd(count, fold_s / count * 1e6, resident / 2**20, size, waiting, tick_s, ticks)


def _store(state: MemoryState) -> PartitionStore:
    store = PartitionStore(LanesStage.cell_type)
    for (key, part), cell in state.items():
        store.load(changelog_key(key, part), pack(msgspec.json.encode(cell)))
    return store


def main() -> None:
    """Measure busy days, and a year of an ordinary lane."""
    parser = lab.arguments(__doc__)
    options = parser.parse_args()
    lab.title("lanes: observations and state")
    # first, while no memory of other runs is there to be used again
    many = crowd(50 if options.quick else 500, 5, CROWD)
    lab.say(
        f"   {50 if options.quick else 500} lanes, {len(CROWD)} indicators, 5 a day of each, an hour in a batch: fold"
        f" {many.fold_us:.1f} us an observation, over {many.count:,}; {many.resident_mb:.0f} MB resident decoded,"
        f" {many.size_bytes:,} bytes of cells; {many.waiting:,} marks waited, published in {many.ticks} ticks of"
        f" {many.tick_s / many.ticks:.2f} s of CPU"
    )
    for corrected in (False, True):
        busy = run(
            4 if options.quick else 10, 1000, ("LT_release", "LT_transit"), corrected=corrected
        )
        what = "one in twenty a correction" if corrected else "no corrections"
        lab.say(
            f"   2,000 observations a batch, {what}: fold {busy.fold_us:.1f} us (fastest batch"
            f" {busy.least_us:.1f}), ticks {busy.tick_us:.1f} us an observation, over {busy.count:,}"
        )
        lab.goal("10 us of CPU an observation in the fold", met=busy.fold_us <= GOAL_US)
    days = 60 if options.quick else 365
    cases = ((("LT_release",), 20, 1), (tuple(REGISTRY), 5, 30))
    for indicators, a_day, tick_every in cases:
        year = run(days, a_day, indicators, tick_every=tick_every)
        lab.say(
            f"   {days} days, {len(indicators)} indicators, {a_day} observations of each a day, a batch a day,"
            f" a tick every {tick_every}: fold {year.fold_us:.1f} us, ticks {year.tick_us:.1f} us an observation;"
            f" state {year.size_bytes:,} bytes in {year.cells:,} cells"
        )
        if not options.quick:
            lab.goal(
                f"5 MB a lane and year, {len(indicators)} indicators",
                met=year.size_bytes <= GOAL_BYTES,
            )


if __name__ == "__main__":
    main()
