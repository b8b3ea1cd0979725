"""What controls cost in time, how far the programme reaches, and who takes part in it."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from sstl.core.consignments.benefits import digest_of, observe_benefits
from sstl.core.consignments.on_lane import on_lane
from sstl.core.indicators.benefits import distinct
from sstl.core.journeys.assess import assess
from sstl.core.lanes import LanesStage
from sstl.core.leadtime import Observed
from sstl.core.stage import Context, Inbound, MemoryState
from sstl.models.indicator import Indicator
from sstl.models.policy import Policy
from sstl.models.records import Event, Goods, Measure, Observation, Share, UnitMilestones
from tests.chain import Chain
from tests.consignment_cases import HOUSE, customs, filed, unit, view
from tests.journey_events import DAY, HOUR, LANE, START, UNIT, event, share
from tests.unit.test_consignment_rule_stories import UNIT as STORY_UNIT
from tests.unit.test_consignment_rule_stories import customs as told
from tests.unit.test_consignment_rule_stories import filing, moved

pytestmark = pytest.mark.unit

RELEASED, CHANNEL = "inspection.released", "channel.assigned"
SELECTED, RESULT, WAIVED = (
    "inspection.selected",
    "inspection.result.recorded",
    "inspection.control.waived",
)
SCAN = ("inspection.scan.started", "inspection.scan.completed")
TRADER, OTHER = "p:0123456789abcdef01234567", "p:89abcdef0123456701234567"
FEBRUARY = START + 31 * DAY


def at(kind: str, hours: float, side: str | None = "IMPORT", **data: Any) -> Event:
    return customs(kind, START + round(hours * HOUR), side, **data)


def reached(name: str = "U1", **hours: float) -> UnitMilestones:
    instants: dict[str, Any] = {code: START + round(hour * HOUR) for code, hour in hours.items()}
    return unit(name, **instants)


def observed(*events: Event, units: Sequence[UnitMilestones] = (), **more: Any) -> list[Observed]:
    on = on_lane(view(*events, units=units or [reached(T6=10)], **more), Policy())
    return [] if on is None else list(observe_benefits(on))


def measures(*events: Event, **more: Any) -> dict[str, Measure]:
    return {one.indicator: one.measure for one in observed(*events, **more)}


def dwell(*events: Event, **more: Any) -> float | None:
    """Return the hours for which controls held up a consignment that arrived at hour 10."""
    measure = measures(*events, **more).get("control_dwell")
    return None if measure is None else measure.value_ms / HOUR


GREEN, OUT = at(CHANNEL, 9, channel="GREEN"), at(RELEASED, 40)


def one_control(number: str, begun: float, ended: float | None) -> list[Event]:
    found = [at(SELECTED, begun, inspectionId=number)]
    if ended is not None:
        found.append(at(RESULT, ended, inspectionId=number, controlResultCode="A1"))
    return found


@pytest.mark.parametrize(
    ("events", "hours"),
    [
        pytest.param([GREEN], 0, id="no-control-met-it"),
        pytest.param(one_control("I1", 12, 18), 6, id="selected-to-result"),
        pytest.param(one_control("I1", 4, 18), 8, id="selected-before-arrival"),
        pytest.param(one_control("I1", 12, 50), 28, id="result-after-release"),
        pytest.param(one_control("I1", 12, None), 28, id="no-result-until-release"),
        pytest.param(one_control("I1", 2, 9), 0, id="over-before-arrival"),
        pytest.param(
            [*one_control("I1", 12, 18), *one_control("I2", 14, 20)], 8, id="two-at-once-count-once"
        ),
        pytest.param(
            [*one_control("I1", 12, 14), *one_control("I2", 20, 23)], 5, id="one-after-the-other"
        ),
        pytest.param(
            [at(SELECTED, 12), at(RESULT, 14), at(SELECTED, 20), at(RESULT, 23)],
            5,
            id="one-after-the-other-without-numbers",
        ),
        pytest.param(
            [at(SELECTED, 12), at(SCAN[0], 13), at(SCAN[1], 15)], 3, id="up-to-its-completion"
        ),
        pytest.param(
            [at(SELECTED, 12), at(SCAN[0], 13), at(SCAN[1], 15), at(RESULT, 19)],
            7,
            id="waiting-for-the-result-of-an-image",
        ),
        pytest.param(
            [at(SELECTED, 12), at(RESULT, 14), at(SCAN[0], 20), at(SCAN[1], 23)],
            5,
            id="a-result-and-later-a-scan-without-one",
        ),
        pytest.param(
            [at(SELECTED, 12), at(RESULT, 14), at(SCAN[0], 14), at(SCAN[0], 20), at(SCAN[1], 23)],
            5,
            id="begun-when-the-result-came",
        ),
        pytest.param(
            [at(SELECTED, 12), at(RESULT, 14), at(SCAN[0], 20)],
            22,
            id="a-result-and-later-an-open-scan",
        ),
        pytest.param([at(SELECTED, 12), at(WAIVED, 16)], 4, id="selected-and-waived"),
        pytest.param(
            [at(SELECTED, 12), at(RESULT, 16, status="NOT_DONE")], 4, id="selected-and-not-done"
        ),
    ],
)
def test_controls_cost_the_time_in_which_one_was_selected_or_under_way(
    events: list[Event], hours: float
) -> None:
    assert dwell(*events, OUT) == hours


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([GREEN], id="not-released"),
        pytest.param([OUT], id="no-decision-reported"),
        pytest.param(
            [OUT, GREEN, at(SELECTED, 12, None, unLocationCode="SGSIN")], id="a-control-on-no-side"
        ),
    ],
)
def test_what_may_have_cost_time_or_not_is_not_counted(events: list[Event]) -> None:
    assert dwell(*events) is None


def test_it_has_arrived_with_the_last_of_its_units() -> None:
    units = [reached("U1", T6=10), reached("U2", T6=16)]
    assert dwell(*one_control("I1", 12, 18), OUT, units=units) == 2
    assert (
        dwell(*one_control("I1", 12, 18), OUT, units=[reached("U1", T6=10), reached("U2")]) is None
    )


def test_what_was_released_before_it_arrived_was_held_up_by_nothing() -> None:
    assert dwell(*one_control("I1", 2, 6), at(RELEASED, 8)) == 0


@pytest.mark.parametrize(
    ("member", "mass_kg", "expected"),
    [
        pytest.param(True, 1200.5, (1, 1201, 1201), id="a-member"),
        pytest.param(False, 1200.4, (0, 0, 1200), id="not-a-member"),
        pytest.param(True, None, (1, None, None), id="without-mass"),
    ],
)
def test_the_programmes_share_of_a_lane(
    member: bool,
    mass_kg: float | None,
    expected: tuple[int, int | None, int | None],
) -> None:
    found = measures(shares=[filed(sstl_member=member, gross_mass_kg=mass_kg)])
    mass = found.get("sstl_mass_share")
    values = (None, None) if mass is None else (mass.value_ms, mass.exposure)
    assert (found["sstl_consignment_share"].value_ms, *values) == expected


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"sstl_member": None}, id="not-said"),
        pytest.param({"sstl_member": True, "lodged_ms": None}, id="not-lodged"),
        pytest.param({"sstl_member": True, "empty": True}, id="empty"),
    ],
)
def test_what_does_not_say_whether_it_takes_part_is_in_neither_number(
    changed: dict[str, Any],
) -> None:
    assert measures(shares=[filed(**changed)]) == {}


@pytest.mark.parametrize(
    ("member", "expected"), [(True, [1]), (False, [0]), (None, [])], ids=["yes", "no", "mixed"]
)
def test_a_unit_that_arrived_takes_part_as_a_whole_or_not(
    member: bool | None, expected: list[int]
) -> None:
    def told(kind: str) -> list[int]:
        events = [event(f"transport.{kind}", START + HOUR, place="NLRTM")]
        found = assess(UNIT, events, [share(sstl_member=member)], Policy()).observations
        return [
            one.measure.value_ms for one in found.values() if one.indicator == "sstl_unit_share"
        ]

    assert told("arrived") == expected
    assert told("departed") == []


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param((("H2",), True), [1], id="of-two-filings-both"),
        pytest.param((("H2",), False), [], id="of-two-filings-one"),
        pytest.param((("H2",), None), [], id="of-one-filing-it-is-not-said"),
        pytest.param((("H1",), None), [1], id="the-first-filing-on-a-consignment-says"),
        pytest.param((("H1", "H2"), None), [], id="the-second-filing-has-one-more"),
    ],
)
def test_a_unit_that_several_filings_share_takes_part_if_all_of_them_say_so(
    other: tuple[tuple[str, ...], bool | None], expected: list[int]
) -> None:
    moves = [
        event("transport.departed", START, place="CNYTN"),
        event("transport.arrived", START + HOUR, place="NLRTM"),
    ]
    shares = [
        share(sstl_member=True, consignments=("H1",), teu=2),
        share("LRN2", sstl_member=other[1], consignments=other[0], teu=2),
    ]
    found = {
        one.indicator: one.measure
        for one in assess(UNIT, moves, shares, Policy()).observations.values()
    }
    for name, each in (("sstl_unit_share", 1), ("sstl_teu_share", 2)):
        told = [found[name].value_ms] if name in found else []
        assert told == [each * one for one in expected]
    assert found["LT_transit"].strata == ({"sstl": "YES"} if expected else {})


@pytest.mark.parametrize(
    ("teu", "member", "mode", "expected"),
    [
        pytest.param(2, True, "SEA", [(2, 2)], id="takes-part"),
        pytest.param(2, False, "RAIL", [(0, 2)], id="does-not"),
        pytest.param(0, True, "SEA", [(0, 0)], id="no-container"),
        pytest.param(None, True, "SEA", [], id="size-not-stated"),
        pytest.param(2, None, "SEA", [], id="mixed"),
        pytest.param(0, True, "AIR", [], id="by-air"),
    ],
)
def test_a_container_that_arrived_counts_its_teu(
    teu: int | None, member: bool | None, mode: str, expected: list[tuple[int, int]]
) -> None:
    events = [event("transport.arrived", START + HOUR, place="NLRTM")]
    carried = share(sstl_member=member, teu=teu, mode=mode)
    found = assess(UNIT, events, [carried], Policy()).observations
    assert [
        (one.measure.value_ms, one.measure.exposure)
        for one in found.values()
        if one.indicator == "sstl_teu_share"
    ] == expected


WORTH = Goods(item_no=1, value=120.4, currency="EUR"), Goods(item_no=2, value=80.2, currency="EUR")


@pytest.mark.parametrize(
    ("goods", "expected"),
    [
        pytest.param(WORTH, ("EUR", 201, 201), id="summed-and-rounded"),
        pytest.param((WORTH[0], Goods(item_no=2, value=1, currency="USD")), None, id="two-currencies"),
        pytest.param((WORTH[0], Goods(item_no=2, currency="EUR")), None, id="one-without-value"),
        pytest.param((Goods(item_no=1, value=5.0),), None, id="no-currency"),
        pytest.param((Goods(item_no=1, value=0.0, currency="EUR"),), ("EUR", 0, 0), id="worth-nothing"),
        pytest.param((), None, id="no-goods"),
    ],
)  # fmt: skip
def test_a_consignment_counts_what_it_is_declared_to_be_worth_by_currency(
    goods: tuple[Goods, ...], expected: tuple[str, int, int] | None
) -> None:
    on = on_lane(view(shares=[filed(sstl_member=True, goods=goods)]), Policy())
    assert on is not None
    found = [one for one in observe_benefits(on) if one.indicator == "sstl_value_share"]
    assert [(one.counting_unit, one.measure.value_ms, one.measure.exposure) for one in found] == (
        [] if expected is None else [expected]
    )
    assert all(one.id == f"sstl_value_share|{HOUSE}|EUR" for one in found)


def test_a_consignment_that_does_not_take_part_is_in_the_value_of_all() -> None:
    on = on_lane(view(shares=[filed(sstl_member=False, goods=WORTH)]), Policy())
    assert on is not None
    (found,) = [one for one in observe_benefits(on) if one.indicator == "sstl_value_share"]
    assert (found.measure.value_ms, found.measure.exposure) == (0, 201)


def test_a_consignment_of_empty_equipment_counts_nowhere() -> None:
    def names(**listed: str) -> set[str]:
        chain = Chain()
        chain.take(
            [
                filing("lodged", 0, equipment=[{"equipmentReference": STORY_UNIT, **listed}]),
                moved("arrived", 700, "NLRTM", STORY_UNIT),
                told("channel.assigned", 710, channel="RED"),
                told("inspection.result.recorded", 715, controlType="NII", outcome="CONFIRMED"),
                told("inspection.released", 720),
            ]
        )
        assert not chain.published["rejected"]
        return {one["indicator"] for one in chain.net_indicators().values()}

    assert names() >= {"LT_release", "prearrival", "hit_rate", "reporting_delay", "missed_hits"}
    assert names(emptyIndicator="EMPTY") == set()


MEMBER = filed(sstl_member=True, parties=(("IMPORTER", TRADER), ("EXPORTER", OTHER)))


def test_who_takes_part_is_named_by_digests_only() -> None:
    found = measures(GREEN, at(RESULT, 12, office="NL000510"), shares=[MEMBER])
    told = observed(shares=[MEMBER])
    operators = [one for one in told if one.indicator == "taking_part_operators"]
    digests = {digest_of(TRADER), digest_of(OTHER)}
    assert {one.measure.category for one in operators} == digests
    for one in operators:
        assert TRADER.removeprefix("p:")[:10] not in one.id + (one.measure.category or "")
    assert found["taking_part_offices"].category == "NL000510"
    assert found["taking_part_ports"].category == "CNYTN NLRTM"


def test_operators_count_by_month_so_that_days_stay_small() -> None:
    late = filed(sstl_member=True, parties=MEMBER.parties, lodged_ms=FEBRUARY + 9 * DAY + 3 * HOUR)
    found = measures(shares=[late])
    assert found["taking_part_operators"].start_ms == FEBRUARY
    assert found["taking_part_ports"].start_ms == FEBRUARY + 9 * DAY + 3 * HOUR


@pytest.mark.parametrize(
    "filing",
    [
        pytest.param(filed(sstl_member=False, parties=MEMBER.parties), id="who-does-not-take-part"),
        pytest.param(
            filed(sstl_member=True, parties=MEMBER.parties, mode="POST"), id="parties-of-parcels"
        ),
    ],
)
def test_nobody_else_is_an_operator_that_takes_part(filing: Share) -> None:
    assert "taking_part_operators" not in measures(shares=[filing])


def test_different_ones_are_counted_once() -> None:
    assert distinct(["a b", "b c", "c"]) == 3
    assert distinct([]) == 0


def lane(changes: Iterable[tuple[str, Measure | None, Measure | None]]) -> dict[str, Indicator]:
    """Return what a lane publishes of changes (indicator, before, after), each of a subject of its own."""
    here, state = Context(0, frozenset({"nobody/0"})), MemoryState()
    records = [
        Inbound(
            name,
            Observation(
                id=name, indicator=name, counting_unit=unit_of(name), current=after, previous=before
            ),
        )
        for name, before, after in changes
    ]
    state.apply(LanesStage().fold(state, records, Policy(), here).changed)
    outputs = LanesStage().tick(state, Policy(), here).outputs
    return {output.key: output.message for output in outputs}


def unit_of(indicator: str) -> str:
    units = {"report_fault": "report", "taking_part_operators": "party"}
    return units.get(indicator, "consignment")


def measure(**fields: Any) -> Measure:
    known: dict[str, Any] = {"lane_id": LANE, "mode": "SEA", "start_ms": START, "value_ms": 0}
    return Measure(**(known | fields))


def test_a_lane_says_how_many_take_part_by_month_and_in_all() -> None:
    one, two = measure(category="a"), measure(category="b", start_ms=FEBRUARY)
    name = "taking_part_operators"
    published = lane(
        [
            (name, None, one),
            (name, None, two),
            (name, None, measure(category="b")),
            (name, None, one),
        ]
    )
    of = {
        key.rpartition("|")[2]: found
        for key, found in published.items()
        if found.indicator == "operators_taking_part"
    }
    assert {window: found.value for window, found in of.items()} == {
        "P1M/2026-01": 2,
        "P1M/2026-02": 1,
        "TOTAL": 2,
    }
    assert {(found.unit, found.counting_unit) for found in of.values()} == {("operators", "party")}
    assert not any(name in key for key in published)


def test_who_takes_part_no_more_is_counted_no_more() -> None:
    one, two = measure(category="a"), measure(category="b")
    name = "taking_part_operators"
    published = lane([(name, None, one), (name, None, two), (name, one, None)])
    assert published[f"operators_taking_part|party|{LANE}|SEA||TOTAL"].value == 1


def test_a_share_of_mass_is_a_ratio_without_interval() -> None:
    name = "sstl_mass_share"
    published = lane(
        (name, None, measure(value_ms=kg * member, exposure=kg))
        for kg, member in ((3000, 1), (1000, 0))
    )
    whole = published[f"{name}|consignment|{LANE}|SEA||TOTAL"]
    assert (whole.n, whole.k, whole.exposure, whole.value) == (2, 3000, 4000, 0.75)
    assert (whole.unit, whole.interval) == ("1", None)


def test_a_source_has_its_share_of_reports_that_cannot_be_right_and_why() -> None:
    name, source = "report_fault", {"source": "urn:sstl:NLRTM:tos"}
    faults = ["NONE", "NONE", "OUT_OF_ORDER", "CONTRADICTED"]
    published = lane((name, None, measure(category=one, strata=source)) for one in faults)
    whole = {
        found.indicator: (found.k, found.n, found.share)
        for key, found in published.items()
        if key.endswith("|source=urn:sstl:NLRTM:tos|TOTAL")
    }
    assert whole == {
        "implausible_report_share": (2, 4, 0.5),
        "report_out_of_order_share": (1, 4, 0.25),
        "report_contradicted_share": (1, 4, 0.25),
    }
