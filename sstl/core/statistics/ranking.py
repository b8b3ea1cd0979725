"""How much a ranking by score finds in its top: precision, recall and revenue at q.

Every controlled unit stands for 1 / probability units, its chance of having been controlled. Where
all units were controlled each stands for itself; ``Top.all_controlled`` says so, for such figures
test a ranking and say nothing of trade that nobody looked at. Formulas: docs/statistics.md.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import groupby
from math import ceil, isnan
from typing import Final, TypeAlias

import msgspec

from sstl.core.statistics.proportions import effective_units, normal_quantile, wilson_limits
from sstl.core.statistics.result import LEVEL, Estimate, Estimated, Method, NotEstimable

SHARES: Final = (Fraction(1, 100), Fraction(1, 50), Fraction(1, 20), Fraction(1, 10))
"""The q at which rankings are commonly compared: 1, 2, 5 and 10 %."""

WEIGHTED_SHARE: Final = Method("wilson-weighted-share", 1)

_Number: TypeAlias = int | Fraction
"""Exact; whole where all units were controlled, which is much the faster."""


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """A controlled unit, its score before the control and what the control found."""

    unit_id: str
    score: float
    """The higher, the earlier it would be selected."""
    illicit: bool
    revenue: int = 0
    """Recoverable, in the smallest unit of the currency; never negative."""
    probability: Fraction = Fraction(1)
    """Chance of having been controlled, above 0."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the top of a ranking."""

    value: Estimated
    """Units of one score in the order of their ids."""
    expected: float | None
    """Mean over every order of units of one score; None where there is no value."""


class Top(msgspec.Struct, frozen=True, kw_only=True):
    """What selecting the first ``selected`` units would find."""

    share: Fraction
    selected: int
    """ceil(q N), N being how many units the controlled ones stand for."""
    precision: Found
    recall: Found
    revenue: Found
    all_controlled: bool


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A point of the selection efficiency curve."""

    selected: Fraction
    """Share of all units."""
    found: float
    """Share of all illicit units, the mean over every order of units of one score."""


class WeightedShare(msgspec.Struct):
    """Sums of weighted values, inside a share and of all; exact."""

    inside: _Number = 0
    total: _Number = 0
    squares_inside: _Number = 0
    squares: _Number = 0
    units: int = 0

    def add(self, value: _Number, *, inside: bool) -> None:
        """Add a unit's weighted value; 0 adds nothing."""
        if value:
            square = value * value
            self.total += value
            self.squares += square
            self.units += 1
            if inside:
                self.inside += value
                self.squares_inside += square

    def estimate(self, level: float, missing: str) -> Estimated:
        """Return the share inside, on as many units as its linearised variance is worth."""
        if not self.total:
            return NotEstimable(missing)
        share = Fraction(self.inside) / self.total
        outside = self.squares - self.squares_inside
        spread = (1 - share) ** 2 * self.squares_inside + share**2 * outside
        alike = float(Fraction(self.total**2) / self.squares)
        effective = effective_units(
            float(share), float(spread / self.total**2), units=self.units, none=alike
        )
        low, high = wilson_limits(float(share) * effective, effective, normal_quantile(level))
        return Estimate(
            estimate=float(share), low=low, high=high, level=level, method=WEIGHTED_SHARE
        )


def top(units: Iterable[Scored], share: Fraction, level: float = LEVEL) -> Top:
    """Return what the first ceil(share N) units of a ranking find.

    A unit on the boundary that stands for several counts with the part that is inside.

    Raises:
        ValueError: The share is not in 0 to 1, a score is not a number, a revenue is negative, or a
            probability is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"a share of a ranking is above 0 and at most 1, not {share}")
    ranked = _ranked(units)
    number = sum(_weight(unit) for unit in ranked)
    selected = ceil(share * number)
    precision, recall, revenue = WeightedShare(), WeightedShare(), WeightedShare()
    room: _Number = selected
    for unit in ranked:
        weight = _weight(unit)
        taken = min(room, weight)
        room -= taken
        precision.add(taken, inside=unit.illicit)
        for value, inside in ((taken, True), (weight - taken, False)):
            recall.add(value * unit.illicit, inside=inside)
            revenue.add(value * unit.revenue, inside=inside)
    hits, money = _expected(ranked, selected)
    return Top(
        share=share,
        selected=selected,
        precision=_found(precision, hits, precision.total, level, "no units"),
        recall=_found(recall, hits, recall.total, level, "no illicit unit"),
        revenue=_found(revenue, money, revenue.total, level, "no recoverable revenue"),
        all_controlled=all(unit.probability == 1 for unit in ranked),
    )


def selection_curve(units: Iterable[Scored], shares: Sequence[Fraction]) -> list[Point]:
    """Return the share of illicit units that each share of selection finds; none without any.

    Raises:
        ValueError: As for ``top``.
    """
    ranked = _ranked(units)
    number = sum(_weight(unit) for unit in ranked)
    illicit = sum(_weight(unit) for unit in ranked if unit.illicit)
    if not illicit:
        return []
    return [
        Point(selected=share, found=float(Fraction(_expected(ranked, share * number)[0]) / illicit))
        for share in shares
    ]


def _weight(unit: Scored) -> _Number:
    return 1 if unit.probability == 1 else 1 / unit.probability


def _ranked(units: Iterable[Scored]) -> list[Scored]:
    given = list(units)
    for unit in given:
        if isnan(unit.score) or unit.revenue < 0 or not 0 < unit.probability <= 1:
            raise ValueError(f"unit {unit.unit_id} cannot be ranked")
    return sorted(given, key=lambda unit: (-unit.score, unit.unit_id))


def _expected(ranked: Sequence[Scored], room: _Number) -> tuple[_Number, _Number]:
    """Return illicit units and revenue in the top, as the mean over every order of ties."""
    hits: _Number = 0
    money: _Number = 0
    for _, group in groupby(ranked, key=lambda unit: unit.score):
        tied = list(group)
        weight = sum(_weight(unit) for unit in tied)
        part = 1 if room >= weight else Fraction(room) / weight
        hits += part * sum(_weight(unit) for unit in tied if unit.illicit)
        money += part * sum(_weight(unit) * unit.revenue for unit in tied)
        room -= part * weight
        if not room:
            break
    return hits, money


def _found(
    part: WeightedShare, found: _Number, total: _Number, level: float, missing: str
) -> Found:
    return Found(
        value=part.estimate(level, missing),
        expected=float(Fraction(found) / total) if total else None,
    )
