"""Consignments ranked by a score: what selecting the first of them finds, where only some were controlled.

Every consignment of a flow has its place in the ranking, controlled or not, so that the top is known and only what lies
in it is not. Of S, selected other than by chance and controlled, that is known too; of the rest a random arm tells it.
What is asked of the random arm, and when it is refused, is that of `sstl.core.statistics.recall`. Formulas:
docs/statistics.md (rankings).
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import ceil, hypot, isnan
from typing import Final

import msgspec

from sstl.core.indicators.arm import Arm, flow_of_arms
from sstl.core.statistics.proportions import normal_quantile, wilson_limits
from sstl.core.statistics.ranking import Found, Scored, Top, WeightedShare, top
from sstl.core.statistics.recall import (
    Flow,
    RandomStratum,
    controlled_strata,
    effectiveness,
    hits_outside,
)
from sstl.core.statistics.result import LEVEL, Estimate, Estimated, Method, NotEstimable

RANKED_FLOW: Final = Method("wilson-ranked-flow", 1)
NO_REVENUE: Final = "the random arm found no revenue: nothing bounds what nobody looked at"


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """A consignment in a ranking."""

    consignment: str
    score: float
    """Before it was decided upon; the higher, the earlier it would be selected."""
    arm: Arm
    revenue: int = 0
    """Recoverable, found by its controls, in whole units of the currency; never negative."""


class _Part(msgspec.Struct):
    """What is known of a part of a ranking."""

    units: int = 0
    targeted: int = 0
    """Of S."""
    found: int = 0
    """Hits among these."""
    random: dict[Fraction, int] = {}
    """Hits of the random arm outside S, by the chance of being drawn."""
    clean: int = 0
    """Random controls outside S that found nothing."""


class _Hits(msgspec.Struct, frozen=True):
    """How many hits lie in a part of a ranking."""

    known: int
    """Of S."""
    missed: float
    """Outside S."""
    low: float
    high: float
    by_chance: int
    """Hits of the random arm."""

    @property
    def all(self) -> float:
        return self.known + self.missed


def tops(
    units: Iterable[Ranked], shares: Sequence[Fraction], level: float = LEVEL
) -> Sequence[Top]:
    """Return what the first ceil(share N) of N consignments hold, for each share.

    Where all were controlled that is counted (`sstl.core.statistics.ranking.top`).

    Raises:
        ValueError: A share is not in 0 to 1, a score is not a number, or a revenue is negative.
    """
    given = list(units)
    for one in given:
        if isnan(one.score) or one.revenue < 0:
            raise ValueError(f"consignment {one.consignment} cannot be ranked")
    for share in shares:
        if not 0 < share <= 1:
            raise ValueError(f"a share of a ranking is above 0 and at most 1, not {share}")
    if all(one.arm.is_done for one in given):
        scored = [
            Scored(
                unit_id=one.consignment,
                score=one.score,
                illicit=one.arm.hit,
                revenue=one.revenue if one.arm.hit else 0,
            )
            for one in given
        ]
        return [top(scored, share, level) for share in shares]
    ranking = _Ranking(given, level)
    return [ranking.top(share) for share in shares]


class _Ranking:
    """A flow in the order of the scores, of equal ones in that of the consignments."""

    def __init__(self, given: Iterable[Ranked], level: float) -> None:
        self.ranked = sorted(given, key=lambda one: (-one.score, one.consignment))
        self.level = level
        flow = flow_of_arms((one.arm, 1) for one in self.ranked)
        if not flow.targeted.selected:
            # a random arm alone: nothing that its control types could differ from
            alone = msgspec.structs.replace(flow.targeted, control_types=flow.random_control_types)
            flow = Flow(
                targeted=alone,
                outside=flow.outside,
                random_control_types=flow.random_control_types,
            )
        self.outside = flow.outside
        recall = effectiveness(flow, level).targeting_recall
        self.unfit = recall if isinstance(recall, NotEstimable) else None
        weights = {} if self.unfit else _weights(flow.outside)
        self.weighted = [
            (place, one, _weight(one.arm, weights))
            for place, one in enumerate(self.ranked)
            if one.arm.hit
        ]
        """Place of each hit, and for how many hits it stands."""

    def top(self, share: Fraction) -> Top:
        selected = ceil(share * len(self.ranked))
        inside = _part(self.ranked[:selected])
        below = _part(self.ranked[selected:])
        precision, recall, revenue = self._figures(inside, below, selected)
        # of equal scores below the top nothing is known where the random arm says nothing
        hits, money = (0, 0) if self.unfit else self._expected(selected)
        total = sum(weight for _, _, weight in self.weighted)
        value = sum(weight * one.revenue for _, one, weight in self.weighted)
        return Top(
            share=share,
            selected=selected,
            precision=Found(
                value=precision,
                expected=None if self.unfit else _part_of(hits, selected, precision),
            ),
            recall=Found(value=recall, expected=_part_of(hits, total, recall)),
            revenue=Found(value=revenue, expected=_part_of(money, value, revenue)),
            all_controlled=False,
        )

    def _figures(
        self, inside: _Part, below: _Part, selected: int
    ) -> tuple[Estimated, Estimated, Estimated]:
        if self.unfit is not None:
            whole = inside.targeted == inside.units
            counted = _Hits(inside.found, 0, 0, 0, 0)
            precision = self._precision(counted, inside) if whole else self.unfit
            return precision, self.unfit, self.unfit
        above, under = self._hits(inside), self._hits(below)
        return (
            self._precision(above, inside),
            self._recall(above, under),
            self._revenue(selected),
        )

    def _hits(self, part: _Part) -> _Hits:
        strata = [
            msgspec.structs.replace(one, hits=part.random.get(one.probability, 0))
            for one in self.outside
        ]
        missed = hits_outside(strata, self.level)
        most = float(part.units - part.targeted - part.clean)
        by_chance = sum(part.random.values())
        known = [
            missed.estimate or 0.0,
            missed.low or 0.0,
            most if missed.high is None else missed.high,
        ]
        estimate, low, high = (min(one, most) for one in known)
        return _Hits(part.found, estimate, low, high, by_chance)

    def _precision(self, hits: _Hits, part: _Part) -> Estimated:
        """Return the share of hits: Wilson's of S and what the random arm says of the rest, their distances squared."""
        if not part.units:
            return NotEstimable("no consignments")
        low, high = 0.0, 0.0
        if part.targeted:
            z = normal_quantile(self.level)
            low, high = (one * part.targeted for one in wilson_limits(part.found, part.targeted, z))
        down = hypot(hits.known - low, hits.missed - hits.low)
        up = hypot(high - hits.known if part.targeted else 0.0, hits.high - hits.missed)
        return Estimate(
            estimate=hits.all / part.units,
            low=max(hits.all - down, 0.0) / part.units,
            high=min((hits.all + up) / part.units, 1.0),
            level=self.level,
            method=RANKED_FLOW,
        )

    def _recall(self, above: _Hits, under: _Hits) -> Estimated:
        """Return the share of all hits that lie in the top; S is counted, only the rest is uncertain.

        Where the random arm found nothing below the top, nothing says how few hits lie there: a lower bound only.
        """
        here, there = above.all, under.all
        least, most = above.known + above.low, above.known + above.high
        low, high = under.known + under.low, under.known + under.high
        share = _share(here, there)
        down = hypot(share - _share(least, there), share - _share(here, high))
        up = hypot(_share(most, there) - share, _share(here, low) - share)
        bounded = under.by_chance or not under.high
        return Estimate(
            estimate=share if bounded else None,
            low=max(share - down, _share(least, high)),
            high=min(share + up, _share(most, low)) if bounded else None,
            level=self.level,
            method=RANKED_FLOW,
        )

    def _revenue(self, selected: int) -> Estimated:
        share, by_chance = WeightedShare(), False
        for place, one, weight in self.weighted:
            value = weight * one.revenue
            share.add(value, inside=place < selected)
            by_chance = by_chance or (value > 0 and not one.arm.targeted)
        if not by_chance:
            return NotEstimable(NO_REVENUE if share.total else "no recoverable revenue")
        return share.estimate(self.level, "no recoverable revenue")

    def _expected(self, selected: int) -> tuple[Fraction | int, Fraction | int]:
        """Return hits and revenue in the top, as the mean over every order of consignments of one score."""
        hits: Fraction | int = 0
        money: Fraction | int = 0
        edge = self.ranked[selected - 1].score if selected else 0.0
        first = sum(one.score > edge for one in self.ranked)
        tied = sum(one.score == edge for one in self.ranked)
        for _, one, stands_for in self.weighted:
            if one.score >= edge:
                weight = stands_for
                if one.score == edge:
                    weight *= Fraction(selected - first, tied)
                hits += weight
                money += weight * one.revenue
        return hits, money


