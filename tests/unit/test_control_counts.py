"""How often controls meet a consignment: how many are counted, over what, and when they are not known."""

from fractions import Fraction
from typing import Any

import pytest

from sstl.core.consignments.controls import observe_controls
from sstl.core.consignments.on_lane import on_lane
from sstl.core.indicators.control_rates import CONTROL_RATES
from sstl.core.indicators.detained import detained_quantity
from sstl.core.indicators.registry import REGISTRY, Kind
from sstl.core.journeys.record import compact
from sstl.core.leadtime import Observed
from sstl.models.policy import Policy
from sstl.models.records import Event
from tests.consignment_cases import HOUSE, customs, filed, referral, view
from tests.journey_events import HOUR, START, UNIT

pytestmark = pytest.mark.unit

CONTROLS = "controls_per_1000_consignments"
REQUESTS = "document_requests_per_1000_consignments"
SEIZURES = "seizures_per_1000_consignments"
OF_CONTROLS = "seizures_per_100_inspections"
EXAMINED = "inspection.physical.completed"
CHECKED = "inspection.document.checked"
SELECTED = "inspection.selected"
SEIZED = "inspection.seized"
DETAINED = "inspection.detained"


def at(kind: str, hours: float, side: str | None = "IMPORT", **data: Any) -> Event:
    return compact(customs(kind, START + round(hours * HOUR), side, **data))


def examined(number: int, hours: float = 12, side: str | None = "IMPORT", **data: Any) -> Event:
    return at(EXAMINED, hours, side, inspectionId=f"I{number}", **data)


def asked(kind: str = "RFI", hours: float = 3) -> Any:
    return referral(kind, START + round(hours * HOUR))


CHANNEL = at("channel.assigned", 5, channel="RED")
AT_EXPORT = at("channel.assigned", 5, "EXPORT", channel="RED")


def observed(*events: Event, **more: Any) -> list[Observed]:
    on = on_lane(view(*events, **more), Policy())
    return [] if on is None else list(observe_controls(on))


def counts(name: str, *events: Event, **more: Any) -> list[int]:
    return [one.measure.value_ms for one in observed(*events, **more) if one.indicator == name]


@pytest.mark.parametrize(
    ("name", "events", "expected"),
    [
        pytest.param(CONTROLS, [CHANNEL], [0], id="no-control"),
        pytest.param(CONTROLS, [CHANNEL, examined(1), examined(2)], [2], id="two-controls"),
        pytest.param(
            CONTROLS, [CHANNEL, examined(1), at("inspection.result.recorded", 14, inspectionId="I1")], [1],
            id="two-reports-of-one-control",
        ),
        pytest.param(CONTROLS, [CHANNEL, examined(1, status="NOT_DONE")], [0], id="not-done"),
        pytest.param(CONTROLS, [CHANNEL, examined(1, side="EXPORT")], [0], id="at-export"),
        pytest.param(CONTROLS, [CHANNEL, examined(1), examined(2, side=None)], [], id="one-somewhere"),
        pytest.param(CONTROLS, [examined(1)], [], id="no-channel"),
        pytest.param(CONTROLS, [AT_EXPORT, examined(1)], [], id="export-channel"),
        pytest.param(REQUESTS, [CHANNEL, examined(1)], [0], id="goods-are-no-papers"),
        pytest.param(REQUESTS, [CHANNEL, at(CHECKED, 9, inspectionId="D1")], [1], id="papers-checked"),
        pytest.param(
            REQUESTS,
            [CHANNEL, at(SELECTED, 6, inspectionId="D1", controlType="DOCUMENT"), at(CHECKED, 9, inspectionId="D1")],
            [1],
            id="selected-and-checked-is-one",
        ),
        pytest.param(
            REQUESTS, [CHANNEL, at(SELECTED, 6, inspectionId="D1", controlType="DOCUMENT")], [1],
            id="asked-and-not-yet-checked",
        ),
        pytest.param(
            REQUESTS, [CHANNEL, at(SELECTED, 6, inspectionId="D1", controlType="PHYSICAL")], [0],
            id="selected-for-another-control",
        ),
        pytest.param(REQUESTS, [CHANNEL, at(CHECKED, 9, "EXPORT")], [0], id="papers-at-export"),
        pytest.param(REQUESTS, [at(CHECKED, 9)], [], id="papers-without-a-channel"),
        pytest.param(SEIZURES, [CHANNEL], [0], id="nothing-seized"),
        pytest.param(SEIZURES, [CHANNEL, at(SEIZED, 20), at(SEIZED, 21)], [2], id="seized-twice"),
        pytest.param(SEIZURES, [CHANNEL, at(SEIZED, 20, "EXPORT")], [0], id="seized-at-export"),
        pytest.param(SEIZURES, [CHANNEL, at(SEIZED, 20, None)], [], id="seized-somewhere"),
        pytest.param(
            SEIZURES, [CHANNEL, at(SEIZED, 20), at(SEIZED, 21, None)], [], id="perhaps-two-of-them"
        ),
        pytest.param(SEIZURES, [at(SEIZED, 20)], [], id="seized-without-a-channel"),
    ],
)  # fmt: skip
def test_events_of_a_consignment_are_counted_or_not_known(
    name: str, events: list[Event], expected: list[int]
) -> None:
    assert counts(name, *events) == expected


