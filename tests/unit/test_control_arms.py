"""In which arm of the controls a consignment stands, and what its category says."""

from fractions import Fraction
from typing import Any

import pytest

from sstl.core.consignments.controls import observe_controls
from sstl.core.consignments.on_lane import on_lane
from sstl.core.indicators.arm import Arm, decode, encode
from sstl.core.indicators.registry import REGISTRY, Kind
from sstl.core.journeys.record import compact
from sstl.core.leadtime import Observed
from sstl.models.policy import Policy
from sstl.models.records import Event
from tests.consignment_cases import customs, filed, view
from tests.journey_events import HOUR, START, UNIT, share

pytestmark = pytest.mark.unit

SELECTED = "inspection.selected"
RESULT = "inspection.result.recorded"
EXAMINED = "inspection.physical.completed"
CHECKED = "inspection.document.checked"
FOUND: dict[str, Any] = {"controlResultCode": "B1"}
CLEAN: dict[str, Any] = {"controlResultCode": "A1"}


def at(kind: str, hours: float, side: str | None = "IMPORT", **data: Any) -> Event:
    return compact(customs(kind, START + round(hours * HOUR), side, **data))


def channel(code: str = "GREEN", hours: float = 5, side: str = "IMPORT") -> Event:
    return at("channel.assigned", hours, side, channel=code)


def draw(hours: float = 2, *, selected: bool = False, probability: float = 0.02) -> Event:
    """Draw a consignment as `sstl select random` does: with no side and no inspection."""
    return at("inspection.drawn", hours, None, selected=selected, probability=probability)


def by_draw(hours: float = 2, probability: float = 0.02) -> Event:
    """Select what was drawn."""
    said = [{"basis": "RANDOM", "probability": probability}]
    return at(SELECTED, hours, None, selections=said)


def chosen(*bases: str, hours: float = 11, side: str | None = "IMPORT") -> Event:
    said = [{"basis": one} for one in bases]
    return at(SELECTED, hours, side, selections=said, inspectionId="I1")


def result(kind: str | None = "PHYSICAL", **data: Any) -> Event:
    stated = {} if kind is None else {"controlType": kind}
    side = data.pop("side", "IMPORT")
    return at(RESULT, 14, side, **{"inspectionId": "I1", **stated, **data})


def arms(*events: Event, **more: Any) -> list[Observed]:
    on = on_lane(view(*events, **more), Policy())
    found = [] if on is None else list(observe_controls(on))
    return [one for one in found if one.indicator == "control_arm"]


DRAWN = draw(selected=True), by_draw()

