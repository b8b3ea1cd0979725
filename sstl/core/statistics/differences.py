"""Two groups compared within strata: Hodges-Lehmann difference and ratio of geometric means.

Only strata (lane, mode, week, channel) with some clusters of both groups are compared. The difference is
the median of all differences between a member and a unit of the comparison group of the same
stratum, each weighted with 1 / (m + n + 1) of its stratum: where the stratified Wilcoxon statistic
of van Elteren (1960) is zero (Hodges and Lehmann 1963). The ratio is exp of the mean of the strata's
differences of mean logarithms, weighted with m n / (m + n).

Intervals are percentiles of a bootstrap that draws clusters (journeys, operator-days): units of one
cluster are no independent witnesses. The draws are given in (`sstl.core.statistics.draws`); clusters
are drawn in the order of their ids, so that the interval does not depend on how the units arrived.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from math import exp, fsum, lcm
from operator import mul
from typing import Final, NamedTuple

import msgspec

from sstl.core.fixed_point import LOG_BITS, ln_fixed
from sstl.core.statistics.draws import Draws
from sstl.core.statistics.result import LEVEL, Estimate, Estimated, Method, NotEstimable

HODGES_LEHMANN: Final = Method("stratified-hodges-lehmann-cluster-bootstrap", 1)
GEOMETRIC_RATIO: Final = Method("stratified-geometric-mean-ratio-cluster-bootstrap", 1)

MINIMUM: Final = 30
"""Fewer clusters of either group in the strata compared: insufficient data."""
MINIMUM_IN_STRATUM: Final = 5
"""With fewer of either group in a stratum its pairs, drawn anew, vary more than the pairs do: intervals
grow too long (2 or 3 of each: they hold in 98 of 100 worlds)."""
REPLICATES: Final = 999
"""One less than a round number, so that a percentile is a replicate."""

_FIRST_STEP_S: Final = 64
_KEPT_POSITIONS: Final = 6_000_000
"""Places found by bisection that are kept between replicates, together."""


class Unit(NamedTuple):
    """One counting unit with a duration."""

    cluster: str
    """What it shares with others: its journey, or operator and day."""
    stratum: str
    member: bool
    """Of the group that is asked about (AEO, SSTL, inspected), not of its comparison group."""
    value_s: int


class StratumMix(NamedTuple):
    """How many units of each group a stratum has: the mix that is published beside a comparison."""

    stratum: str
    members: int
    comparison: int


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What can be said about two groups; differences are members less comparison."""

    difference_s: Estimated
    ratio: Estimated
    """Of geometric means; positive durations only."""
    n_members: int
    """In the strata compared, as all that follows but the units left out and the mix."""
    n_comparison: int
    clusters_members: int
    clusters_comparison: int
    strata: int
    n_unmatched: int
    """Units of strata with too few clusters of one group: nothing to compare them with."""
    n_not_positive: int
    """Left out of the ratio only."""
    mix: tuple[StratumMix, ...]
    """All strata, in order of their names."""


class _Side(NamedTuple):
    values: list[int]
    """In ascending order."""
    clusters: list[int]
    """Place of each value's cluster."""


class _Stratum:
    """Sorted units of both groups; a replicate only changes how often each counts."""

    def __init__(self, members: _Side, comparison: _Side) -> None:
        self.members, self.comparison = members, comparison
        self.size = len(members.values)
        self._places: dict[int, list[int]] = {}

    def places(self, difference: int, room: int) -> list[int]:
        """Return for each member where in the comparison group ``member - difference`` belongs."""
        found = self._places.get(difference)
        if found is None:
            ys = self.comparison.values
            found = [bisect_left(ys, value - difference) for value in self.members.values]
            if len(self._places) < room:
                self._places[difference] = found
        return found


class _Weighted:
    """The pairs of one stratum as often as a replicate has them."""

    __slots__ = ("_below", "_stratum", "_times", "factor", "pairs", "size")

    def __init__(self, stratum: _Stratum, times: Sequence[int]) -> None:
        self._stratum = stratum
        self._times = [times[cluster] for cluster in stratum.members.clusters]
        others = (times[cluster] for cluster in stratum.comparison.clusters)
        self._below = list(accumulate(others, initial=0))
        m, n = sum(self._times), self._below[-1]
        self.pairs = m * n
        self.size = m + n + 1
        self.factor = 0

    def up_to(self, difference: int, room: int) -> int:
        """Return the weight of the pairs that differ by this or less."""
        places = self._stratum.places(difference, room)
        above: int = sum(map(mul, self._times, map(self._below.__getitem__, places)))
        return self.factor * (self.pairs - above)


