"""Intervals of shares and rates equal independent computations, exact enumeration and published examples."""

from fractions import Fraction
from itertools import product
from math import isclose

import numpy as np
import pytest
from scipy.stats import binom
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    score_test_proportions_2indep,
)
from statsmodels.stats.rates import confint_poisson

from sstl.core.statistics.proportions import (
    KOOPMAN,
    WILSON,
    ClusterSums,
    bound,
    koopman,
    newcombe,
    normal_quantile,
    wilson,
    wilson_clustered,
)
from sstl.core.statistics.rates import poisson_rate
from sstl.core.statistics.result import Estimate, Estimated, NotEstimable, Side

pytestmark = pytest.mark.unit

EXACT = 1e-9
Z95 = 1.959963984540054


def interval(found: Estimated) -> tuple[float, float]:
    assert isinstance(found, Estimate)
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def sums_of(clusters: list[tuple[int, int]]) -> ClusterSums:
    return ClusterSums(
        clusters=len(clusters),
        units=sum(n for _, n in clusters),
        hits=sum(k for k, _ in clusters),
        units_squared=sum(n * n for _, n in clusters),
        hits_times_units=sum(k * n for k, n in clusters),
        hits_squared=sum(k * k for k, _ in clusters),
    )


def estimate(found: Estimated) -> Estimate:
    assert isinstance(found, Estimate)
    return found


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
@pytest.mark.parametrize("n", [1, 2, 30, 97, 3000])
def test_wilson_equals_statsmodels(n: int, level: float) -> None:
    for k in {0, 1, n // 10, n // 2, n - 1, n}:
        theirs = proportion_confint(k, n, alpha=1 - level, method="wilson")
        assert interval(wilson(k, n, level)) == pytest.approx(theirs, abs=EXACT)


@pytest.mark.parametrize("n", [1, 7, 30, 100, 400])
def test_wilson_covers_as_exact_enumeration_of_the_score_test_says(n: int) -> None:
    counts = np.arange(n + 1)
    low, high = np.array([interval(wilson(k, n)) for k in range(n + 1)]).T
    for rate in np.linspace(0.0031, 0.9973, 83):
        chance = binom.pmf(counts, n, rate)
        ours = chance[(low <= rate) & (rate <= high)].sum()
        accepted = (counts - n * rate) ** 2 <= Z95**2 * n * rate * (1 - rate)
        assert ours == pytest.approx(chance[accepted].sum(), abs=EXACT)


def test_wilson_at_a_single_rate_strays_little_where_ten_hits_and_ten_misses_are_expected() -> None:
    """Counts jump, so no interval of a share holds equally often at all rates; docs/statistics.md."""
    covered = []
    for n in range(21, 200):
        low, high = np.array([interval(wilson(k, n)) for k in range(n + 1)]).T
        rates = np.linspace(10 / n, 0.5, 100)
        chance = binom.pmf(np.arange(n + 1)[:, None], n, rates)
        held = (low[:, None] <= rates) & (rates <= high[:, None])
        covered.extend((chance * held).sum(axis=0))
    assert 0.92 < min(covered) < max(covered) < 0.975
    assert np.mean([not 0.93 <= share <= 0.97 for share in covered]) < 0.002


def test_wilson_limits_are_the_shares_that_the_score_test_just_accepts() -> None:
    for k, n in product(range(1, 30), (30, 45)):
        for limit in interval(wilson(k, n)):
            assert (k / n - limit) ** 2 == pytest.approx(
                Z95**2 * limit * (1 - limit) / n, abs=EXACT
            )


def test_wilson_of_one_in_a_million_million_loses_no_digits() -> None:
    low, high = interval(wilson(1, 10**12))
    assert isclose(low * high, 1 / (10**12 * (10**12 + Z95**2)), rel_tol=1e-14)


def test_nobody_and_everybody_are_bounded_by_0_and_1() -> None:
    assert interval(wilson(0, 30))[0] == 0
    assert interval(wilson(30, 30))[1] == 1
    assert estimate(bound(0, 30, Side.LOWER)).low == 0
    assert estimate(bound(30, 30, Side.UPPER)).high == 1


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(wilson(0, 0), id="share"),
        pytest.param(bound(0, 0, Side.LOWER), id="one-sided"),
        pytest.param(newcombe(1, 2, 0, 0), id="difference"),
        pytest.param(koopman(1, 2, 0, 0), id="ratio"),
        pytest.param(koopman(0, 2, 0, 5), id="ratio-without-hits"),
        pytest.param(poisson_rate(0, 0, 1000), id="rate"),
        pytest.param(wilson_clustered(sums_of([])), id="clusters"),
        pytest.param(wilson_clustered(sums_of([(3, 9)])), id="one-cluster"),
    ],
)
def test_without_units_there_is_no_estimate(refused: Estimated) -> None:
    assert isinstance(refused, NotEstimable)
    assert refused.reason


@pytest.mark.parametrize(("k", "n"), [(-1, 3), (4, 3), (1, 0)])
def test_impossible_counts_are_an_error(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="no proportion"):
        wilson(k, n)
    with pytest.raises(ValueError, match="no proportion"):
        koopman(1, 2, k, n)
    with pytest.raises(ValueError, match="level"):
        wilson(1, 3, 1.0)