# reports, category
CASES = [
    pytest.param([channel(), draw()], "--..@1/50", id="green-and-not-drawn"),
    pytest.param([channel()], "--..@0", id="no-draw-reported"),
    pytest.param([draw()], "--..@1/50", id="channel-still-to-come"),
    pytest.param([channel(), *DRAWN], "-R..@1/50", id="drawn-not-controlled"),
    pytest.param([channel("RED"), *DRAWN], "-R..@1/50", id="the-draw-explains-the-channel"),
    pytest.param([channel(), *DRAWN, result(**CLEAN)], "-R0P@1/50", id="drawn-nothing-found"),
    pytest.param([channel(), *DRAWN, result(**FOUND)], "-R1P@1/50", id="drawn-and-found"),
    pytest.param([channel(), by_draw(), result(**FOUND)], "-R1P@1/50", id="draw-known-by-its-selection"),
    pytest.param([channel("RED"), draw(), chosen("RULE")], "T-..@1/50", id="selected-not-controlled"),
    pytest.param(
        [channel("RED"), draw(), chosen("RULE"), result(**FOUND)], "T-1P@1/50", id="targeted-and-found"
    ),
    pytest.param(
        [channel("RED"), *DRAWN, chosen("RULE"), result(**FOUND)], "TR1P@1/50", id="drawn-as-well"
    ),
    pytest.param([channel("RED"), chosen("RANDOM", "RULE")], "T-..@0", id="drawn-with-no-chance-stated"),
    pytest.param([channel("RED"), draw()], "T-..@1/50", id="a-channel-that-nobody-explains"),
    pytest.param([channel(), draw(), at(SELECTED, 11)], "T-..@1/50", id="a-selection-that-nobody-explains"),
    pytest.param([channel(), *DRAWN, at(SELECTED, 11)], "-R..@1/50", id="the-draw-explains-the-selection"),
    pytest.param([channel("BLUE"), draw()], "--..@1/50", id="checked-after-release"),
    pytest.param([channel(), draw(), result(**FOUND)], "T-1P@1/50", id="a-control-that-nobody-explains"),
    pytest.param(
        [channel(), draw(), result(equipmentReference=UNIT, **FOUND)], "--1P@1/50", id="opened-with-its-unit"
    ),
    pytest.param(
        [channel("RED"), draw(), result(equipmentReference=UNIT, **FOUND)], "T-1P@1/50", id="chosen-and-with-its-unit"
    ),
    pytest.param(
        [channel(), draw(), chosen("RULE"), result(equipmentReference=UNIT, **CLEAN)],
        "T-0P@1/50",
        id="selected-opened-with-its-unit",
    ),
    pytest.param(
        [channel(), *DRAWN, result(equipmentReference=UNIT, **FOUND)], "-R1P@1/50", id="drawn-opened-with-its-unit"
    ),
    pytest.param(
        [channel(), draw(), at(EXAMINED, 13, inspectionId="I1"), result(equipmentReference=UNIT, **FOUND)],
        "T-1P@1/50",
        id="a-part-of-the-control-names-it",
    ),
    pytest.param(
        [channel("GREEN"), channel("RED", 9), draw()], "T-..@1/50", id="re-routed-to-a-control"
    ),
    pytest.param([channel(), draw(5)], "--..@1/50", id="drawn-with-the-channel"),
    pytest.param([channel(), draw(5.001, selected=True)], "--..@0", id="drawn-when-the-channel-was-known"),
    pytest.param(
        [channel(), draw(), draw(3, selected=True, probability=0.5)], "--..@1/50", id="the-first-draw-counts"
    ),
    pytest.param([chosen("OFFICER")], "T-..@0", id="selected-before-any-channel"),
    pytest.param([chosen("RULE", side=None)], "T-..@0", id="selected-and-no-side-said"),
    pytest.param(
        [channel(), draw(), chosen("RULE", side="EXPORT")], "--..@1/50", id="selected-for-export"
    ),
    pytest.param(
        [channel("RED"), *DRAWN, result(side="EXPORT", **FOUND)], "-R..@1/50", id="found-at-export"
    ),
    pytest.param(
        [channel("RED"), *DRAWN, result(controlResultCode="A5")], "-R..@1/50", id="result-left-open"
    ),
    pytest.param([channel("RED"), *DRAWN, result(None, **FOUND)], "-R..@1/50", id="type-not-recorded"),
    pytest.param(
        [channel("RED"), *DRAWN, at(EXAMINED, 13, inspectionId="I1", status="NOT_DONE")],
        "-R..@1/50",
        id="examination-not-done",
    ),
    pytest.param(
        [channel("RED"), *DRAWN, at(CHECKED, 9, inspectionId="I0", **FOUND), result(**CLEAN)],
        "-R1P@1/50",
        id="two-controls-the-papers-were-wrong",
    ),
    pytest.param([channel(side="EXPORT")], None, id="only-an-export-channel"),
    pytest.param([chosen("RULE", side="EXPORT")], None, id="only-an-export-selection"),
    pytest.param([result(**FOUND)], None, id="a-control-and-nothing-else"),
]  # fmt: skip


@pytest.mark.parametrize(("events", "expected"), CASES)
def test_a_consignment_stands_in_one_arm_or_is_not_eligible(
    events: list[Event], expected: str | None
) -> None:
    found = [one.measure.category for one in arms(*events)]
    assert found == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("events", "hours"),
    [
        pytest.param([draw(), channel(), chosen("RULE")], 5, id="channel"),
        pytest.param([channel("RED"), channel("GREEN", 9)], 5, id="first-channel"),
        pytest.param([channel(side="EXPORT", hours=1), draw(), chosen("RULE")], 2, id="draw"),
        pytest.param([chosen("RULE")], 11, id="selection"),
    ],
)
def test_it_counts_from_the_channel_else_the_draw_else_the_selection(
    events: list[Event], hours: int
) -> None:
    (one,) = arms(*events)
    assert one.measure.start_ms == START + hours * HOUR
    assert one.counting_unit == "consignment"