def _part(ranked: Sequence[Ranked]) -> _Part:
    part = _Part(units=len(ranked))
    for one in ranked:
        arm = one.arm
        if arm.targeted and arm.is_done:
            part.targeted += 1
            part.found += arm.hit
        elif arm.drawn and arm.is_done:
            if arm.hit:
                part.random[arm.probability] = part.random.get(arm.probability, 0) + 1
            else:
                part.clean += 1
    return part


def _weights(outside: Sequence[RandomStratum]) -> Mapping[Fraction, Fraction]:
    """Return for how many consignments a random control stands, by its chance of being drawn."""
    strata = controlled_strata(outside)
    found = {}
    for one in outside:
        merged = next(other for other in strata if other.probability >= one.probability)
        found[one.probability] = Fraction(merged.eligible, merged.done)
    return found


def _weight(arm: Arm, weights: Mapping[Fraction, Fraction]) -> Fraction | int:
    """Return for how many hits one stands: itself in S, in the random arm others too."""
    if arm.targeted:
        return 1
    return weights.get(arm.probability, 0) if arm.drawn else 0


def _share(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest else 0.0


def _part_of(found: Fraction | int, total: Fraction | int, known: Estimated) -> float | None:
    if isinstance(known, NotEstimable) or known.estimate is None or not total:
        return None
    return float(Fraction(found) / total)
