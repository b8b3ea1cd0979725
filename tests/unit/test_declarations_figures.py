"""The customs declarations through the stages: figures as numpy and statsmodels have them, and the truth in them.

All labels are in the file; the chain is told only those of declarations that were drawn or selected.
"""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from sstl.core.comparing import Cohort
from sstl.core.decided import decided
from sstl.core.ranked import Ranked, tops
from sstl.core.statistics.proportions import wilson
from sstl.core.statistics.ranking import SHARES, Found, Scored, top
from sstl.core.statistics.recall import (
    Effectiveness,
    Flow,
    RandomStratum,
    TargetedArm,
    effectiveness,
)
from sstl.core.statistics.result import Estimate, Estimated
from sstl.intake import customs_declarations as source
from sstl.publish.routing import family_of
from tests.chain import Chain, Net
from tests.reference_declarations import FILE, Reference
from tests.unit.test_project_docs import rows

pytestmark = pytest.mark.unit

LANES = ("kcs:CN-kcs:KR-SEA", "kcs:CN-kcs:KR-AIR")
MOST = 440
RATE = Fraction(1, 5)
PHYSICAL = frozenset({"PHYSICAL"})


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference.of(set(LANES), MOST, float(RATE))


@pytest.fixture(scope="module")
def chain() -> Chain:
    """The first declarations of two lanes, through all stages."""
    chosen = [one for one in source.replayed(source.read(FILE)) if one.lane_id in LANES][:MOST]
    chain = Chain(batch=2000)
    chain.take((str(family_of(event["type"])), event) for event in source.events(chosen, RATE))
    assert not chain.published["rejected"]
    return chain


@pytest.fixture(scope="module")
def published(chain: Chain) -> Net:
    return chain.net_indicators()


def total(published: Net, indicator: str, unit: str, lane: str, strata: str = "") -> dict[str, Any]:
    mode = lane.rpartition("-")[2]
    return published[f"{indicator}|{unit}|{lane}|{mode}|{strata}|TOTAL"]


def estimate(estimated: Estimated) -> Estimate:
    assert isinstance(estimated, Estimate), estimated
    return estimated


def agree(share: dict[str, Any], k: int, n: int) -> None:
    """Compare a published share and its interval with statsmodels."""
    low, high = proportion_confint(k, n, method="wilson")
    assert (share["k"], share["n"]) == (k, n)
    assert share["share"] == pytest.approx(k / n, rel=1e-12)
    assert share["interval"]["low"] == pytest.approx(low, abs=1e-9)
    assert share["interval"]["high"] == pytest.approx(high, abs=1e-9)


@pytest.mark.parametrize("lane", LANES)
def test_inspection_and_hit_rates_of_a_lane_are_those_of_the_file(
    published: Net, reference: Reference, lane: str
) -> None:
    here = reference.lanes == lane
    controlled = reference.controlled & here
    agree(
        total(published, "inspection_rate", "consignment", lane), controlled.sum(), int(here.sum())
    )
    hits = controlled & reference.fraud
    agree(total(published, "hit_rate", "control", lane), hits.sum(), controlled.sum())
    arms = {"TARGETED": reference.targeted & here, "RANDOM": controlled & ~reference.targeted}
    for basis, arm in arms.items():
        share = total(published, "hit_rate", "control", lane, f"basis={basis}")
        agree(share, (arm & reference.fraud).sum(), arm.sum())


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("channel", ["", "GREEN", "RED"])
def test_clearance_times_of_a_lane_and_channel_are_those_of_the_file(
    published: Net, reference: Reference, lane: str, channel: str
) -> None:
    chosen = reference.lanes == lane
    if channel:
        chosen = chosen & (reference.controlled == (channel == "RED"))
    minutes = np.sort(reference.clearance_minutes[chosen])
    strata = f"channel={channel}" if channel else ""
    found = total(published, "LT_clear_declared", "declaration", lane, strata)
    assert found["n"] == len(minutes)
    assert found["mean"] == pytest.approx(minutes.mean() * 60, rel=1e-12)
    assert found["standardDeviation"] == pytest.approx(minutes.std(ddof=1) * 60, rel=1e-9)
    assert found["geometricMean"] == pytest.approx(np.exp(np.log(minutes).mean()) * 60, rel=1e-12)
    for name, share in (("p10", 0.1), ("median", 0.5), ("p90", 0.9), ("p95", 0.95)):
        exact = minutes[max(1, int(np.ceil(share * len(minutes)))) - 1] * 60
        assert abs(found[name] - exact) <= exact / 100


@pytest.mark.parametrize("lane", LANES)
def test_controls_of_a_lane_last_as_long_as_the_file_says(
    published: Net, reference: Reference, lane: str
) -> None:
    minutes = reference.control_minutes[(reference.lanes == lane) & reference.controlled]
    found = total(published, "LT_insp", "control", lane)
    assert (found["n"], found["mean"]) == (len(minutes), pytest.approx(minutes.mean() * 60))


