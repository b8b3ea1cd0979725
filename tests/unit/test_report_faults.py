"""Which reports cannot be right: each rule with both sides of its threshold, and who is counted for it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sstl.core.consignments.assess import observe
from sstl.core.journeys.assess import assess
from sstl.core.milestones import order
from sstl.core.report_faults import (
    DAY_MS,
    LATEST_REPORT_MS,
    LONG_BEFORE_MS,
    ORDER_TOLERANCE_MS,
    SAME_MS,
    Fault,
)
from sstl.models.policy import Policy
from sstl.models.records import Event, Measure
from tests.consignment_cases import customs, filed, view
from tests.journey_events import DAY, HOUR, LANE, MINUTE, START, UNIT, event, share

pytestmark = pytest.mark.unit

PAGE = Path(__file__).parents[2] / "docs" / "indicators.md"

PLACES = {"place_of_loading": "CNYTN", "place_of_unloading": "NLRTM"}
TOS = "urn:sstl:NLRTM:tos"
CARRIER = "urn:sstl:NLRTM:carrier"
FINE = "NONE"


def move(kind: str, hours: float, place: str, *, source: str = TOS, **changed: Any) -> Event:
    made = event(f"transport.{kind}", START + round(hours * HOUR), place=place, **changed)
    return msgspec.structs.replace(made, source=source)


def told(*events: Event, **shares: Any) -> dict[tuple[str, str], Measure]:
    """Return what is told of a journey's reports, by milestone and source."""
    found = assess(
        UNIT, sorted(events, key=order), [share(**(PLACES | shares))], Policy()
    ).observations
    return {
        (name.split("|")[2], one.measure.strata["source"]): one.measure
        for name, one in found.items()
        if one.indicator == "report_fault"
    }


def faults(*events: Event, **shares: Any) -> dict[str, str | None]:
    """Return the fault of each milestone's report, of journeys that one source reports."""
    return {code: measure.category for (code, _), measure in told(*events, **shares).items()}


IN = move("gated_in", 8, "CNYTN")
SAILED = move("departed", 24, "CNYTN")
CAME = move("arrived", 700, "NLRTM")
OUT = move("gated_out", 730, "NLRTM")


def test_a_journey_without_fault_is_plausible() -> None:
    armed = event("seallock.armed", START)
    expected = dict.fromkeys(("T1", "T6", "T14"), FINE)
    assert faults(armed, IN, SAILED, CAME, OUT) == expected


def test_a_report_counts_for_its_source_when_it_says_that_it_happened() -> None:
    (measure,) = told(CAME).values()
    assert (measure.lane_id, measure.mode) == (LANE, "SEA")
    assert measure.start_ms == CAME.event_ms
    assert measure.strata == {"source": TOS}


@pytest.mark.parametrize(
    ("recorded_ms", "fault"),
    [
        pytest.param(CAME.event_ms - 2 * MINUTE, FINE, id="within-the-clocks-tolerance"),
        pytest.param(
            CAME.event_ms - 2 * MINUTE - 1, "RECORDED_BEFORE", id="before-it-can-have-happened"
        ),
        pytest.param(CAME.event_ms + 400 * DAY, FINE, id="after-400-days"),
        pytest.param(CAME.event_ms + 400 * DAY + 1, "RECORDED_LATE", id="after-more-than-400-days"),
    ],
)
def test_a_report_is_recorded_when_it_can_be(recorded_ms: int, fault: str) -> None:
    assert faults(move("arrived", 700, "NLRTM", recorded_ms=recorded_ms)) == {"T6": fault}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([SAILED, move("arrived", 22, "NLRTM")], {"T6": FINE}, id="two-hours-before"),
        pytest.param(
            [IN, move("arrived", 5.9, "NLRTM")],
            {"T6": "OUT_OF_ORDER"},
            id="there-before-it-came-in",
        ),
        pytest.param(
            [SAILED, move("arrived", 21, "NLRTM")],
            {"T6": "OUT_OF_ORDER"},
            id="there-before-it-left",
        ),
        pytest.param(
            [CAME, move("discharged", 690, "NLRTM")],
            {"T6": "OUT_OF_ORDER"},
            id="discharged-before-it-arrived",
        ),
        pytest.param(
            [move("discharged", 733, "NLRTM"), OUT],
            {"T14": "OUT_OF_ORDER"},
            id="out-before-it-was-discharged",
        ),
        pytest.param(
            [CAME, move("gated_out", 697, "NLRTM")],
            {"T6": "OUT_OF_ORDER", "T14": "OUT_OF_ORDER"},
            id="either-of-the-two-may-be-wrong",
        ),
    ],
)
def test_the_chain_goes_one_way(events: Sequence[Event], expected: dict[str, str]) -> None:
    assert faults(*events) == expected


