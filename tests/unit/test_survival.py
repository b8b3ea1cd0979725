"""Durations that have not all ended: cases by hand, and the same figures from statsmodels and numpy."""

from collections import Counter
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import norm
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight

from sstl.core.histogram import Histogram
from sstl.core.statistics.competing import (
    RELEASED,
    cumulative_incidence,
    incidence_quantile,
)
from sstl.core.statistics.proportions import wilson
from sstl.core.statistics.result import Estimate, NotEstimable
from sstl.core.statistics.survival import (
    Cohort,
    Quantile,
    combined,
    durations_of,
    exact_shares,
    quantile,
    risk_table,
    share_waiting,
)
from tests.reference_cargo2000 import Reference

Ints = npt.NDArray[np.int64]
OUTCOMES = ("released", "returned", "seized")
HALF = Fraction(1, 2)
P90 = Fraction(9, 10)


def cohort_of(times: Ints, status: Ints) -> Cohort:
    """Status 0: not ended; k: ended with the k-th outcome."""
    return Cohort(
        ended={
            outcome: Counter(times[status == code].tolist())
            for code, outcome in enumerate(OUTCOMES, start=1)
            if (status == code).any()
        },
        still_open=Counter(times[status == 0].tolist()),
    )


def drawn(seed: int) -> tuple[Ints, Ints]:
    """Few distinct durations for even seeds, so that ties are common, many for odd ones."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 400))
    scale = 5 if seed % 2 == 0 else 50_000
    waits = np.ceil(rng.lognormal(0, 1, n) * scale).astype(np.int64)
    follow_up = np.ceil(rng.uniform(0, 4, n) * scale).astype(np.int64)
    kinds = rng.choice([1, 2, 3], n, p=[0.7, 0.2, 0.1])
    return np.minimum(waits, follow_up), np.where(waits <= follow_up, kinds, 0)


def cargo2000() -> tuple[Ints, Ints]:
    """Real durations, followed for as long as every seventh process was planned to take.

    On time and late stand for the ways to end.
    """
    file = Reference()
    waits = file.process_minutes("e") * 60
    follow_up = np.resize(file.process_minutes("p")[::7] * 60, len(waits))
    status = np.where(waits > follow_up, 0, np.where(file.late, 2, 1))
    return np.minimum(waits, follow_up), status


@pytest.fixture(
    scope="module",
    params=[*(pytest.param(seed, id=f"random-{seed}") for seed in range(12)), "cargo2000"],
)
def world(request: pytest.FixtureRequest) -> tuple[Ints, Ints]:
    return cargo2000() if request.param == "cargo2000" else drawn(request.param)


def test_kaplan_meier_is_what_statsmodels_computes(world: tuple[Ints, Ints]) -> None:
    times, status = world
    theirs = SurvfuncRight(times, (status > 0).astype(int))
    ours = list(exact_shares(risk_table(cohort_of(times, status))))
    assert [one.row.time_s for one in ours] == theirs.surv_times.tolist()
    assert [one.left / one.whole for one in ours] == pytest.approx(
        theirs.surv_prob.tolist(), rel=1e-12, abs=1e-12
    )


def test_greenwood_and_log_log_limits_are_what_statsmodels_computes(
    world: tuple[Ints, Ints],
) -> None:
    times, status = world
    table = risk_table(cohort_of(times, status))
    theirs = SurvfuncRight(times, (status > 0).astype(int))
    share, error = theirs.surv_prob, theirs.surv_prob_se
    inside = np.flatnonzero((share > 0) & (share < 1))[:: max(1, len(share) // 40)]
    for place in inside:
        ours = share_waiting(table, int(theirs.surv_times[place]))
        reach = norm.ppf(0.975) * error[place] / (share[place] * -np.log(share[place]))
        assert isinstance(ours, Estimate)
        assert ours.estimate == pytest.approx(share[place], rel=1e-12)
        assert ours.low == pytest.approx(share[place] ** np.exp(reach), rel=1e-11)
        assert ours.high == pytest.approx(share[place] ** np.exp(-reach), rel=1e-11)


@pytest.mark.parametrize("p", [HALF, P90])
def test_quantiles_are_where_numpy_finds_the_curve_low_enough(
    world: tuple[Ints, Ints], p: Fraction
) -> None:
    times, status = world
    theirs = SurvfuncRight(times, (status > 0).astype(int))
    ours = quantile(risk_table(cohort_of(times, status)), p)
    assert isinstance(ours, Quantile)
    low_enough = np.flatnonzero(theirs.surv_prob <= float(1 - p) + 1e-12)
    if len(low_enough):
        assert (ours.value_s, ours.longer_than_s) == (theirs.surv_times[low_enough[0]], None)
    else:
        assert (ours.value_s, ours.longer_than_s) == (None, times.max())


def test_the_interval_of_the_median_is_what_statsmodels_computes() -> None:
    times, status = cargo2000()
    theirs = SurvfuncRight(times, (status > 0).astype(int))
    ours = quantile(risk_table(cohort_of(times, status)), HALF)
    assert isinstance(ours, Quantile)
    assert (ours.low_s, ours.high_s) == theirs.quantile_ci(0.5)


@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning")
def test_aalen_johansen_is_what_statsmodels_computes(world: tuple[Ints, Ints]) -> None:
    times, status = world
    theirs = CumIncidenceRight(times, status)
    table = risk_table(cohort_of(times, status))
    places = np.searchsorted(theirs.times, [one.row.time_s for one in exact_shares(table)])
    for code, outcome in enumerate(OUTCOMES, start=1):
        if outcome in table.outcomes:
            column = table.outcomes.index(outcome)
            ours = [one.ended[column] / one.whole for one in exact_shares(table)]
            assert ours == pytest.approx(theirs.cinc[code - 1][places].tolist(), abs=1e-12)


@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning")
def test_limits_of_the_incidence_follow_from_the_error_that_statsmodels_computes(
    world: tuple[Ints, Ints],
) -> None:
    times, status = world
    theirs = CumIncidenceRight(times, status)
    table = risk_table(cohort_of(times, status))
    for outcome in table.outcomes:
        code = OUTCOMES.index(outcome) + 1
        share, error = theirs.cinc[code - 1], theirs.cinc_se[code - 1]
        inside = np.flatnonzero((share > 1e-9) & (share < 1 - 1e-9) & np.isfinite(error))
        for place in inside[:: max(1, len(inside) // 20)]:
            ours = cumulative_incidence(table, outcome, int(theirs.times[place]))
            reach = norm.ppf(0.975) * error[place] / (share[place] * -np.log(share[place]))
            assert isinstance(ours, Estimate)
            assert ours.low == pytest.approx(share[place] ** np.exp(reach), rel=1e-9)
            assert ours.high == pytest.approx(share[place] ** np.exp(-reach), rel=1e-9)


def released(*ended: int, still_open: tuple[int, ...] = (), **others: tuple[int, ...]) -> Cohort:
    outcomes = {RELEASED: ended, **others}
    return Cohort(
        {outcome: Counter(times) for outcome, times in outcomes.items() if times},
        Counter(still_open),
    )


def test_a_wait_that_ends_when_another_is_censored_had_both_at_risk() -> None:
    shares = list(exact_shares(risk_table(released(5, 9, still_open=(5,)))))
    assert [(one.left, one.whole) for one in shares] == [(2, 3), (0, 3)]


def test_a_median_that_is_not_reached_is_longer_than_the_last_follow_up() -> None:
    found = quantile(risk_table(released(10, still_open=(20, 30))), HALF)
    assert isinstance(found, Quantile)
    assert (found.value_s, found.longer_than_s) == (None, 30)


def test_a_median_is_reached_when_exactly_half_has_ended() -> None:
    found = quantile(risk_table(released(10, 20, still_open=(20, 30))), HALF)
    assert isinstance(found, Quantile)
    assert (found.value_s, found.longer_than_s) == (20, None)


def test_seizures_are_not_waits_that_will_end_in_release() -> None:
    table = risk_table(released(1, 2, 3, seized=(1, 2, 3)))
    released_share = cumulative_incidence(table, RELEASED, 3)
    assert isinstance(released_share, Estimate)
    assert released_share.estimate == 0.5
    p90 = incidence_quantile(table, RELEASED, P90)
    assert isinstance(p90, Quantile)
    assert (p90.value_s, p90.longer_than_s) == (None, 3)
    naive = risk_table(released(1, 2, 3, still_open=(1, 2, 3)))
    said = share_waiting(naive, 3)
    assert isinstance(said, Estimate)
    assert said.estimate == 1 - 0.6875


def test_a_silent_publisher_is_censored_and_counted_apart() -> None:
    told = Cohort({RELEASED: {10: 3}}, still_open={20: 2}, silent={5: 4})
    table = risk_table(told)
    assert (table.n, table.n_ended, table.n_open, table.n_silent) == (9, 3, 2, 4)
    assert table.exposure_s == 30 + 40 + 20
    assert [row.at_risk for row in table.rows] == [9, 5, 2]


def test_release_before_arrival_ends_a_wait_and_adds_no_exposure() -> None:
    table = risk_table(released(-600, 300))
    assert table.exposure_s == 300
    found = quantile(table, HALF)
    assert isinstance(found, Quantile)
    assert found.value_s == -600


def test_without_censoring_quantiles_are_those_of_the_histogram() -> None:
    seconds = [-50, 0, 0, 7, 99, 100, 101, 5_000, 5_001, 90_000, 90_000]
    histogram = Histogram.of(seconds)
    table = risk_table(Cohort({RELEASED: durations_of(histogram)}))
    for p in (Fraction(1, 10), Fraction(1, 4), HALF, P90, Fraction(19, 20)):
        found = quantile(table, p)
        assert isinstance(found, Quantile)
        assert found.value_s == histogram.quantile(p)


def test_while_nobody_has_ended_the_bound_is_wilsons() -> None:
    found = share_waiting(risk_table(released(50, still_open=(10, 60, 60, 60))), 20)
    expected = wilson(4, 4)
    assert isinstance(found, Estimate)
    assert isinstance(expected, Estimate)
    assert (found.estimate, found.low, found.high) == (1.0, expected.low, 1.0)


@pytest.mark.parametrize(
    ("still_open", "bounded"),
    [
        pytest.param((), True, id="everybody-followed"),
        pytest.param((1,), False, id="somebody-lost-before"),
    ],
)
def test_when_everybody_has_ended_the_bound_needs_complete_follow_up(
    still_open: tuple[int, ...],
    bounded: bool,
) -> None:
    found = share_waiting(risk_table(released(5, 6, still_open=still_open)), 9)
    assert isinstance(found, Estimate)
    assert (found.estimate, found.low) == (0.0, 0.0)
    assert (found.high is not None) == bounded


def test_nothing_is_said_about_longer_than_anybody_was_followed() -> None:
    table = risk_table(released(5, still_open=(30,), seized=(7,)))
    assert isinstance(share_waiting(table, 30), Estimate)
    assert share_waiting(table, 31) == NotEstimable("nobody was followed for longer than 30 s")
    assert isinstance(cumulative_incidence(table, RELEASED, 31), NotEstimable)


def test_an_outcome_that_never_occurred_has_an_upper_bound() -> None:
    found = cumulative_incidence(risk_table(released(*range(1, 101))), "seized", 100)
    expected = wilson(0, 100)
    assert isinstance(found, Estimate)
    assert isinstance(expected, Estimate)
    assert (found.estimate, found.low, found.high) == (0.0, 0.0, expected.high)
    never = incidence_quantile(risk_table(released(1, 2)), "seized", HALF)
    assert isinstance(never, Quantile)
    assert never.value_s is None


def test_an_empty_cohort_has_no_figures() -> None:
    table = risk_table(Cohort({}))
    assert quantile(table, HALF) == NotEstimable("no units")
    assert share_waiting(table, 5) == NotEstimable("no units")
    assert cumulative_incidence(table, RELEASED, 5) == NotEstimable("no units")
    assert incidence_quantile(table, RELEASED, HALF) == NotEstimable("no units")


def test_taking_back_what_was_never_counted_is_an_error() -> None:
    taken_back = combined([Cohort({RELEASED: {5: 1}}), Cohort({RELEASED: {6: -1}})])
    with pytest.raises(ValueError, match="below zero"):
        risk_table(taken_back)


@pytest.mark.parametrize("p", [Fraction(0), Fraction(1), Fraction(-1)])
def test_a_quantile_outside_zero_to_one_is_an_error(p: Fraction) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile(risk_table(released(5)), p)
    with pytest.raises(ValueError, match="between 0 and 1"):
        incidence_quantile(risk_table(released(5)), RELEASED, p)
