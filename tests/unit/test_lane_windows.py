"""Stage [lanes]: which windows and series a value counts in, when they are final, and targets and shares."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.stats import binomtest

from sstl.core.lanes import TOTAL, LanesStage, ending
from sstl.core.lanes.marks import DIRTY
from sstl.core.lanes.told import provisional_windows
from sstl.core.lanes.windows import bounds, days_of, ending_with, hour_window, week_window
from sstl.core.stage import Context, Inbound, MemoryState, Outcome, Work
from sstl.models.indicator import Indicator, Window, net_content
from sstl.models.policy import IndicatorPolicy, LanePolicy, Policy
from sstl.models.records import Heartbeat, LanesMessage, Measure, Observation

pytestmark = pytest.mark.unit

SOURCE = "journeys/0"
CONTEXT = Context(0, frozenset({SOURCE}))
HOUR = 3_600_000
DAY = 24 * HOUR
MAY_1 = 1_714_521_600_000
"""A Wednesday."""
LANE = "CNSHG-NLRTM-SEA"
POLICY = Policy(indicators={"LT_release": IndicatorPolicy(follow_up_hours=48)})
BY_END = "|~END|"
RELEASE = f"LT_release|consignment|{LANE}|SEA|"


def told(
    value_ms: int,
    *,
    at: int = MAY_1,
    indicator: str = "LT_release",
    strata: Mapping[str, str] | None = None,
    previous: Measure | None = None,
) -> Observation:
    measure = Measure(
        lane_id=LANE, mode="SEA", start_ms=at, value_ms=value_ms, strata=dict(strata or {})
    )
    return Observation(
        id="o",
        indicator=indicator,
        counting_unit="consignment",
        current=measure,
        previous=previous,
    )


def beat(reached_ms: int) -> Heartbeat:
    return Heartbeat(source=SOURCE, reached_ms=reached_ms, caught_up=True)


class Lane:
    """The stage with its state, and the last record of each key: of cohorts, and apart those of what ended."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.state = MemoryState()
        self.policy = policy
        self.published: dict[str, Indicator] = {}
        self.ended: dict[str, Indicator] = {}

    def take(self, *messages: LanesMessage) -> Outcome:
        records = [Inbound("o", message) for message in messages]
        outcome = LanesStage().fold(self.state, records, self.policy, CONTEXT)
        self.state.apply(outcome.changed)
        return outcome

    def tick(self) -> set[str]:
        outcome = LanesStage().tick(self.state, self.policy, CONTEXT)
        self.state.apply(outcome.changed)
        told_now = {output.key: output.message for output in outcome.outputs}
        new = {key: record for key, record in told_now.items() if BY_END not in key}
        self.ended |= {key: record for key, record in told_now.items() if BY_END in key}
        known = self.published | new
        self.published = {key: record for key, record in known.items() if record is not None}
        return set(new)

    def __getitem__(self, window: str) -> Indicator:
        return self.published[f"{RELEASE}|{window}"]


@pytest.mark.parametrize(
    ("window", "days"),
    [
        pytest.param("P1D/2024-02-29", 1, id="leap-day"),
        pytest.param("P1W/2020-W53", 7, id="week-53-ends-in-the-next-year"),
        pytest.param("P1W/2024-W01", 7, id="week-1"),
        pytest.param("P1M/2024-02", 29, id="february-of-a-leap-year"),
        pytest.param("P1M/2023-12", 31, id="december"),
    ],
)
def test_a_window_begins_and_ends_at_midnight_utc(window: str, days: int) -> None:
    start, end = bounds(window)
    assert (start % DAY, end - start) == (0, days * DAY)
    assert window in ending_with(days_of(window)[-1])
    assert Window.named(window).name == window


