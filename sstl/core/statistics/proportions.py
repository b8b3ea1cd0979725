"""Intervals of a proportion, and of the difference and the ratio of two."""

from math import sqrt
from statistics import NormalDist
from typing import Final

from sstl.core.statistics.result import (
    LEVEL,
    Estimate,
    Estimated,
    Method,
    NotEstimable,
    Side,
)

WILSON: Final = Method("wilson-score", 1)

_NORMAL: Final = NormalDist()


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


def wilson(k: int, n: int, level: float = LEVEL, side: Side = Side.BOTH) -> Estimated:
    """Return the share ``k`` of ``n`` with its Wilson score interval (Wilson 1927).

    One-sided intervals have the whole error on their side and no bound on the other. Without units
    there is no share.

    Raises:
        ValueError: More hits than units, a negative count, or a level outside 0 to 1.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no proportion")
    z = normal_quantile(level, side)
    if n == 0:
        return NotEstimable("no units")
    low, high = wilson_limits(k, n, z)
    return Estimate(
        estimate=k / n,
        low=None if side is Side.UPPER else low,
        high=None if side is Side.LOWER else high,
        level=level,
        method=WILSON,
    )
