"""Stages that have begun: open until they end, ended otherwise by what befalls the goods, gone with their start."""

from collections.abc import Sequence
from typing import Any

import pytest

from sstl.core.consignments import ConsignmentsStage
from sstl.core.consignments.clearance import observe_clearance
from sstl.core.consignments.on_lane import on_lane
from sstl.core.endings import Ending, competing, ending
from sstl.core.indicators.registry import REGISTRY
from sstl.core.journeys.assess import assess
from sstl.core.journeys.stage import JourneysStage
from sstl.models.policy import Policy
from sstl.models.records import (
    OPEN,
    Event,
    Forwarded,
    Measure,
    Observation,
    Placed,
    Share,
    Shared,
    UnitMilestones,
)
from tests.consignment_cases import HOUSE, customs, unit, view
from tests.journey_events import HOUR, START, UNIT, Chain, event, ordered, share

ACCEPTED, RELEASED, SELECTED = "declaration.accepted", "inspection.released", "inspection.selected"
SCAN = ("inspection.scan.started", "inspection.scan.completed")
PLACES: dict[str, Any] = {"place_of_loading": "CNYTN", "place_of_unloading": "NLRTM"}


@pytest.mark.parametrize(
    ("end", "others", "expected"),
    [
        pytest.param(None, [], Ending(OPEN, 10), id="nothing-yet"),
        pytest.param(30, [], Ending(None, 30), id="ended"),
        pytest.param(None, [(20, "SEIZED")], Ending("SEIZED", 20), id="seized"),
        pytest.param(30, [(29, "SEIZED")], Ending("SEIZED", 29), id="seized-just-before-the-end"),
        pytest.param(30, [(30, "SEIZED")], Ending(None, 30), id="seized-with-the-end"),
        pytest.param(30, [(31, "SEIZED")], Ending(None, 30), id="seized-after-the-end"),
        pytest.param(
            None, [(20, "SEIZED"), (25, "DESTROYED")], Ending("SEIZED", 20), id="first-counts"
        ),
        pytest.param(None, [(10, "SEIZED")], Ending("SEIZED", 10), id="seized-with-the-start"),
        pytest.param(None, [(9, "SEIZED")], None, id="seized-before-the-start"),
        pytest.param(30, [(9, "SEIZED")], Ending(None, 30), id="given-back-and-ended"),
        pytest.param(5, [], Ending(None, 5), id="ended-before-it-began"),
        pytest.param(5, [(12, "SEIZED")], Ending(None, 5), id="ended-before-it-began-then-seized"),
    ],
)
def test_a_stage_ends_with_the_first_of_its_end_and_what_makes_that_impossible(
    end: int | None, others: list[tuple[int, str]], expected: Ending | None
) -> None:
    assert ending(10, end, others) == expected


def test_an_event_that_says_that_it_was_not_done_ends_nothing() -> None:
    seized = event("inspection.seized", START, status="NOT_DONE")
    assert competing({"inspection.seized": [seized]}) == []


def move(kind: str, hours: float, place: str, **more: Any) -> Event:
    return event(f"transport.{kind}", START + round(hours * HOUR), place=place, **more)


JOURNEY = (
    event("seallock.armed", START, sealNumber="L1"),
    move("gated_in", 8, "CNYTN"),
    move("loaded", 20, "CNYTN"),
    move("departed", 24, "CNYTN"),
    move("arrived", 700, "NLRTM"),
    move("gated_out", 730, "NLRTM"),
    move("stripped", 740, "NLRTM"),
)


def journey(events: Sequence[Event], shares: Sequence[Share] | None = None) -> dict[str, Measure]:
    told = [share(**PLACES)] if shares is None else shares
    found = assess(UNIT, ordered(list(events)), told, Policy()).observations.values()
    return {one.indicator: one.measure for one in found if one.indicator.startswith("LT_")}


def outcomes(found: dict[str, Measure]) -> dict[str, str | None]:
    return {name: measure.outcome for name, measure in found.items()}


