"""Durations of which some have not ended: Kaplan-Meier share still waiting, its quantiles, exposure.

What goes in are counts of whole seconds (or of what stands for a histogram bucket) by how the wait
ended, so that observations can be taken back and parts add up to the whole. Shares are exact ratios
of integers; they become the nearest double at the end. A unit is at risk up to and including its own
duration: at equal durations an end comes before a censoring (Kaplan and Meier 1958).
"""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from math import exp, gcd, log, log1p, sqrt
from typing import Final, NamedTuple, TypeAlias

import msgspec

from sstl.core.histogram import Histogram
from sstl.core.statistics.proportions import normal_quantile, wilson_limits
from sstl.core.statistics.result import LEVEL, Estimate, Estimated, Method, NotEstimable

KAPLAN_MEIER: Final = Method("kaplan-meier-log-log", 1)

Counts: TypeAlias = Mapping[int, int]
"""How many units have a duration of so many seconds."""

_GREENWOOD_BITS: Final = 128
_FAR: Final = 700.0
"""Beyond, the exponential leaves the range of a double."""


class Cohort(msgspec.Struct, frozen=True):
    """Durations of a cohort by how they ended, each in seconds.

    A contribution may count below zero: that takes back. Only the whole must not.
    """

    ended: Mapping[str, Counts]
    """Per outcome, such as released or seized."""
    still_open: Counts = {}
    """Time waited until the end of follow-up."""
    silent: Counts = {}
    """Time waited until the last contact with a publisher that has gone silent."""


class RiskRow(NamedTuple):
    """One duration that occurs."""

    time_s: int
    at_risk: int
    """Units whose duration is this or longer."""
    ended: int
    by_outcome: tuple[int, ...]
    """In the order of `RiskTable.outcomes`."""
    censored: int


class RiskTable(msgspec.Struct, frozen=True):
    """A cohort in the order of its durations."""

    outcomes: tuple[str, ...]
    rows: tuple[RiskRow, ...]
    n: int
    n_ended: int
    n_open: int
    n_silent: int
    """Censored because nobody reports any more; counted apart from `n_open`."""
    exposure_s: int
    """Time at risk of all units together; a negative duration adds nothing."""


class Quantile(msgspec.Struct, frozen=True, kw_only=True):
    """When a given share of the units has ended.

    ``value_s`` is None where that share is not reached: it then takes longer than
    ``longer_than_s``. ``low_s`` or ``high_s`` is None where the interval has no bound on that side.
    """

    p: Fraction
    value_s: int | None
    longer_than_s: int | None
    low_s: int | None
    high_s: int | None
    level: float
    method: Method


class ExactShares(NamedTuple):
    """Where the units are after one duration: all shares are integers over ``whole``."""

    row: RiskRow
    before: int
    """Still waiting just before."""
    left: int
    """Still waiting after it."""
    ended: tuple[int, ...]
    """Ended so far, per outcome (Aalen-Johansen)."""
    whole: int


def durations_of(histogram: Histogram) -> dict[int, int]:
    """Return the counts of a histogram by the duration that stands for each bucket."""
    return dict(zip(histogram.values(), histogram.counts, strict=True))


def _sum(parts: Iterable[Counts]) -> dict[int, int]:
    total: dict[int, int] = {}
    for part in parts:
        for time_s, count in part.items():
            total[time_s] = total.get(time_s, 0) + count
    return {time_s: count for time_s, count in sorted(total.items()) if count}


def combined(cohorts: Iterable[Cohort]) -> Cohort:
    """Return the sum of contributions: partitions, days, corrections, what is taken back."""
    parts = tuple(cohorts)
    outcomes = sorted({outcome for part in parts for outcome in part.ended})
    sums = {outcome: _sum(part.ended.get(outcome, {}) for part in parts) for outcome in outcomes}
    return Cohort(
        ended={outcome: counts for outcome, counts in sums.items() if counts},
        still_open=_sum(part.still_open for part in parts),
        silent=_sum(part.silent for part in parts),
    )


