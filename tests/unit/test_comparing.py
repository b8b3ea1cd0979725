"""Groups of a lane compared from its observations: who enters, in which stratum, and what stands beside it."""

import random
from collections import defaultdict
from math import exp, log

import numpy as np
import pytest

from sstl.core.comparing import (
    ChannelMix,
    Cohort,
    Compared,
    Sides,
    compare_observations,
    current_measures,
)
from sstl.core.lanes.windows import bounds
from sstl.core.statistics.result import Estimate, NotEstimable
from sstl.models.policy import Policy
from sstl.models.records import OPEN, Measure, Observation
from tests.journey_events import DAY, HOUR, LANE, START

pytestmark = pytest.mark.unit

POLICY = Policy()
EVER = Cohort("TOTAL", -(1 << 62), 1 << 62)
Held = tuple[Observation, Measure]


def held(number: int, operator: str | None, hours: float, **fields: object) -> Held:
    """Return an observation of a consignment that is a journey of its own."""
    strata = {} if operator is None else {"operator": operator}
    strata |= {} if fields.get("channel") is None else {"channel": str(fields.pop("channel"))}
    known: dict[str, object] = {
        "lane_id": LANE,
        "mode": "SEA",
        "start_ms": START + number % 5 * HOUR,
        "value_ms": round(hours * HOUR),
        "strata": strata,
        "cluster": f"{number:016x}",
    }
    measure = Measure(**(known | fields))  # type: ignore[arg-type]
    name = f"LT_release|HBL{number}"
    return Observation(
        id=name, indicator="LT_release", counting_unit="consignment", current=measure
    ), measure


def observation(number: int, current: Measure | None, previous: Measure | None) -> Observation:
    return Observation(
        id=f"LT_release|HBL{number}",
        indicator="LT_release",
        counting_unit="consignment",
        current=current,
        previous=previous,
    )


def lane(n: int = 40) -> list[Held]:
    """Return a lane in which trusted traders wait two hours less, within each channel."""
    found = []
    for number in range(n):
        channel = "RED" if number % 4 == 0 else "GREEN"
        base = (20 if channel == "RED" else 5) + number % 7
        found.append(held(number, "NON_AEO", base, channel=channel))
        found.append(held(n + number, "AEO", base - 2, channel=channel))
    return found


def operators(observations: list[Held], cohort: Cohort = EVER) -> Compared:
    (one,) = compare_observations(observations, ["operator"], cohort, policy=POLICY)
    return one


def test_trusted_traders_are_compared_within_week_and_channel() -> None:
    found = operators(lane())
    assert isinstance(found.result.difference_s, Estimate)
    assert found.result.difference_s.estimate == -2 * 3600
    assert found.result.strata == 2
    assert [one.stratum for one in found.result.mix] == [
        f"{LANE}|SEA|P1W/2026-W01|GREEN",
        f"{LANE}|SEA|P1W/2026-W01|RED",
    ]
    assert found.channels == (ChannelMix("GREEN", 30, 30), ChannelMix("RED", 10, 10))


def test_another_mix_of_channels_is_no_difference() -> None:
    red = [held(number, "NON_AEO", 20, channel="RED") for number in range(30)]
    red += [held(100 + number, "AEO", 20, channel="RED") for number in range(10)]
    green = [held(200 + number, "NON_AEO", 2, channel="GREEN") for number in range(10)]
    green += [held(300 + number, "AEO", 2, channel="GREEN") for number in range(30)]
    found = operators(red + green)
    assert isinstance(found.result.difference_s, Estimate)
    assert found.result.difference_s.estimate == 0
    assert found.channels == (ChannelMix("GREEN", 30, 10), ChannelMix("RED", 10, 30))


def test_what_is_open_or_ended_otherwise_does_not_enter_and_is_counted() -> None:
    aside = [
        held(900, "AEO", 0, outcome=OPEN),
        held(901, "NON_AEO", 0, outcome=OPEN),
        held(902, "NON_AEO", 0, outcome=OPEN),
        held(903, None, 0, outcome=OPEN),
        held(904, "NON_AEO", 3, outcome="SEIZED"),
        held(905, "OTHER", 3),
        held(906, "AEO", 400 * 24),
        held(907, "AEO", 400 * 24 + 0.001),
        held(908, "NON_AEO", -400 * 24 - 0.001),
    ]
    # of 400 days exactly, it is still plausible
    plausible = [one for one in aside if one[0].id.endswith("906")]
    with_them, without = operators(lane() + aside), operators(lane() + plausible)
    assert with_them.result == without.result
    assert with_them.still_open == Sides(1, 2, 1)
    assert with_them.otherwise == Sides(0, 1, 0)
    assert with_them.excluded == Sides(1, 1, 0)
    assert with_them.n_neither == 1
    assert (without.still_open, without.n_neither) == (Sides(), 0)


def test_units_that_share_a_journey_are_one_cluster() -> None:
    shared = [
        held(n, "AEO" if n % 2 else "NON_AEO", n % 9, cluster=f"{n // 10}") for n in range(200)
    ]
    found = operators(shared).result
    assert (found.n_members, found.clusters_members, found.clusters_comparison) == (100, 20, 20)
    assert isinstance(found.difference_s, NotEstimable)


