"""How much of a change of a mean is change within classes and how much is a change of their mix.

With shares p and means m of classes k in two periods, the difference of the crude means is

    sum w_k (m2_k - m1_k)  +  sum v_k (p2_k - p1_k)

where w, v = p1, m2 (the mix of the first period is the standard: direct standardisation), p2, m1 (of
the second) or the averages of both (Kitagawa 1955). Either way the two sums add up to the crude
difference exactly: everything is a ratio of integers. There is no interval: lead times are so skewed
that intervals of their means do not hold what they say (docs/statistics.md).
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

import msgspec

from sstl.core.statistics.result import NotEstimable


class Standard(StrEnum):
    """Whose mix of classes the change within classes is weighted with."""

    FIRST = "first"
    SECOND = "second"
    AVERAGE = "average"
    """Kitagawa's: the interaction of both changes is shared equally."""


class Total(msgspec.Struct, frozen=True):
    """Sums of integers over the observations of one class, in any one unit of time."""

    n: int
    total: int

    def plus(self, other: "Total") -> "Total":
        """Return the sum of both."""
        return Total(self.n + other.n, self.total + other.total)


class Part(NamedTuple):
    """What one class contributes to the difference."""

    name: str
    share_first: Fraction
    share_second: Fraction
    mean_first: Fraction | None
    """None: no observation in this period."""
    mean_second: Fraction | None
    within: Fraction
    mix: Fraction
    """Change of its share times how far its mean lies from the middle of both crude means."""


class Decomposition(NamedTuple):
    """``crude == within + mix``, exactly, in the unit of the totals."""

    first: Fraction
    """Crude mean of the first period."""
    second: Fraction
    crude: Fraction
    within: Fraction
    """What the mean would have changed by had the mix stayed the standard's."""
    mix: Fraction
    standard: Standard
    parts: tuple[Part, ...]
    """In order of the names."""

    @property
    def unmatched(self) -> tuple[str, ...]:
        """Classes seen in one of the periods only: their change within cannot be known."""
        return tuple(
            part.name for part in self.parts if None in (part.mean_first, part.mean_second)
        )


def combined_totals(parts: Iterable[Mapping[str, Total]]) -> dict[str, Total]:
    """Return the totals per class of all parts together (partitions, days, what is taken back)."""
    whole: dict[str, Total] = {}
    for part in parts:
        for name, total in part.items():
            whole[name] = whole[name].plus(total) if name in whole else total
    # Without units, but not empty: a correction whose other half is in another part.
    return {name: total for name, total in sorted(whole.items()) if total.n or total.total}


def _weights(
    standard: Standard, shares: tuple[Fraction, Fraction], means: tuple[Fraction, Fraction]
) -> tuple[Fraction, Fraction]:
    """Return what the changes of mean and of share of one class count with."""
    if standard is Standard.FIRST:
        return shares[0], means[1]
    if standard is Standard.SECOND:
        return shares[1], means[0]
    return (shares[0] + shares[1]) / 2, (means[0] + means[1]) / 2


def decompose(
    first: Mapping[str, Total],
    second: Mapping[str, Total],
    standard: Standard = Standard.FIRST,
) -> Decomposition | NotEstimable:
    """Return the difference of the means of two periods, second less first, within and by mix.

    A class that is seen in one period only changes the mix and nothing within: its mean counts as
    unchanged, and it is named as unmatched. Per class, the mix is taken about the middle of both
    crude means, so that a faster class that grows counts below zero; the sum is not touched by it.

    Raises:
        ValueError: A count is below zero, or a class without units has a sum.
    """
    counts = (
        sum(total.n for total in first.values()),
        sum(total.n for total in second.values()),
    )
    for total in (*first.values(), *second.values()):
        if total.n < 0:
            raise ValueError("a class counts below zero: more was taken back than had been counted")
        if not total.n and total.total:
            raise ValueError("a class without units has a sum: another value was taken back")
    if not all(counts):
        return NotEstimable("a period without observations")
    crude = (
        Fraction(sum(total.total for total in first.values()), counts[0]),
        Fraction(sum(total.total for total in second.values()), counts[1]),
    )
    middle = (crude[0] + crude[1]) / 2
    parts = []
    for name in sorted({*first, *second}):
        own = [period.get(name, Total(0, 0)) for period in (first, second)]
        if not any(total.n for total in own):
            continue
        shares = (Fraction(own[0].n, counts[0]), Fraction(own[1].n, counts[1]))
        seen = [Fraction(total.total, total.n) if total.n else None for total in own]
        means = (
            seen[0] if seen[0] is not None else (seen[1] or Fraction(0)),
            seen[1] if seen[1] is not None else (seen[0] or Fraction(0)),
        )
        weight, level = _weights(standard, shares, means)
        parts.append(
            Part(
                name,
                *shares,
                seen[0],
                seen[1],
                within=weight * (means[1] - means[0]),
                mix=(level - middle) * (shares[1] - shares[0]),
            )
        )
    return Decomposition(
        first=crude[0],
        second=crude[1],
        crude=crude[1] - crude[0],
        within=sum((part.within for part in parts), Fraction(0)),
        mix=sum((part.mix for part in parts), Fraction(0)),
        standard=standard,
        parts=tuple(parts),
    )