def risk_table(cohort: Cohort) -> RiskTable:
    """Return who is at risk at each duration and who ends or is censored then.

    Raises:
        ValueError: A count is below zero.
    """
    outcomes = tuple(sorted(cohort.ended))
    columns = [cohort.ended[outcome] for outcome in outcomes]
    every = (*columns, cohort.still_open, cohort.silent)
    if any(count < 0 for counts in every for count in counts.values()):
        raise ValueError("a cohort counts below zero: more was taken back than had been counted")
    n_open, n_silent = sum(cohort.still_open.values()), sum(cohort.silent.values())
    n = at_risk = sum(sum(counts.values()) for counts in every)
    rows = []
    exposure_s = 0
    for time_s in sorted(set().union(*every)):
        by_outcome = tuple(counts.get(time_s, 0) for counts in columns)
        ended = sum(by_outcome)
        censored = cohort.still_open.get(time_s, 0) + cohort.silent.get(time_s, 0)
        if ended + censored:
            rows.append(RiskRow(time_s, at_risk, ended, by_outcome, censored))
            at_risk -= ended + censored
            exposure_s += max(time_s, 0) * (ended + censored)
    return RiskTable(outcomes, tuple(rows), n, n - n_open - n_silent, n_open, n_silent, exposure_s)


def exact_shares(table: RiskTable) -> Iterator[ExactShares]:
    """Yield the exact shares after each duration at which units ended.

    The common denominator grows only where a censoring came in between, so that it stays the number
    of units as long as nothing is censored. Work and memory grow with the square of the number of
    distinct censored durations: some 1,600 at most for a histogram.
    """
    whole = left = table.n
    shares = [0] * len(table.outcomes)
    for row in table.rows:
        if not row.ended:
            continue
        scale = row.at_risk // gcd(left, row.at_risk)
        if scale > 1:
            whole, left = whole * scale, left * scale
            shares = [share * scale for share in shares]
        before, unit = left, left // row.at_risk
        left -= unit * row.ended
        shares = [share + unit * d for share, d in zip(shares, row.by_outcome, strict=True)]
        yield ExactShares(row, before, left, tuple(shares), whole)


def followed(table: RiskTable, time_s: int, waiting: Fraction) -> float | None:
    """Return how many units were followed for so long, those that ended before included.

    At risk afterwards over the share still waiting; all units where nothing is censored earlier.
    None where that cannot be told.
    """
    earlier = [row for row in table.rows if row.time_s <= time_s]
    if not any(row.censored for row in earlier):
        return float(table.n)
    at_risk = table.n - sum(row.ended + row.censored for row in earlier)
    return float(at_risk / waiting) if waiting and at_risk else None


def log_log_limits(share: float, log_share: float, error: float, z: float) -> tuple[float, float]:
    """Return the limits of a share between 0 and 1 whose logarithm is ``log_share``.

    ``error`` is the standard error of the logarithm. The interval is symmetric in log(-log), so it
    stays within 0 and 1 (Kalbfleisch and Prentice 1980).
    """
    reach = z * error / -log_share
    if reach > _FAR:
        return 0.0, 1.0
    low, high = exp(log_share * exp(reach)), exp(log_share * exp(-reach))
    return min(low, share), max(high, share)


def log_of(part: int, whole: int) -> float:
    """Return log(part / whole) without losing digits where the ratio is near one."""
    return log1p(-((whole - part) / whole)) if 2 * part > whole else log(part / whole)


class _Band(NamedTuple):
    time_s: int
    left: int
    whole: int
    low: float
    high: float
    """Limits of the share still waiting; 0 and 1 where Greenwood's formula has none."""


