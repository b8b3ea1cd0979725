"""Intervals of a proportion, and of the difference and the ratio of two."""

from math import sqrt
from statistics import NormalDist
from typing import Final, Literal

import msgspec

from sstl.core.statistics.result import (
    LEVEL,
    Estimate,
    Estimated,
    Method,
    NotEstimable,
    Side,
)

WILSON: Final = Method("wilson-score", 1)
WILSON_CLUSTERED: Final = Method("wilson-score-korn-graubard", 1)
ONE_SIDED: Final = Method("cai-second-order", 1)
NEWCOMBE: Final = Method("newcombe-hybrid-score", 1)
KOOPMAN: Final = Method("koopman-score", 1)

_NORMAL: Final = NormalDist()
_LEAST_RATIO: Final = 1e-100
"""Ratios are looked for between this and its inverse: beyond any counts, and their squares are numbers."""


def normal_quantile(level: float, side: Side = Side.BOTH) -> float:
    """Return how many standard deviations an interval of this level reaches.

    Raises:
        ValueError: The level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, not {level}")
    return _NORMAL.inv_cdf(1 - (1 - level) / (2 if side is Side.BOTH else 1))


def wilson_limits(k: float, n: float, z: float) -> tuple[float, float]:
    """Return both Wilson limits at ``z`` standard deviations, ``n`` above 0.

    Counts may be fractions: an effective number of units and of hits among them. The smaller root is
    taken from the product of the two, so that a small share loses no digits.
    """
    z2 = z * z
    spread = z * sqrt(z2 + 4 * k * (n - k) / n)
    scale = n + z2
    high = (2 * k + z2 + spread) / (2 * scale)
    low = k * k / (n * scale) / high
    return low, 1.0 if k >= n else high


def _judge(k: int, n: int) -> None:
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no proportion")


def wilson(k: int, n: int, level: float = LEVEL) -> Estimated:
    """Return the share ``k`` of ``n`` with its Wilson score interval (Wilson 1927).

    Without units there is no share.

    Raises:
        ValueError: More hits than units, a negative count, or a level outside 0 to 1.
    """
    _judge(k, n)
    z = normal_quantile(level)
    if n == 0:
        return NotEstimable("no units")
    low, high = wilson_limits(k, n, z)
    return Estimate(estimate=k / n, low=low, high=high, level=level, method=WILSON)


def bound(k: int, n: int, side: Literal[Side.LOWER, Side.UPPER], level: float = LEVEL) -> Estimated:
    """Return the share ``k`` of ``n`` with one bound, the whole error on its side (Cai 2005).

    A one-sided Wilson interval errs to one side: at 95 % and rare hits its lower bound holds in 93 %,
    its upper one in 98 %. This one is Wilson's with the terms that take that error away.

    Raises:
        ValueError: As for ``wilson``.
    """
    _judge(k, n)
    z = normal_quantile(level, side)
    if n == 0:
        return NotEstimable("no units")
    share, z2 = k / n, z * z
    shift = z2 / 3 + 1 / 6
    centre = (k + shift) / (n + 2 * shift)
    spread = share * (1 - share)
    spread += ((z2 + 3.5) / 18 - (13 * z2 + 17) / 18 * spread) / n
    reach = z * sqrt(max(spread, 0.0) / n)
    low = max(centre - reach, 0.0) if k else 0.0
    high = min(centre + reach, 1.0) if k < n else 1.0
    return Estimate(
        estimate=share,
        low=low if side is Side.LOWER else None,
        high=high if side is Side.UPPER else None,
        level=level,
        method=ONE_SIDED,
    )


class ClusterSums(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over clusters of units that share a fate, such as the consignments of one journey.

    All are integers and add, so that any order and any partition of the clusters gives the same.
    """

    clusters: int
    units: int
    hits: int
    units_squared: int
    """Sum over clusters of the square of their units."""
    hits_times_units: int
    hits_squared: int


def effective_units(share: float, variance: float, *, units: int, none: float) -> float:
    """Return how many independent units tell as much (Korn and Graubard 1998): p (1 - p) / variance.

    Never more than there are. Where nobody or everybody is a hit the sample says nothing of its own
    variance; ``none`` counts then.
    """
    if variance <= 0 or not 0 < share < 1:
        return min(none, units)
    return min(share * (1 - share) / variance, units)


