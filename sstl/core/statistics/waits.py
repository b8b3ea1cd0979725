"""The figures of `survival` and `competing` for records that are made many times a second.

The same quantiles and incidences, in one pass over doubles instead of exact ratios, which takes a fraction of the time.
What exact ratios decide is still decided by them: where a share comes so near to the one that is asked for that a
double may be on the wrong side of it, the exact function answers. Limits are looked for from the estimate outwards:
the nearer edge of a band only goes on in its direction.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import accumulate
from math import log, log1p, sqrt
from typing import Final, TypeAlias

from sstl.core.statistics.competing import (
    AALEN_JOHANSEN,
    cumulative_incidence,
    incidence_quantile,
)
from sstl.core.statistics.proportions import normal_quantile
from sstl.core.statistics.result import LEVEL, Estimate, Method, NotEstimable
from sstl.core.statistics.survival import (
    KAPLAN_MEIER,
    Cohort,
    Counts,
    Quantile,
    log_log_limits,
    quantile,
    risk_table,
)

_NEAR: Final = 1e-9
"""Shares that are nearer to each other are told apart by exact ratios; doubles are off by far less."""
_Z: Final = normal_quantile(LEVEL)


_Row: TypeAlias = tuple[int, int, int, int, bool]
"""Duration, at risk, ended, of them with the outcome in question, and whether nothing was censored earlier: shares are
ratios of counts then."""


class _Curve:
    """The share that still waits after each duration that occurs, with its band.

    Before the first censoring shares are ratios of counts, and what is summed over durations has a closed form.
    """

    def __init__(self, ended: Counts, censored: Counts, n: int) -> None:
        left = sorted(censored.items())
        rows = sorted(ended.items())
        self._n = n
        self.times = [time_s for time_s, _ in rows]
        self._gone = list(accumulate(count for _, count in rows))
        self.n_exact = bisect_right(self.times, left[0][0]) if left else len(rows)
        self.waiting = [(n - gone) / n for gone in self._gone[: self.n_exact]]
        self._later: list[tuple[float, float]] = []
        """Logarithm of the share and Greenwood's sum, of the rows after those."""
        if self.n_exact < len(rows):
            self._go_on(rows[self.n_exact :], left)

    def _go_on(self, rows: Sequence[tuple[int, int]], left: Sequence[tuple[int, int]]) -> None:
        at_risk = self._n - (self._gone[self.n_exact - 1] if self.n_exact else 0)
        still = at_risk / self._n
        log_share, greenwood = log(still), _greenwood(at_risk, self._n)
        place = 0
        for time_s, ended in rows:
            while place < len(left) and left[place][0] < time_s:
                at_risk -= left[place][1]
                place += 1
            rest = at_risk - ended
            still *= rest / at_risk
            if rest:
                log_share += log1p(-ended / at_risk)
                greenwood += ended / (at_risk * rest)
            self.waiting.append(still)
            self._later.append((log_share, greenwood))
            at_risk = rest

    def limits(self, place: int) -> tuple[float, float]:
        """Return the limits of the share after the duration in this place."""
        share = self.waiting[place]
        if not share:
            return 0.0, 1.0
        if place < self.n_exact:
            spread = _greenwood(self._n - self._gone[place], self._n)
            return log_log_limits(share, log(share), sqrt(spread), _Z)
        log_share, spread = self._later[place - self.n_exact]
        return log_log_limits(share, log_share, sqrt(spread), _Z)


