"""How waits end when they can end in several ways: cumulative incidence after Aalen and Johansen.

A consignment that is seized, returned, destroyed or abandoned will never be released. Counting it
as "not yet" (one minus Kaplan-Meier) says more releases than there will be. A wait whose publisher
has gone silent is censored at the last contact and counted apart (`RiskTable.n_silent`).
"""

from collections.abc import Iterator
from fractions import Fraction
from math import sqrt
from typing import Final, NamedTuple

from sstl.core.statistics.proportions import normal_quantile, wilson_limits
from sstl.core.statistics.result import LEVEL, Estimate, Estimated, Method, NotEstimable
from sstl.core.statistics.survival import (
    Quantile,
    Reached,
    RiskTable,
    exact_shares,
    followed,
    log_log_limits,
    log_of,
    reaching,
)

AALEN_JOHANSEN: Final = Method("aalen-johansen-log-log", 1)

RELEASED: Final = "released"
COMPETING: Final = ("seized", "returned", "destroyed", "abandoned")
"""Outcomes after which there is no release."""


class _Step(NamedTuple):
    time_s: int
    part: int
    """Ended with the outcome so far, over ``whole``."""
    waiting: int
    whole: int
    limits: tuple[float, float] | None
    """Log-log limits; None where nobody, or everybody, has ended so."""


def _steps(table: RiskTable, outcome: str, z: float) -> Iterator[_Step]:
    """Yield the incidence after each duration at which units ended.

    The variance is the delta method's (Marubini and Valsecchi 1995, formula 10.12), its square
    multiplied out so that every sum runs along: p (1 - p) / n where nothing is censored.
    """
    column = table.outcomes.index(outcome) if outcome in table.outcomes else None
    survival = survival_1 = survival_2 = own = cross = cross_1 = 0.0
    for row, before, left, ended, whole in exact_shares(table):
        n, d = row.at_risk, row.ended
        d_k, part = (0, 0) if column is None else (row.by_outcome[column], ended[column])
        share, waiting = part / whole, before / whole
        # The last unit at risk ends: nothing follows that its share could change.
        hazard = d / (n * (n - d)) if n > d else 0.0
        survival += hazard
        survival_1 += share * hazard
        survival_2 += share * share * hazard
        own += waiting * waiting * d_k * (n - d_k) / n**3
        cross += waiting * d_k / n**2
        cross_1 += share * waiting * d_k / n**2
        limits = None
        if 0 < part < whole:
            spread = share * share * survival - 2 * share * survival_1 + survival_2
            variance = max(0.0, spread + own - 2 * (share * cross - cross_1))
            limits = log_log_limits(share, log_of(part, whole), sqrt(variance) / share, z)
        yield _Step(row.time_s, part, left, whole, limits)


def cumulative_incidence(
    table: RiskTable, outcome: str, time_s: int, level: float = LEVEL
) -> Estimated:
    """Return the share of units that end with this outcome within ``time_s``.

    The shares of all outcomes and the share still waiting add up to one, exactly. The interval is
    symmetric in log(-log). Where no unit, or every unit, has ended so, the limit is Wilson's for
    the number of units followed for so long; None where that number cannot be told.

    Raises:
        ValueError: The level is not between 0 and 1.
    """
    z = normal_quantile(level)
    if not table.rows:
        return NotEstimable("no units")
    last = None
    for step in _steps(table, outcome, z):
        if step.time_s > time_s:
            break
        last = step
    waiting = Fraction(1) if last is None else Fraction(last.waiting, last.whole)
    if waiting and table.rows[-1].time_s < time_s:
        return NotEstimable(f"nobody was followed for longer than {table.rows[-1].time_s} s")
    share = 0.0 if last is None else last.part / last.whole
    low: float | None
    high: float | None
    if last is not None and last.limits is not None:
        low, high = last.limits
    else:
        n = followed(table, time_s, waiting)
        limits = (None, None) if n is None else wilson_limits(share * n, n, z)
        low, high = (limits[0], 1.0) if share else (0.0, limits[1])
    return Estimate(estimate=share, low=low, high=high, level=level, method=AALEN_JOHANSEN)


def incidence_quantile(
    table: RiskTable, outcome: str, p: Fraction, level: float = LEVEL
) -> Quantile | NotEstimable:
    """Return the shortest duration within which a share ``p`` of *all* units has this outcome.

    Other outcomes may keep that share from ever being reached. The bounds are where the upper and
    the lower edge of the log-log band reach ``p``.

    Raises:
        ValueError: ``p`` or the level is not between 0 and 1.
    """
    bound = float(p)
    steps = (
        Reached(
            step.time_s,
            may=(step.limits[1] if step.limits else 1.0 if step.part else 0.0) >= bound,
            has=step.part * p.denominator >= step.whole * p.numerator,
            must=step.limits is not None and step.limits[0] >= bound,
        )
        for step in _steps(table, outcome, normal_quantile(level))
    )
    return reaching(table, p, steps, level=level, method=AALEN_JOHANSEN)
