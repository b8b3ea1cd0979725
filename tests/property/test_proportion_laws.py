"""Laws of shares, recall and rankings: order, bounds, symmetry, and ties."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, permutations
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sstl.core.statistics.proportions import (
    ClusterSums,
    bound,
    koopman,
    newcombe,
    wilson,
    wilson_clustered,
)
from sstl.core.statistics.ranking import Scored, top
from sstl.core.statistics.rates import poisson_rate
from sstl.core.statistics.recall import (
    Effectiveness,
    Flow,
    RandomStratum,
    TargetedArm,
    effectiveness,
)
from sstl.core.statistics.result import Estimate, Estimated, NotEstimable, Side

pytestmark = pytest.mark.property

ROUNDING = 1e-9
TYPES = frozenset({"PHYSICAL"})
COUNTS = st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def in_order(found: Estimated, least: float, most: float) -> None:
    """Assert that what there is of low, estimate and high rises within its range."""
    if isinstance(found, Estimate):
        limits = [least, found.low, found.estimate, found.high, most]
        known = [limit for limit in limits if limit is not None]
        slack = ROUNDING * max(1.0, *map(abs, known[1:-1]))
        for lower, higher in pairwise(known):
            assert lower <= higher + slack


@given(COUNTS, COUNTS)
def test_every_interval_holds_its_estimate(first: tuple[int, int], second: tuple[int, int]) -> None:
    for side in (Side.LOWER, Side.UPPER):
        in_order(bound(*first, side), 0, 1)
    in_order(wilson(*first), 0, 1)
    in_order(newcombe(*first, *second), -1, 1)
    in_order(koopman(*first, *second), 0, float("inf"))
    in_order(poisson_rate(*first, 1000), 0, float("inf"))


@given(COUNTS)
def test_misses_are_to_hits_as_the_other_end_of_the_scale(counts: tuple[int, int]) -> None:
    k, n = counts
    hits, misses = wilson(k, n), wilson(n - k, n)
    assert isinstance(hits, Estimate)
    assert isinstance(misses, Estimate)
    assert hits.low is not None
    assert misses.high is not None
    assert hits.low == pytest.approx(1 - misses.high, abs=ROUNDING)


@given(COUNTS, st.floats(0.5, 0.999), st.floats(0.5, 0.999))
def test_more_confidence_is_a_wider_interval(
    counts: tuple[int, int], one: float, two: float
) -> None:
    narrow, wide = wilson(*counts, min(one, two)), wilson(*counts, max(one, two))
    assert isinstance(narrow, Estimate)
    assert isinstance(wide, Estimate)
    assert narrow.low is not None
    assert wide.low is not None
    assert wide.low <= narrow.low + ROUNDING


CLUSTERS = st.lists(
    st.integers(1, 20).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2
)


@given(CLUSTERS)
def test_clusters_never_tell_more_than_their_units(clusters: list[tuple[int, int]]) -> None:
    sums = ClusterSums(
        clusters=len(clusters),
        units=sum(n for _, n in clusters),
        hits=sum(k for k, _ in clusters),
        units_squared=sum(n * n for _, n in clusters),
        hits_times_units=sum(k * n for k, n in clusters),
        hits_squared=sum(k * k for k, _ in clusters),
    )
    clustered, independent = wilson_clustered(sums), wilson(sums.hits, sums.units)
    assert isinstance(clustered, Estimate)
    assert isinstance(independent, Estimate)
    assert clustered.high is not None
    assert independent.high is not None
    assert clustered.high >= independent.high - ROUNDING


PROBABILITIES = st.sampled_from([Fraction(1, 100), Fraction(1, 20), Fraction(1, 5), Fraction(1)])


@st.composite
def strata(draw: st.DrawFn) -> RandomStratum:
    hits = draw(st.integers(0, 9))
    done = hits + draw(st.integers(0, 90))
    drawn = done + draw(st.integers(0, 3))
    return RandomStratum(
        probability=draw(PROBABILITIES),
        eligible=drawn + draw(st.integers(0, 5000)),
        drawn=drawn,
        done=done,
        hits=hits,
    )


def judged(outside: Sequence[RandomStratum], hits: int = 30) -> Effectiveness:
    arm = TargetedArm(selected=100, done=100, hits=hits, control_types=TYPES)
    return effectiveness(Flow(targeted=arm, outside=outside, random_control_types=TYPES))


@given(
    st.lists(strata(), min_size=1, max_size=6).flatmap(
        lambda s: st.tuples(st.just(s), st.permutations(s))
    )
)
def test_the_order_of_strata_changes_no_bit(
    both: tuple[list[RandomStratum], list[RandomStratum]],
) -> None:
    given_so, otherwise = both
    assert judged(given_so) == judged(otherwise)


@given(st.lists(strata(), min_size=1, max_size=4), strata(), strata())
def test_days_of_one_probability_are_one_stratum(
    others: list[RandomStratum], one: RandomStratum, two: RandomStratum
) -> None:
    two = RandomStratum(
        probability=one.probability,
        eligible=two.eligible,
        drawn=two.drawn,
        done=two.done,
        hits=two.hits,
    )
    whole = RandomStratum(
        probability=one.probability,
        eligible=one.eligible + two.eligible,
        drawn=one.drawn + two.drawn,
        done=one.done + two.done,
        hits=one.hits + two.hits,
    )
    assert judged([one, *others, two]) == judged([*others, whole])


@given(st.lists(strata(), min_size=1, max_size=4), st.integers(0, 100))
def test_figures_of_a_flow_stay_in_their_range(outside: list[RandomStratum], hits: int) -> None:
    found = judged(outside, hits)
    units = sum(stratum.eligible for stratum in outside)
    for share in (
        found.prevalence,
        found.targeting_recall,
        found.overall_recall,
        found.leakage,
        found.hit_rate,
        found.inspection_rate,
    ):
        in_order(share, 0, 1)
    in_order(found.missed, 0, units)
    in_order(found.total, hits, units + hits)
    in_order(found.lift_against_flow, 0, float("inf"))
    if not isinstance(found.leakage, NotEstimable):
        assert isinstance(found.overall_recall, Estimate)
        if found.leakage.estimate is not None and found.overall_recall.estimate is not None:
            assert found.leakage.estimate + found.overall_recall.estimate == pytest.approx(1)


@given(st.integers(30, 300), st.integers(1, 29))
def test_a_further_random_hit_is_never_a_higher_recall(done: int, hits: int) -> None:
    def recall(found: int) -> Estimate:
        arm = RandomStratum(
            probability=Fraction(1, 50), eligible=done * 50, drawn=done, done=done, hits=found
        )
        estimate = judged([arm]).targeting_recall
        assert isinstance(estimate, Estimate)
        return estimate

    fewer, more = recall(hits), recall(hits + 1)
    assert fewer.low is not None
    assert more.low is not None
    assert more.low < fewer.low
    assert fewer.high is not None
    assert more.high is not None
    assert more.high < fewer.high


UNITS = st.lists(
    st.builds(
        Scored,
        unit_id=st.just(""),
        score=st.sampled_from([0.1, 0.5, 0.9]),
        illicit=st.booleans(),
        revenue=st.integers(0, 50),
    ),
    min_size=1,
    max_size=5,
)
TOPS = st.sampled_from([Fraction(1, 10), Fraction(2, 5), Fraction(3, 4), Fraction(1)])


def named(units: Sequence[Scored], order: Sequence[int]) -> list[Scored]:
    return [
        Scored(unit_id=str(at), score=one.score, illicit=one.illicit, revenue=one.revenue)
        for one, at in zip(units, order, strict=True)
    ]


@given(UNITS, TOPS)
def test_what_is_expected_of_ties_is_the_mean_over_all_orders(
    units: list[Scored], share: Fraction
) -> None:
    found = [top(named(units, order), share) for order in permutations(range(len(units)))]
    for figure in ("precision", "recall", "revenue"):
        values = [getattr(one, figure) for one in found]
        if not isinstance(values[0].value, NotEstimable):
            mean = fmean(one.value.estimate for one in values)
            assert values[0].expected == pytest.approx(mean)


@given(
    UNITS.flatmap(lambda units: st.tuples(st.just(units), st.permutations(range(len(units))))), TOPS
)
def test_the_order_in_which_units_are_given_changes_nothing(
    both: tuple[list[Scored], list[int]], share: Fraction
) -> None:
    units = named(both[0], range(len(both[0])))
    assert top([units[at] for at in both[1]], share) == top(units, share)