def recall_of(published: Net, lane: str) -> Effectiveness:
    """Return what the published shares say of targeting: nothing but counts of both arms and of all."""
    arms = [
        total(published, "hit_rate", "control", lane, f"basis={basis}")
        for basis in ("TARGETED", "RANDOM")
    ]
    eligible = total(published, "inspection_rate", "consignment", lane)["n"]
    (n_s, h_s), (n_r, h_r) = [(arm["n"], arm["k"]) for arm in arms]
    outside = RandomStratum(
        probability=RATE, eligible=eligible - n_s, drawn=n_r, done=n_r, hits=h_r
    )
    targeted = TargetedArm(selected=n_s, done=n_s, hits=h_s, control_types=PHYSICAL)
    return effectiveness(Flow(targeted=targeted, outside=[outside], random_control_types=PHYSICAL))


def truth_within(figures: Effectiveness, chosen: Reference, here: Any) -> None:
    """Check figures of a flow against the labels that nobody was told."""
    fraud = chosen.fraud & here
    found = (fraud & chosen.targeted).sum()
    outside = here & ~chosen.targeted
    for figure, truth in (
        (figures.prevalence, (chosen.fraud & outside).sum() / outside.sum()),
        (figures.targeting_recall, found / fraud.sum()),
        (figures.overall_recall, (fraud & chosen.controlled).sum() / fraud.sum()),
        (figures.total, fraud.sum()),
    ):
        known = estimate(figure)
        assert known.low is not None
        assert known.high is not None
        assert known.low <= truth <= known.high


@pytest.mark.parametrize("lane", LANES)
def test_the_true_recall_lies_within_its_interval(
    published: Net, reference: Reference, lane: str
) -> None:
    truth_within(recall_of(published, lane), reference, reference.lanes == lane)


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize(
    ("published_as", "name"),
    [
        ("random_prevalence", "prevalence"),
        ("lift_against_untargeted", "lift_against_untargeted"),
        ("lift_against_flow", "lift_against_flow"),
        ("total_hits", "total"),
        ("targeting_recall", "targeting_recall"),
        ("overall_recall", "overall_recall"),
        ("leakage", "leakage"),
    ],
)
def test_what_lanes_publish_of_targeting_is_what_the_counts_of_both_arms_say(
    published: Net, lane: str, published_as: str, name: str
) -> None:
    found = total(published, published_as, "consignment", lane)
    expected = estimate(getattr(recall_of(published, lane), name))
    assert found["value"] == expected.estimate
    assert (found["interval"]["low"], found["interval"]["high"]) == (expected.low, expected.high)


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.2])
def test_on_all_declarations_recall_equals_numpy_and_holds_the_truth(rate: float) -> None:
    everything = Reference.of(None, 10_000, rate)
    drawn = everything.drawn & ~everything.targeted
    n_s, h_s = everything.targeted.sum(), (everything.targeted & everything.fraud).sum()
    outside = int((~everything.targeted).sum())
    h_r, n_r = int((drawn & everything.fraud).sum()), int(drawn.sum())
    figures = effectiveness(
        Flow(
            targeted=TargetedArm(
                selected=int(n_s), done=int(n_s), hits=int(h_s), control_types=PHYSICAL
            ),
            outside=[
                RandomStratum(
                    probability=Fraction(str(rate)),
                    eligible=outside,
                    drawn=n_r,
                    done=n_r,
                    hits=h_r,
                )
            ],
            random_control_types=PHYSICAL,
        )
    )
    low, high = proportion_confint(h_r, n_r, method="wilson")
    recall = estimate(figures.targeting_recall)
    assert recall.estimate == pytest.approx(h_s / (h_s + outside * h_r / n_r))
    assert recall.low == pytest.approx(h_s / (h_s + outside * high))
    assert recall.high == pytest.approx(h_s / (h_s + outside * low))
    truth_within(figures, everything, np.ones(len(everything.ids), dtype=bool))


def ranked() -> list[Scored]:
    return [
        Scored(
            unit_id=str(one.number),
            score=float(one.score),
            illicit=one.fraud,
            revenue=one.revenue_krw if one.fraud else 0,
        )
        for one in source.replayed(source.read(FILE))
    ]


def value(found: Found) -> float:
    known = estimate(found.value).estimate
    assert known is not None
    return known