RATIOS = [
    (k1, n1, k0, n0)
    for n1, n0 in ((30, 40), (200, 35), (50, 4000))
    for k1, k0 in product((0, 1, n1 // 3, n1), (0, 1, n0 // 10, n0))
    if k1 or k0
]


@pytest.mark.parametrize(("k1", "n1", "k0", "n0"), RATIOS)
def test_koopman_limits_are_the_ratios_that_the_score_test_just_accepts(
    k1: int, n1: int, k0: int, n0: int
) -> None:
    found = estimate(koopman(k1, n1, k0, n0))
    assert found.method == KOOPMAN
    assert (found.low == 0) == (k1 == 0)
    assert (found.high is None) == (found.estimate is None) == (k0 == 0)
    for limit, reached in ((found.low, Z95), (found.high, -Z95)):
        if limit:
            theirs = score_test_proportions_2indep(
                k1, n1, k0, n0, value=limit, compare="ratio", correction=False
            )
            assert theirs.statistic == pytest.approx(reached, abs=1e-7)


@pytest.mark.parametrize(("k1", "n1", "k0", "n0"), [(12, 40, 9, 300), (7, 30, 2, 35), (3, 9, 5, 9)])
def test_koopman_is_what_exact_arithmetic_on_its_chi_square_says(
    k1: int, n1: int, k0: int, n0: int
) -> None:
    """Koopman's own form, with the share under the hypothesis searched for by its likelihood equation."""

    def chi_square(ratio: float) -> float:
        low, high = 0.0, min(1.0, 1 / ratio)
        for _ in range(200):
            p0 = (low + high) / 2
            p1 = ratio * p0
            slope = (k1 + k0) / p0 - ratio * (n1 - k1) / (1 - p1) - (n0 - k0) / (1 - p0)
            low, high = (p0, high) if slope > 0 else (low, p0)
        p1 = ratio * p0
        return (k1 - n1 * p1) ** 2 / (n1 * p1 * (1 - p1)) + (k0 - n0 * p0) ** 2 / (
            n0 * p0 * (1 - p0)
        )

    for limit in interval(koopman(k1, n1, k0, n0)):
        assert chi_square(limit) == pytest.approx(Z95**2, abs=1e-7)


def test_turning_a_ratio_round_turns_its_interval_round() -> None:
    low, high = interval(koopman(12, 40, 9, 300))
    assert interval(koopman(9, 300, 12, 40)) == pytest.approx((1 / high, 1 / low), rel=EXACT)


@pytest.mark.parametrize(
    ("k1", "n1", "k0", "n0"), [(56, 70, 48, 80), (9, 10, 3, 10), (0, 20, 0, 10), (10, 10, 0, 20)]
)
def test_newcombe_equals_statsmodels(k1: int, n1: int, k0: int, n0: int) -> None:
    theirs = confint_proportions_2indep(k1, n1, k0, n0, compare="diff", method="newcomb")
    assert interval(newcombe(k1, n1, k0, n0)) == pytest.approx(theirs, abs=EXACT)


def test_newcombe_gives_the_published_example() -> None:
    """Newcombe 1998, table II, method 10: 56/70 less 48/80."""
    assert interval(newcombe(56, 70, 48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize("events", [0, 1, 7, 400])
def test_rates_equal_the_score_interval_of_statsmodels(events: int) -> None:
    theirs = confint_poisson(events, exposure=365, method="score")
    found = poisson_rate(events, 365, 1000)
    assert interval(found) == pytest.approx([1000 * limit for limit in theirs], abs=1e-6)
    assert estimate(found).estimate == pytest.approx(1000 * events / 365)


def test_rates_need_a_count_and_an_exposure() -> None:
    with pytest.raises(ValueError, match="no rate"):
        poisson_rate(-1, 10, 1)


def test_clusters_of_one_unit_are_wilson_but_for_the_degree_of_freedom() -> None:
    units = [(1, 1)] * 12 + [(0, 1)] * 88
    effective = 99
    found = interval(wilson_clustered(sums_of(units)))
    theirs = proportion_confint(0.12 * effective, effective, method="wilson")
    assert found == pytest.approx(theirs, abs=EXACT)


def test_clusters_of_one_fate_count_as_one_unit_each() -> None:
    units = [(4, 4)] * 12 + [(0, 4)] * 88
    effective = 99
    theirs = proportion_confint(0.12 * effective, effective, method="wilson")
    assert interval(wilson_clustered(sums_of(units))) == pytest.approx(theirs, abs=EXACT)
    assert interval(wilson_clustered(sums_of([(0, 4)] * 30))) == interval(wilson(0, 30))


def test_one_sided_bounds_are_within_the_exact_tail() -> None:
    """Cai's bound is no exact one; its error at the hits seen is near what was allowed."""
    for k, n in ((5, 60), (20, 100), (300, 1000)):
        low = estimate(bound(k, n, Side.LOWER)).low
        high = estimate(bound(k, n, Side.UPPER)).high
        assert low is not None
        assert high is not None
        middle = binom.sf(k - 1, n, low) - binom.pmf(k, n, low) / 2
        assert middle == pytest.approx(0.05, abs=0.01)
        middle = binom.cdf(k, n, high) - binom.pmf(k, n, high) / 2
        assert middle == pytest.approx(0.05, abs=0.01)


def test_quantiles_of_the_normal_distribution() -> None:
    assert normal_quantile(0.95) == pytest.approx(Z95, abs=1e-15)
    assert normal_quantile(0.95, Side.LOWER) == pytest.approx(1.6448536269514722, abs=1e-15)


def test_an_estimate_names_its_method_and_version() -> None:
    found = estimate(wilson(3, 30))
    assert (found.method, found.level) == (WILSON, 0.95)
    assert found.estimate == float(Fraction(3, 30))