def test_the_last_days_of_a_year_may_lie_in_the_first_week_of_the_next() -> None:
    start, _ = bounds("P1D/2024-12-30")
    assert week_window(start // DAY) == "P1W/2025-W01"


def test_an_hour_is_found_again_by_its_name() -> None:
    hour = MAY_1 // HOUR + 13
    assert hour_window(hour) == "PT1H/2024-05-01T13"
    assert bounds("PT1H/2024-05-01T13") == (hour * HOUR, (hour + 1) * HOUR)
    assert Window.named("PT1H/2024-05-01T13").name == "PT1H/2024-05-01T13"


def test_an_observation_counts_in_its_hour_day_week_month_and_the_whole() -> None:
    lane = Lane()
    lane.take(told(HOUR, at=MAY_1 + 13 * HOUR))
    windows = ("PT1H/2024-05-01T13", "P1D/2024-05-01", "P1W/2024-W18", "P1M/2024-05", TOTAL)
    assert lane.tick() == {f"{RELEASE}|{window}" for window in windows}
    assert {lane[window].n for window in windows} == {1}
    assert {lane[window].window.zone for window in windows} == {"UTC"}


def test_a_week_over_the_turn_of_a_month_takes_days_of_both() -> None:
    lane = Lane()
    lane.take(told(HOUR, at=MAY_1 - DAY), told(3 * HOUR, at=MAY_1))
    lane.tick()
    assert (lane["P1W/2024-W18"].n, lane["P1W/2024-W18"].mean) == (2, 7200.0)
    assert (lane["P1M/2024-04"].n, lane["P1M/2024-05"].n) == (1, 1)


def test_a_window_is_final_when_its_follow_up_has_passed_and_says_so_once() -> None:
    lane = Lane()
    lane.take(beat(MAY_1), told(HOUR))
    lane.tick()
    assert lane["P1D/2024-05-01"].provisional
    lane.take(beat(MAY_1 + 3 * DAY - 1))
    lane.tick()
    assert (lane["P1D/2024-05-01"].provisional, lane["P1D/2024-05-01"].revision) == (True, 1)
    lane.take(beat(MAY_1 + 3 * DAY))
    assert lane.tick() == {f"{RELEASE}|P1D/2024-05-01", f"{RELEASE}|TOTAL"}
    day = lane["P1D/2024-05-01"]
    assert (day.provisional, day.revision, day.n) == (False, 2, 1)
    assert day.complete_up_to == datetime(2024, 5, 4, tzinfo=UTC)
    assert (lane["P1W/2024-W18"].provisional, lane["P1M/2024-05"].provisional) == (True, True)
    lane.take(beat(MAY_1 + 3 * DAY + HOUR))
    assert lane.tick() == set()


@pytest.mark.parametrize("step", [HOUR, DAY, 7 * DAY, 60 * DAY], ids=["hour", "day", "week", "far"])
def test_every_window_becomes_final_however_far_the_watermark_jumps(step: int) -> None:
    lane = Lane()
    lane.take(beat(MAY_1), *(told(HOUR, at=MAY_1 + day * DAY) for day in range(5)))
    lane.tick()
    reached = MAY_1
    while reached < MAY_1 + 40 * DAY:
        reached += step
        lane.take(beat(reached))
        lane.tick()
    kept = [one for one in lane.published.values() if one.window.kind != "PT1H"]
    assert len(kept) == 8
    assert not any(one.provisional for one in kept)


def test_ends_that_do_not_fit_a_step_are_marked_in_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ending, "MOST_MARKS", 3)
    lane = Lane()
    lane.take(beat(MAY_1), *(told(HOUR, strata={"channel": name}) for name in "ABCDEFG"))
    lane.tick()
    lane.take(beat(MAY_1 + 3 * DAY))
    left = []
    for _ in range(4):
        # no other heartbeat comes
        lane.tick()
        days = [one for one in lane.published.values() if one.window.kind == "P1D"]
        left.append(sum(one.provisional for one in days))
    assert left == [6, 4, 2, 0]


def test_steps_wait_until_all_that_is_marked_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "MOST_MARKS", 3)
    lane = Lane()
    lane.take(beat(MAY_1), *(told(HOUR, strata={"channel": name}) for name in "ABCDEFG"))
    lane.tick()
    lane.take(beat(MAY_1 + 3 * DAY))
    waiting = set()
    while outcome := LanesStage(most_per_tick=1).tick(lane.state, POLICY, CONTEXT).changed:
        lane.state.apply(outcome)
        waiting.add(len(list(lane.state.parts(DIRTY))))
    assert max(waiting) <= 2 * 3
    work = Work(lane.state, POLICY, CONTEXT)
    left = [
        window
        for name in "ABCDEFG"
        for window in provisional_windows(work, f"{RELEASE}channel={name}")
    ]
    assert "P1M/2024-05" in left
    assert "P1D/2024-05-01" not in left