def test_its_strata_are_those_that_the_tally_is_divided_by() -> None:
    (one,) = arms(channel(), shares=[filed(sstl_member=True)])
    assert one.measure.strata == {"operator": "OTHER", "sstl": "YES"}
    declared = REGISTRY["control_arm"]
    assert declared.kind is Kind.TALLY
    assert declared.strata == (("operator",), ("sstl",))


def test_without_a_lane_nothing_is_tallied() -> None:
    assert not arms(channel(), draw(), shares=[share(lane_id=None)])


def test_chances_are_the_decimals_that_were_written() -> None:
    (one,) = arms(channel(), draw(probability=0.1))
    assert one.measure.category is not None
    assert decode(one.measure.category).probability == Fraction(1, 10)


def money(*amounts: float | None, kind: str = RESULT, number: str = "I1", **more: Any) -> Event:
    """Record a finding whose irregularities state these revenues."""
    found = [
        {"type": "MISDECLARATION"} | ({} if one is None else {"revenue": one}) for one in amounts
    ]
    stated: dict[str, Any] = {
        "inspectionId": number,
        "controlType": "PHYSICAL",
        "irregularities": found,
    }
    return at(kind, 14, **(stated | FOUND | more))


@pytest.mark.parametrize(
    ("events", "revenue"),
    [
        pytest.param([money(120.4, 80.2)], 201, id="summed-and-rounded"),
        pytest.param([money(0.0)], 0, id="none-to-recover"),
        pytest.param([money(None)], None, id="not-stated"),
        pytest.param([money(70.0, None)], 70, id="stated-of-one"),
        pytest.param([money(70.0, kind=EXAMINED), money(90.0)], 90, id="the-last-report-of-a-control-counts"),
        pytest.param([money(70.0), money(30.0, number="I2")], 100, id="two-controls"),
        pytest.param([money(70.0, controlResultCode="A1")], None, id="nothing-was-wrong"),
        pytest.param([money(70.0, side="EXPORT", number="I9")], None, id="at-export"),
    ],
)  # fmt: skip
def test_the_revenue_of_a_find_is_what_its_controls_state(
    events: list[Event], revenue: int | None
) -> None:
    on = on_lane(view(channel("RED"), chosen("RULE"), *events), Policy())
    assert on is not None
    found = [one for one in observe_controls(on) if one.indicator == "revenue_found"]
    assert [one.measure.value_ms for one in found] == ([] if revenue is None else [revenue])
    assert [one.measure.start_ms for one in found] == [START + 5 * HOUR] * len(found)


def test_a_report_on_a_whole_unit_states_no_revenue_of_one_consignment_in_it() -> None:
    told = [money(70.0), money(90.0, equipmentReference=UNIT)]
    on = on_lane(view(channel("RED"), chosen("RULE"), *told), Policy())
    assert on is not None
    (found,) = [one for one in observe_controls(on) if one.indicator == "revenue_found"]
    assert found.measure.value_ms == 70


@pytest.mark.parametrize(
    ("category", "arm"),
    [
        ("--..@0", Arm(targeted=False, drawn=False, probability=Fraction(0))),
        ("-R..@1", Arm(targeted=False, drawn=True, probability=Fraction(1))),
        (
            "T-1P@1/50",
            Arm(
                targeted=True,
                drawn=False,
                probability=Fraction(1, 50),
                control_type="PHYSICAL",
                hit=True,
            ),
        ),
        (
            "TR0D@3/1000",
            Arm(targeted=True, drawn=True, probability=Fraction(3, 1000), control_type="DOCUMENT"),
        ),
    ],
)
def test_a_category_says_what_the_documentation_says(category: str, arm: Arm) -> None:
    assert encode(arm) == category
    assert decode(category) == arm


@pytest.mark.parametrize(
    "category",
    ["", "T-1P", "T-1P@", "T-.P@1", "T-1.@1", "x-..@0", "-R2P@1/2", "-R..@1/0", "-R..@01", "-R..@1/50 "],
)  # fmt: skip
def test_what_is_no_category_is_refused(category: str) -> None:
    with pytest.raises(ValueError, match="no category of a control arm"):
        decode(category)
