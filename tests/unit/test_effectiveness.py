"""What one consignment's record says of its controls: what counts 1, what counts 0, and what is not counted."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import pytest

from sstl.core.consignments import ConsignmentsStage
from sstl.core.consignments.controls import observe_controls
from sstl.core.consignments.on_lane import on_lane
from sstl.core.indicators.control_shares import CONTROL_SHARES
from sstl.core.indicators.registry import REGISTRY, Kind
from sstl.core.leadtime import Observed
from sstl.core.observations import PREFIX, Shown
from sstl.core.statistics.control_ratios import CONTROL_RATIOS
from sstl.models.policy import Policy
from sstl.models.records import Event, Forwarded, Measure, Observation, Shared, UnitMilestones
from sstl.synthetic.corridor import Corridor
from sstl.synthetic.lanes import LANES
from sstl.synthetic.plan import House, Shipment
from tests.chain import Chain as AllStages
from tests.consignment_cases import HOUSE, customs, filed, filing, referral, unit, view
from tests.journey_events import HOUR, LANE, START, Chain, event, share
from tests.logs import corridor_log

pytestmark = pytest.mark.unit

RELEASED = "inspection.released"
SELECTED = "inspection.selected"
RESULT = "inspection.result.recorded"
SCANNED = "inspection.scan.completed"
EXAMINED = "inspection.physical.completed"
CHECKED = "inspection.document.checked"
PARTNER = "inspection.partner.result.received"
WAIVED = "inspection.control.waived"
DETAINED = "inspection.detained"


def at(kind: str, hours: float, side: str | None = "IMPORT", **data: Any) -> Event:
    return customs(kind, START + round(hours * HOUR), side, **data)


def channel(hours: float = 5, code: str = "RED", side: str | None = "IMPORT") -> Event:
    return at("channel.assigned", hours, side, channel=code)


def result(hours: float = 14, inspection: str = "I1", **data: Any) -> Event:
    side = data.pop("side", "IMPORT")
    return at(RESULT, hours, side, inspectionId=inspection, **data)


def chosen(*bases: str, hours: float = 11, inspection: str | None = "I1") -> Event:
    body: dict[str, Any] = {} if inspection is None else {"inspectionId": inspection}
    return at(SELECTED, hours, selections=[{"basis": one} for one in bases], **body)


def by_rules(*rules: str) -> Event:
    said = [{"basis": "RULE", "ruleId": one} for one in rules]
    return at(SELECTED, 11, selections=said, inspectionId="I1")


def since(hours: float) -> dict[str, Any]:
    """Say that a referral was raised on the filing."""
    return {"shares": [filed(referrals=(referral("RFI", START + round(hours * HOUR)),))]}


def amended(hours: float, *changed: str) -> dict[str, Any]:
    return {"shares": [filed(filings=(filing("amended", START + round(hours * HOUR), *changed),))]}


def exported(hours: float = -30, purpose: str | None = "SECURITY", **data: Any) -> Event:
    body = data if purpose is None else {"controlPurpose": purpose, **data}
    return at(SCANNED, hours, "EXPORT", inspectionId="X1", **body)


def imported(hours: float = 14, purpose: str | None = "SECURITY") -> Event:
    body = {} if purpose is None else {"controlPurpose": purpose}
    return at(SCANNED, hours, inspectionId="I1", **body)


def suspect(hours: float = 12, **data: Any) -> Event:
    return at(SCANNED, hours, inspectionId="N1", niiResult="SUSPECT", **data)


def opened(hours: float = 14, **data: Any) -> Event:
    return at(EXAMINED, hours, inspectionId="I1", **data)


def reached(name: str = "U1", **hours: float) -> UnitMilestones:
    instants: dict[str, Any] = {code: START + round(when * HOUR) for code, when in hours.items()}
    return unit(name, **instants)


def observed(*events: Event, **more: Any) -> list[Observed]:
    """Observe a consignment that has arrived at hour 10 unless said otherwise."""
    units = more.pop("units", [reached(T6=10)])
    on = on_lane(view(*events, units=units, **more), Policy())
    return [] if on is None else list(observe_controls(on))


def values(name: str, *events: Event, **more: Any) -> list[int]:
    return [one.measure.value_ms for one in observed(*events, **more) if one.indicator == name]


FOUND: dict[str, Any] = {"controlResultCode": "B1"}
CLEAN: dict[str, Any] = {"controlResultCode": "A1"}
RECEIVED = at(PARTNER, 8, None, **CLEAN)
OUT = at(RELEASED, 30)

# name, reports, what is observed
CASES = [
    pytest.param("inspection_rate", [channel(), result()], [1], id="inspected-by-its-result"),
    pytest.param("inspection_rate", [channel(), at(CHECKED, 9)], [1], id="inspected-on-paper"),
    pytest.param("inspection_rate", [channel(code="GREEN"), OUT], [0], id="green"),
    pytest.param("inspection_rate", [channel(), at(SELECTED, 11)], [0], id="only-selected"),
    pytest.param(
        "inspection_rate", [channel(), opened(status="NOT_DONE")], [0], id="planned-not-done"
    ),
    pytest.param("inspection_rate", [channel(), exported()], [0], id="inspected-at-export"),
    pytest.param("inspection_rate", [opened(), OUT], [], id="no-channel"),
    pytest.param("inspection_rate", [channel(), at(CHECKED, 9, None)], [], id="side-unknown"),
    pytest.param("inspection_rate", [channel(side="EXPORT"), opened()], [], id="export-channel"),
    pytest.param("inspection_rate_nii", [channel(), suspect()], [1], id="scanned"),
    pytest.param("inspection_rate_nii", [channel(), opened()], [0], id="opened-not-scanned"),
    pytest.param("inspection_rate_nii", [channel(), result(**CLEAN)], [], id="type-not-known"),
    pytest.param(
        "inspection_rate_nii", [channel(), result(niiResult="CLEAR")], [1], id="type-by-image"
    ),
    pytest.param("inspection_rate_physical", [channel(), opened()], [1], id="opened"),
    pytest.param(
        "inspection_rate_physical",
        [channel(), result(controlType="PHYSICAL")],
        [1],
        id="opened-says-the-result",
    ),
    pytest.param("inspection_rate_physical", [channel(), suspect()], [0], id="only-scanned"),
    pytest.param("inspection_rate_physical", [channel(), result(**FOUND)], [], id="type-untold"),
    pytest.param("inspection_rate_document", [channel(), at(CHECKED, 9)], [1], id="papers"),
    pytest.param("inspection_rate_document", [channel()], [0], id="no-papers"),
    pytest.param("inspection_rate_document", [at(CHECKED, 9), OUT], [], id="papers-no-channel"),
    pytest.param(
        "inspection_rate_seal", [channel(), result(controlType="SEAL")], [1], id="seal-looked-at"
    ),
    pytest.param("inspection_rate_seal", [channel(), opened()], [0], id="seal-not-reported"),
    pytest.param("inspection_rate_seal", [channel(), result(**CLEAN)], [], id="perhaps-a-seal"),
    pytest.param(
        "inspection_rate_lab", [channel(), result(controlType="LAB")], [1], id="analysed"
    ),
    pytest.param(
        "inspection_rate_lab", [channel(), at("inspection.sample.taken", 13)], [0],
        id="sample-still-to-be-analysed",
    ),
    pytest.param("inspection_rate_lab", [channel(), result(**CLEAN)], [], id="perhaps-analysed"),
    *(
        case
        for code in ("GREEN", "BLUE", "YELLOW", "ORANGE", "RED")
        for name in (f"channel_share_{code.lower()}",)
        for case in (
            pytest.param(name, [channel(code=code)], [1], id=f"{code}-assigned"),
            pytest.param(
                name, [channel(code=code), channel(9, "OTHER")], [1], id=f"{code}-then-re-routed"
            ),
            pytest.param(
                name, [channel(code="OTHER"), channel(9, code)], [0], id=f"{code}-by-re-routing"
            ),
            pytest.param(name, [channel(code=code, side="EXPORT")], [], id=f"{code}-at-export"),
        )
    ),
    pytest.param("hit_rate_by_rule", [by_rules("R1"), result(**FOUND)], [1], id="the-rule-was-right"),
    pytest.param("hit_rate_by_rule", [by_rules("R1"), result(**CLEAN)], [0], id="the-rule-was-wrong"),
    pytest.param(
        "hit_rate_by_rule", [by_rules("R1", "R2", "R1"), result(**FOUND)], [1, 1], id="once-a-rule"
    ),
    pytest.param("hit_rate_by_rule", [chosen("OFFICER"), result(**FOUND)], [], id="no-rule"),
    pytest.param("hit_rate_by_rule", [by_rules("R1"), opened()], [], id="rule-without-result"),
    pytest.param(
        "seized_consignment_share",
        [channel(), at("inspection.seized", 20), at("inspection.seized", 21, quantity=2)],
        [1],
        id="seized-twice-is-one",
    ),
    pytest.param("seized_consignment_share", [channel(), OUT], [0], id="not-seized"),
    pytest.param(
        "seized_consignment_share", [channel(), at("inspection.seized", -9, "EXPORT")], [0],
        id="seized-at-export",
    ),
    pytest.param(
        "seized_consignment_share", [channel(), at("inspection.seized", 20, None)], [],
        id="seized-somewhere",
    ),
    pytest.param("seized_consignment_share", [at("inspection.seized", 20)], [], id="unchannelled"),
    pytest.param("released_by_arrival_rate", [at(RELEASED, 9)], [1], id="before-arrival"),
    pytest.param("released_by_arrival_rate", [at(RELEASED, 10)], [1], id="with-the-arrival"),
    pytest.param("released_by_arrival_rate", [at(RELEASED, 10.001)], [0], id="after-arrival"),
    pytest.param("released_by_arrival_rate", [channel()], [0], id="not-yet-released"),
    pytest.param("released_by_arrival_rate", [at(DETAINED, 11)], [0], id="detained"),
    pytest.param("released_by_arrival_rate", [opened()], [], id="decisions-not-reported"),
    pytest.param("hit_rate", [result(**FOUND)], [1], id="unsatisfactory"),
    pytest.param("hit_rate", [result(outcome="CONFIRMED")], [1], id="confirmed"),
    pytest.param(
        "hit_rate",
        [result(controlResultCode="A4", irregularities=[{"type": "MASS"}])],
        [1],
        id="minor-with-a-finding",
    ),
    pytest.param("hit_rate", [opened(outcome="CONFIRMED")], [1], id="said-when-completed"),
    pytest.param(
        "hit_rate",
        [result(**CLEAN), result(15, outcome="CONFIRMED", controlType="LAB")],
        [1],
        id="found-by-the-laboratory",
    ),
    pytest.param("hit_rate", [result(**CLEAN)], [0], id="satisfactory"),
    pytest.param("hit_rate", [result(controlResultCode="A4")], [0], id="minor-without-finding"),
    pytest.param("hit_rate", [result(outcome="INCONCLUSIVE")], [0], id="inconclusive"),
    pytest.param(
        "hit_rate", [result(**CLEAN), result(13, "I2", **FOUND)], [1, 0], id="two-controls"
    ),
    pytest.param("hit_rate", [result(controlResultCode="A5")], [], id="left-open"),
    pytest.param("hit_rate", [result(controlResultCode="Z9")], [], id="code-of-unknown-meaning"),
    pytest.param("hit_rate", [opened()], [], id="result-not-recorded"),
    pytest.param("hit_rate", [suspect()], [], id="an-image-is-no-result"),
    pytest.param("hit_rate", [result(status="NOT_DONE", **CLEAN)], [], id="not-done"),
    pytest.param("hit_rate", [result(side=None, **FOUND)], [], id="side-not-known"),
    pytest.param("officer_discretion_share", [chosen("OFFICER")], [1], id="officer"),
    pytest.param("officer_discretion_share", [chosen("OFFICER", "RULE")], [0], id="and-a-rule"),
    pytest.param("officer_discretion_share", [chosen("RANDOM")], [0], id="drawn"),
    pytest.param("officer_discretion_share", [at(SELECTED, 11)], [], id="no-reason-stated"),
    pytest.param("nii_follow_up_rate", [suspect(), opened()], [1], id="opened-after"),
    pytest.param(
        "nii_follow_up_rate", [suspect(), result(controlType="PHYSICAL")], [1], id="result-after"
    ),
    pytest.param("nii_follow_up_rate", [suspect(), suspect(13)], [0], id="scanned-again"),
    pytest.param("nii_follow_up_rate", [suspect(), opened(11)], [0], id="opened-before"),
    pytest.param(
        "nii_follow_up_rate",
        [suspect(equipmentReference="U1"), opened(equipmentReference="U2")],
        [0],
        id="other-unit-opened",
    ),
    pytest.param(
        "nii_follow_up_rate", [suspect(), opened(status="NOT_DONE")], [0], id="opening-not-done"
    ),
    pytest.param(
        "nii_follow_up_rate", [at(SCANNED, 12, niiResult="INCONCLUSIVE")], [], id="image-unclear"
    ),
    pytest.param("nii_follow_up_rate", [suspect(status="NOT_DONE")], [], id="scan-not-done"),
    pytest.param(
        "nii_confirmation_rate", [suspect(), opened(), result(**FOUND)], [1], id="image-right"
    ),
    pytest.param(
        "nii_confirmation_rate", [suspect(), opened(), result(**CLEAN)], [0], id="image-wrong"
    ),
    pytest.param("nii_confirmation_rate", [suspect(), opened()], [], id="opened-without-result"),
    pytest.param(
        "nii_confirmation_rate", [suspect(), result(13, "N1", **FOUND)], [], id="never-opened"
    ),
    pytest.param(
        "nii_clear_but_positive_rate",
        [at(SCANNED, 12, niiResult="CLEAR"), chosen("RANDOM"), opened(), result(**FOUND)],
        [1],
        id="image-missed-it",
    ),
    pytest.param(
        "nii_clear_but_positive_rate",
        [at(SCANNED, 12, niiResult="CLEAR"), chosen("RANDOM"), opened(), result(**CLEAN)],
        [0],
        id="image-was-right",
    ),
    pytest.param(
        "nii_clear_but_positive_rate",
        [at(SCANNED, 12, niiResult="CLEAR"), chosen("RULE"), opened(), result(**FOUND)],
        [],
        id="not-drawn",
    ),
    pytest.param(
        "nii_clear_but_positive_rate",
        [suspect(), chosen("RANDOM"), opened(), result(**FOUND)],
        [],
        id="image-was-suspect",
    ),
    pytest.param("double_inspection_rate", [exported(), imported(), OUT], [1], id="repeated"),
    pytest.param("double_inspection_rate", [exported(), OUT], [0], id="not-controlled-again"),
    pytest.param(
        "double_inspection_rate", [exported(), imported(purpose="IPR"), OUT], [0],
        id="other-purpose",
    ),
    pytest.param(
        "double_inspection_rate", [exported(), imported(-40), OUT], [0], id="import-was-first"
    ),
    pytest.param(
        "double_inspection_rate", [exported(), imported(purpose=None), OUT], [],
        id="purpose-not-recorded",
    ),
    pytest.param(
        "double_inspection_rate", [exported(), at(CHECKED, 9, None), OUT], [],
        id="another-control-on-an-unknown-side",
    ),
    pytest.param("double_inspection_rate", [exported(), imported()], [], id="not-decided"),
    pytest.param("double_inspection_rate", [imported(), OUT], [], id="no-export-control"),
    pytest.param(
        "double_inspection_rate", [exported(status="NOT_DONE"), imported(), OUT], [],
        id="export-control-not-done",
    ),
    pytest.param(
        "repeated_for_cause_share", [exported(), chosen("SEAL_ALARM"), imported(), OUT], [1],
        id="repeated-after-an-alarm",
    ),
    pytest.param(
        "repeated_for_cause_share", [exported(), chosen("RULE"), imported(), OUT], [0],
        id="repeated-by-the-same-rules",
    ),
    pytest.param("repeated_for_cause_share", [exported(), imported(), OUT], [0], id="no-reason"),
    pytest.param(
        "repeated_for_cause_share", [exported(), imported(purpose="IPR"), OUT], [],
        id="not-repeated",
    ),
    pytest.param(
        "recognition_rate", [exported(), at(WAIVED, 9, citedInspectionId="X1"), OUT], [1],
        id="waived-citing",
    ),
    pytest.param("recognition_rate", [exported(), at(WAIVED, 9), OUT], [0], id="cites-nothing"),
    pytest.param("recognition_rate", [exported(), at(DETAINED, 11)], [0], id="nothing-waived"),
    pytest.param(
        "recognition_rate", [exported(), at(WAIVED, 9, None, citedInspectionId="X1"), OUT], [],
        id="waived-on-an-unknown-side",
    ),
    pytest.param(
        "recognition_rate", [at(WAIVED, 9, citedInspectionId="X1"), OUT], [],
        id="export-control-not-reported",
    ),
    pytest.param(
        "partner_result_at_decision_rate", [exported(), RECEIVED, OUT], [1], id="there-in-time"
    ),
    pytest.param(
        "partner_result_at_decision_rate", [exported(), at(PARTNER, 30, None), OUT], [0],
        id="with-the-release",
    ),
    pytest.param(
        "partner_result_at_decision_rate",
        [exported(), at(PARTNER, 29, None), at(DETAINED, 28), OUT],
        [0],
        id="detained-before",
    ),
    pytest.param("partner_result_at_decision_rate", [exported(), RECEIVED], [], id="undecided"),
    pytest.param(
        "partner_result_before_arrival_rate", [exported(), RECEIVED], [1], id="before-the-goods"
    ),
    pytest.param(
        "partner_result_before_arrival_rate", [exported(), at(PARTNER, 10, None)], [0],
        id="with-the-goods",
    ),
    pytest.param("partner_result_before_arrival_rate", [exported()], [0], id="never-received"),
    pytest.param(
        "partner_result_before_arrival_rate", [RECEIVED, OUT], [], id="known-by-the-receipt-only"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "events", "expected"), CASES)
def test_a_unit_counts_1_0_or_not_at_all(
    name: str, events: list[Event], expected: list[int]
) -> None:
    assert values(name, *events) == expected


def test_every_declared_share_is_shown_to_count_1_and_0_and_not_to_count() -> None:
    shown: dict[str, set[int | None]] = {}
    for case in CASES:
        name, _, expected = case.values
        assert isinstance(name, str)
        assert isinstance(expected, list)
        shown.setdefault(name, set()).update(expected or [None])
    assert shown.keys() == {one.name for one in CONTROL_SHARES}
    for name, told in shown.items():
        assert told == {0, 1, None}, name


@pytest.mark.parametrize(
    ("events", "hours"),
    [
        pytest.param([channel(), result(14, **CLEAN)], 9, id="result"),
        pytest.param(
            [channel(), result(14, **CLEAN), result(12, "I2", **FOUND)], 7, id="first-result"
        ),
        pytest.param([channel(), opened(13), result(14, **CLEAN)], 9, id="done-is-no-result"),
        pytest.param([channel(), opened(13, **FOUND)], 8, id="said-when-completed"),
        pytest.param([channel(16), result(14, **CLEAN)], -2, id="before-the-channel"),
        pytest.param([channel(), result(controlResultCode="A5")], None, id="left-open"),
        pytest.param([channel(), result(side="EXPORT", **CLEAN)], None, id="result-at-export"),
        pytest.param([channel()], None, id="no-result"),
        pytest.param([result(**CLEAN)], None, id="no-channel"),
    ],
)
def test_a_result_takes_as_long_as_it_comes_after_the_channel(
    events: list[Event], hours: float | None
) -> None:
    expected = [] if hours is None else [hours * HOUR]
    assert values("channel_to_result", *events) == expected


@pytest.mark.parametrize(
    ("events", "hours"),
    [
        pytest.param([exported(), RECEIVED], 2, id="before-arrival"),
        pytest.param([exported(), at(PARTNER, 12, None), at(PARTNER, 13, None)], -2, id="after"),
        pytest.param([exported()], None, id="never"),
        pytest.param([exported(), at(PARTNER, 8, None, status="NOT_DONE")], None, id="not-done"),
        pytest.param([RECEIVED], None, id="no-export-control-reported"),
    ],
)
def test_the_partners_result_leads_by_the_time_to_arrival(
    events: list[Event], hours: float | None
) -> None:
    expected = [] if hours is None else [hours * HOUR]
    assert values("partner_result_lead", *events) == expected


@pytest.mark.parametrize(
    ("more", "has"),
    [
        pytest.param(since(5), 1, id="referral-between-both-controls"),
        pytest.param(since(-31), 0, id="referral-before-the-export-control"),
        pytest.param(since(14), 1, id="referral-with-the-import-control"),
        pytest.param(since(14.001), 0, id="referral-after-both"),
        pytest.param(amended(5, "goods"), 1, id="amended-between-both-controls"),
        pytest.param(amended(5), 0, id="sent-again-unchanged"),
    ],
)
def test_what_is_learnt_between_two_controls_is_a_cause(more: dict[str, Any], has: int) -> None:
    assert values("repeated_for_cause_share", exported(), imported(), OUT, **more) == [has]


@pytest.mark.parametrize(
    "name",
    [
        "released_by_arrival_rate",
        "double_inspection_rate",
        "repeated_for_cause_share",
        "recognition_rate",
        "partner_result_at_decision_rate",
        "partner_result_before_arrival_rate",
    ],
)
def test_what_has_not_arrived_is_not_counted(name: str) -> None:
    events = channel(), exported(), RECEIVED, imported(), OUT
    assert len(values(name, *events)) == 1
    assert not values(name, *events, units=[reached()])


def test_nothing_is_observed_without_a_control_or_a_decision_or_a_lane() -> None:
    assert not observed(at("declaration.accepted", 5), at("duty.paid", 6))
    assert not observed(channel(), opened(), OUT, shares=[share(lane_id=None)])


@pytest.mark.parametrize("one", CONTROL_SHARES, ids=lambda one: one.name)
def test_definitions_say_what_the_ratio_says(one: Any) -> None:
    name = one.name if one.name in CONTROL_RATIOS else one.name.rpartition("_")[0]
    ratio = CONTROL_RATIOS[name]
    assert REGISTRY[one.name] is one
    assert one.kind is Kind.SHARE
    assert one.formula.startswith(ratio.numerator)
    assert one.formula.endswith(ratio.denominator)
    assert one.misleads[1:].startswith(ratio.misleads[1:])


STARTS = {
    "inspection_rate": 5,
    "released_by_arrival_rate": 10,
    "officer_discretion_share": 11,
    "hit_rate": 11,
    "nii_follow_up_rate": 12,
    "nii_confirmation_rate": 12,
    "partner_result_before_arrival_rate": -30,
    "recognition_rate": -30,
}
"""Hour of the report that begins the counting unit."""
ALL = (
    channel(), channel(20, "GREEN"), exported(), RECEIVED, suspect(), by_rules("R1"), opened(),
    result(15, office="NL000510", **FOUND), OUT,
)  # fmt: skip


def test_a_unit_counts_from_the_report_that_begins_it() -> None:
    found = {one.indicator: one for one in observed(*ALL)}
    assert {name: (found[name].measure.start_ms - START) / HOUR for name in STARTS} == STARTS
    for one in found.values():
        assert (one.measure.lane_id, one.measure.mode) == (LANE, "SEA")
        assert one.counting_unit == REGISTRY[one.indicator].counting_unit


def test_each_share_has_the_strata_that_its_definition_divides_it_by() -> None:
    seen = observed(*ALL, shares=[filed(sstl_member=True)])
    found = {one.indicator: one.measure.strata for one in seen}
    whose = {"operator": "OTHER", "sstl": "YES"}
    assert found["inspection_rate"] == {**whose, "channel": "GREEN"}
    assert found["recognition_rate"] == whose
    assert found["nii_follow_up_rate"] == {**whose, "side": "IMPORT"}
    assert found["hit_rate"] == {
        **whose,
        "side": "IMPORT",
        "control": "PHYSICAL",
        "basis": "TARGETED",
        "office": "NL000510",
    }
    assert found["hit_rate_by_rule"] == {"rule": "R1"}
    for name, strata in found.items():
        assert strata.keys() == {one for names in REGISTRY[name].strata or () for one in names}


@pytest.mark.parametrize(
    ("selections", "basis"),
    [
        pytest.param([chosen("RANDOM")], "RANDOM", id="drawn"),
        pytest.param([chosen("RULE")], "TARGETED", id="by-rule"),
        pytest.param([chosen("RANDOM", "RULE")], "TARGETED", id="drawn-and-by-rule"),
        pytest.param([chosen("RANDOM", inspection=None)], "RANDOM", id="draw-without-inspection"),
        pytest.param(
            [chosen("RANDOM", inspection=None), chosen("RULE")], "TARGETED", id="draw-then-rule"
        ),
        pytest.param(
            [chosen("RANDOM", inspection=None, hours=20)], None, id="drawn-after-the-control"
        ),
        pytest.param([chosen("RANDOM", inspection="I2")], None, id="another-inspection-drawn"),
        pytest.param([], None, id="not-said"),
    ],
)
def test_the_random_arm_is_what_only_a_draw_selected(
    selections: list[Event], basis: str | None
) -> None:
    (hit,) = [one for one in observed(*selections, result(**FOUND)) if one.indicator == "hit_rate"]
    assert hit.measure.strata.get("basis") == basis


class Stage:
    """A consignment in its stage, told step by step."""

    def __init__(self, *events: Event) -> None:
        self._chain = Chain(ConsignmentsStage())
        told = Shared(manifest_id="LRN1", share=share(), units=("U1",))
        self._chain.feed(told, reached(T6=10), key=HOUSE)
        self.say(*(_forwarded(one) for one in events))

    def say(self, *said: Forwarded) -> dict[str, Observation]:
        outputs = self._chain.feed(*said, key=HOUSE)
        found = (one.message for one in outputs)
        return {one.indicator: one for one in found if isinstance(one, Observation)}


def _forwarded(one: Event) -> Forwarded:
    return Forwarded(identity=one.identity, path=f"consignment:{HOUSE}", event=one)


def test_a_correction_replaces_and_a_retraction_takes_back() -> None:
    first = result(id="r1", **FOUND)
    stage = Stage(channel())
    told = stage.say(_forwarded(first))
    assert told["hit_rate"].previous is None
    assert told["hit_rate"].current is not None
    assert told["hit_rate"].current.value_ms == 1
    assert _change(told["inspection_rate"]) == (0, 1)

    body = {"side": "IMPORT", "inspectionId": "I1", **CLEAN}
    better = event(RESULT, first.event_ms, id="r1", recorded_ms=START + 40 * HOUR, **body)
    assert _change(stage.say(_forwarded(better))["hit_rate"]) == (1, 0)

    gone = stage.say(Forwarded(identity=first.identity, path=f"consignment:{HOUSE}"))
    assert gone["hit_rate"].current is None
    assert _change(gone["inspection_rate"]) == (1, 0)


def _change(told: Observation) -> tuple[int, int]:
    assert told.previous is not None
    assert told.current is not None
    return told.previous.value_ms, told.current.value_ms


def test_a_follow_up_that_comes_later_turns_0_into_1() -> None:
    stage = Stage(suspect())
    later = stage.say(_forwarded(opened()))["nii_follow_up_rate"]
    assert _change(later) == (0, 1)
    assert later.current is not None
    assert later.current.start_ms == START + 12 * HOUR


SURFACE = tuple(name for name, lane in LANES.items() if lane.mode != "AIR")
CORRIDOR = Corridor(
    seed=7, shipments=16, incident_share=0, lanes=SURFACE, pings_per_day=0, confirmed_share=0.4
)
TYPE = {"YELLOW": "DOCUMENT", "ORANGE": "NII", "RED": "PHYSICAL"}


@cache
def told() -> Mapping[str, Measure]:
    """Return what stands of the corridor when all is told, by observation id."""
    chain = AllStages()
    chain.take(corridor_log(CORRIDOR))
    return {
        f"{indicator}|{part.removeprefix(PREFIX)}": stated.measure
        for (_, part), cell in chain.states["consignments"].items()
        if isinstance(cell, Shown)
        for indicator, stated in cell.stated.items()
    }


def houses() -> Iterator[tuple[Shipment, House]]:
    for number in range(CORRIDOR.shipments or 0):
        shipment = CORRIDOR.shipment(number)
        for house in shipment.houses:
            yield shipment, house


def test_the_corridor_is_inspected_as_it_was_drawn() -> None:
    found = told()
    counted: dict[str, set[int]] = {}
    for shipment, house in houses():
        # a scan or an opening at the gate is of all that lies in the unit
        types = {
            TYPE[other.channel]
            for other in shipment.houses
            if other.channel in ("ORANGE", "RED") and other.units[0] in house.units
        }
        types |= {TYPE[house.channel]} if house.channel in TYPE else set()
        for name, expected in (
            ("inspection_rate", bool(types)),
            *((f"inspection_rate_{one.lower()}", one in types) for one in TYPE.values()),
            ("released_by_arrival_rate", False),
            ("seized_consignment_share", False),
        ):
            measure = found[f"{name}|{house.consignment_id}"]
            assert measure.value_ms == expected, name
            assert measure.strata["channel"] == house.channel
            counted.setdefault(name, set()).add(measure.value_ms)
    assert counted["inspection_rate"] == counted["inspection_rate_nii"] == {0, 1}


def test_the_corridors_hits_are_those_of_its_results() -> None:
    results: dict[str, bool] = {}
    bases: dict[str, str] = {}
    for _, document in corridor_log(CORRIDOR):
        body = document.get("data", {})
        if document["type"] == "org.sstl.inspection.result.recorded.v1":
            results[body["inspectionId"]] = body["outcome"] == "CONFIRMED"
        if document["type"] == "org.sstl.inspection.selected.v1":
            drawn = body["selections"][0]["basis"] == "RANDOM"
            bases[body["inspectionId"]] = "RANDOM" if drawn else "TARGETED"
    hits = _by_inspection("hit_rate")
    assert {name: one.value_ms for name, one in hits.items()} == results
    assert {name: one.strata["basis"] for name, one in hits.items()} == bases
    assert {one.value_ms for one in hits.values()} == {0, 1}
    assert set(bases.values()) == {"RANDOM", "TARGETED"}
    discretion = _by_inspection("officer_discretion_share")
    assert {name: one.value_ms for name, one in discretion.items()} == dict.fromkeys(bases, 0)


def _by_inspection(indicator: str) -> dict[str, Measure]:
    found: dict[str, Measure] = {}
    for name, measure in told().items():
        if name.startswith(f"{indicator}|"):
            inspection = name.rpartition("%7C")[2]
            assert inspection not in found
            found[inspection] = measure
    return found


def test_what_the_corridor_says_nothing_of_is_not_observed() -> None:
    indicators = {name.partition("|")[0] for name in told()}
    silent: Sequence[str] = [one.name for one in CONTROL_SHARES if one.name not in indicators]
    assert silent == [
        "nii_follow_up_rate",
        "nii_confirmation_rate",
        "nii_clear_but_positive_rate",
        "double_inspection_rate",
        "repeated_for_cause_share",
        "recognition_rate",
        "partner_result_at_decision_rate",
        "partner_result_before_arrival_rate",
    ]