@pytest.mark.parametrize(
    ("until", "still_open"),
    [
        pytest.param(0, {"LT_door"}, id="armed"),
        pytest.param(8, {"LT_door", "LT_export", "LT_port_port"}, id="gated-in"),
        pytest.param(20, {"LT_door", "LT_port_port"}, id="loaded"),
        pytest.param(24, {"LT_door", "LT_port_port", "LT_transit"}, id="departed"),
        pytest.param(700, {"LT_door", "LT_port_port", "LT_import"}, id="arrived"),
        pytest.param(730, {"LT_door"}, id="gated-out"),
        pytest.param(740, set(), id="delivered"),
    ],
)
def test_a_journey_waits_for_the_end_of_each_stage_that_has_begun(
    until: float, still_open: set[str]
) -> None:
    found = journey([one for one in JOURNEY if one.event_ms <= START + until * HOUR])
    assert {name for name, outcome in outcomes(found).items() if outcome == OPEN} == still_open
    assert all(found[name].value_ms == 0 for name in still_open)


def test_a_seizure_of_the_whole_unit_ends_every_stage_under_way_and_no_other() -> None:
    seized = event("inspection.seized", START + 710 * HOUR, side="IMPORT", equipmentReference=UNIT)
    found = journey([*JOURNEY, seized])
    assert outcomes(found) == {
        "LT_door": "SEIZED",
        "LT_export": None,
        "LT_transit": None,
        "LT_import": "SEIZED",
        "LT_port_port": "SEIZED",
    }
    assert found["LT_import"].value_ms == 10 * HOUR
    assert found["LT_door"].value_ms == 710 * HOUR


@pytest.mark.parametrize(
    ("houses", "outcome"),
    [
        pytest.param(("HBL1",), "SEIZED", id="all-that-lies-in-it"),
        pytest.param(("HBL1", "HBL2"), OPEN, id="one-of-several"),
    ],
)
def test_a_unit_travels_on_without_a_consignment_that_is_seized_out_of_several(
    houses: tuple[str, ...], outcome: str
) -> None:
    seized = event(
        "inspection.seized",
        START + 710 * HOUR,
        side="IMPORT",
        equipmentReference=UNIT,
        consignmentId="HBL1",
    )
    found = journey([*JOURNEY[:5], seized], [share(**PLACES, consignments=houses)])
    assert found["LT_import"].outcome == outcome


def test_by_air_nothing_is_waited_for_from_port_to_port() -> None:
    found = journey([move("rcs", 0, "CNYTN")], [share(mode="AIR", **PLACES)])
    assert outcomes(found) == {"LT_export": OPEN}


def test_a_plan_makes_no_stage_late_that_has_not_ended() -> None:
    plans = [
        move("departed", 24, "CNYTN", classifier="PLANNED"),
        move("arrived", 600, "NLRTM", classifier="PLANNED"),
    ]
    assert journey([*JOURNEY[:4], *plans])["LT_transit"].planned_ms is None
    assert journey([*JOURNEY, *plans])["LT_transit"].planned_ms == 576 * HOUR


def told(chain: Chain, key: str, *messages: Any) -> list[Observation]:
    outputs = chain.feed(*messages, key=key)
    return [one.message for one in outputs if isinstance(one.message, Observation)]


def of(name: str, said: Sequence[Observation]) -> list[tuple[str | None, str | None]]:
    """Return what an observation was and what it is: ``-`` nothing."""

    def outcome(one: Measure | None) -> str | None:
        return "-" if one is None else one.outcome

    return [(outcome(one.previous), outcome(one.current)) for one in said if one.indicator == name]


def test_an_open_journey_is_told_once_and_replaced_by_how_it_ended() -> None:
    chain = Chain(JourneysStage())
    shared = Shared(manifest_id="LRN1", share=share(**PLACES))
    said = told(chain, UNIT, shared, Placed(event=JOURNEY[3]))
    assert of("LT_transit", said) == [("-", OPEN)]
    repeated = told(chain, UNIT, Placed(event=JOURNEY[3]))
    assert of("LT_transit", repeated) == []
    # what leaves it as it is says nothing
    assert of("LT_transit", told(chain, UNIT, Placed(event=JOURNEY[2]))) == []
    assert of("LT_transit", told(chain, UNIT, Placed(event=JOURNEY[4]))) == [(OPEN, None)]


