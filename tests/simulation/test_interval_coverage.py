"""Intervals cover the truth as often as they say, in simulated worlds; every world not refused counts.

2,000 worlds each. Where every arm expects at least 10 hits and 10 non-hits, 93 to 97 % must be
covered; below that, averaged over rates log-uniform in 0.5 to 50 %, at least 93 %. One-sided intervals
count. Run with ``-s`` to see the figures; docs/statistics.md has them in a table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from sstl.core.statistics.proportions import (
    ClusterSums,
    bound,
    newcombe,
    wilson,
    wilson_clustered,
)
from sstl.core.statistics.rates import poisson_rate
from sstl.core.statistics.recall import (
    Effectiveness,
    Flow,
    RandomStratum,
    TargetedArm,
    effectiveness,
)
from sstl.core.statistics.result import Estimated, NotEstimable, Side

pytestmark = pytest.mark.simulation

WORLDS = 2000
FEW = 10
FIGURES = (
    "hit_rate",
    "prevalence",
    "lift_against_untargeted",
    "lift_against_flow",
    "missed",
    "total",
    "targeting_recall",
    "overall_recall",
    "leakage",
)
LIFTS = ("lift_against_untargeted", "lift_against_flow")
PHYSICAL = frozenset({"PHYSICAL"})
Counts = npt.NDArray[np.int64]
Rates = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Lane:
    """A lane to simulate: targeted controls, and strata outside of units, probability, relative rate."""

    targeted: int
    outside: tuple[tuple[int, Fraction, float], ...]
    hit_rate: float | None = None
    """None: a rate of its own in each world, log-uniform in 0.5 to 50 %."""
    prevalence: float | None = None
    execution: float = 1.0

    def expected_controls(self) -> float:
        return sum(units * float(p) for units, p, _ in self.outside) * self.execution


def lane(*outside: tuple[int, int, float], targeted: int, **rates: float) -> Lane:
    strata = tuple((units, Fraction(percent, 100), factor) for units, percent, factor in outside)
    return Lane(targeted=targeted, outside=strata, **rates)


ENOUGH = {
    "one probability": lane((20_000, 2, 1), targeted=200, hit_rate=0.3, prevalence=0.05),
    "small lane, 3 % drawn": lane((5_000, 3, 1), targeted=300, hit_rate=0.2, prevalence=0.1),
    "rare hits, 1 % drawn": lane((40_000, 1, 1), targeted=100, hit_rate=0.4, prevalence=0.03),
    "95 % of draws controlled": lane(
        (12_000, 2, 1), targeted=150, hit_rate=0.25, prevalence=0.08, execution=0.95
    ),
    "three probabilities, one rate": lane(
        (20_000, 1, 1), (4_000, 5, 1), (1_000, 20, 1), targeted=200, hit_rate=0.3, prevalence=0.1
    ),
    "three probabilities, rates rise": lane(
        (20_000, 1, 1), (4_000, 5, 3), (1_000, 10, 6), targeted=200, hit_rate=0.4, prevalence=0.2
    ),
}
SPARSE = {
    "40 random, 40 targeted": lane((4_000, 1, 1), targeted=40),
    "29 random, 150 targeted": lane((2_850, 1, 1), targeted=150),
    "100 random, 100 targeted": lane((5_000, 2, 1), targeted=100),
    "95 % of 60 draws controlled": lane((3_000, 2, 1), targeted=100, execution=0.95),
    "two probabilities, one rate": lane((4_000, 1, 1), (500, 20, 1), targeted=100),
    "two probabilities, rate 10 to 1": lane((4_000, 1, 10), (500, 20, 1), targeted=100),
    "two probabilities, rate 1 to 10": lane((4_000, 1, 1), (500, 20, 10), targeted=100),
}


def log_uniform(rng: np.random.Generator, size: int = WORLDS) -> Rates:
    return np.exp(rng.uniform(np.log(0.005), np.log(0.5), size))


def expects_few(units: float, rates: Rates) -> npt.NDArray[np.bool_]:
    few: npt.NDArray[np.bool_] = np.minimum(units * rates, units * (1 - rates)) < FEW
    return few


@dataclass(frozen=True)
class Simulated:
    """Worlds of one lane: rates, what was found, and what there was to find."""

    hit_rates: Rates
    prevalences: Rates
    """Of the process outside S, over all strata."""
    targeted_hits: Counts
    drawn: Counts
    done: Counts
    hits: Counts
    there: Counts
    """Hits outside S that exist, by stratum."""


def simulate(of: Lane, *, sparse: bool) -> Simulated:
    rng = np.random.default_rng(20_240_501)
    tries = 4 * WORLDS if sparse else WORLDS
    targeted = np.full(tries, of.hit_rate) if of.hit_rate else log_uniform(rng, tries)
    outside = np.full(tries, of.prevalence) if of.prevalence else log_uniform(rng, tries)
    few = expects_few(of.targeted, targeted) | expects_few(of.expected_controls(), outside)
    chosen = np.flatnonzero(few == sparse)[:WORLDS]
    assert len(chosen) == WORLDS
    targeted, outside = targeted[chosen], outside[chosen]
    units = np.array([stratum[0] for stratum in of.outside])
    chances = np.array([float(stratum[1]) for stratum in of.outside])
    factors = np.array([stratum[2] for stratum in of.outside])
    rates = np.minimum(outside[:, None] * factors / np.average(factors, weights=units), 1.0)
    there = rng.binomial(units, rates)
    drawn = rng.binomial(np.broadcast_to(units, there.shape), chances)
    done = rng.binomial(drawn, of.execution)
    return Simulated(
        hit_rates=targeted,
        prevalences=np.average(rates, axis=1, weights=units),
        targeted_hits=rng.binomial(of.targeted, targeted),
        drawn=drawn,
        done=done,
        hits=rng.hypergeometric(there, units - there, done),
        there=there,
    )


def judged(of: Lane, hits: int, strata: tuple[tuple[int, int, int], ...]) -> Effectiveness:
    return effectiveness(
        Flow(
            targeted=TargetedArm(
                selected=of.targeted, done=of.targeted, hits=hits, control_types=PHYSICAL
            ),
            outside=tuple(
                RandomStratum(
                    probability=chance, eligible=units, drawn=drawn, done=done, hits=positive
                )
                for (units, chance, _), (drawn, done, positive) in zip(
                    of.outside, strata, strict=True
                )
            ),
            random_control_types=PHYSICAL,
        )
    )


def covers(found: Estimated, truth: float) -> bool | None:
    """Tell whether an interval holds the truth, to rounding; None where it was refused."""
    if isinstance(found, NotEstimable):
        return None
    slack = 1e-9 * max(1.0, truth)
    return (found.low is None or found.low <= truth + slack) and (
        found.high is None or truth <= found.high + slack
    )


@dataclass(frozen=True)
class Coverage:
    covered: Mapping[str, float]
    refused: float
    one_sided: float


@cache
def coverage(name: str) -> Coverage:
    sparse = name in SPARSE
    of = (SPARSE if sparse else ENOUGH)[name]
    worlds = simulate(of, sparse=sparse)
    eligible = of.targeted + sum(stratum[0] for stratum in of.outside)
    verdicts: dict[str, list[bool]] = {figure: [] for figure in FIGURES}
    refused = one_sided = 0
    for i in range(WORLDS):
        strata = np.stack([worlds.drawn[i], worlds.done[i], worlds.hits[i]], axis=1)
        hits, there = int(worlds.targeted_hits[i]), int(worlds.there[i].sum())
        by_chance = int(worlds.hits[i].sum())
        found = judged(of, hits, tuple(tuple(map(int, row)) for row in strata))  # type: ignore[misc]
        total = hits + there
        truths = {
            "hit_rate": worlds.hit_rates[i],
            "prevalence": there / (eligible - of.targeted),
            "lift_against_untargeted": worlds.hit_rates[i] / worlds.prevalences[i],
            "lift_against_flow": hits / of.targeted * eligible / max(total, 1),
            "missed": there,
            "total": total,
            "targeting_recall": hits / max(total, 1),
            "overall_recall": (hits + by_chance) / max(total, 1),
            "leakage": (there - by_chance) / max(total, 1),
        }
        for figure, truth in truths.items():
            verdict = covers(getattr(found, figure), truth)
            if verdict is not None:
                verdicts[figure].append(verdict)
        refused += isinstance(found.targeting_recall, NotEstimable)
        one_sided += getattr(found.targeting_recall, "high", 0) is None
    return Coverage(
        covered={figure: float(np.mean(verdicts[figure])) for figure in FIGURES},
        refused=refused / WORLDS,
        one_sided=one_sided / WORLDS,
    )


def shown(name: str, found: Coverage) -> None:
    figures = ", ".join(f"{figure} {share:.1%}" for figure, share in found.covered.items())
    print(  # noqa: T201
        f"{name}: refused {found.refused:.1%}, one-sided {found.one_sided:.1%}; covered: {figures}"
    )


@pytest.mark.parametrize("name", ENOUGH)
def test_with_enough_hits_intervals_cover_93_to_97_percent(name: str) -> None:
    found = coverage(name)
    shown(name, found)
    assert {f: s for f, s in found.covered.items() if not 0.93 <= s <= 0.97} == {}


@pytest.mark.parametrize("name", SPARSE)
def test_with_few_hits_intervals_cover_at_least_93_percent_over_rates(name: str) -> None:
    found = coverage(name)
    shown(name, found)
    assert {f: s for f, s in found.covered.items() if s < 0.93} == {}


def share_covered(
    name: str, intervals: Callable[..., Estimated], *counts: Counts, truth: Rates
) -> float:
    """Return in how many worlds the interval of their counts holds the truth; all must have one."""
    known = cache(intervals)
    verdicts = [
        covers(known(*map(int, row)), held)
        for row, held in zip(np.stack(counts, axis=1), truth, strict=True)
    ]
    assert None not in verdicts
    found = float(np.mean(np.array(verdicts, dtype=bool)))
    print(f"{name}: covered {found:.1%}")  # noqa: T201
    return found


@pytest.mark.parametrize("side", [Side.LOWER, Side.UPPER])
@pytest.mark.parametrize("units", [30, 60, 200, 1000])
def test_one_sided_bounds_of_a_share_hold_over_rates(units: int, side: Side) -> None:
    rng = np.random.default_rng(units)
    rates = log_uniform(rng)
    hits = rng.binomial(units, rates)

    def interval(k: int) -> Estimated:
        return bound(k, units, side)  # type: ignore[arg-type]

    assert share_covered(f"{side} bound, {units} units", interval, hits, truth=rates) >= 0.93


@pytest.mark.parametrize("side", [Side.LOWER, Side.UPPER])
@pytest.mark.parametrize(("units", "rate"), [(60, 0.2), (200, 0.05), (1000, 0.03)])
def test_one_sided_bounds_of_a_share_with_enough_hits(units: int, rate: float, side: Side) -> None:
    hits = np.random.default_rng(units).binomial(units, rate, WORLDS)

    def interval(k: int) -> Estimated:
        return bound(k, units, side)  # type: ignore[arg-type]

    truth = np.full(WORLDS, rate)
    found = share_covered(f"{side} bound, {units} units", interval, hits, truth=truth)
    assert 0.93 <= found <= 0.97


@pytest.mark.parametrize(("first", "second"), [(30, 30), (40, 200), (150, 60)])
def test_differences_of_rare_shares_cover_over_rates(first: int, second: int) -> None:
    rng = np.random.default_rng(first)
    p1, p0 = log_uniform(rng), log_uniform(rng)
    k1, k0 = rng.binomial(first, p1), rng.binomial(second, p0)

    def interval(k: int, of: int) -> Estimated:
        return newcombe(k, first, of, second)

    found = share_covered(f"difference, {first} and {second}", interval, k1, k0, truth=p1 - p0)
    assert found >= 0.93


def test_differences_of_shares_cover_with_enough_hits() -> None:
    rng = np.random.default_rng(7)
    k1, k0 = rng.binomial(200, 0.3, WORLDS), rng.binomial(400, 0.1, WORLDS)

    def interval(k: int, of: int) -> Estimated:
        return newcombe(k, 200, of, 400)

    truth = np.full(WORLDS, 0.2)
    assert 0.93 <= share_covered("difference", interval, k1, k0, truth=truth) <= 0.97


@pytest.mark.parametrize(
    ("least", "most"), [pytest.param(0.3, 10, id="rare"), pytest.param(10, 200, id="enough")]
)
def test_rates_of_events_cover_over_their_means(least: float, most: float) -> None:
    rng = np.random.default_rng(11)
    means = np.exp(rng.uniform(np.log(least), np.log(most), WORLDS))

    def interval(k: int) -> Estimated:
        return poisson_rate(k, 1000, 1000)

    found = share_covered("events", interval, rng.poisson(means), truth=means)
    assert 0.93 <= found <= (1 if least < 10 else 0.97)


def test_independent_intervals_fail_where_consignments_share_a_journey() -> None:
    """Journeys of 1 to 12 consignments, all hits or none in three of four: what one tells, the others repeat."""
    rng = np.random.default_rng(13)
    journeys, rate = 150, 0.2
    sizes = rng.integers(1, 13, (WORLDS, journeys))
    together = rng.random((WORLDS, journeys)) < 0.75
    fate = rng.random((WORLDS, journeys)) < rate
    hits = np.where(together, fate * sizes, rng.binomial(sizes, rate))
    truth = np.full(WORLDS, rate)
    units, found = sizes.sum(1), hits.sum(1)
    independent = share_covered(
        "clustered, taken as independent", wilson, found, units, truth=truth
    )

    def clustered(k: int, n: int, nn: int, kn: int, kk: int) -> Estimated:
        return wilson_clustered(
            ClusterSums(
                clusters=journeys,
                units=n,
                hits=k,
                units_squared=nn,
                hits_times_units=kn,
                hits_squared=kk,
            )
        )

    sums = (found, units, (sizes**2).sum(1), (hits * sizes).sum(1), (hits**2).sum(1))
    assert independent < 0.80
    assert 0.93 <= share_covered("clustered", clustered, *sums, truth=truth) <= 0.97


@pytest.mark.parametrize("name", [*ENOUGH, *SPARSE])
def test_the_documentation_says_how_often_intervals_hold_and_worlds_are_refused(name: str) -> None:
    """To half a point: what a simulation gives may move with the library that draws it."""
    page = (Path(__file__).parents[2] / "docs/statistics.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| {name} |"))
    said = [float(cell.strip().rstrip("%")) / 100 for cell in row.strip("|").split("|")[1:]]
    found = coverage(name)
    figures = ("prevalence", "targeting_recall", "overall_recall", *LIFTS)
    now = [found.refused, found.one_sided, *(found.covered[figure] for figure in figures)]
    assert said == pytest.approx(now, abs=0.005)
