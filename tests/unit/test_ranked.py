"""Rankings of a flow of which some was controlled: figures as statsmodels has them, what is refused, ties."""

import random
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import hypot

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from sstl.core.indicators.arm import Arm
from sstl.core.ranked import NO_REVENUE, RANKED_FLOW, Ranked, tops
from sstl.core.statistics.ranking import SHARES, Found, Scored, Top, top
from sstl.core.statistics.result import Estimate, NotEstimable

pytestmark = pytest.mark.unit

TENTH = Fraction(1, 10)
PI = Fraction(1, 20)


def one(
    number: int,
    score: float,
    arm: str = "--",
    hit: bool | None = None,
    *,
    revenue: int = 0,
    probability: Fraction = PI,
    kind: str = "PHYSICAL",
) -> Ranked:
    return Ranked(
        consignment=f"{number:05}",
        score=score,
        arm=Arm(
            targeted="T" in arm,
            drawn="R" in arm,
            probability=probability,
            control_type=None if hit is None else kind,
            hit=bool(hit),
        ),
        revenue=revenue,
    )


def flow(
    top_targeted: tuple[int, int] = (60, 30),
    targeted: tuple[int, int] = (90, 18),
    top_random: tuple[int, int] = (10, 3),
    rest_random: tuple[int, int] = (50, 2),
    n: int = 2000,
) -> list[Ranked]:
    """Return a flow of n; pairs are controls and hits among them, in the top tenth and below."""
    units: list[Ranked] = []
    for score, size, parts in (
        (0.9, n // 10, (("T-", top_targeted), ("-R", top_random))),
        (0.1, n - n // 10, (("T-", targeted), ("-R", rest_random))),
    ):
        before = len(units)
        for arm, (done, hits) in parts:
            units += [
                one(len(units) + k, score, arm, k < hits, revenue=100 * (k < hits))
                for k in range(done)
            ]
        left = size - (len(units) - before)
        units += [one(len(units) + k, score) for k in range(left)]
    return units


def figures(units: Iterable[Ranked], share: Fraction = TENTH) -> Top:
    (found,) = tops(units, [share])
    return found


def estimate(found: Found) -> Estimate:
    assert isinstance(found.value, Estimate), found.value
    return found.value


def test_precision_and_recall_of_a_flow_equal_statsmodels() -> None:
    found = figures(flow())
    assert found.selected == 200
    assert not found.all_controlled
    # 1,850 lie outside S; of 60 random controls 3 found something in the top and 2 below
    outside, controls = 2000 - 150, 60
    limits = [proportion_confint(hits, controls, method="wilson") for hits in (3, 2)]
    above, below = 30 + outside * 3 / controls, 18 + outside * 2 / controls
    precision, recall = estimate(found.precision), estimate(found.recall)
    assert precision.method == recall.method == RANKED_FLOW
    assert precision.estimate == pytest.approx(above / 200)
    assert recall.estimate == pytest.approx(above / (above + below))
    share = above / (above + below)
    (low, high), (least, most) = [[outside * one for one in pair] for pair in limits]
    low, least = max(low, 3), max(least, 2)
    # the top has 133 more consignments in which something may lie
    high = min(high, 133)

    def part(here: float, there: float) -> float:
        return here / (here + there)

    down = hypot(share - part(30 + low, below), share - part(above, 18 + most))
    up = hypot(part(30 + high, below) - share, part(above, 18 + least) - share)
    assert recall.low == pytest.approx(max(share - down, part(30 + low, 18 + most)))
    assert recall.high == pytest.approx(min(share + up, part(30 + high, 18 + least)))
    known = [60 * limit for limit in proportion_confint(30, 60, method="wilson")]
    missed = outside * 3 / controls
    assert precision.low == pytest.approx((above - hypot(30 - known[0], missed - low)) / 200)
    assert precision.high == pytest.approx((above + hypot(known[1] - 30, high - missed)) / 200)


def test_revenue_of_a_flow_equals_numpy() -> None:
    found = figures(flow())
    weights = np.array([1.0] * 30 + [1850 / 60] * 3 + [1.0] * 18 + [1850 / 60] * 2)
    inside = np.array([True] * 33 + [False] * 20)
    revenue = estimate(found.revenue)
    share = weights[inside].sum() / weights.sum()
    assert revenue.estimate == pytest.approx(share)
    spread = (1 - share) ** 2 * (weights[inside] ** 2).sum()
    spread += share**2 * (weights[~inside] ** 2).sum()
    effective = min(53, share * (1 - share) / (spread / weights.sum() ** 2))
    limits = proportion_confint(share * effective, effective, method="wilson")
    assert (revenue.low, revenue.high) == pytest.approx(limits)


def test_the_order_of_what_is_given_changes_nothing() -> None:
    units = flow()
    before = tops(units, SHARES)
    random.Random(3).shuffle(units)
    assert tops(units, SHARES) == before


def test_where_all_were_controlled_the_ranking_is_counted() -> None:
    units = [one(k, -k, "T-", k % 4 == 0, revenue=k) for k in range(300)]
    scored = [
        Scored(
            unit_id=u.consignment, score=u.score, illicit=u.arm.hit, revenue=u.revenue * u.arm.hit
        )
        for u in units
    ]
    assert tops(units, SHARES) == [top(scored, share) for share in SHARES]
    # all but one drawn with certainty: the same
    certain = [one(k, -k, "-R", k % 4 == 0, probability=Fraction(1)) for k in range(300)]
    assert figures(certain).all_controlled


def test_a_top_that_is_all_controlled_needs_no_random_arm_for_its_precision() -> None:
    units = [one(k, 0.9, "T-", k < 12) for k in range(20)] + [one(k, 0.1) for k in range(20, 200)]
    found = figures(units)
    precision = estimate(found.precision)
    assert found.precision.expected is None
    assert (precision.low, precision.high) == pytest.approx(
        proportion_confint(12, 20, method="wilson")
    )
    assert found.recall.value == NotEstimable("0 random controls, fewer than 30")
    assert found.revenue.value == found.recall.value
    wider = figures(units, Fraction(11, 100))
    assert wider.precision == wider.recall


NEVER = [one(k, 0.5, probability=Fraction(0)) for k in range(9000, 9002)]
MISSED = [one(k, 0.1, "-R") for k in range(9000, 9010)]


@pytest.mark.parametrize(
    ("units", "reason"),
    [
        pytest.param(flow(rest_random=(19, 2)), "29 random controls, fewer than 30", id="few"),
        pytest.param([*flow(), *NEVER], "2 eligible units could not be drawn", id="never-drawn"),
        pytest.param([*flow(), *MISSED], "60 of 70 random controls done", id="draws-not-done"),
        pytest.param(
            [*flow(), *(one(9000 + k, 0.5, "T-") for k in range(20))],
            "150 of 170 targeted controls done",
            id="selections-not-done",
        ),
        pytest.param(
            [*flow(), one(9000, 0.5, "-R", hit=False, kind="NII")],
            "control types",
            id="types-differ",
        ),
        pytest.param(
            flow((60, 0), (90, 0), (10, 0), (50, 0)), "no hits in either arm", id="no-hits"
        ),
    ],
)
def test_what_the_controls_cannot_say_is_refused(units: Sequence[Ranked], reason: str) -> None:
    found = figures(units)
    for figure in (found.precision, found.recall, found.revenue):
        assert isinstance(figure.value, NotEstimable)
        assert figure.value.reason.startswith(reason)
        assert figure.expected is None


def test_thirty_random_controls_are_enough() -> None:
    assert estimate(figures(flow(rest_random=(20, 2))).recall).estimate is not None


def test_without_a_random_hit_below_the_top_recall_has_a_lower_bound_only() -> None:
    found = figures(flow(rest_random=(50, 0)))
    recall = estimate(found.recall)
    assert (recall.estimate, recall.high, found.recall.expected) == (None, None, None)
    _, most = proportion_confint(0, 60, method="wilson")
    assert recall.low is not None
    assert recall.low < 123 / (123 + 18 + 1850 * most)
    assert estimate(found.precision).estimate is not None


def test_without_a_random_hit_in_the_top_only_s_is_known_to_lie_there() -> None:
    found = figures(flow(top_random=(10, 0)))
    assert estimate(found.precision).estimate == pytest.approx(30 / 200)
    recall = estimate(found.recall)
    below = 18 + 1850 * 2 / 60
    assert recall.estimate == pytest.approx(30 / (30 + below))
    # three Wilson limits: none in the top, two below, and what the top has left
    _, most = proportion_confint(0, 60, method="wilson")
    assert recall.high is not None
    assert recall.high > 30 / (30 + below)
    assert recall.high < (30 + 1850 * most) / (30 + 1850 * most + 18 + 2)


def test_without_revenue_at_random_there_is_no_share_of_it() -> None:
    units = [
        one(int(u.consignment), u.score, "R" * u.arm.drawn + "T" * u.arm.targeted, u.arm.hit)
        if u.arm.drawn
        else u
        for u in flow()
    ]
    assert figures(units).revenue.value == NotEstimable(NO_REVENUE)


def test_a_random_arm_alone_judges_a_ranking_without_any_targeting() -> None:
    found = figures(
        flow(top_targeted=(0, 0), targeted=(0, 0), top_random=(20, 6), rest_random=(180, 6))
    )
    assert estimate(found.precision).estimate == pytest.approx(2000 * 6 / 200 / 200)
    assert estimate(found.recall).estimate == pytest.approx(1 / 2)


def test_several_chances_of_being_drawn_are_weighted_apart() -> None:
    often = Fraction(1, 5)
    units = [one(k, 0.9, "-R", k < 8, probability=often) for k in range(40)]
    units += [one(k, 0.9, probability=often) for k in range(40, 200)]
    units += [one(k, 0.1, "-R", k < 204) for k in range(200, 290)]
    units += [one(k, 0.1) for k in range(290, 2000)]
    found = figures(units)
    # 8 of 40 stand for 200, 4 of 90 for 1,800
    assert estimate(found.recall).estimate == pytest.approx(40 / (40 + 80))
    assert found.recall.expected == pytest.approx(40 / (40 + 80))
    assert estimate(found.precision).estimate == pytest.approx(40 / 200)


def test_beside_each_figure_stands_its_mean_over_orders_of_one_score() -> None:
    found = figures(flow(), Fraction(1, 20))
    # of the two hundred that score alike the first by id are all that were controlled: the random hits stand for more
    # than the 30 that are left and the 3 that were found
    assert estimate(found.precision).estimate == pytest.approx((30 + 33) / 100)
    weighted = 30 + 1850 * 3 / 60
    assert found.precision.expected == pytest.approx(weighted / 2 / 100)
    assert found.recall.expected == pytest.approx(weighted / 2 / (weighted + 18 + 1850 * 2 / 60))


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(one(1, float("nan")), id="score-is-no-number"),
        pytest.param(one(1, 0.5, "T-", hit=True, revenue=-1), id="negative-revenue"),
    ],
)
def test_a_consignment_that_cannot_be_ranked_is_named(wrong: Ranked) -> None:
    with pytest.raises(ValueError, match="00001 cannot be ranked"):
        figures([wrong])


@pytest.mark.parametrize("share", [Fraction(), Fraction(3, 2)])
def test_a_share_that_is_none_is_refused(share: Fraction) -> None:
    with pytest.raises(ValueError, match="share of a ranking"):
        figures(flow(), share)
