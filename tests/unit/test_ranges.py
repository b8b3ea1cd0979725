"""Ranges proposed for the stages of lanes: from which quantiles, with how many observations, and how often outside."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from sstl.core.histogram import bucket_of, value_of
from sstl.core.indicators import registry
from sstl.core.ranges import (
    MINIMUM_N,
    Outside,
    Proposal,
    Range,
    Reason,
    Stage,
    bounds_of,
    measured_stages,
    outside_of,
    propose,
    stage_of,
    without_lane,
)
from sstl.models.indicator import LEAD_TIME, SHARE, Indicator, Method, Window
from sstl.models.policy import LanePolicy, Policy
from tests.published_indicators import published

pytestmark = pytest.mark.unit

LANE = "CNYTN-NLRTM-SEA"
EXACT = Method(quantile_relative_error=None, quantile_exact_up_to_s=None)
HOUR = 3600


def policy(*stages: dict[str, Any], lane_id: str = LANE) -> Policy:
    origin, destination, mode = lane_id.split("-")
    lane = {"origin": origin, "destination": destination, "mode": mode, "stages": stages}
    return Policy(lanes={lane_id: LanePolicy.model_validate(lane)})


TRANSIT: dict[str, Any] = {"start": "T5", "end": "T6", "target_hours": 696, "limit_hours": 744}


def transit(n: int = 200, **more: Any) -> Indicator:
    """Return the transit of a lane: p10 640 h, p50 696 h, p90 720 h, exact."""
    hours = {
        "min": 600,
        "p10": 640,
        "p25": 670,
        "median": 696,
        "p75": 710,
        "p90": 720,
        "p95": 730,
        "max": 900,
    }
    content: dict[str, Any] = {name: value * HOUR for name, value in hours.items()}
    content |= {"n": n, "counting_unit": "journey", "method": EXACT, "indicator": "LT_transit"}
    return published(lane=LANE, **(content | more))


def only(policy_: Policy, *indicators: Indicator, **more: Any) -> Proposal:
    (one,) = propose(policy_, indicators, "TOTAL", **more)
    return one


def test_the_registry_says_which_stage_an_indicator_measures() -> None:
    assert {tuple(stage): one.name for stage, one in measured_stages().items()} == {
        ("T5", "T6"): "LT_transit",
        ("T2", "T14"): "LT_port_port",
        ("T6", "T13"): "LT_release",
        ("T1", "T15"): "LT_door",
        ("T2", "T4"): "LT_export",
        ("T6", "T14"): "LT_import",
        ("T8", "T13"): "LT_clear_declared",
        ("T10a", "T10b"): "LT_insp_wait",
        ("T10b", "T10c"): "LT_insp",
        ("T13", "T14"): "LT_postrelease",
        ("T0", "T6"): "prearrival_lead",
    }


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("LT_leg", id="not-between-milestones"),
        pytest.param("LT_clear", id="largest-of-two"),
        pytest.param("LT_customs", id="part-of-a-stage"),
        pytest.param("prearrival", id="a-share"),
        pytest.param("eta_error", id="an-error"),
    ],
)
def test_what_is_no_stretch_between_two_milestones_measures_no_stage(name: str) -> None:
    assert stage_of(registry.REGISTRY[name]) is None


@pytest.mark.parametrize(
    ("p10_s", "median_s", "p90_s", "expected"),
    [
        pytest.param(50 * HOUR, 100 * HOUR, 200 * HOUR, Range(25, 400), id="symmetric-log-scale"),
        pytest.param(80 * HOUR, 100 * HOUR, 300 * HOUR, Range(64, 900), id="each-side-by-itself"),
        pytest.param(100 * HOUR, 100 * HOUR, 100 * HOUR, Range(100, 100), id="all-alike"),
        pytest.param(3_601, 3_601, 3_601, Range(1, 1.1), id="outwards-to-tenths-of-hours"),
        pytest.param(0, HOUR, 2 * HOUR, Range(None, 4), id="some-take-no-time"),
        pytest.param(-HOUR, HOUR, 2 * HOUR, Range(None, 4), id="some-are-negative"),
        pytest.param(0, 0, HOUR, None, id="half-take-no-time"),
        pytest.param(-2 * HOUR, -HOUR, HOUR, None, id="half-are-negative"),
    ],
)
def test_known_quantiles_give_a_known_range(
    p10_s: int, median_s: int, p90_s: int, expected: Range | None
) -> None:
    assert bounds_of(p10_s, median_s, p90_s, EXACT) == expected


def test_the_error_of_the_quantiles_widens_the_range() -> None:
    # 50 * 50 / 100 and 200 * 200 / 100 hours, by 1.01 ** 2 / 0.99 and 0.99 ** 2 / 1.01
    told = bounds_of(50 * HOUR, 100 * HOUR, 200 * HOUR, LEAD_TIME)
    assert told == Range(
        math.floor(250 * 0.99 / 1.01**2) / 10, math.ceil(4000 * 1.01 / 0.99**2) / 10
    )
    assert told == Range(24.2, 412.3)
    assert bounds_of(100, 100, 100, LEAD_TIME) == bounds_of(100, 100, 100, EXACT)


@pytest.mark.parametrize(
    ("n", "proposed", "reason"),
    [
        pytest.param(MINIMUM_N - 1, None, Reason.TOO_FEW, id="one-too-few"),
        pytest.param(MINIMUM_N, Range(588.5, 744.9), None, id="just-enough"),
    ],
)
def test_too_few_observations_propose_nothing(
    n: int, proposed: Range | None, reason: Reason | None
) -> None:
    found = only(policy(TRANSIT), transit(n))
    assert (found.proposed, found.reason, found.needed) == (proposed, reason, MINIMUM_N)


def test_what_is_withheld_as_too_few_proposes_nothing_either() -> None:
    statistics = ("mean", "min", "p10", "p25", "median", "p75", "p90", "p95", "max")
    withheld = transit(
        200, state="INSUFFICIENT_DATA", minimum_n=500, share_late=None, **dict.fromkeys(statistics)
    )
    found = only(policy(TRANSIT | {"learnt_high_hours": 700}), withheld)
    assert (found.reason, found.needed, found.outside) == (Reason.TOO_FEW, 500, None)


@pytest.mark.parametrize("missing", ["p10", "median", "p90"])
def test_without_one_of_the_quantiles_nothing_is_proposed(missing: str) -> None:
    found = only(policy(TRANSIT), transit().model_copy(update={missing: None}))
    assert (found.proposed, found.reason) == (None, Reason.NO_QUANTILES)


def test_a_median_that_is_not_positive_proposes_nothing() -> None:
    found = only(policy(TRANSIT), transit(min=-9, p10=-5, p25=-3, median=0))
    assert (found.proposed, found.reason) == (None, Reason.NOT_POSITIVE)


def test_negative_durations_leave_the_upper_bound() -> None:
    found = only(policy(TRANSIT), transit(min=-9, p10=-5))
    assert (found.proposed, found.reason) == (Range(None, 744.9), Reason.NO_LOWER)


def test_a_stage_that_nothing_measures_is_told_so() -> None:
    found = only(policy({"start": "T14", "end": "T15", "limit_hours": 72}))
    assert (found.stage, found.reason) == (Stage("T14", "T15"), Reason.NOT_MEASURED)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"window": Window.named("P1M/2024-05")}, id="another-window"),
        pytest.param({"strata": {"channel": "RED"}}, id="split-by-a-stratum"),
        pytest.param({"mode": "RAIL"}, id="another-mode"),
        pytest.param({"counting_unit": "leg"}, id="another-counting-unit"),
        pytest.param({"lane_id": "CNYTN-DEHAM-SEA"}, id="another-lane"),
        pytest.param({"indicator": "LT_leg"}, id="measures-no-stage"),
        pytest.param({"method": SHARE, "indicator": "prearrival"}, id="a-share"),
    ],
)
def test_only_the_whole_series_of_the_lane_and_window_counts(other: dict[str, Any]) -> None:
    found = only(policy(TRANSIT), transit().model_copy(update=other))
    assert (found.indicator, found.reason) == (None, Reason.NOT_PUBLISHED)


def test_another_window_can_be_asked_for() -> None:
    may = transit(key="may", window=Window.named("P1M/2024-05"))
    (found,) = propose(policy(TRANSIT), [may, transit(n=5)], "P1M/2024-05")
    assert found.proposed == Range(588.5, 744.9)


def test_a_measured_stage_that_the_policy_does_not_have_is_proposed() -> None:
    stated, added = propose(policy(TRANSIT), [transit(indicator="LT_export")], "TOTAL")
    assert (stated.stage, stated.proposed) == (Stage("T5", "T6"), None)
    assert (added.stage, added.today) == (Stage("T2", "T4"), None)
    assert added.proposed == Range(588.5, 744.9)


def test_a_stage_that_stands_twice_is_judged_twice() -> None:
    twice = policy(TRANSIT | {"learnt_low_hours": 1}, TRANSIT | {"learnt_high_hours": 9})
    assert [one.today for one in propose(twice, [], "TOTAL")] == list(twice.lanes[LANE].stages)


def test_measured_lanes_that_the_policy_does_not_have_are_named() -> None:
    elsewhere = [
        transit(lane_id="CNYTN-DEHAM-SEA"),
        transit(lane_id="CNSHG-DEHAM-SEA", window=Window.named("P1M/2024-05")),
        transit(indicator="LT_leg", lane_id="CNXIA-DEDUI-RAIL"),
        transit(mode="RAIL"),
    ]
    assert without_lane(policy(TRANSIT), [transit(), *elsewhere], "TOTAL") == [
        "CNYTN-DEHAM-SEA (SEA)",
        f"{LANE} (RAIL)",
    ]


@pytest.mark.parametrize(
    ("range_", "expected"),
    [
        pytest.param(Range(600, 900), Outside(0, 0), id="shortest-to-longest"),
        pytest.param(Range(640, 720), Outside(0.05, 0.2), id="on-p10-and-p90"),
        pytest.param(Range(None, 719), Outside(0.1, 0.25), id="below-p90"),
        pytest.param(Range(None, 720), Outside(0.05, 0.1), id="on-p90"),
        pytest.param(Range(641, None), Outside(0.1, 0.25), id="above-p10"),
        pytest.param(Range(700, 705), Outside(0.75, 1), id="between-median-and-p75"),
        pytest.param(Range(901, None), Outside(1, 1), id="above-the-longest"),
        pytest.param(Range(None, 599), Outside(1, 1), id="below-the-shortest"),
    ],
)
def test_the_quantiles_say_between_what_the_share_outside_lies(
    range_: Range, expected: Outside
) -> None:
    found = outside_of(transit(), range_)
    assert found is not None
    assert (found.least, found.most) == pytest.approx((expected.least, expected.most))


def test_quantiles_within_their_error_of_a_bound_do_not_say_on_which_side_it_lies() -> None:
    close, far = (
        outside_of(transit(method=LEAD_TIME, p95=800 * HOUR), Range(None, high))
        for high in (725, 735)
    )
    assert close is not None
    assert far is not None
    assert (close.least, close.most) == pytest.approx((0.05, 0.25))
    assert (far.least, far.most) == pytest.approx((0.05, 0.1))


def test_the_share_outside_is_told_of_todays_range_only() -> None:
    assert only(policy(TRANSIT), transit()).outside is None
    stated = only(policy(TRANSIT | {"learnt_low_hours": 600, "learnt_high_hours": 900}), transit())
    assert stated.outside == Outside(0, 0)


@dataclass(frozen=True)
class Worlds:
    """Shares of a log-normal population outside the ranges proposed from samples of it."""

    mean: float
    one_in_twenty: float
    """It is exceeded in 5 % of the worlds."""


def simulated(n: int, sigma: float, worlds: int, *, sketched: bool) -> Worlds:
    """Draw samples of a log-normal population with a median of 700 h."""
    drawn = np.random.default_rng(20_240_501).normal(math.log(700 * HOUR), sigma, (worlds, n))
    ranks = [math.ceil(n * tenths / 10) - 1 for tenths in (1, 5, 9)]
    told = np.rint(np.exp(np.partition(drawn, ranks, axis=1)[:, ranks])).astype(int)
    bounds = []
    for row in told.tolist():
        p10, median, p90 = (value_of(bucket_of(one)) for one in row) if sketched else row
        found = bounds_of(p10, median, p90, LEAD_TIME if sketched else EXACT)
        assert found is not None
        bounds.append((found.low_hours, found.high_hours))
    low, high = np.log(np.array(bounds, dtype=float) / 700).T / sigma
    outside = norm.cdf(low) + norm.sf(high)
    return Worlds(float(outside.mean()), float(np.quantile(outside, 0.95)))


STATED = 2 * norm.sf(2 * norm.ppf(0.9))
"""Of a log-normal population with known quantiles; docs/policy.md has the figures of these tests."""


def test_one_in_a_hundred_of_a_log_normal_stage_is_outside() -> None:
    assert pytest.approx(0.0104, abs=5e-5) == STATED
    assert simulated(10_000, 0.3, 200, sketched=False).mean == pytest.approx(STATED, rel=0.02)


@pytest.mark.parametrize(
    ("n", "mean", "one_in_twenty"),
    [
        pytest.param(MINIMUM_N, 0.0147, 0.032, id="least-n"),
        pytest.param(400, 0.0114, 0.0183, id="four-times-as-many"),
        pytest.param(1_000, 0.0108, 0.0148, id="ten-times-as-many"),
    ],
)
@pytest.mark.parametrize("sigma", [0.3, 1.0])
def test_small_samples_let_a_little_more_outside(
    n: int, mean: float, one_in_twenty: float, sigma: float
) -> None:
    found = simulated(n, sigma, 2_000, sketched=False)
    assert found.mean == pytest.approx(mean, rel=0.05)
    assert found.one_in_twenty == pytest.approx(one_in_twenty, rel=0.1)


@pytest.mark.parametrize(
    ("sigma", "mean"),
    [
        pytest.param(0.025, 0.0007, id="hardly-varies"),
        pytest.param(0.3, 0.0082, id="varies"),
        pytest.param(1.0, 0.0099, id="varies-widely"),
    ],
)
def test_published_quantiles_never_let_more_outside(sigma: float, mean: float) -> None:
    found = simulated(1_000, sigma, 2_000, sketched=True)
    assert found.mean < simulated(1_000, sigma, 2_000, sketched=False).mean
    assert found.mean == pytest.approx(mean, rel=0.05, abs=5e-5)


def test_a_twentieth_of_disturbed_journeys_moves_a_bound_by_a_limited_amount() -> None:
    drawn = np.sort(np.random.default_rng(7).normal(math.log(700 * HOUR), 0.1, 10_000))
    disturbed = drawn.copy()
    disturbed[::20] += math.log(50)

    def high_of(logs: "np.ndarray[Any, np.dtype[np.float64]]") -> float:
        told = np.rint(np.exp(np.quantile(logs, (0.1, 0.5, 0.9), method="inverted_cdf")))
        p10, median, p90 = map(int, told)
        found = bounds_of(p10, median, p90, EXACT)
        assert found is not None
        assert found.high_hours is not None
        return found.high_hours

    assert high_of(disturbed) / high_of(drawn) == pytest.approx(1.06, abs=0.02)
    assert (
        disturbed.mean() + 2.563 * disturbed.std()
        > drawn.mean() + 2.563 * drawn.std() + math.log(5)
    )
