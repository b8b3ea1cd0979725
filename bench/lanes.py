"""Stage [lanes]: CPU of an observation, and the state of one lane with all strata and a year of windows.

Observations of one lane come in the order of their starts, each with six strata, so that it counts in seven series; one
in twenty is a correction. Fold and tick are timed apart. The state is what a `PartitionStore` holds, packed as in the
changelog.
"""

import random
import time
from collections.abc import Iterator

import msgspec

from bench import lab
from sstl.agents.codec import pack
from sstl.agents.store import PartitionStore, changelog_key
from sstl.core.lanes import LanesStage
from sstl.core.stage import Context, Inbound, MemoryState
from sstl.models.policy import Policy
from sstl.models.records import Heartbeat, Measure, Observation

GOAL_US = 10.0
GOAL_BYTES = 5 * 1024 * 1024
DAY_MS = 86_400_000
START_MS = 1_714_521_600_000
LANE = "CNYTN-NLRTM-SEA"
STRATA = {
    "side": ("IMPORT",),
    "operator": ("AEO", "NON_AEO", "OTHER"),
    "channel": ("GREEN", "YELLOW", "RED"),
    "sstl": ("YES", "NO"),
    "control": ("NONE", "NII_SCAN", "PHYSICAL"),
    "lot": ("REGULAR", "SMALL"),
}
SOURCE = "journeys/0"
CONTEXT = Context(0, frozenset({SOURCE}))


def observations(days: int, a_day: int, indicators: tuple[str, ...]) -> Iterator[list[Observation]]:
    """Yield the observations of each day."""
    draw = random.Random(1)
    before: list[tuple[str, Measure]] = []
    for day in range(days):
        told = []
        for number in range(a_day):
            for indicator in indicators:
                measure = Measure(
                    lane_id=LANE,
                    mode="SEA",
                    start_ms=START_MS + day * DAY_MS + draw.randrange(DAY_MS),
                    value_ms=int(draw.lognormvariate(11, 1) * 1000),
                    planned_ms=90_000_000,
                    strata={name: draw.choice(values) for name, values in STRATA.items()},
                )
                told.append(_told(f"{day}/{number}", indicator, measure, None))
                before.append((indicator, measure))
        for _ in range(len(told) // 20):
            place = draw.randrange(len(before))
            indicator, old = before[place]
            new = msgspec.structs.replace(old, value_ms=old.value_ms + 60_000)
            before[place] = (indicator, new)
            told.append(_told("correction", indicator, new, old))
        del before[:-5000]
        yield told


def _told(name: str, indicator: str, current: Measure, previous: Measure | None) -> Observation:
    return Observation(
        id=name,
        indicator=indicator,
        counting_unit="consignment",
        current=current,
        previous=previous,
    )


def run(days: int, a_day: int, indicators: tuple[str, ...]) -> tuple[float, float, int, int, int]:
    """Return CPU of fold and tick in us for each observation, state bytes, cells and observations."""
    stage, state, policy = LanesStage(), MemoryState(), Policy()
    fold_s = tick_s = 0.0
    count = 0
    for day, told in enumerate(observations(days, a_day, indicators)):
        beat = Heartbeat(source=SOURCE, reached_ms=START_MS + (day + 1) * DAY_MS, caught_up=True)
        batch = [Inbound(one.id, one) for one in told]
        began = time.process_time()
        outcome = stage.fold(state, batch, policy, CONTEXT)
        fold_s += time.process_time() - began
        state.apply(outcome.changed)
        state.apply(stage.fold(state, [Inbound("", beat)], policy, CONTEXT).changed)
        began = time.process_time()
        while (outcome := stage.tick(state, policy, CONTEXT)).outputs:
            state.apply(outcome.changed)
        tick_s += time.process_time() - began
        count += len(told)
    store = PartitionStore(LanesStage.cell_type)
    for (key, part), cell in state.items():
        store.load(changelog_key(key, part), pack(msgspec.json.encode(cell)))
    return fold_s / count * 1e6, tick_s / count * 1e6, store.size_bytes, store.cell_count, count


def main() -> None:
    """Measure a busy day after day, and a year of an ordinary lane."""
    parser = lab.arguments(__doc__)
    options = parser.parse_args()
    lab.title("lanes: observations and state")
    busy = run(4 if options.quick else 10, 1000, ("LT_release", "LT_transit"))
    lab.say(
        f"   busy: {busy[4]:,} observations, fold {busy[0]:.1f} us an observation, ticks {busy[1]:.1f} us"
    )
    lab.goal("10 us of CPU an observation in the fold", met=busy[0] <= GOAL_US)
    days = 60 if options.quick else 365
    for indicators in (("LT_release",), ("LT_release", "LT_transit", "LT_import", "LT_door")):
        year = run(days, 20, indicators)
        lab.say(
            f"   {days} days of {len(indicators)} indicators, 20 observations a day each: fold {year[0]:.1f} us,"
            f" ticks {year[1]:.1f} us an observation; state {year[2]:,} bytes in {year[3]:,} cells"
        )
        if days == 365:
            lab.goal(
                f"5 MB a lane and year, {len(indicators)} indicators", met=year[2] <= GOAL_BYTES
            )


if __name__ == "__main__":
    main()