@pytest.mark.parametrize(
    ("hours", "fault"),
    [
        pytest.param(724, FINE, id="a-day-apart"),
        pytest.param(724.1, "CONTRADICTED", id="more-than-a-day-apart"),
    ],
)
def test_two_sources_that_contradict_each_other_are_both_counted(hours: float, fault: str) -> None:
    found = told(CAME, move("arrived", hours, "NLRTM", source=CARRIER))
    assert {at: measure.category for at, measure in found.items()} == {
        ("T6", TOS): fault,
        ("T6", CARRIER): fault,
    }


def test_arrivals_elsewhere_and_second_gates_contradict_nothing() -> None:
    elsewhere, again = move("arrived", 300, "SGSIN"), move("gated_out", 800, "NLRTM")
    assert faults(elsewhere, CAME, OUT, again) == {"T6": FINE, "T14": FINE}


def test_a_source_that_says_it_twice_has_made_one_report() -> None:
    assert len(told(CAME, move("arrived", 701, "NLRTM", id="again"))) == 1


def test_plans_and_estimates_are_no_reports() -> None:
    assert faults(move("arrived", 700, "NLRTM", classifier="ESTIMATED")) == {}


def test_nothing_is_told_while_the_lane_is_not_known_and_of_empty_equipment() -> None:
    assert told(CAME, lane_id=None, mode=None) == {}
    assert told(CAME, empty=True) == {}


def released(*events: Event, lodged_ms: int = START) -> dict[str, str | None]:
    seen = view(*events, shares=[filed(lodged_ms=lodged_ms)])
    return {
        one.measure.category or "": one.id.split("|")[2]
        for one in observe(seen, Policy()).values()
        if one.indicator == "report_fault"
    }


RELEASED = "inspection.released"
ACCEPTED = "declaration.accepted"
LATE = START + 31 * DAY


@pytest.mark.parametrize(
    ("events", "lodged_ms", "expected"),
    [
        pytest.param([customs(RELEASED, START)], START, {FINE: "T13"}, id="filed-then-released"),
        pytest.param([customs(RELEASED, START + DAY)], LATE, {FINE: "T13"}, id="30-days-before"),
        pytest.param(
            [customs(RELEASED, START + DAY - 1)], LATE, {"OUT_OF_ORDER": "T13"}, id="long-before"
        ),
        pytest.param(
            [customs(ACCEPTED, START + 3 * HOUR), customs(RELEASED, START)],
            START,
            {"OUT_OF_ORDER": "T13"},
            id="released-before-it-was-accepted",
        ),
    ],
)
def test_goods_are_released_after_they_were_declared(
    events: Sequence[Event], lodged_ms: int, expected: dict[str, str]
) -> None:
    assert released(*events, lodged_ms=lodged_ms) == expected


def test_the_page_names_every_fault_and_its_threshold() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("<!-- faults -->")[2].partition("<!-- end of faults -->")[0]
    rows = [line.split("|")[1:4] for line in table.strip().splitlines()[2:]]
    assert [name.strip(" `") for name, *_ in rows if name.strip()] == list(Fault)
    said = " ".join(rule for *_, rule in rows)
    assert f"({Policy().clock_tolerance_s} s)" in said
    for threshold_ms in (LATEST_REPORT_MS, LONG_BEFORE_MS, SAME_MS):
        assert f"more than {threshold_ms // DAY_MS} d" in said
    assert said.count(f"more than {ORDER_TOLERANCE_MS // HOUR} h") == 2