def customs_at(kind: str, hours: float, side: str = "IMPORT", **data: Any) -> Event:
    return customs(kind, START + round(hours * HOUR), side, **data)


def reached(name: str = "U1", **hours: float) -> UnitMilestones:
    instants: dict[str, Any] = {code: START + round(at * HOUR) for code, at in hours.items()}
    return unit(name, **instants)


def clearance(*events: Event, **hours: Any) -> dict[str, Measure]:
    on = on_lane(view(*events, units=[reached(**hours)]), Policy())
    assert on is not None
    found = observe_clearance(on)
    return {one.indicator: one.measure for one in found if one.indicator.startswith("LT_")}


@pytest.mark.parametrize(
    ("events", "milestones", "expected"),
    [
        pytest.param([], {"T6": 10}, {"LT_release": OPEN}, id="arrived"),
        pytest.param(
            [customs_at(ACCEPTED, 5)], {}, {"LT_clear_declared": OPEN}, id="declared-under-way"
        ),
        pytest.param(
            [customs_at(ACCEPTED, 5)],
            {"T6": 10},
            {"LT_release": OPEN, "LT_clear": OPEN, "LT_clear_declared": OPEN},
            id="arrived-and-declared",
        ),
        pytest.param(
            [customs_at(RELEASED, 30)], {}, {"LT_postrelease": OPEN}, id="released-under-way"
        ),
        pytest.param(
            [customs_at(ACCEPTED, 5), customs_at("inspection.destroyed", 12)],
            {"T6": 10},
            {"LT_release": "DESTROYED", "LT_clear": "DESTROYED", "LT_clear_declared": "DESTROYED"},
            id="destroyed",
        ),
        pytest.param(
            [customs_at("inspection.seized", 12), customs_at(RELEASED, 30)],
            {"T6": 10, "T14": 40},
            {"LT_release": "SEIZED", "LT_postrelease": None},
            id="given-back-after-a-seizure",
        ),
    ],
)
def test_a_consignment_waits_for_the_end_of_each_stage_that_has_begun(
    events: list[Event], milestones: dict[str, float], expected: dict[str, str | None]
) -> None:
    assert outcomes(clearance(*events, **milestones)) == expected


def test_time_is_put_down_to_nobody_while_it_runs_and_where_it_ended_otherwise() -> None:
    for event_ in (customs_at("inspection.seized", 12), customs_at(ACCEPTED, 11)):
        assert "LT_customs" not in clearance(event_, T6=10)
    assert "LT_customs" in clearance(customs_at(RELEASED, 12), T6=10)


def test_goods_released_before_arrival_have_ended_at_it() -> None:
    found = clearance(customs_at(ACCEPTED, 2), customs_at(RELEASED, 8), T6=10)
    assert (found["LT_clear"].outcome, found["LT_clear"].value_ms) == (None, 0)
    assert (found["LT_release"].outcome, found["LT_release"].value_ms) == (None, -2 * HOUR)


@pytest.mark.parametrize(
    ("events", "wait", "control"),
    [
        pytest.param([customs_at(SELECTED, 11, controlType="NII")], OPEN, "NII", id="a-scan"),
        pytest.param([customs_at(SELECTED, 11)], OPEN, None, id="nothing-says-what"),
        pytest.param([customs_at(SELECTED, 11, controlType="DOCUMENT")], "-", None, id="papers"),
        pytest.param(
            [customs_at(SELECTED, 11), customs_at("inspection.document.checked", 12)],
            "-",
            None,
            id="papers-by-their-report",
        ),
        pytest.param(
            [customs_at(SELECTED, 11), customs_at(RELEASED, 14)], "RELEASED", None, id="let-go"
        ),
        pytest.param(
            [
                customs_at(SELECTED, 11, equipmentReference="U1"),
                customs_at(RELEASED, 14, equipmentReference="U1"),
            ],
            "RELEASED",
            None,
            id="its-unit-let-go",
        ),
        pytest.param(
            [
                customs_at(SELECTED, 11, equipmentReference="U1"),
                customs_at(RELEASED, 14, equipmentReference="U2"),
            ],
            OPEN,
            None,
            id="another-unit-let-go",
        ),
        pytest.param(
            [customs_at(RELEASED, 10), customs_at(SELECTED, 11)],
            OPEN,
            None,
            id="selected-after-the-release",
        ),
        pytest.param(
            [customs_at(SELECTED, 11), customs_at("inspection.control.waived", 13, reason="r")],
            "WAIVED",
            None,
            id="waived",
        ),
        pytest.param(
            [customs_at(SELECTED, 11), customs_at(SCAN[0], 13), customs_at(RELEASED, 12)],
            None,
            "NII",
            id="begun-after-the-release",
        ),
    ],
)
def test_a_selected_consignment_waits_for_a_control_that_reports_its_beginning(
    events: list[Event], wait: str | None, control: str | None
) -> None:
    found = clearance(*events)
    measure = found.get("LT_insp_wait")
    assert ("-" if measure is None else measure.outcome) == wait
    if measure is not None:
        assert measure.strata.get("control") == control