def test_a_watermark_that_was_never_heard_leaves_everything_provisional() -> None:
    lane = Lane()
    lane.take(told(HOUR))
    lane.tick()
    assert all(one.provisional for one in lane.published.values())
    lane.take(beat(MAY_1 + 100 * DAY))
    lane.tick()
    assert not lane["P1D/2024-05-01"].provisional
    assert not lane["P1M/2024-05"].provisional


def test_a_late_fact_changes_a_final_window_and_counts_its_revision_up() -> None:
    lane = Lane()
    lane.take(beat(MAY_1 + 100 * DAY), told(HOUR))
    lane.tick()
    assert (lane["P1D/2024-05-01"].provisional, lane["P1D/2024-05-01"].revision) == (False, 1)
    lane.take(told(3 * HOUR))
    lane.tick()
    day = lane["P1D/2024-05-01"]
    assert (day.provisional, day.revision, day.mean) == (False, 2, 7200.0)


def test_a_final_window_that_is_emptied_says_so_once() -> None:
    lane = Lane()
    old = told(HOUR)
    lane.take(beat(MAY_1 + 100 * DAY), old)
    lane.tick()
    lane.take(told(2 * HOUR, at=MAY_1 + DAY, previous=old.current))
    lane.tick()
    assert (lane["P1D/2024-05-01"].n, lane["P1D/2024-05-01"].revision) == (0, 2)
    assert lane["P1W/2024-W18"].mean == 7200.0
    lane.take(told(HOUR, at=MAY_1 + 5 * DAY))
    lane.tick()
    assert lane["P1D/2024-05-01"].revision == 2


def test_the_hours_of_a_day_are_forgotten_eight_days_after_its_end_and_the_day_stays() -> None:
    lane = Lane()
    lane.take(beat(MAY_1), told(HOUR))
    lane.tick()
    hour = "PT1H/2024-05-01T00"
    lane.take(beat(MAY_1 + 9 * DAY - 1))
    lane.tick()
    assert (lane[hour].state, lane[hour].revision) == ("AVAILABLE", 1)
    assert net_content(lane[hour]) is None
    lane.take(beat(MAY_1 + 9 * DAY))
    lane.tick()
    assert f"{RELEASE}|{hour}" not in lane.published
    assert lane["P1D/2024-05-01"].n == 1
    assert not [key for key, _ in lane.state.items() if "hours" in key[0]]


def test_an_hour_that_is_past_is_not_counted_any_more_but_its_day_is() -> None:
    lane = Lane()
    lane.take(beat(MAY_1 + 30 * DAY))
    old = told(HOUR)
    lane.take(old)
    assert {key.rpartition("|")[2] for key in lane.tick()} == {
        "P1D/2024-05-01",
        "P1W/2024-W18",
        "P1M/2024-05",
        TOTAL,
    }
    lane.take(told(2 * HOUR, previous=old.current))
    lane.tick()
    assert lane["P1D/2024-05-01"].mean == 7200.0


def test_a_stratum_has_no_hours() -> None:
    lane = Lane()
    lane.take(told(HOUR, strata={"channel": "RED"}))
    kinds = {(key.split("|")[4], key.rpartition("|")[2].split("/")[0]) for key in lane.tick()}
    assert ("", "PT1H") in kinds
    assert ("channel=RED", "PT1H") not in kinds


def test_declared_combinations_of_strata_have_series_of_their_own() -> None:
    lane = Lane()
    lane.take(told(HOUR, strata={"channel": "RED", "operator": "AEO", "colour": "blue"}))
    assert {key.split("|")[4] for key in lane.tick() if key.startswith(RELEASE[:-1])} == {
        "",
        "channel=RED",
        "operator=AEO",
        "channel=RED;operator=AEO",
    }