def _first(
    weight: Callable[[int], int], bounds: tuple[int, int], least: int, most: int, near: int
) -> tuple[int, int]:
    """Return the first difference with at least so much weight up to it, and that weight.

    Steps away from ``near`` until it is passed, then looks a little to either side of where the weights known so far
    point, so that both ends come near; halves where two steps did not, for weights that grow in jumps.

    Args:
        weight: Weight up to a difference; it never falls.
        bounds: One below, with less weight, and one with enough.
        least: The weight asked for.
        most: The weight at the upper bound.
        near: Where to begin.
    """
    (low, high), below, reached = bounds, 0, most
    at, step, passed = near, _FIRST_STEP_S, [False, False]
    widths = (high - low, high - low)
    while high - low > 1:
        at = min(max(at, low + 1), high - 1)
        found = weight(at)
        enough = found >= least
        if enough:
            high, reached = at, found
        else:
            low, below = at, found
        passed[enough] = True
        if not all(passed):
            at += -step if enough else step
            step *= 4
            continue
        at = (low + high) // 2
        width, widths = widths[0], (widths[1], high - low)
        if 2 * (high - low) < width:
            at = low + (least - below) * (high - low) // (reached - below)
            # of a coarse grid, so that replicates meet the same places
            beside = 1 << ((high - low) // 64).bit_length()
            at = (at // beside - 1) * beside if enough else (at // beside + 1) * beside
    return high, reached


def _twice_hodges_lehmann(
    strata: Sequence[_Stratum],
    times: Sequence[int],
    bounds: tuple[int, int],
    room: int,
    near: int | None = None,
) -> int | None:
    """Return twice the weighted median of the differences; None without a pair.

    Durations are integers, so the median is searched for between the bounds of all differences, beginning ``near``.
    """
    weighted = [one for stratum in strata if (one := _Weighted(stratum, times)).pairs]
    if not weighted:
        return None
    common = lcm(*(one.size for one in weighted))
    for one in weighted:
        one.factor = common // one.size
    total = sum(one.factor * one.pairs for one in weighted)

    def twice(difference: int) -> int:
        return 2 * sum(one.up_to(difference, room) for one in weighted)

    begin = sum(bounds) // 2 if near is None else near
    lower, reached = _first(twice, bounds, total, 2 * total, begin)
    if reached > total:
        return 2 * lower
    return lower + _first(twice, (lower, bounds[1]), total + 1, 2 * total, lower + 1)[0]


def _log_ratio(strata: Sequence["_Logs"], times: Sequence[int]) -> float | None:
    """Return the weighted mean difference of mean logarithms; None without a pair."""
    numerators, weights = [], []
    for one in strata:
        m, x = one.sums(one.members, times)
        n, y = one.sums(one.comparison, times)
        if m and n:
            numerators.append((x * n - y * m) / ((m + n) << LOG_BITS))
            weights.append(m * n / (m + n))
    return fsum(numerators) / fsum(weights) if weights else None


class _Logs(NamedTuple):
    members: _Side
    comparison: _Side

    @staticmethod
    def sums(side: _Side, times: Sequence[int]) -> tuple[int, int]:
        """Return how many units a replicate has and the sum of their logarithms."""
        own = [times[cluster] for cluster in side.clusters]
        return sum(own), sum(map(mul, own, side.values))


def _percentiles(replicates: list[float], level: float) -> tuple[float, float]:
    ordered = sorted(replicates)
    place = max(1, int((len(ordered) + 1) * (1 - level) / 2 + 1e-9))
    return ordered[place - 1], ordered[-place]


def _side(units: Iterable[Unit], places: dict[str, int]) -> _Side:
    ordered = sorted((unit.value_s, places[unit.cluster]) for unit in units)
    return _Side([value for value, _ in ordered], [place for _, place in ordered])


def _logs(side: _Side) -> _Side:
    positive = bisect_left(side.values, 1)
    return _Side(list(map(ln_fixed, side.values[positive:])), side.clusters[positive:])


def _groups(units: Iterable[Unit]) -> Iterator[tuple[str, list[Unit], list[Unit]]]:
    groups: dict[str, tuple[list[Unit], list[Unit]]] = {}
    for unit in units:
        groups.setdefault(unit.stratum, ([], []))[0 if unit.member else 1].append(unit)
    for stratum, (members, comparison) in sorted(groups.items()):
        yield stratum, members, comparison


def compare(
    units: Iterable[Unit],
    draws: Draws,
    *,
    minimum: int = MINIMUM,
    minimum_in_stratum: int = MINIMUM_IN_STRATUM,
    replicates: int = REPLICATES,
    level: float = LEVEL,
) -> Comparison:
    """Return how the durations of the two groups differ within strata.

    The work is one pass over the units for each replicate and step of a search, about seven: a
    second of CPU for 1,000 units and 999 replicates, 17 for 20,000.

    Args:
        units: Counting units of both groups, in any order.
        draws: The random stream; derive its seed from the name of the figure.
        minimum: Clusters that each group needs in all strata compared.
        minimum_in_stratum: Clusters that each group needs in a stratum for it to be compared.
        replicates: How often the clusters are drawn.
        level: Confidence of the intervals.

    Raises:
        ValueError: The level is not between 0 and 1, or there are too few replicates for it.
    """
    if not 0 < level < 1 or (replicates + 1) * (1 - level) / 2 + 1e-9 < 1:
        raise ValueError(f"{replicates} replicates have no interval at level {level}")
    every = list(_groups(units))
    both = [pair for _, *pair in every if min(map(_clusters, pair)) >= max(1, minimum_in_stratum)]
    clusters = [{unit.cluster for pair in both for unit in pair[side]} for side in (0, 1)]
    places = {cluster: place for place, cluster in enumerate(sorted(clusters[0] | clusters[1]))}
    sides = [(_side(members, places), _side(comparison, places)) for members, comparison in both]
    logs = [_Logs(_logs(members), _logs(comparison)) for members, comparison in sides]
    n_members = sum(len(members) for members, _ in both)
    n_comparison = sum(len(comparison) for _, comparison in both)
    positive = sum(len(one.members.values) + len(one.comparison.values) for one in logs)
    difference: Estimated
    ratio: Estimated
    fewest = min(len(clusters[0]), len(clusters[1]))
    if fewest < minimum:
        difference = ratio = NotEstimable(
            f"insufficient data: {fewest} of at least {minimum} clusters in one group"
        )
    else:
        times = [draws.multiplicities(number, len(places)) for number in range(replicates)]
        difference = _difference(sides, times, level)
        ratio = _ratio(logs, times, minimum, level)
    return Comparison(
        difference_s=difference,
        ratio=ratio,
        n_members=n_members,
        n_comparison=n_comparison,
        clusters_members=len(clusters[0]),
        clusters_comparison=len(clusters[1]),
        strata=len(both),
        n_unmatched=sum(len(a) + len(b) for _, a, b in every) - n_members - n_comparison,
        n_not_positive=n_members + n_comparison - positive,
        mix=tuple(StratumMix(stratum, len(a), len(b)) for stratum, a, b in every),
    )


def _clusters(units: Iterable[Unit]) -> int:
    return len({unit.cluster for unit in units})


def _difference(
    sides: Sequence[tuple[_Side, _Side]], times: Sequence[Sequence[int]], level: float
) -> Estimated:
    strata = [_Stratum(members, comparison) for members, comparison in sides]
    bounds = (
        min(one.members.values[0] - one.comparison.values[-1] for one in strata) - 1,
        max(one.members.values[-1] - one.comparison.values[0] for one in strata),
    )
    room = _KEPT_POSITIONS // sum(one.size for one in strata)
    once = _twice_hodges_lehmann(strata, [1] * len(times[0]), bounds, room)
    near = None if once is None else once // 2
    found = (_twice_hodges_lehmann(strata, one, bounds, room, near) for one in times)
    drawn = [twice / 2 for twice in found if twice is not None]
    if once is None or len(drawn) < len(times):
        return NotEstimable("insufficient data: clusters drawn anew share no stratum")
    low, high = _percentiles(drawn, level)
    return Estimate(estimate=once / 2, low=low, high=high, level=level, method=HODGES_LEHMANN)


def _ratio(
    logs: Sequence[_Logs], times: Sequence[Sequence[int]], minimum: int, level: float
) -> Estimated:
    comparable = [one for one in logs if one.members.values and one.comparison.values]
    fewest = min(
        len({cluster for one in comparable for cluster in one[side].clusters}) for side in (0, 1)
    )
    if fewest < minimum:
        return NotEstimable(
            f"insufficient data: {fewest} of at least {minimum} clusters with positive durations"
        )
    once = _log_ratio(comparable, [1] * len(times[0]))
    found = (_log_ratio(comparable, one) for one in times)
    drawn = [one for one in found if one is not None]
    if once is None or len(drawn) < len(times):
        return NotEstimable("insufficient data: clusters drawn anew share no stratum")
    low, high = _percentiles(drawn, level)
    return Estimate(
        estimate=exp(once), low=exp(low), high=exp(high), level=level, method=GEOMETRIC_RATIO
    )