def test_an_inspection_lasts_until_its_end_is_reported_or_the_goods_are_let_go() -> None:
    begun = customs_at(SCAN[0], 11)
    assert clearance(begun)["LT_insp"].outcome == OPEN
    assert clearance(begun, customs_at(SCAN[1], 12))["LT_insp"].outcome is None
    let_go = clearance(begun, customs_at(RELEASED, 15))["LT_insp"]
    assert (let_go.outcome, let_go.value_ms) == ("RELEASED", 4 * HOUR)
    abroad = clearance(customs_at(SCAN[0], 1, "EXPORT"), customs_at(RELEASED, 15))["LT_insp"]
    assert abroad.outcome == OPEN


class Clearing:
    """A consignment that has arrived, in its stage."""

    def __init__(self) -> None:
        self.chain = Chain(ConsignmentsStage())
        shared = Shared(manifest_id="LRN1", share=share(), units=("U1",))
        self.first = told(self.chain, HOUSE, shared, reached(T6=10))

    def say(self, *messages: Any) -> list[Observation]:
        return told(self.chain, HOUSE, *messages)


def forwarded(one: Event) -> Forwarded:
    return Forwarded(identity=one.identity, path=f"consignment:{HOUSE}", event=one)


def test_an_open_consignment_moves_on_with_what_becomes_known_of_it() -> None:
    stage = Clearing()
    assert of("LT_release", stage.first) == [("-", OPEN)]
    channel = customs_at("channel.assigned", 12, channel="RED")
    (moved,) = [one for one in stage.say(forwarded(channel)) if one.indicator == "LT_release"]
    assert moved.previous is not None
    assert moved.current is not None
    assert "channel" not in moved.previous.strata
    assert moved.current.strata["channel"] == "RED"
    # the arrival is corrected: it belongs to another day
    (later,) = [one for one in stage.say(reached(T6=40)) if one.indicator == "LT_release"]
    assert later.current is not None
    assert later.current.start_ms == START + 40 * HOUR
    # and taken back
    assert of("LT_release", stage.say(reached())) == [(OPEN, "-")]


def test_a_seizure_ends_the_wait_and_its_retraction_opens_it_again() -> None:
    stage = Clearing()
    seized = customs_at("inspection.seized", 20)
    assert of("LT_release", stage.say(forwarded(seized))) == [(OPEN, "SEIZED")]
    gone = Forwarded(identity=seized.identity, path=f"consignment:{HOUSE}")
    assert of("LT_release", stage.say(gone)) == [("SEIZED", OPEN)]


def test_only_declared_stages_are_ever_open_and_each_says_what_ends_it() -> None:
    followed = {name for name, one in REGISTRY.items() if one.awaits is not None}
    assert followed == {
        *("LT_door", "LT_export", "LT_transit", "LT_import", "LT_port_port", "LT_release"),
        *("LT_clear", "LT_clear_declared", "LT_insp", "LT_insp_wait", "LT_postrelease"),
    }
    for name in followed:
        assert REGISTRY[name].end in (None, REGISTRY[name].awaits)