class Waits:
    """A cohort, of which figures are asked for at the usual level.

    Args:
        cohort: How long units waited, by how that ended.
        outcome: The end as defined.
    """

    def __init__(self, cohort: Cohort, outcome: str) -> None:
        self._cohort, self._outcome = cohort, outcome
        columns = tuple(cohort.ended.values())
        self._ended = columns[0] if len(columns) == 1 else _sum(columns)
        self._censored = _sum((cohort.still_open, cohort.silent))
        self.n_open = sum(cohort.still_open.values())
        self.n_silent = sum(cohort.silent.values())
        self.n = sum(self._ended.values()) + self.n_open + self.n_silent
        self.exposure_s = sum(
            time_s * count
            for counts in (self._ended, self._censored)
            for time_s, count in counts.items()
            if time_s > 0
        )
        self.longest_s = max((*self._ended, *self._censored), default=None)
        """The longest time that anybody was followed for; None: there is nobody."""

    def _rows(self, outcome: str) -> Iterator[_Row]:
        of_outcome = self._cohort.ended.get(outcome, {})
        left, n = sorted(self._censored.items()), self.n
        gone = 0
        for time_s, ended in sorted(self._ended.items()):
            while gone < len(left) and left[gone][0] < time_s:
                n -= left[gone][1]
                gone += 1
            yield time_s, n, ended, of_outcome.get(time_s, 0), gone == 0
            n -= ended

    def quantiles(self, shares: Sequence[Fraction]) -> list[Quantile | NotEstimable]:
        """Return `survival.quantile` of each share."""
        curve = _Curve(self._ended, self._censored, self.n)
        waiting, limits = curve.waiting, curve.limits
        found = []
        for p in shares:
            above, below = p.as_integer_ratio()
            rest = (below - above) / below
            place = bisect_left(waiting, -rest, key=lambda share: -share)
            if _is_near(waiting, place, rest, curve.n_exact):
                found.append(quantile(risk_table(self._cohort), p))
                continue

            def may(at: int, rest: float = rest) -> bool:
                return limits(at)[0] <= rest

            def must(at: int, rest: float = rest) -> bool:
                return limits(at)[1] <= rest

            found.append(self._between(p, curve.times, place, (may, must), KAPLAN_MEIER))
        return found

    def _between(
        self,
        p: Fraction,
        times: Sequence[int],
        place: int,
        edges: tuple[Callable[[int], bool], Callable[[int], bool]],
        method: Method,
    ) -> Quantile | NotEstimable:
        """Return a quantile from where it is reached and by which edges of its band it may, and must, have been."""
        if self.longest_s is None:
            return NotEstimable("no units")
        may, must = edges
        low = place
        while low and may(low - 1):
            low -= 1
        high = place
        while high < len(times) and not must(high):
            high += 1
        is_reached = place < len(times)
        return Quantile(
            p=p,
            value_s=times[place] if is_reached else None,
            longer_than_s=None if is_reached else self.longest_s,
            low_s=times[low] if low < len(times) else None,
            high_s=times[high] if high < len(times) else None,
            level=LEVEL,
            method=method,
        )

    def incidence(self, outcome: str) -> Estimate | NotEstimable:
        """Return `competing.cumulative_incidence` of an outcome at the longest follow-up."""
        shares, errors, *_ = self._incidences(outcome)
        if self.longest_s is None or not shares or not _NEAR < shares[-1] < 1 - _NEAR:
            longest_s = 0 if self.longest_s is None else self.longest_s
            return cumulative_incidence(risk_table(self._cohort), outcome, longest_s)
        low, high = _around(shares[-1], errors[-1])
        return Estimate(estimate=shares[-1], low=low, high=high, level=LEVEL, method=AALEN_JOHANSEN)

    def incidence_quantiles(self, shares: Sequence[Fraction]) -> list[Quantile | NotEstimable]:
        """Return `competing.incidence_quantile` of the end as defined, of each share."""
        reached, errors, times, n_exact = self._incidences(self._outcome)
        found = []
        for p in shares:
            bound = float(p)
            place = bisect_left(reached, bound)
            if _is_near(reached, place, bound, n_exact):
                found.append(incidence_quantile(risk_table(self._cohort), self._outcome, p))
                continue

            def may(at: int, bound: float = bound) -> bool:
                if not reached[at]:
                    return False
                return _around(reached[at], errors[at])[1] >= bound

            def must(at: int, bound: float = bound) -> bool:
                return _around(reached[at], errors[at])[0] >= bound

            found.append(self._between(p, times, place, (may, must), AALEN_JOHANSEN))
        return found

    def _incidences(self, outcome: str) -> tuple[list[float], list[float], list[int], int]:
        """Return the share that ended so after each duration, its standard error, the durations, how many are exact."""
        shares: list[float] = []
        errors: list[float] = []
        times: list[int] = []
        waiting, share = 1.0, 0.0
        survival = survival_1 = survival_2 = own = cross = cross_1 = 0.0
        ended_so = others = n_exact = 0
        for time_s, n, ended, d, exact in self._rows(outcome):
            ended_so += d
            others += ended - d
            n_exact += exact
            if exact:
                share = ended_so / self.n
            elif others or ended < n:
                share += waiting * d / n
            else:
                share = 1.0  # nobody is left and all ended so, which a sum of doubles may miss
            hazard = ended / (n * (n - ended)) if n > ended else 0.0
            survival += hazard
            survival_1 += share * hazard
            survival_2 += share * share * hazard
            own += waiting * waiting * d * (n - d) / n**3
            cross += waiting * d / n**2
            cross_1 += share * waiting * d / n**2
            spread = share * share * survival - 2 * share * survival_1 + survival_2
            variance = max(0.0, spread + own - 2 * (share * cross - cross_1))
            shares.append(share)
            errors.append(sqrt(variance))
            times.append(time_s)
            waiting = (n - ended) / self.n if exact else waiting * ((n - ended) / n)
        return shares, errors, times, n_exact


def _sum(parts: Sequence[Counts]) -> dict[int, int]:
    total: dict[int, int] = {}
    for part in parts:
        for time_s, count in part.items():
            total[time_s] = total.get(time_s, 0) + count
    return total


def _greenwood(left: int, n: int) -> float:
    """Return Greenwood's sum where nobody was censored and so many of n are left."""
    return (n - left) / (left * n)


def _is_near(shares: Sequence[float], place: int, bound: float, n_exact: int) -> bool:
    """Tell whether a share beside the place where a bound is reached is too near to it for doubles.

    The first ones are ratios of two counts, of which the nearest doubles are in the same order.
    """
    beside = shares[max(n_exact, place - 1, 0) : place + 1]
    return any(abs(share - bound) < _NEAR for share in beside)


def _around(share: float, error: float) -> tuple[float, float]:
    """Return the limits of a share that ended so; none are known where everybody has."""
    if not 0 < share < 1:
        return 0.0, 1.0
    return log_log_limits(share, log(share), error / share, _Z)