def test_an_indicator_that_nobody_declared_counts_by_each_stratum() -> None:
    lane = Lane()
    lane.take(told(HOUR, indicator="LT_new", strata={"channel": "RED", "colour": "blue"}))
    assert {key.split("|")[4] for key in lane.tick()} == {"", "channel=RED", "colour=blue"}


@pytest.mark.parametrize(
    ("policy", "target_s", "within"),
    [
        pytest.param(Policy(), None, (0, 0, None), id="nothing-promised"),
        pytest.param(
            Policy(indicators={"LT_release": IndicatorPolicy(target_hours_by_mode={"AIR": 24})}),
            None,
            (0, 0, None),
            id="promised-for-another-mode",
        ),
        pytest.param(
            Policy(indicators={"LT_release": IndicatorPolicy(target_hours_by_mode={"SEA": 48})}),
            172_800.0,
            (4, 3, 0.75),
            id="india-by-sea",
        ),
        pytest.param(
            Policy(
                indicators={"LT_release": IndicatorPolicy(target_hours_by_mode={"SEA": 48})},
                lanes={
                    LANE: LanePolicy(
                        origin="CNSHG",
                        destination="NLRTM",
                        mode="SEA",
                        target_hours={"LT_release": 24},
                    )
                },
            ),
            86_400.0,
            (4, 1, 0.25),
            id="the-lane-comes-before-the-mode",
        ),
    ],
)
def test_a_share_within_target_is_told_to_the_millisecond(
    policy: Policy, target_s: float | None, within: tuple[int, int, float | None]
) -> None:
    lane = Lane(policy)
    lane.take(*(told(value) for value in (24 * HOUR, 24 * HOUR + 1, 48 * HOUR, 48 * HOUR + 1)))
    lane.tick()
    whole = lane[TOTAL]
    assert whole.target_s == target_s
    assert (whole.n_target, whole.n_within, whole.share_within_target) == within
    assert whole.policy_hash == policy.hash


def test_the_version_in_force_at_its_start_judges_an_observation() -> None:
    def version(hours: float, **stated: object) -> Policy:
        targets = {"LT_release": {"target_hours_by_mode": {"SEA": hours}}}
        return Policy.model_validate({"indicators": targets, **stated})

    strict = version(1, version="2", valid_from=datetime(2024, 5, 2, tzinfo=UTC)).after(version(9))
    lane = Lane(strict)
    lane.take(told(5 * HOUR), told(5 * HOUR, at=MAY_1 + DAY))
    lane.tick()
    assert (lane["P1D/2024-05-01"].n_within, lane["P1D/2024-05-02"].n_within) == (1, 0)
    assert (lane[TOTAL].n_target, lane[TOTAL].n_within) == (2, 1)
    assert lane["P1D/2024-05-01"].policy_hash == version(9).hash
    assert lane[TOTAL].policy_hash == strict.hash


def test_below_its_least_n_only_n_is_told() -> None:
    lane = Lane(Policy(indicators={"LT_release": IndicatorPolicy(minimum_n=3)}))
    lane.take(told(HOUR), told(HOUR))
    lane.tick()
    few = lane[TOTAL]
    assert (few.state, few.n, few.minimum_n, few.mean) == ("INSUFFICIENT_DATA", 2, 3, None)
    lane.take(told(HOUR))
    lane.tick()
    assert (lane[TOTAL].state, lane[TOTAL].mean) == ("AVAILABLE", 3600.0)


@pytest.mark.parametrize("having", [0, 1, 7, 10], ids=lambda having: f"{having}-of-10")
def test_a_share_is_told_with_its_wilson_interval(having: int) -> None:
    lane = Lane()
    values = [int(number < having) for number in range(10)]
    lane.take(*(told(value, indicator="prearrival") for value in values))
    lane.tick()
    whole = lane.published[f"prearrival|consignment|{LANE}|SEA||TOTAL"]
    assert (whole.unit, whole.n, whole.k, whole.share) == ("1", 10, having, having / 10)
    assert whole.mean is None
    assert whole.method.quantile_relative_error is None
    expected = binomtest(having, 10).proportion_ci(method="wilson")
    assert whole.interval is not None
    assert (whole.interval.low, whole.interval.high) == pytest.approx(
        (expected.low, expected.high), abs=1e-12
    )