def wilson_clustered(sums: ClusterSums, level: float = LEVEL) -> Estimated:
    """Return a share with a Wilson interval on the effective number of units.

    The variance is that of a ratio of cluster totals, so it holds for whatever correlation the
    clusters have. Without a hit, or without a non-hit, each cluster counts as if all its units had
    one fate. Fewer than two clusters do not show a variance.
    """
    clusters, units, hits = sums.clusters, sums.units, sums.hits
    if units == 0:
        return NotEstimable("no units")
    if clusters <= 1:
        return NotEstimable("all units are of one cluster")
    share = hits / units
    # sum of (hits - share * units)^2 over clusters, times units^2, in whole numbers
    spread = (
        sums.hits_squared * units * units
        - 2 * hits * units * sums.hits_times_units
        + hits * hits * sums.units_squared
    )
    variance = clusters * spread / ((clusters - 1) * units**4)
    effective = effective_units(
        share, variance, units=units, none=units * units / sums.units_squared
    )
    low, high = wilson_limits(share * effective, effective, normal_quantile(level))
    return Estimate(estimate=share, low=low, high=high, level=level, method=WILSON_CLUSTERED)


def newcombe(k1: int, n1: int, k0: int, n0: int, level: float = LEVEL) -> Estimated:
    """Return the difference of two independent shares, first less second (Newcombe 1998, method 10).

    Raises:
        ValueError: As for ``wilson``.
    """
    first, second = wilson(k1, n1, level), wilson(k0, n0, level)
    if isinstance(first, NotEstimable) or isinstance(second, NotEstimable):
        return NotEstimable("a group has no units")
    z = normal_quantile(level)
    p1, (low1, high1) = k1 / n1, wilson_limits(k1, n1, z)
    p0, (low0, high0) = k0 / n0, wilson_limits(k0, n0, z)
    difference = p1 - p0
    return Estimate(
        estimate=difference,
        low=difference - sqrt((p1 - low1) ** 2 + (high0 - p0) ** 2),
        high=difference + sqrt((high1 - p1) ** 2 + (p0 - low0) ** 2),
        level=level,
        method=NEWCOMBE,
    )


def _score(k1: float, n1: float, k0: float, n0: float, ratio: float) -> float:
    """Return the score statistic of "the first share is ``ratio`` times the second", signed.

    Its square is Koopman's chi-square; under the hypothesis the second share is the smaller root of
    a quadratic, here in the form that does not cancel.
    """
    a = (n1 + n0) * ratio
    b = (n1 + k0) * ratio + k1 + n0
    c = k1 + k0
    p0 = 2 * c / (b + sqrt(max(b * b - 4 * a * c, 0.0)))
    p1 = min(ratio * p0, 1.0)
    variance = p1 * (1 - p1) / n1 + ratio * ratio * p0 * (1 - p0) / n0
    gap = k1 / n1 - ratio * k0 / n0
    if variance <= 0:
        return 0.0 if gap == 0 else gap * float("inf")
    return gap / sqrt(variance)


def _ratio_where(k1: float, n1: float, k0: float, n0: float, wanted: float) -> float:
    """Return the ratio at which the score, which falls as the ratio grows, is ``wanted``."""
    low, high = _LEAST_RATIO, 1 / _LEAST_RATIO
    while low < (middle := sqrt(low * high)) < high:
        if _score(k1, n1, k0, n0, middle) > wanted:
            low = middle
        else:
            high = middle
    return middle


def koopman_limits(
    k1: float, n1: float, k0: float, n0: float, z: float
) -> tuple[float, float | None]:
    """Return both Koopman limits of a ratio of shares, at least one hit in all.

    Counts may be fractions. None: no upper limit, because the second group has no hit.
    """
    low = _ratio_where(k1, n1, k0, n0, z) if k1 else 0.0
    return low, _ratio_where(k1, n1, k0, n0, -z) if k0 else None


def koopman(k1: int, n1: int, k0: int, n0: int, level: float = LEVEL) -> Estimated:
    """Return the ratio of two independent shares, first over second (Koopman 1984).

    The interval holds every ratio that a score test of this level does not reject. A second group
    without a hit leaves a lower bound only.

    Raises:
        ValueError: More hits than units, a negative count, or a level outside 0 to 1.
    """
    _judge(k1, n1)
    _judge(k0, n0)
    return ratio_of_shares(k1, n1, k0, n0, level)


def ratio_of_shares(k1: float, n1: float, k0: float, n0: float, level: float = LEVEL) -> Estimated:
    """Return what ``koopman`` returns, of counts that may be effective numbers."""
    z = normal_quantile(level)
    if n1 == 0 or n0 == 0:
        return NotEstimable("a group has no units")
    if k1 == k0 == 0:
        return NotEstimable("no hit in either group")
    low, high = koopman_limits(k1, n1, k0, n0, z)
    ratio = (k1 * n0) / (n1 * k0) if k0 else None
    return Estimate(estimate=ratio, low=low, high=high, level=level, method=KOOPMAN)
