"""Rates of events over exposure, with an interval."""

from math import sqrt
from typing import Final

from sstl.core.statistics.proportions import normal_quantile
from sstl.core.statistics.result import LEVEL, Estimate, Estimated, Method, NotEstimable

POISSON_SCORE: Final = Method("poisson-score", 1)


def poisson_limits(events: int, z: float) -> tuple[float, float]:
    """Return both score limits of the mean of a Poisson count at ``z`` standard deviations.

    They are the means m with (events - m)^2 = z^2 m: what Wilson's are when hits are rare.
    """
    z2 = z * z
    high = events + z2 / 2 + z * sqrt(events + z2 / 4)
    return events * events / high, high


def poisson_rate(events: int, exposure: int, per: int, level: float = LEVEL) -> Estimated:
    """Return the events in ``per`` units of exposure, with a score interval.

    ``exposure`` and ``per`` have one unit: false alarms per 1,000 container-days come from the
    milliseconds that locks were armed and the milliseconds of 1,000 days.

    Raises:
        ValueError: A negative count or exposure, or a level outside 0 to 1.
    """
    if events < 0 or exposure < 0:
        raise ValueError(f"{events} events in an exposure of {exposure} are no rate")
    z = normal_quantile(level)
    if exposure == 0:
        return NotEstimable("no exposure")
    low, high = poisson_limits(events, z)
    return Estimate(
        estimate=events * per / exposure,
        low=low * per / exposure,
        high=high * per / exposure,
        level=level,
        method=POISSON_SCORE,
    )
