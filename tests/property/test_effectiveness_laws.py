"""Laws of the shares of controls: how they fit together, whatever is reported."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from sstl.core.consignments import ConsignmentsStage, Known, assess
from sstl.core.consignments.cells import ShareCell
from sstl.core.indicators.arm import decode
from sstl.core.indicators.control_rates import CONTROL_RATES
from sstl.core.indicators.control_shares import CHANNEL_SHARES, CONTROL_SHARES, INSPECTED_TYPES
from sstl.core.leadtime import Observed
from sstl.core.milestones import order
from sstl.models.policy import Policy
from sstl.models.records import Event, Forwarded, Measure, Shared, UnitMilestones
from tests.consignment_cases import HOUSE, filed
from tests.journey_events import HOUR, START, Chain, event

NAMES = {one.name: one for one in CONTROL_SHARES}
COUNTS = (*(one.name for one in CONTROL_RATES), "control_arm")
_KINDS = (
    *("channel.assigned", "inspection.selected", "inspection.document.checked"),
    *("inspection.scan.completed", "inspection.scan.completed", "inspection.physical.completed"),
    *("inspection.result.recorded", "inspection.partner.result.received"),
    *("inspection.control.waived", "inspection.detained", "inspection.seized"),
    *("inspection.released", "inspection.revoked", "inspection.drawn"),
)
_bodies = st.fixed_dictionaries(
    {},
    optional={
        "side": st.sampled_from(("IMPORT", "IMPORT", "EXPORT")),
        "inspectionId": st.sampled_from(("I1", "I2")),
        "equipmentReference": st.sampled_from(("U1", "U2")),
        "niiResult": st.sampled_from(("SUSPECT", "CLEAR")),
        "controlResultCode": st.sampled_from(("A1", "A4", "A5", "B1")),
        "outcome": st.sampled_from(("CONFIRMED", "INCONCLUSIVE")),
        "controlPurpose": st.sampled_from(("SECURITY", "IPR")),
        "controlType": st.sampled_from(("DOCUMENT", "NII", "PHYSICAL")),
        "status": st.sampled_from(("DONE", "NOT_DONE")),
        "citedInspectionId": st.just("X1"),
        "channel": st.sampled_from(("GREEN", "RED")),
        "selections": st.sampled_from(
            (
                [{"basis": "RANDOM", "probability": 0.02}],
                [{"basis": "RULE", "ruleId": "R1"}, {"basis": "RULE", "ruleId": "R2"}],
                [{"basis": "OFFICER"}],
            )
        ),
        "probability": st.just(0.02),
        "selected": st.booleans(),
        "office": st.just("NL000510"),
    },
)
_reports = st.lists(
    st.builds(
        lambda kind, hour, number, body: event(
            kind, START + hour * HOUR, id=f"{kind}/{number}", **body
        ),
        st.sampled_from(_KINDS),
        st.integers(0, 9),
        st.integers(0, 2),
        _bodies,
    ),
    max_size=10,
    unique_by=lambda one: one.id,
)


def observed(reports: Sequence[Event]) -> dict[str, list[Observed]]:
    """Observe a consignment in two units of which one arrives at hour 4, the other at hour 6."""
    units = {
        name: UnitMilestones(unit=name, milestones={"T6": START + hour * HOUR})
        for name, hour in (("U1", 4), ("U2", 6))
    }
    known = Known(sorted(reports, key=order), (ShareCell(filed(), tuple(units)),), units, {})
    found: dict[str, list[Observed]] = {name: [] for name in (*NAMES, *COUNTS)}
    for one in assess(HOUSE, known, Policy(), -1, ()).observations.values():
        if one.indicator in found:
            found[one.indicator].append(one)
    return found


def value(found: dict[str, list[Observed]], name: str) -> int | None:
    return found[name][0].measure.value_ms if found[name] else None


def subjects(found: dict[str, list[Observed]], name: str) -> dict[str, int]:
    return {one.id.removeprefix(f"{name}|"): one.measure.value_ms for one in found[name]}


@given(_reports)
def test_each_unit_counts_once_with_0_or_1_as_its_definition_says(reports: list[Event]) -> None:
    found = observed(reports)
    for name, told in ((name, found[name]) for name in NAMES):
        definition = NAMES[name]
        if definition.counting_unit == "consignment":
            assert len(told) <= 1
        divided = {one for names in definition.strata or () for one in names}
        for one in told:
            assert one.measure.value_ms in (0, 1)
            assert one.counting_unit == definition.counting_unit
            assert one.measure.strata.keys() <= divided


@given(_reports)
def test_shares_of_one_consignment_fit_together(reports: list[Event]) -> None:
    found = observed(reports)
    inspected = value(found, "inspection_rate")
    types = [value(found, name) for name in INSPECTED_TYPES.values()]
    if 1 in types:
        assert inspected == 1
    if inspected == 0:
        assert types == [0] * len(types)
    if inspected is None:
        assert 0 not in types

    followed = subjects(found, "nii_follow_up_rate")
    for image in subjects(found, "nii_confirmation_rate"):
        assert followed[image] == 1
    hits = subjects(found, "hit_rate")
    for control, missed in subjects(found, "nii_clear_but_positive_rate").items():
        assert hits[control] == missed

    had = value(found, "partner_result_at_decision_rate")
    if had is None:
        assert value(found, "recognition_rate") is None
        assert value(found, "double_inspection_rate") is None
    else:
        assert value(found, "partner_result_before_arrival_rate") is not None
    if value(found, "double_inspection_rate") == 1 and inspected is not None:
        assert inspected == 1


@given(_reports)
def test_counts_of_controls_fit_their_shares(reports: list[Event]) -> None:
    found = observed(reports)
    inspected = value(found, "inspection_rate")
    channels = [value(found, name) for name in CHANNEL_SHARES.values()]
    assert sorted(map(str, channels)) in (["0", "0", "0", "0", "1"], ["None"] * 5)
    controls = value(found, "controls_per_1000_consignments")
    if controls is not None:
        assert inspected == int(controls > 0)
        asked = value(found, "document_requests_per_1000_consignments")
        assert asked is not None
        assert asked > 0 or value(found, "inspection_rate_document") != 1
    seizures, seized = (
        value(found, name)
        for name in ("seizures_per_1000_consignments", "seized_consignment_share")
    )
    if seizures is not None:
        assert seized == int(seizures > 0)
    by_rule = subjects(found, "hit_rate_by_rule")
    hits = subjects(found, "hit_rate")
    for name, hit in by_rule.items():
        assert hits[name.rpartition("|")[0]] == hit
    told = [one.measure.category for one in found["control_arm"]]
    assert len(told) <= 1
    assert bool(told) or channels == [None] * 5
    for category in told:
        arm = decode(category or "")
        assert not (arm.drawn and not arm.probability)
        if arm.is_done and inspected is not None:
            assert inspected == 1


@settings(max_examples=40)
@given(_reports.flatmap(lambda told: st.tuples(st.just(told), st.permutations(told + told))))
def test_order_and_repetition_change_nothing_of_what_is_counted(
    deliveries: tuple[list[Event], list[Event]],
) -> None:
    told = [_folded(reports) for reports in deliveries]
    assert told[0] == told[1]


def _folded(reports: Sequence[Event]) -> dict[tuple[str, str], Measure]:
    chain = Chain(ConsignmentsStage())
    chain.feed(Shared(manifest_id="LRN1", share=filed(), units=("U1",)), key=HOUSE)
    for one in reports:
        path = f"consignment:{HOUSE}"
        chain.feed(Forwarded(identity=one.identity, path=path, event=one), key=HOUSE)
    return chain.observations()


@given(_reports)
def test_what_is_not_reported_of_controls_says_nothing_of_them(reports: list[Event]) -> None:
    found = observed([one for one in reports if one.type.startswith("channel.")])
    controls = {name for name, one in NAMES.items() if one.counting_unit == "control"}
    assert not any(found[name] for name in controls)
    assert 1 not in (value(found, "inspection_rate"), value(found, "seized_consignment_share"))