def test_a_share_is_corrected_and_taken_back_as_a_duration_is() -> None:
    lane = Lane()
    yes = told(1, indicator="prearrival")
    lane.take(yes, told(0, indicator="prearrival"))
    lane.take(told(0, indicator="prearrival", previous=yes.current))
    lane.tick()
    whole = lane.published[f"prearrival|consignment|{LANE}|SEA||TOTAL"]
    assert (whole.n, whole.k) == (2, 0)
    again = lane.take(told(0, indicator="prearrival", previous=yes.current))
    assert again.counts[("lanes_alarm", "unknown_retraction")] == 1


def test_a_share_that_is_neither_0_nor_1_is_an_alarm() -> None:
    lane = Lane()
    outcome = lane.take(told(2, indicator="prearrival"))
    assert outcome.counts[("lanes_alarm", "not_a_share")] == 1
    assert lane.tick() == set()


@pytest.mark.parametrize(
    "sample_s",
    [
        pytest.param(np.random.default_rng(11).pareto(1.2, 4000) * 3600, id="heavy-tailed"),
        pytest.param(np.repeat([0.0, 60.0, 7200.0, 90_000.0], [5, 40, 300, 3]), id="discrete"),
        pytest.param(np.array([-500.0, -20.0, 0.0, 101.0, 50_000.0]), id="both-signs"),
        pytest.param(np.array([172_800.0]), id="one"),
    ],
)
def test_every_statistic_is_that_of_numpy_within_its_stated_error(
    sample_s: "np.ndarray[tuple[int], np.dtype[np.float64]]",
) -> None:
    values = [int(value) for value in np.rint(sample_s * 1000)]
    lane = Lane(Policy(indicators={"LT_release": IndicatorPolicy(target_hours_by_mode={"SEA": 2})}))
    lane.take(*(told(value) for value in values))
    lane.tick()
    whole = lane[TOTAL]
    sample = np.array(values) / 1000
    seconds = np.floor(sample + 0.5)

    def close(said: int | None, p: float) -> float:
        true = float(np.quantile(seconds, p, method="inverted_cdf"))
        assert said is not None
        assert said == pytest.approx(true, rel=0.01 if abs(true) > 100 else 0, abs=0)
        return true

    p50, p95 = close(whole.median, 0.5), close(whole.p95, 0.95)
    for said, p in ((whole.p10, 0.1), (whole.p25, 0.25), (whole.p75, 0.75), (whole.p90, 0.9)):
        close(said, p)
    close(whole.min, 0)
    close(whole.max, 1)
    assert whole.predictability is not None
    assert whole.predictability_error is not None
    assert abs(whole.predictability - (p95 - p50)) <= whole.predictability_error
    assert whole.mean == pytest.approx(sample.mean(), rel=1e-12)
    assert (whole.n_zero, whole.n_negative) == ((sample == 0).sum(), (sample < 0).sum())
    assert whole.share_within_target == pytest.approx((sample <= 7200).mean())
    positive = sample[sample > 0]
    assert whole.geometric_mean == pytest.approx(math.exp(np.log(positive).mean()), rel=1e-12)
    if len(values) > 1:
        assert whole.standard_deviation == pytest.approx(sample.std(ddof=1), rel=1e-12)
        spread = sample.std(ddof=1) / sample.mean()
        assert whole.coefficient_of_variation == pytest.approx(spread, rel=1e-12)
    else:
        assert (whole.standard_deviation, whole.coefficient_of_variation) == (None, None)


@pytest.mark.parametrize(
    "values", [pytest.param([-5000, 1000], id="negative"), pytest.param([-1, 1], id="zero")]
)
def test_without_a_positive_mean_there_is_no_coefficient_of_variation(values: list[int]) -> None:
    lane = Lane()
    lane.take(*(told(value) for value in values))
    lane.tick()
    assert lane[TOTAL].standard_deviation is not None
    assert lane[TOTAL].coefficient_of_variation is None
