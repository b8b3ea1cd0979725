"""Precision, recall and revenue at q, ties, weights and the selection efficiency curve."""

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from sstl.core.statistics.ranking import SHARES, Found, Scored, selection_curve, top
from sstl.core.statistics.result import Estimate, NotEstimable

pytestmark = pytest.mark.unit


def unit(name: str, score: float, *, illicit: bool, revenue: int = 0, one_in: int = 1) -> Scored:
    return Scored(
        unit_id=name,
        score=score,
        illicit=illicit,
        revenue=revenue,
        probability=Fraction(1, one_in),
    )


def estimate(found: Found) -> float | None:
    assert isinstance(found.value, Estimate)
    return found.value.estimate


FIVE = [
    unit("a", 0.9, illicit=True, revenue=70),
    unit("b", 0.8, illicit=False),
    unit("c", 0.7, illicit=True, revenue=20),
    unit("d", 0.2, illicit=True, revenue=10),
    unit("e", 0.1, illicit=False),
]


@pytest.mark.parametrize(
    ("share", "selected", "precision", "recall", "revenue"),
    [
        pytest.param(Fraction(1, 100), 1, 1, 1 / 3, 0.7, id="at-least-one"),
        pytest.param(Fraction(2, 5), 2, 1 / 2, 1 / 3, 0.7, id="exactly-two"),
        pytest.param(Fraction(41, 100), 3, 2 / 3, 2 / 3, 0.9, id="just-above-two"),
        pytest.param(Fraction(1), 5, 3 / 5, 1, 1, id="all"),
    ],
)
def test_the_top_of_a_ranking_by_hand(
    share: Fraction, selected: int, precision: float, recall: float, revenue: float
) -> None:
    found = top(FIVE, share)
    assert found.selected == selected
    assert estimate(found.precision) == found.precision.expected == pytest.approx(precision)
    assert estimate(found.recall) == found.recall.expected == pytest.approx(recall)
    assert estimate(found.revenue) == found.revenue.expected == pytest.approx(revenue)
    assert found.all_controlled


def test_figures_equal_numpy_on_a_large_ranking() -> None:
    rng = np.random.default_rng(5)
    scores, money = rng.random(4000), rng.integers(0, 900, 4000)
    illicit = rng.random(4000) < scores / 3
    units = [
        unit(
            f"{i:04}",
            float(scores[i]),
            illicit=bool(illicit[i]),
            revenue=int(money[i] * illicit[i]),
        )
        for i in range(4000)
    ]
    order = np.argsort(-scores)
    for share in SHARES:
        found, first = top(units, share), order[: int(np.ceil(float(share) * 4000))]
        assert found.selected == len(first)
        assert estimate(found.precision) == pytest.approx(illicit[first].mean())
        assert estimate(found.recall) == pytest.approx(illicit[first].sum() / illicit.sum())
        paid = money * illicit
        assert estimate(found.revenue) == pytest.approx(paid[first].sum() / paid.sum())


def test_where_all_count_alike_intervals_are_wilson() -> None:
    units = [unit(f"{i:03}", -i, illicit=i % 3 == 0) for i in range(200)]
    found = top(units, Fraction(1, 10))
    assert isinstance(found.precision.value, Estimate)
    assert isinstance(found.recall.value, Estimate)
    for value, k, n in ((found.precision.value, 7, 20), (found.recall.value, 7, 67)):
        theirs = proportion_confint(k, n, method="wilson")
        assert (value.low, value.high) == pytest.approx(theirs)


def test_units_of_one_score_stand_in_the_order_of_their_ids_and_the_mean_is_given_beside() -> None:
    tied = [
        unit("1", 0.9, illicit=True, revenue=5),
        unit("2", 0.5, illicit=True, revenue=30),
        unit("3", 0.5, illicit=False),
        unit("4", 0.5, illicit=True, revenue=60),
        unit("5", 0.1, illicit=False),
    ]
    for given in permutations(tied):
        found = top(given, Fraction(2, 5))
        assert estimate(found.precision) == 1
        assert found.precision.expected == pytest.approx((1 + 2 / 3) / 2)
        assert found.recall.expected == pytest.approx((1 + 2 / 3) / 3)
        assert found.revenue.expected == pytest.approx((5 + 30) / 95)


def test_a_unit_of_one_in_four_stands_for_four() -> None:
    """1 + 4 + 4 + 1 units; the first five are the first unit and the next, which stands for four."""
    sampled = [
        unit("a", 0.9, illicit=True, revenue=10),
        unit("b", 0.8, illicit=False, one_in=4),
        unit("c", 0.7, illicit=True, revenue=5, one_in=4),
        unit("d", 0.6, illicit=False),
    ]
    found = top(sampled, Fraction(1, 2))
    assert found.selected == 5
    assert estimate(found.precision) == pytest.approx(1 / 5)
    assert estimate(found.recall) == pytest.approx(1 / 5)
    assert estimate(found.revenue) == pytest.approx(10 / 30)
    assert not found.all_controlled
    part = top(sampled, Fraction(6, 10))
    assert part.selected == 6
    assert estimate(part.precision) == pytest.approx(2 / 6)
    assert estimate(part.recall) == pytest.approx(2 / 5)


def test_without_illicit_units_or_revenue_there_is_no_share_of_them() -> None:
    found = top([unit("a", 0.5, illicit=False)], Fraction(1, 10))
    assert estimate(found.precision) == 0
    assert found.recall == Found(value=NotEstimable("no illicit unit"), expected=None)
    assert found.revenue == Found(value=NotEstimable("no recoverable revenue"), expected=None)
    assert top([], Fraction(1, 10)).precision.value == NotEstimable("no units")


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(unit("x", float("nan"), illicit=True), id="score-is-no-number"),
        pytest.param(unit("x", 0.5, illicit=True, revenue=-1), id="negative-revenue"),
        pytest.param(
            Scored(unit_id="x", score=0.5, illicit=True, probability=Fraction()), id="never"
        ),
    ],
)
def test_a_unit_that_cannot_be_ranked_is_named(wrong: Scored) -> None:
    with pytest.raises(ValueError, match="unit x cannot be ranked"):
        top([*FIVE, wrong], Fraction(1, 10))


@pytest.mark.parametrize("share", [Fraction(), Fraction(3, 2)])
def test_a_share_of_a_ranking_is_above_0_and_at_most_1(share: Fraction) -> None:
    with pytest.raises(ValueError, match="share of a ranking"):
        top(FIVE, share)


def test_the_curve_says_what_share_of_selection_finds_what_share_of_offences() -> None:
    shares = [Fraction(n, 10) for n in range(11)]
    found = [point.found for point in selection_curve(FIVE, shares)]
    by_hand = [0, 1 / 2, 1, 1, 1, 3 / 2, 2, 5 / 2, 3, 3, 3]
    assert found == pytest.approx([hits / 3 for hits in by_hand])


def test_the_curve_of_a_score_that_says_nothing_is_the_diagonal() -> None:
    alike = [unit(str(i), 0.5, illicit=i % 7 == 0) for i in range(50)]
    for point in selection_curve(alike, [Fraction(n, 7) for n in range(8)]):
        assert point.found == pytest.approx(float(point.selected))
    assert selection_curve([unit("a", 0.5, illicit=False)], [Fraction(1, 2)]) == []
