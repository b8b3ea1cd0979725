"""Laws of the tally of arms: categories say all that the estimators need, in any order, and nothing is lost."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from sstl.core.indicators.arm import Arm, decode, encode, flow_of
from sstl.core.indicators.recall import RECALL_FIGURES, recall_figures
from sstl.core.statistics.recall import Flow, RandomStratum, TargetedArm, effectiveness
from sstl.core.statistics.result import Estimate, NotEstimable
from sstl.core.strata import CONTROL_DEPTH

_NAMES = (
    "prevalence",
    "lift_against_untargeted",
    "lift_against_flow",
    "missed",
    "total",
    "targeting_recall",
    "overall_recall",
    "leakage",
)
_chances = st.fractions(min_value=0, max_value=1, max_denominator=1000)


@st.composite
def arms(draw: st.DrawFn) -> Arm:
    probability = draw(_chances)
    kind = draw(st.none() | st.sampled_from(CONTROL_DEPTH))
    return Arm(
        targeted=draw(st.booleans()),
        drawn=bool(probability) and draw(st.booleans()),
        probability=probability,
        control_type=kind,
        hit=kind is not None and draw(st.booleans()),
    )


@st.composite
def worlds(draw: st.DrawFn) -> list[Arm]:
    """Draw a flow that is mostly fit for an estimate: one or two chances, one control type, most controls done."""
    chances = draw(
        st.lists(st.sampled_from((Fraction(1, 50), Fraction(1, 5))), min_size=1, max_size=2)
    )
    flow: list[Arm] = []
    for chance in chances:
        for targeted, drawn, most in ((True, False, 40), (False, True, 50), (False, False, 90)):
            done = draw(st.integers(0, most)) if targeted or drawn else 0
            hits = draw(st.integers(0, done)) if done else 0
            left = draw(st.integers(0, 4 if targeted or drawn else most))
            for found, many in ((True, hits), (False, done - hits), (None, left)):
                kind = None if found is None else "PHYSICAL"
                one = Arm(
                    targeted=targeted,
                    drawn=drawn,
                    probability=chance,
                    control_type=kind,
                    hit=bool(found),
                )
                flow += [one] * many
    return flow


def by_hand(flow: Sequence[Arm]) -> Flow:
    """Count a flow from the raw list, the way docs/statistics.md puts it into words."""
    in_s = [one for one in flow if one.targeted and one.control_type is not None]
    outside = [one for one in flow if not (one.targeted and one.control_type is not None)]
    random_done = [one for one in outside if one.drawn and one.control_type is not None]
    strata = []
    for chance in sorted({one.probability for one in outside}):
        units = [one for one in outside if one.probability == chance]
        done = [one for one in random_done if one.probability == chance]
        strata.append(
            RandomStratum(
                probability=chance,
                eligible=len(units),
                drawn=sum(one.drawn for one in units),
                done=len(done),
                hits=sum(one.hit for one in done),
            )
        )
    return Flow(
        targeted=TargetedArm(
            selected=sum(one.targeted for one in flow),
            done=len(in_s),
            hits=sum(one.hit for one in in_s),
            control_types=frozenset(one.control_type for one in in_s if one.control_type),
        ),
        outside=tuple(strata),
        random_control_types=frozenset(one.control_type for one in random_done if one.control_type),
    )


def tally(flow: Sequence[Arm]) -> dict[str, int]:
    return dict(Counter(encode(one) for one in flow))


@given(arms())
def test_a_category_says_all_of_an_arm(arm: Arm) -> None:
    assert decode(encode(arm)) == arm


@given(
    st.lists(arms(), max_size=30).flatmap(
        lambda flow: st.tuples(st.just(flow), st.permutations(flow))
    )
)
def test_a_tally_gives_the_flow_of_the_raw_list_in_any_order(
    flows: tuple[list[Arm], list[Arm]],
) -> None:
    flow, shuffled = flows
    assert flow_of(tally(flow)) == by_hand(flow) == flow_of(tally(shuffled))


@given(worlds())
def test_figures_are_those_of_the_raw_list(flow: list[Arm]) -> None:
    figures = recall_figures(tally(flow))
    found = effectiveness(by_hand(flow))
    assert [one.estimated for one in figures] == [getattr(found, name) for name in _NAMES]
    assert [one.name for one in figures] == [one.name for one in RECALL_FIGURES]
    for one in figures:
        if one.name != "random_prevalence":
            assert one.n == len(flow)


@given(worlds(), worlds())
def test_two_windows_make_the_figures_of_both_together(one: list[Arm], other: list[Arm]) -> None:
    together = Counter(tally(one))
    together.update(tally(other))
    assert recall_figures(dict(together)) == recall_figures(tally([*one, *other]))


@given(worlds())
def test_a_single_unit_that_could_not_be_drawn_leaves_nothing_to_say(flow: list[Arm]) -> None:
    never = Arm(targeted=False, drawn=False, probability=Fraction(0))
    for one in recall_figures(tally([*flow, never])):
        assert isinstance(one.estimated, NotEstimable)


@given(worlds())
def test_recalls_and_leakage_fit_together(flow: list[Arm]) -> None:
    said = {one.name: one.estimated for one in recall_figures(tally(flow))}
    overall, leakage = said["overall_recall"], said["leakage"]
    if not isinstance(overall, Estimate):
        assert overall == leakage
        return
    assert isinstance(leakage, Estimate)
    if overall.estimate is None:
        # no random hit: only the least share that is found can be said
        assert (overall.high, leakage.low, leakage.estimate) == (None, None, None)
        return
    targeting = said["targeting_recall"]
    assert isinstance(targeting, Estimate)
    assert leakage.estimate == 1 - overall.estimate
    assert targeting.estimate is not None
    assert targeting.estimate <= overall.estimate
