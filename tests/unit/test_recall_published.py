"""What targeting finds and misses, from the events of a lane to the records that are published of it."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from sstl.cli.indicator_formats import quantity
from sstl.core.indicators.registry import REGISTRY
from sstl.core.statistics.recall import (
    Effectiveness,
    Flow,
    RandomStratum,
    TargetedArm,
    effectiveness,
)
from sstl.core.statistics.result import Estimate
from tests.chain import Chain, as_bytes
from tests.unit.test_consignment_rule_stories import Told, filing, tell

pytestmark = pytest.mark.unit

PHYSICAL = frozenset({"PHYSICAL"})
ELIGIBLE, TARGETED, DRAWN = 150, 40, 40
"""Of the eligible, the first are targeted; of the others, so many are drawn and controlled."""
NAMES = {
    "random_prevalence": "prevalence",
    "lift_against_untargeted": "lift_against_untargeted",
    "lift_against_flow": "lift_against_flow",
    "missed_hits": "missed",
    "total_hits": "total",
    "targeting_recall": "targeting_recall",
    "overall_recall": "overall_recall",
    "leakage": "leakage",
}


def house(number: int) -> str:
    return f"HBL{number:04d}"


def controlled(number: int, *, hit: bool) -> Told:
    found = {"controlResultCode": "B1" if hit else "A1"}
    return _customs("inspection.result.recorded", 14, number, controlType="PHYSICAL", **found)


def _customs(kind: str, hours: float, number: int, **data: Any) -> Told:
    return tell(kind, hours, consignmentId=house(number), side="IMPORT", **data)


def drawn(number: int, *, selected: bool) -> Iterator[Told]:
    draw = {
        "consignmentId": house(number),
        "laneId": "CNYTN-NLRTM-SEA",
        "drawDay": "2026-03-01",
        "probability": 0.4,
        "selected": selected,
        "commitment": "0" * 64,
    }
    yield tell("inspection.drawn", 2, **draw)
    if selected:
        said = [{"basis": "RANDOM", "probability": 0.4}]
        yield tell("inspection.selected", 2, consignmentId=house(number), selections=said)


def world(
    *, hits: int = 20, random_hits: int = 5, undrawn: int = 0, controls: int = DRAWN
) -> Iterator[Told]:
    """Tell a flow: ``undrawn`` of it have no draw; of the drawn ones ``controls`` are controlled."""
    for number in range(ELIGIBLE):
        yield filing("lodged", 0, lrn=f"LRN-{number}", house=_alone(number))
        if number >= undrawn:
            yield from drawn(number, selected=TARGETED <= number < TARGETED + DRAWN)
        yield _customs("channel.assigned", 5, number, channel="GREEN")
        if number < TARGETED:
            said = [{"basis": "RULE", "ruleId": "R1"}]
            yield _customs("inspection.selected", 6, number, selections=said)
            yield controlled(number, hit=number < hits)
        elif number < TARGETED + controls:
            yield controlled(number, hit=number < TARGETED + random_hits)


def _alone(number: int) -> dict[str, Any]:
    return {"consignmentId": house(number), "equipmentReferences": []}


def by_hand(*, hits: int = 20, random_hits: int = 5) -> Effectiveness:
    """Compute the same flow from its counts, written down one by one."""
    return effectiveness(
        Flow(
            targeted=TargetedArm(
                selected=TARGETED, done=TARGETED, hits=hits, control_types=PHYSICAL
            ),
            outside=(
                RandomStratum(
                    probability=Fraction(2, 5),
                    eligible=ELIGIBLE - TARGETED,
                    drawn=DRAWN,
                    done=DRAWN,
                    hits=random_hits,
                ),
            ),
            random_control_types=PHYSICAL,
        )
    )


def published(events: list[Told]) -> dict[str, dict[str, Any]]:
    """Return the records of the whole, all together, by indicator."""
    chain = Chain()
    chain.take(events)
    assert not chain.published["rejected"]
    return {
        one["indicator"]: one
        for key, one in chain.net_indicators().items()
        if key.endswith("|TOTAL") and not one.get("strata")
    }


@pytest.mark.parametrize(
    ("hits", "random_hits"),
    [pytest.param(20, 5, id="hits-in-both-arms"), pytest.param(20, 0, id="no-random-hit")],
)
def test_the_published_figures_are_those_of_the_flow(hits: int, random_hits: int) -> None:
    found = published(list(world(hits=hits, random_hits=random_hits)))
    expected = by_hand(hits=hits, random_hits=random_hits)
    for name, own in NAMES.items():
        record, figure = found[name], getattr(expected, own)
        assert isinstance(figure, Estimate)
        assert record["state"] == "AVAILABLE"
        assert record.get("value") == figure.estimate
        assert record["interval"].get("low") == figure.low
        assert record["interval"].get("high") == figure.high
        assert record["n"] == (DRAWN if name == "random_prevalence" else ELIGIBLE)
    assert "control_arm" not in found


def test_what_was_missed_is_a_number_of_consignments_and_no_share() -> None:
    found = published(list(world()))
    units = {name: found[name]["unit"] for name in NAMES}
    assert {name for name, unit in units.items() if unit == "consignments"} == {
        "missed_hits",
        "total_hits",
    }
    assert set(units.values()) == {"1", "consignments"}
    assert quantity(found["missed_hits"]["value"], units["missed_hits"]) == "13.75 consignments"
    for name, unit in units.items():
        assert REGISTRY[name].unit == unit


AT_ONCE = set(NAMES)
ARMS_TOGETHER = AT_ONCE - {"random_prevalence", "missed_hits"}


@pytest.mark.parametrize(
    ("told", "refused", "reason"),
    [
        pytest.param(
            {"undrawn": ELIGIBLE}, AT_ONCE, "70 eligible units could not be drawn at random", id="no-draws"
        ),
        pytest.param({"controls": 29}, AT_ONCE, "29 random controls, fewer than 30", id="too-few-controls"),
        pytest.param(
            {"controls": 35}, AT_ONCE, "35 of 40 random controls done, less than 90%", id="draws-not-carried-out"
        ),
        pytest.param(
            {"hits": 0, "random_hits": 0}, ARMS_TOGETHER, "no hits in either arm", id="nothing-was-found"
        ),
    ],
)  # fmt: skip
def test_a_flow_that_does_not_allow_it_has_no_figures_but_the_reason(
    told: dict[str, int], refused: set[str], reason: str
) -> None:
    found = published(list(world(**told)))
    for name in NAMES:
        record = found[name]
        if name in refused:
            assert (record["state"], record["reason"]) == ("NOT_ESTIMABLE", reason)
            assert record["n"] == ELIGIBLE
            assert "value" not in record
            assert "interval" not in record
        else:
            assert record["state"] == "AVAILABLE"


def test_targeted_consignments_need_no_draw() -> None:
    assert published(list(world(undrawn=TARGETED)))["leakage"]["state"] == "AVAILABLE"
    (leakage,) = {published(list(world(undrawn=TARGETED + DRAWN + 1)))["leakage"]["reason"]}
    assert leakage == "1 eligible units could not be drawn at random"


def test_twice_and_shuffled_the_figures_are_the_same() -> None:
    events = list(world())
    found = []
    for told in (events, [*events[::-1], *events]):
        chain = Chain()
        chain.take(told)
        found.append(as_bytes(chain.net_indicators()))
    assert found[0] == found[1]


def test_quantities_of_one_unit_of_measure_are_published_as_their_sum() -> None:
    def detained(number: int, **data: Any) -> Told:
        return _customs("inspection.detained", 9, number, **data)

    chain = Chain()
    chain.take(
        [
            *(filing("lodged", 0, lrn=f"LRN-{one}", house=_alone(one)) for one in range(3)),
            detained(0, quantity=0.1, unit="KGM"),
            detained(1, quantity=0.2, unit="KGM"),
            detained(2, quantity=40, unit="NAR"),
        ]
    )
    sums = {
        one["countingUnit"]: (one["n"], one["value"], one["unit"], "interval" in one)
        for key, one in chain.net_indicators().items()
        if one["indicator"] == "detained_quantity" and key.endswith("||TOTAL")
    }
    assert sums == {"KGM": (2, 0.3, "KGM", False), "NAR": (1, 40.0, "NAR", False)}