@pytest.mark.parametrize(
    ("referrals", "expected"),
    [
        pytest.param([asked()], 1, id="information"),
        pytest.param([asked(), asked(hours=4)], 2, id="twice"),
        pytest.param([asked("DNL"), asked("RFS")], 0, id="do-not-load-and-screening"),
    ],
)
def test_a_referral_for_information_is_a_request_for_papers(
    referrals: list[Any], expected: int
) -> None:
    shares = [filed(referrals=tuple(referrals))]
    assert counts(REQUESTS, CHANNEL, shares=shares) == [expected]
    assert counts(REQUESTS, CHANNEL, shares=[*shares, *shares]) == [expected]
    assert counts(REQUESTS, CHANNEL, at(CHECKED, 9), shares=shares) == [expected + 1]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([examined(1), examined(2)], [(0, 2)], id="two-controls-no-seizure"),
        pytest.param([examined(1), at(SEIZED, 20), at(SEIZED, 21)], [(2, 1)], id="two-of-one"),
        pytest.param([at(SEIZED, 20)], [], id="seized-without-a-control"),
        pytest.param([examined(1, side="EXPORT"), at(SEIZED, 20)], [], id="controlled-at-export"),
        pytest.param([examined(1), at(SEIZED, 20, None)], [], id="seized-somewhere"),
        pytest.param([examined(1), examined(2, side=None)], [], id="controlled-somewhere"),
    ],
)
def test_seizures_are_counted_over_the_controls_of_their_consignment(
    events: list[Event], expected: list[tuple[int, int]]
) -> None:
    found = [one.measure for one in observed(*events) if one.indicator == OF_CONTROLS]
    assert [(one.value_ms, one.exposure) for one in found] == expected


ALL = (CHANNEL, at(CHECKED, 9, inspectionId="D1"), examined(1), at(SEIZED, 20))


def test_rates_count_from_the_channel_or_the_control_by_the_strata_of_their_definition() -> None:
    names = {one.name for one in CONTROL_RATES}
    found = {one.indicator: one for one in observed(*ALL, shares=[filed(sstl_member=False)])}
    assert names <= found.keys()
    for name in names:
        declared, one = REGISTRY[name], found[name]
        assert declared.kind is Kind.RATE
        assert declared.per == (100 if name == OF_CONTROLS else 1000)
        assert one.counting_unit == declared.counting_unit
        assert one.measure.start_ms == START + (9 if name == OF_CONTROLS else 5) * HOUR
        divided = {part for names in declared.strata or () for part in names}
        assert one.measure.strata.keys() == divided
        assert (one.measure.exposure is None) == (name != OF_CONTROLS)


def detained(*events: Event) -> list[tuple[str, str | None, dict[str, str]]]:
    return [
        (one.counting_unit, one.measure.category, one.measure.strata)
        for one in observed(*events)
        if one.indicator == "detention"
    ]


HERE = {"side": "IMPORT"}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([at(DETAINED, 9, quantity=2.5, unit="KGM")], [("KGM", "5/2", HERE)], id="mass"),
        pytest.param([at(DETAINED, 9, quantity=40, unit="NAR")], [("NAR", "40", HERE)], id="articles"),
        pytest.param(
            [
                at(DETAINED, 9, inspectionId="I1", quantity=40, unit="NAR"),
                at(DETAINED, 11, inspectionId="I1", quantity=38, unit="NAR"),
            ],
            [("NAR", "38", HERE)],
            id="counted-again",
        ),
        pytest.param(
            [at(DETAINED, 9, quantity=40, unit="NAR"), at(DETAINED, 11, quantity=2, unit="KGM")],
            [("NAR", "40", HERE), ("KGM", "2", HERE)],
            id="two-detentions",
        ),
        pytest.param(
            [at(DETAINED, 9, "EXPORT", quantity=1, unit="KGM")], [("KGM", "1", {"side": "EXPORT"})],
            id="at-export",
        ),
        pytest.param([at(DETAINED, 9)], [], id="no-quantity"),
        pytest.param([at(DETAINED, 9, quantity=0, unit="KGM")], [("KGM", "0", HERE)], id="nothing"),
        pytest.param([at(DETAINED, 9, quantity=-1, unit="KGM")], [], id="less-than-nothing"),
        pytest.param([at(DETAINED, 9, quantity=3)], [], id="no-unit"),
        pytest.param([at(DETAINED, 9, quantity=3, unit="cartons")], [], id="no-code-of-a-unit"),
        pytest.param([at(DETAINED, 9, None, quantity=3, unit="KGM")], [], id="side-not-known"),
        pytest.param([at(DETAINED, 9, quantity=3, unit="KGM", status="NOT_DONE")], [], id="not-done"),
    ],
)  # fmt: skip
def test_a_detention_counts_its_quantity_in_its_own_unit(
    events: list[Event], expected: list[tuple[str, str, dict[str, str]]]
) -> None:
    assert detained(*events) == expected


def test_what_is_detained_of_a_container_is_not_detained_of_each_consignment_in_it() -> None:
    whole = at(DETAINED, 9, equipmentReference=UNIT, quantity=500, unit="KGM")
    own = at(DETAINED, 11, quantity=2, unit="KGM", inspectionId="I1")
    assert detained(whole) == []
    assert detained(whole, own) == [("KGM", "2", HERE)]
    named = at(DETAINED, 9, equipmentReference=UNIT, consignmentId=HOUSE, quantity=5, unit="KGM")
    assert detained(named) == [("KGM", "5", HERE)]


def test_quantities_add_exactly() -> None:
    found = detained_quantity({str(Fraction(1, 10)): 3, "5/2": 2})
    assert (found.estimate, found.low, found.high) == (5.3, None, None)
    assert detained_quantity({}).estimate == 0