def _bands(table: RiskTable, z: float) -> Iterator[_Band]:
    greenwood = 0
    for shares in exact_shares(table):
        row = shares.row
        if not shares.left:
            yield _Band(row.time_s, 0, shares.whole, 0.0, 1.0)
            return
        greenwood += (row.ended << _GREENWOOD_BITS) // (row.at_risk * (row.at_risk - row.ended))
        error = sqrt(greenwood / (1 << _GREENWOOD_BITS))
        limits = log_log_limits(
            shares.left / shares.whole, log_of(shares.left, shares.whole), error, z
        )
        yield _Band(row.time_s, shares.left, shares.whole, *limits)


def share_waiting(table: RiskTable, time_s: int, level: float = LEVEL) -> Estimated:
    """Return the share of units that take longer than ``time_s`` (Kaplan-Meier, Greenwood, log-log).

    As long as nobody has ended, the limit is Wilson's for the number of units followed. Where
    everybody has, there is no upper bound unless nothing was censored.

    Raises:
        ValueError: The level is not between 0 and 1.
    """
    z = normal_quantile(level)
    if not table.rows:
        return NotEstimable("no units")
    bands = [band for band in _bands(table, z) if band.time_s <= time_s]
    waiting = Fraction(bands[-1].left, bands[-1].whole) if bands else Fraction(1)
    if waiting and table.rows[-1].time_s < time_s:
        return NotEstimable(f"nobody was followed for longer than {table.rows[-1].time_s} s")
    low: float | None
    high: float | None
    if bands and waiting:
        low, high = bands[-1].low, bands[-1].high
    else:
        n = followed(table, time_s, waiting)
        limits = (None, None) if n is None else wilson_limits(float(waiting) * n, n, z)
        low, high = (limits[0], 1.0) if waiting else (0.0, limits[1])
    return Estimate(estimate=float(waiting), low=low, high=high, level=level, method=KAPLAN_MEIER)


def quantile(table: RiskTable, p: Fraction, level: float = LEVEL) -> Quantile | NotEstimable:
    """Return the shortest duration within which a share ``p`` of the units has ended.

    Without censoring this is the order statistic x(k), k = max(1, ceil(p n)). The interval inverts
    the log-log band (Brookmeyer and Crowley 1982): from where its lower edge, to where its upper
    edge falls to 1 - p.

    Raises:
        ValueError: ``p`` or the level is not between 0 and 1.
    """
    rest = 1 - p
    bound = float(rest)
    steps = (
        Reached(
            band.time_s,
            may=band.low <= bound,
            has=band.left * rest.denominator <= band.whole * rest.numerator,
            must=band.high <= bound,
        )
        for band in _bands(table, normal_quantile(level))
    )
    return reaching(table, p, steps, level=level, method=KAPLAN_MEIER)


class Reached(NamedTuple):
    """What has reached a share by a duration."""

    time_s: int
    may: bool
    """The edge of the band that is nearer to it."""
    has: bool
    """The estimate."""
    must: bool
    """The further edge: the interval ends here."""


def reaching(
    table: RiskTable, p: Fraction, steps: Iterable[Reached], *, level: float, method: Method
) -> Quantile | NotEstimable:
    """Return the duration by which a share ``p`` is reached, going along the steps of an estimate and its band.

    Raises:
        ValueError: ``p`` is not between 0 and 1.
    """
    if not 0 < p < 1:
        raise ValueError(f"a quantile lies between 0 and 1, not at {p}")
    if not table.rows:
        return NotEstimable("no units")
    value_s: int | None = None
    low_s: int | None = None
    high_s: int | None = None
    for step in steps:
        if low_s is None and step.may:
            low_s = step.time_s
        if value_s is None and step.has:
            value_s = step.time_s
        if step.must:
            high_s = step.time_s
            break
    return Quantile(
        p=p,
        value_s=value_s,
        longer_than_s=table.rows[-1].time_s if value_s is None else None,
        low_s=low_s,
        high_s=high_s,
        level=level,
        method=method,
    )
