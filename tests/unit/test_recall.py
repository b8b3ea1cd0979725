"""What targeting finds and misses: figures by hand, refusals on both sides of each limit."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from statsmodels.stats.proportion import proportion_confint

from sstl.core.statistics.proportions import koopman, wilson
from sstl.core.statistics.recall import (
    RANDOM_ARM,
    RANDOM_STRATA,
    Effectiveness,
    Flow,
    RandomStratum,
    TargetedArm,
    effectiveness,
)
from sstl.core.statistics.result import Estimate, Estimated, NotEstimable

pytestmark = pytest.mark.unit

TOGETHER = (
    "lift_against_untargeted",
    "lift_against_flow",
    "total",
    "targeting_recall",
    "overall_recall",
    "leakage",
)
ONE_PERCENT = Fraction(1, 100)


def stratum(**changed: Any) -> RandomStratum:
    counts = {"eligible": 9_800, "drawn": 100, "done": 98, "hits": 2}
    return RandomStratum(**{"probability": ONE_PERCENT, **counts, **changed})


def targeted(**changed: Any) -> TargetedArm:
    counts = {"selected": 200, "done": 200, "hits": 60}
    return TargetedArm(**{"control_types": frozenset({"PHYSICAL"}), **counts, **changed})


def flow(*outside: RandomStratum, arm: TargetedArm | None = None) -> Flow:
    return Flow(
        targeted=arm or targeted(),
        outside=outside or (stratum(),),
        random_control_types=frozenset({"PHYSICAL"}),
    )


def value(found: Estimated) -> Estimate:
    assert isinstance(found, Estimate), found
    return found


def numbers(found: Estimated) -> tuple[float | None, float | None, float | None]:
    known = value(found)
    return known.low, known.estimate, known.high


def refusal(found: Estimated) -> str:
    assert isinstance(found, NotEstimable), found
    return found.reason


def test_figures_of_a_flow_computed_by_hand() -> None:
    """200 targeted with 60 hits; outside 9,800 units, 98 random controls, 2 hits: 200 missed, 260 in all."""
    found = effectiveness(flow())
    low, high = proportion_confint(2, 98, method="wilson")
    assert numbers(found.prevalence) == pytest.approx((low, 2 / 98, high))
    assert numbers(found.missed) == pytest.approx((9_800 * low, 200, 9_800 * high))
    assert numbers(found.total) == pytest.approx((60 + 9_800 * low, 260, 60 + 9_800 * high))
    assert numbers(found.targeting_recall) == pytest.approx(
        (60 / (60 + 9_800 * high), 60 / 260, 60 / (60 + 9_800 * low))
    )
    assert numbers(found.overall_recall) == pytest.approx(
        (62 / (60 + 9_800 * high), 62 / 260, 62 / (60 + 9_800 * low))
    )
    assert numbers(found.leakage) == pytest.approx(
        (1 - 62 / (60 + 9_800 * low), 198 / 260, 1 - 62 / (60 + 9_800 * high))
    )
    assert numbers(found.lift_against_flow) == pytest.approx(
        (
            0.3 * 10_000 / (60 + 9_800 * high),
            0.3 * 10_000 / 260,
            0.3 * 10_000 / (60 + 9_800 * low),
        )
    )
    assert found.lift_against_untargeted == koopman(60, 200, 2, 98)
    assert found.hit_rate == wilson(60, 200)
    assert found.inspection_rate == wilson(298, 10_000)
    assert value(found.targeting_recall).method == RANDOM_ARM


def test_strata_of_one_probability_are_one() -> None:
    halves = [stratum(eligible=4_900, drawn=50, done=49, hits=1) for _ in range(2)]
    assert effectiveness(flow(*halves)) == effectiveness(flow())


def test_unequal_probabilities_are_weighted_and_count_as_fewer_controls() -> None:
    """8,000 units at 1 %: 2 hits in 80; 1,000 at 20 %: 40 in 200. 200 each missed, 400 of 9,000."""
    rare = stratum(eligible=8_000, drawn=80, done=80, hits=2)
    often = stratum(probability=Fraction(1, 5), eligible=1_000, drawn=200, done=200, hits=40)
    found = effectiveness(flow(often, rare))
    variance = (8 / 9) ** 2 * (1 / 40) * (39 / 40) / 79 + (1 / 9) ** 2 * 0.2 * 0.8 / 199
    share = 400 / 9_000
    effective = share * (1 - share) / variance
    low, high = proportion_confint(share * effective, effective, method="wilson")
    assert effective < 280
    assert numbers(found.missed) == pytest.approx((9_000 * low, 400, 9_000 * high))
    assert value(found.targeting_recall).method == RANDOM_STRATA
    assert value(found.lift_against_untargeted).estimate == pytest.approx(0.3 / share)


def test_a_stratum_without_a_hit_has_the_variance_of_all() -> None:
    rare = stratum(eligible=8_000, drawn=80, done=80, hits=0)
    often = stratum(probability=Fraction(1, 5), eligible=1_000, drawn=200, done=200, hits=40)
    found = effectiveness(flow(rare, often))
    share = 200 / 9_000
    variance = (8 / 9) ** 2 * share * (1 - share) / 80 + (1 / 9) ** 2 * 0.2 * 0.8 / 199
    effective = share * (1 - share) / variance
    _, high = proportion_confint(share * effective, effective, method="wilson")
    assert value(found.missed).high == pytest.approx(9_000 * high)


def test_units_of_which_chance_drew_none_count_with_the_next_probability() -> None:
    few = stratum(probability=Fraction(1, 50), eligible=10, drawn=0, done=0, hits=0)
    found = effectiveness(flow(stratum(), few))
    assert found.missed == effectiveness(flow(stratum(eligible=9_810))).missed
    fewer = stratum(probability=Fraction(1, 500), eligible=10, drawn=0, done=0, hits=0)
    assert effectiveness(flow(fewer, stratum())).missed == found.missed


def test_without_a_random_hit_there_are_bounds_on_one_side_only() -> None:
    found = effectiveness(flow(stratum(hits=0)))
    _, high = proportion_confint(0, 98, method="wilson")
    assert value(found.targeting_recall).low == pytest.approx(60 / (60 + 9_800 * high))
    assert numbers(found.targeting_recall)[1:] == (None, None)
    assert value(found.missed).high == pytest.approx(9_800 * high)
    assert numbers(found.missed)[:2] == (None, None)
    assert value(found.leakage).high == pytest.approx(1 - 60 / (60 + 9_800 * high))
    assert numbers(found.leakage)[:2] == (None, None)
    assert numbers(found.lift_against_untargeted)[1:] == (None, None)
    assert numbers(found.lift_against_flow)[1:] == (None, None)
    assert numbers(found.prevalence) == pytest.approx((0, 0, high))


def test_targeting_that_finds_nothing_while_chance_does_has_recall_0() -> None:
    found = effectiveness(flow(arm=targeted(hits=0)))
    assert numbers(found.targeting_recall) == (0, 0, 0)
    assert value(found.lift_against_untargeted).estimate == 0
    assert value(found.overall_recall).estimate == pytest.approx(2 / 200)


def test_a_random_arm_of_everybody_misses_exactly_what_it_found() -> None:
    everybody = stratum(probability=Fraction(1), eligible=400, drawn=400, done=400, hits=30)
    found = effectiveness(flow(everybody))
    assert numbers(found.missed) == pytest.approx((30, 30, 30))
    assert numbers(found.leakage) == pytest.approx((0, 0, 0))


@dataclass(frozen=True)
class Limit:
    reason: str
    refused: Flow
    allowed: Flow


LIMITS = {
    "random controls": Limit(
        "29 random controls, fewer than 30",
        flow(stratum(drawn=29, done=29)),
        flow(stratum(drawn=30, done=30)),
    ),
    "random execution": Limit(
        "89 of 100 random controls done, less than 90%",
        flow(stratum(done=89)),
        flow(stratum(done=90)),
    ),
    "never drawn": Limit(
        "1 eligible units could not be drawn at random",
        flow(stratum(), stratum(probability=Fraction(), eligible=1, drawn=0, done=0, hits=0)),
        flow(stratum(), stratum(probability=Fraction(), eligible=0, drawn=0, done=0, hits=0)),
    ),
    "targeted execution": Limit(
        "179 of 200 targeted controls done, less than 90%",
        flow(arm=targeted(done=179)),
        flow(arm=targeted(done=180)),
    ),
    "control types": Limit(
        "control types differ between the arms",
        flow(arm=targeted(control_types=frozenset({"PHYSICAL", "NII"}))),
        flow(),
    ),
    "no hits": Limit(
        "no hits in either arm",
        flow(stratum(hits=0), arm=targeted(hits=0)),
        flow(stratum(hits=0), arm=targeted(hits=1)),
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_recall_is_refused_just_below_each_limit_of_the_design_and_not_at_it(name: str) -> None:
    limit = LIMITS[name]
    refused, allowed = effectiveness(limit.refused), effectiveness(limit.allowed)
    assert {refusal(getattr(refused, figure)) for figure in TOGETHER} == {limit.reason}
    for figure in TOGETHER:
        value(getattr(allowed, figure))


@pytest.mark.parametrize("name", ["random controls", "random execution", "never drawn"])
def test_prevalence_needs_a_sound_random_arm(name: str) -> None:
    found = effectiveness(LIMITS[name].refused)
    assert refusal(found.prevalence) == refusal(found.missed) == LIMITS[name].reason
    value(found.hit_rate)


@pytest.mark.parametrize("name", ["targeted execution", "control types", "no hits"])
def test_prevalence_needs_nothing_of_targeting(name: str) -> None:
    found = effectiveness(LIMITS[name].refused)
    value(found.prevalence)
    value(found.missed)


@pytest.mark.parametrize(
    "impossible",
    [
        pytest.param(flow(arm=targeted(hits=201)), id="more-hits-than-controls"),
        pytest.param(flow(arm=targeted(selected=199)), id="controls-without-selection"),
        pytest.param(flow(stratum(drawn=97)), id="controls-without-draw"),
        pytest.param(flow(stratum(hits=-1)), id="negative"),
        pytest.param(flow(stratum(probability=Fraction())), id="drawn-with-probability-0"),
        pytest.param(flow(stratum(probability=Fraction(3, 2))), id="probability-above-1"),
    ],
)
def test_contradictory_counts_give_no_figure_at_all(impossible: Flow) -> None:
    found = effectiveness(impossible)
    for figure in Effectiveness.__struct_fields__:
        assert refusal(getattr(found, figure)).startswith("contradictory counts")


def test_a_flow_without_anything_targeted_has_no_hit_rate_and_no_recall() -> None:
    nothing = targeted(selected=0, done=0, hits=0)
    found = effectiveness(flow(arm=nothing))
    assert refusal(found.hit_rate) == "no units"
    assert refusal(found.lift_against_flow) == "no targeted control"
    assert refusal(found.lift_against_untargeted) == "a group has no units"


def test_an_empty_flow_has_no_figures() -> None:
    empty = Flow(
        targeted=targeted(selected=0, done=0, hits=0),
        outside=(),
        random_control_types=frozenset(),
    )
    found = effectiveness(empty)
    assert refusal(found.inspection_rate) == "no units"
    assert refusal(found.targeting_recall) == "0 random controls, fewer than 30"


@pytest.mark.parametrize(
    ("missed", "false", "found", "true_negative", "recall", "lift"),
    [
        pytest.param(704, 1008, 1131, 5638, 0.616, 2.44, id="test"),
        pytest.param(657, 982, 1047, 5448, 0.614, 2.46, id="validation"),
    ],
)
def test_a_classifier_on_fully_inspected_declarations_has_the_figures_of_its_confusion_matrix(
    missed: int, false: int, found: int, true_negative: int, recall: float, lift: float
) -> None:
    """The matrices are those of the notebook beside the customs declarations of Seondong et al. (2022)."""
    rest = missed + true_negative
    everybody = stratum(probability=Fraction(1), eligible=rest, drawn=rest, done=rest, hits=missed)
    selected = found + false
    arm = targeted(selected=selected, done=selected, hits=found)
    figures = effectiveness(flow(everybody, arm=arm))
    assert numbers(figures.targeting_recall) == pytest.approx((recall,) * 3, abs=5e-4)
    assert numbers(figures.lift_against_flow) == pytest.approx((lift,) * 3, abs=5e-3)
    assert value(figures.leakage).estimate == 0