def test_the_ranking_by_score_equals_numpy_and_the_table_of_the_docs() -> None:
    everything = Reference.of(None, 10_000, 0.05)
    names = everything.ids.astype(str)
    order = np.lexsort((names, -everything.score))
    fraud = everything.fraud[order]
    money = np.where(everything.fraud, everything.revenue, 0)[order]
    units, shown = ranked(), []
    for share in SHARES:
        found = top(units, share)
        n = int(np.ceil(float(share) * len(order)))
        assert found.selected == n
        assert found.all_controlled
        assert value(found.precision) == pytest.approx(fraud[:n].mean())
        assert value(found.recall) == pytest.approx(fraud[:n].sum() / fraud.sum())
        assert value(found.revenue) == pytest.approx(money[:n].sum() / money.sum())
        figures = (found.precision, found.recall, found.revenue)
        shown.append(
            [
                f"{float(share):.0%}",
                str(n),
                *(f"{value(one):.3f} ({one.expected:.3f})" for one in figures),
            ]
        )
    assert rows("docs/customs-declarations.md", "ranking") == shown


def ranked_flow(chain: Chain) -> list[Ranked]:
    """Return the declarations that were decided upon, by the score that selected some, as `sstl rank` joins them."""
    scores = {one.consignment_id: float(one.score) for one in source.read(FILE)}
    return [
        Ranked(
            consignment=one.consignment,
            score=scores[one.consignment],
            arm=one.arm,
            revenue=one.revenue or 0,
        )
        for one in decided(chain.observed(), Cohort("TOTAL", -(1 << 62), 1 << 62))
    ]


@pytest.mark.parametrize("share", [Fraction(1, 10), Fraction(3, 10), Fraction(1, 2)])
def test_what_the_top_of_the_flow_holds_equals_numpy_and_intervals_hold_the_truth(
    chain: Chain, reference: Reference, share: Fraction
) -> None:
    found = tops(ranked_flow(chain), [share])[0]
    order = np.lexsort((reference.ids.astype(str), -reference.score))
    n = int(np.ceil(float(share) * len(order)))
    assert (found.selected, found.all_controlled) == (n, False)
    inside = np.zeros(len(order), dtype=bool)
    inside[order[:n]] = True
    targeted, drawn = reference.targeted, reference.drawn & ~reference.targeted
    stands_for = (~targeted).sum() / drawn.sum()
    weights = reference.fraud * (targeted + drawn * stands_for)
    money = weights * reference.revenue
    for figure, known, of_all in (
        (found.precision, weights[inside].sum(), n),
        (found.recall, weights[inside].sum(), weights.sum()),
        (found.revenue, money[inside].sum(), money.sum()),
    ):
        assert value(figure) == pytest.approx(known / of_all)
    truth = reference.fraud[inside].sum()
    for figure, share_of in ((found.precision, n), (found.recall, reference.fraud.sum())):
        known = estimate(figure.value)
        assert known.low is not None
        assert known.high is not None
        assert known.low <= truth / share_of <= known.high


def test_the_revenue_that_lanes_publish_is_that_of_the_frauds_that_were_found(
    published: Net, reference: Reference
) -> None:
    for lane in LANES:
        hits = (reference.lanes == lane) & reference.controlled & reference.fraud
        found = total(published, "revenue_found", "consignment", lane)
        assert (found["n"], found["k"]) == (hits.sum(), reference.revenue[hits].sum())
        assert found["unit"] == "per consignment"


@pytest.mark.parametrize(
    ("matrix", "inspected", "precision", "recall", "lift"),
    [
        pytest.param(((5638, 1008), (704, 1131)), 0.252, 0.529, 0.616, 2.44, id="test-split"),
        pytest.param(((5448, 982), (657, 1047)), 0.249, 0.516, 0.614, 2.46, id="validation-split"),
    ],
)
def test_the_published_confusion_matrices_give_the_published_figures(
    matrix: tuple[tuple[int, int], tuple[int, int]],
    inspected: float,
    precision: float,
    recall: float,
    lift: float,
) -> None:
    (passed, wrong), (missed, right) = matrix
    targeted = TargetedArm(
        selected=wrong + right, done=wrong + right, hits=right, control_types=PHYSICAL
    )
    # every declaration of the data was inspected: outside the selection each is a random control with certainty
    outside = RandomStratum(
        probability=Fraction(1),
        eligible=passed + missed,
        drawn=passed + missed,
        done=passed + missed,
        hits=missed,
    )
    figures = effectiveness(
        Flow(targeted=targeted, outside=[outside], random_control_types=PHYSICAL)
    )
    n = passed + wrong + missed + right
    assert estimate(wilson(wrong + right, n)).estimate == pytest.approx(inspected, abs=5e-4)
    assert estimate(figures.hit_rate).estimate == pytest.approx(precision, abs=5e-4)
    assert estimate(figures.targeting_recall).estimate == pytest.approx(recall, abs=5e-4)
    assert estimate(figures.lift_against_flow).estimate == pytest.approx(lift, abs=5e-3)


def test_the_published_matrix_of_the_validation_split_is_of_these_declarations() -> None:
    (passed, wrong), (missed, right) = ((5448, 982), (657, 1047))
    declarations = source.read(FILE)
    assert passed + wrong + missed + right == len(declarations)
    assert missed + right == sum(one.fraud for one in declarations)