def test_without_a_journey_the_day_is_the_cluster() -> None:
    days = [
        held(n, "AEO" if n % 2 else "NON_AEO", n % 9, cluster=None, start_ms=START + n % 3 * DAY)
        for n in range(60)
    ]
    assert operators(days).result.n_unmatched == 60
    assert operators(days).result.clusters_members == 0
    # weeks of seven days, of which five are enough
    more = [
        held(
            n,
            "AEO" if n % 2 else "NON_AEO",
            n % 9,
            cluster=None,
            start_ms=START + (4 + n % 70 // 10) * DAY,
        )
        for n in range(700)
    ]
    assert operators(more).result.clusters_members == 7


def test_a_window_takes_what_began_in_it() -> None:
    week = Cohort("P1W/2026-W02", *bounds("P1W/2026-W02"))
    first, second = lane(), [held(n, "AEO", 1, start_ms=week.from_ms) for n in (500, 501)]
    late = held(502, "AEO", 1, start_ms=week.to_ms)
    found = operators([*first, *second, late], week)
    assert found.result.n_unmatched == 2
    assert compare_observations(first, ["operator"], week, policy=POLICY) == []


def test_shares_rates_and_incidents_are_not_compared() -> None:
    measure = held(1, "AEO", 1)[1]
    for indicator in ("hit_rate", "inspection_rate", "seal_incident"):
        one = Observation(
            id=indicator, indicator=indicator, counting_unit="control", current=measure
        )
        assert compare_observations([(one, measure)], ["operator"], EVER, policy=POLICY) == []


def test_lanes_are_compared_each_by_itself_or_pooled_within_each() -> None:
    other = "CNSHA-DEHAM-SEA"
    both = lane() + [
        held(1000 + number, one[1].strata["operator"], one[1].value_ms / HOUR + 100, lane_id=other)
        for number, one in enumerate(lane())
    ]
    apart = compare_observations(both, ["operator"], EVER, policy=POLICY)
    assert [one.measured.lane_id for one in apart] == sorted((other, LANE))
    (pooled,) = compare_observations(both, ["operator"], EVER, policy=POLICY, pooled=True)
    assert pooled.measured.lane_id == ""
    assert pooled.result.n_members == sum(one.result.n_members for one in apart)
    assert isinstance(pooled.result.difference_s, Estimate)
    assert pooled.result.difference_s.estimate == -2 * 3600


def test_order_and_names_decide_the_interval_and_nothing_else() -> None:
    shuffled = lane()
    random.Random(7).shuffle(shuffled)
    assert operators(shuffled) == operators(lane())


def test_of_one_observation_and_lane_the_last_message_counts() -> None:
    here, there = held(1, "AEO", 1)[1], held(1, "AEO", 1, lane_id="CNSHA-DEHAM-SEA")[1]
    changed = held(1, "AEO", 2)[1]
    told = [observation(1, here, None), observation(1, changed, here)]
    assert [measure for _, measure in current_measures(told)] == [changed]
    moved = [observation(1, here, None), observation(1, None, here), observation(1, there, None)]
    assert [measure for _, measure in current_measures(moved)] == [there]
    # the partition of the lane that it moved to may be read first
    other = [observation(1, there, None), observation(1, here, None), observation(1, None, here)]
    assert [measure for _, measure in current_measures(other)] == [there]
    assert current_measures([observation(1, None, here)]) == []


def test_difference_and_ratio_equal_numpy_over_all_pairs_of_each_stratum() -> None:
    draw = random.Random(3)
    observations = [
        held(
            n,
            draw.choice(["AEO", "NON_AEO"]),
            draw.lognormvariate(3, 1),
            channel=draw.choice(["GREEN", "YELLOW", "RED"]),
            start_ms=START + draw.randrange(21) * DAY,
        )
        for n in range(300)
    ]
    groups: dict[tuple[int, str], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for _, measure in observations:
        # 1 January 2026 is a Thursday
        week = ((measure.start_ms - START) // DAY + 3) // 7
        side = 0 if measure.strata["operator"] == "AEO" else 1
        groups[week, measure.strata["channel"]][side].append(round(measure.value_ms / 1000))
    differences, weights, logs, sizes = [], [], [], []
    for members, others in groups.values():
        if min(len(members), len(others)) < 5:
            continue
        pairs = np.subtract.outer(members, others).ravel()
        differences.append(pairs)
        weights.append(np.full(len(pairs), 1 / (len(members) + len(others) + 1)))
        m, n = len(members), len(others)
        logs.append(sum(map(log, members)) / m - sum(map(log, others)) / n)
        sizes.append(m * n / (m + n))
    ordered = np.argsort(np.concatenate(differences))
    values, weight = np.concatenate(differences)[ordered], np.concatenate(weights)[ordered]
    median = values[np.searchsorted(np.cumsum(weight), weight.sum() / 2)]
    found = operators(observations).result
    assert isinstance(found.difference_s, Estimate)
    assert isinstance(found.ratio, Estimate)
    assert found.difference_s.estimate == pytest.approx(median, abs=1)
    assert found.ratio.estimate == pytest.approx(exp(np.average(logs, weights=sizes)), rel=1e-6)
