"""[consignments]: which rules are asked when, what is told of their answers, and when an absence is judged."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from sstl.core.consignment_view import ConsignmentView
from sstl.core.consignments import ConsignmentsStage
from sstl.core.rules.base import InForce, Verdict
from sstl.core.rules.engine import Asked
from sstl.core.scores import GroupScore
from sstl.models.policy import LanePolicy, Policy, RulePolicy
from sstl.models.records import (
    Event,
    Filing,
    Finding,
    Forwarded,
    Heartbeat,
    Placed,
    Referral,
    Shared,
    UnitMilestones,
    Withdrawn,
)
from tests.consignment_rules import RULES
from tests.journey_events import DAY, HOUR, LANE, START, Chain, event, share

HOUSE = "HBL1"
RFI = event("manifest.referral.raised", START + HOUR, id="rfi", referralType="RFI")
ANSWER = event("manifest.referral.answered", START + 2 * HOUR, id="answer", referralType="RFI")
SILENT = "urn:sstl:NLRTM:customs"


@pytest.fixture
def chain() -> Chain:
    return Chain(ConsignmentsStage(RULES))


def unit(name: str = "U1", *controls: Event, **milestones: int) -> UnitMilestones:
    instants = {code: START + hours * HOUR for code, hours in milestones.items()}
    return UnitMilestones(unit=name, milestones=instants, controls=controls)


def manifest(manifest_id: str = "LRN1", **fields: Any) -> Shared:
    return Shared(manifest_id=manifest_id, share=share(manifest_id, **fields), units=("U1",))


def scan(result: str = "SUSPECT", recorded_ms: int | None = None, **more: Any) -> Event:
    return event(
        "inspection.scan.completed",
        START + 20 * HOUR,
        id="scan",
        niiResult=result,
        recorded_ms=recorded_ms,
        **more,
    )


def status(of: str, state: str, hours: int) -> Event:
    kind = "registry.operator.status"
    entry = event(kind, START + hours * HOUR, id=f"{of}/{hours}", programme="AEOF", status=state)
    entry.data["id"] = of
    return entry


def by_mrn(one: Event, path: str = "mrn:25NL1") -> Forwarded:
    return Forwarded(identity=one.identity, path=path, event=one)


def beat(hours: float, *publishers: tuple[str, float]) -> Heartbeat:
    return Heartbeat(
        source="intake-transport/0",
        reached_ms=START + int(hours * HOUR),
        caught_up=True,
        publishers=tuple((name, START + int(at * HOUR)) for name, at in publishers),
    )


def found(chain: Chain) -> set[str]:
    return {finding.rule_id for finding in chain.findings().values()}


def changes(chain: Chain) -> list[tuple[str, str]]:
    said = [output.message for output in chain.outputs if isinstance(output.message, Finding)]
    return [(finding.rule_id, finding.state) for finding in said]


def test_a_suspect_image_is_found_and_names_its_consignment(chain: Chain) -> None:
    chain.feed(manifest(mrns=("25NL1",), ucr="5CN1"), by_mrn(scan()), key=HOUSE)
    (finding,) = chain.findings().values()
    assert (finding.rule_id, finding.flag_type, finding.group) == (
        *("test-suspect", "CONSIGNMENT", HOUSE),
    )
    subject = finding.subject
    assert (subject.consignments, subject.transport_document) == ((HOUSE,), HOUSE)
    assert (subject.equipment_reference, subject.lane_id, subject.mode) == ("U1", LANE, "SEA")
    assert (subject.lrn, subject.mrn, subject.ucr) == ("LRN1", "25NL1", "5CN1")
    assert [one.id for one in finding.evidence] == ["scan", "lodged/LRN1"]


def test_a_correction_to_a_clear_image_clears_it_with_the_reason(chain: Chain) -> None:
    chain.feed(by_mrn(scan()), key=HOUSE)
    chain.feed(by_mrn(scan("CLEAR", recorded_ms=START + DAY)), key=HOUSE)
    assert found(chain) == set()
    last = [o.message for o in chain.outputs if isinstance(o.message, Finding)][-1]
    assert (last.state, last.reason) == ("CLEARED", "the image is clear")


def test_a_retraction_clears_what_rested_on_it(chain: Chain) -> None:
    chain.feed(Placed(event=scan()), key=HOUSE)
    later = scan(recorded_ms=START + DAY)
    chain.feed(Withdrawn(identity=later.identity, version=later.version), key=HOUSE)
    assert changes(chain) == [("test-suspect", "RAISED"), ("test-suspect", "CLEARED")]
    assert not any(part.startswith(("flag/", "rules")) for _, part in chain.cells())


def test_a_late_manifest_changes_the_flag_and_makes_no_second_one(chain: Chain) -> None:
    chain.feed(by_mrn(scan()), key=HOUSE)
    chain.feed(manifest(), key=HOUSE)
    assert changes(chain) == [("test-suspect", "RAISED"), ("test-suspect", "CHANGED")]


def test_a_scan_that_names_only_the_unit_concerns_what_lies_in_it(chain: Chain) -> None:
    chain.feed(manifest(), unit("U1", scan(equipmentReference="U1"), T6=10), key=HOUSE)
    assert found(chain) == {"test-suspect"}
    chain.feed(unit("U1", T6=10), key=HOUSE)
    assert found(chain) == set()


def test_a_control_known_by_the_unit_and_by_mrn_is_one(chain: Chain) -> None:
    control = scan(equipmentReference="U1")
    chain.feed(manifest(), unit("U1", control, T6=10), by_mrn(control), key=HOUSE)
    assert len(chain.findings()) == 1


def test_leaving_before_release_is_cleared_by_a_release_that_arrives_late(chain: Chain) -> None:
    chain.feed(manifest(), unit(T6=10, T14=30), key=HOUSE)
    assert "test-early-exit" in found(chain)
    release = event("inspection.released", START + 29 * HOUR, side="IMPORT")
    chain.feed(by_mrn(release), key=HOUSE)
    assert "test-early-exit" not in found(chain)


@pytest.mark.parametrize(
    ("shares", "events", "open_"),
    [
        pytest.param({"referrals": (Referral(kind="RFI", raised=RFI),)}, (), True, id="by-lrn"),
        pytest.param({}, (RFI,), True, id="by-mrn"),
        pytest.param(
            {"referrals": (Referral(kind="RFI", raised=RFI, answered=ANSWER),)},
            (),
            False,
            id="both",
        ),
        pytest.param({}, (RFI, ANSWER), False, id="both-by-mrn"),
        pytest.param(
            {"referrals": (Referral(kind="RFI", raised=RFI),)}, (ANSWER,), False, id="answer-by-mrn"
        ),
        pytest.param({"answers": (ANSWER,)}, (RFI,), False, id="answer-by-lrn"),
    ],
)
def test_a_referral_is_open_whichever_way_it_came(
    chain: Chain, shares: dict[str, Any], events: tuple[Event, ...], open_: bool
) -> None:
    chain.feed(manifest(**shares), *(by_mrn(one) for one in events), key=HOUSE)
    assert ("test-open-referral" in found(chain)) is open_


def test_a_registry_entry_binds_before_and_after_the_manifest() -> None:
    entry = Forwarded(identity="r", path="operator:p1", event=status("p1", "SUSPENDED", 0))
    filed = manifest(parties=(("CONSIGNEE", "p1"),))
    for messages in ([entry, filed], [filed, entry]):
        chain = Chain(ConsignmentsStage(RULES))
        for message in messages:
            chain.feed(message, key=HOUSE)
        assert found(chain) == {"test-suspended"}


def test_an_entry_on_somebody_else_concerns_nobody_here(chain: Chain) -> None:
    entry = status("p2", "SUSPENDED", 0)
    chain.feed(manifest(parties=(("CONSIGNEE", "p1"),)), by_mrn(entry, "operator:p2"), key=HOUSE)
    assert found(chain) == set()


def test_a_later_entry_replaces_the_earlier_one_whatever_came_first(chain: Chain) -> None:
    filed = manifest(parties=(("CONSIGNEE", "p1"),))
    later = status("p1", "GRANTED", 5)
    chain.feed(filed, by_mrn(later, "operator:p1"), key=HOUSE)
    earlier = status("p1", "SUSPENDED", 1)
    chain.feed(by_mrn(earlier, "operator:p1"), key=HOUSE)
    assert found(chain) == set()


def test_what_is_missing_is_counted_and_not_an_all_clear(chain: Chain) -> None:
    chain.feed(manifest(parties=(("CONSIGNEE", "p1"),)), key=HOUSE)
    assert chain.counts["rule", "test-suspended:not_evaluable"] == 1
    assert found(chain) == set()


@pytest.mark.parametrize(
    ("hours", "is_found"),
    [
        pytest.param(57.99, False, id="before-its-deadline"),
        pytest.param(58, True, id="at-its-deadline"),
    ],
)
def test_an_absence_is_judged_when_the_watermark_comes_to_its_deadline(
    chain: Chain, hours: float, is_found: bool
) -> None:
    chain.feed(manifest(), unit(T6=10), key=HOUSE)
    assert found(chain) == set()
    outputs = chain.feed(beat(hours), key="~heartbeat")
    assert ("test-overdue" in found(chain)) is is_found
    assert isinstance(outputs[-1].message, Heartbeat)


def test_a_lagging_input_holds_every_deadline_back(chain: Chain) -> None:
    late = frozenset({"intake-transport/0", "intake-inspection/0"})
    held = Chain(ConsignmentsStage(RULES), context=type(chain.context)(0, late))
    held.feed(manifest(), unit(T6=10), key=HOUSE)
    held.feed(beat(200), key="~heartbeat")
    assert found(held) == set()


def test_the_fact_that_arrives_late_takes_the_absence_back(chain: Chain) -> None:
    chain.feed(manifest(), unit(T6=10), key=HOUSE)
    chain.feed(beat(60), key="~heartbeat")
    release = event(
        "inspection.released", START + 57 * HOUR, side="IMPORT", recorded_ms=START + 70 * HOUR
    )
    chain.feed(by_mrn(release), key=HOUSE)
    assert changes(chain) == [("test-overdue", "RAISED"), ("test-overdue", "CLEARED")]


def test_a_fact_after_the_deadline_leaves_it_overdue(chain: Chain) -> None:
    chain.feed(manifest(), unit(T6=10), key=HOUSE)
    chain.feed(beat(60), key="~heartbeat")
    release = event("inspection.released", START + 59 * HOUR, side="IMPORT")
    chain.feed(by_mrn(release), key=HOUSE)
    assert changes(chain) == [("test-overdue", "RAISED"), ("test-overdue", "CHANGED")]


def test_a_later_arrival_moves_the_deadline(chain: Chain) -> None:
    chain.feed(manifest(), unit(T6=10), key=HOUSE)
    chain.feed(unit(T6=20), key=HOUSE)
    chain.feed(beat(60), key="~heartbeat")
    assert found(chain) == set()
    chain.feed(beat(68), key="~heartbeat")
    assert found(chain) == {"test-overdue"}


def test_a_silent_publisher_makes_no_absence_until_it_speaks_again() -> None:
    lane = LanePolicy(origin="CNYTN", destination="NLRTM", mode="SEA", publishers={"T13": SILENT})
    chain = Chain(ConsignmentsStage(RULES), Policy(lanes={LANE: lane}))
    chain.feed(manifest(), unit(T6=10), key=HOUSE)
    chain.feed(beat(60, (SILENT, 50)), key="~heartbeat")
    assert found(chain) == set()
    chain.feed(beat(61, (SILENT, 60)), key="~heartbeat")
    assert found(chain) == {"test-overdue"}
    beats = [o.message for o in chain.outputs if isinstance(o.message, Heartbeat)]
    assert beats[-1].publishers == ((SILENT, START + 60 * HOUR),)


def test_a_lane_may_have_a_limit_of_its_own() -> None:
    rule = RulePolicy(thresholds_by_lane={LANE: {"limit": 4}})
    chain = Chain(ConsignmentsStage(RULES), Policy(rules={"test-overdue": rule}))
    chain.feed(manifest(), unit(T6=10), key=HOUSE)
    chain.feed(beat(14), key="~heartbeat")
    assert found(chain) == {"test-overdue"}


def test_a_policy_that_turns_a_rule_off_clears_what_it_found(chain: Chain) -> None:
    chain.feed(manifest(), by_mrn(scan()), key=HOUSE)
    chain.policy = Policy(rules={"test-suspect": RulePolicy(mode="off")})
    chain.feed(unit(T6=10), key=HOUSE)
    assert found(chain) == set()


def test_what_was_before_the_filing_is_judged_by_who_governed_then() -> None:
    at = datetime.fromtimestamp((START + 5 * HOUR) / 1000, UTC)
    second = Policy.model_validate({"version": "2", "valid_from": at}).after(Policy())
    late = Chain(ConsignmentsStage(), second)
    late.feed(manifest(lodged_ms=START + 10 * HOUR), unit(T4=1), key=HOUSE)
    late.feed(
        Placed(event=event("declaration.accepted", START + 11 * HOUR, side="EXPORT")), key=HOUSE
    )
    late.feed(beat(99), key="~heartbeat")
    found = [
        one for one in late.findings().values() if one.rule_id == "filing-loaded-without-release"
    ]
    assert [one.policy_hash for one in found] == [Policy().hash]


def test_a_rule_is_asked_again_only_when_a_part_that_it_reads_has_changed() -> None:
    asked: Counter[str] = Counter()

    def counted(one: Asked[ConsignmentView]) -> Asked[ConsignmentView]:
        def judge(view: ConsignmentView, rule: InForce, as_of_ms: int) -> Iterable[Verdict]:
            asked[one.rule.id] += 1
            return one.judge(view, rule, as_of_ms)

        return Asked(one.rule, judge)

    chain = Chain(ConsignmentsStage([counted(one) for one in RULES]))
    chain.feed(manifest(), unit(T6=10), by_mrn(scan("CLEAR")), key=HOUSE)
    steps: list[tuple[Any, set[str]]] = [
        (unit(T6=11), {"test-early-exit", "test-overdue"}),
        (unit(T6=11), set()),
        (
            by_mrn(scan("SUSPECT", recorded_ms=START + DAY)),
            {"test-suspect", "test-early-exit", "test-overdue"},
        ),
        (by_mrn(status("p1", "GRANTED", 0)), {"test-suspended"}),
        (by_mrn(event("transport.loaded", START)), set()),
        (manifest(hs6=("950300",)), {one.rule.id for one in RULES}),
    ]
    for message, expected in steps:
        asked.clear()
        chain.feed(message, key=HOUSE)
        assert set(asked) == expected


def test_the_combined_score_of_a_consignment_is_told_when_it_changes(chain: Chain) -> None:
    def scores() -> list[int]:
        told = [o.message for o in chain.outputs if isinstance(o.message, GroupScore)]
        assert {score.group for score in told} <= {HOUSE}
        return [score.score for score in told]

    chain.feed(manifest(), by_mrn(scan()), key=HOUSE)
    assert scores() == [40]
    chain.feed(unit(T14=30), key=HOUSE)
    assert scores() == [40, 64]
    chain.feed(by_mrn(scan("CLEAR", recorded_ms=START + DAY)), key=HOUSE)
    assert scores() == [40, 64, 40]
    chain.feed(UnitMilestones(unit="U1"), key=HOUSE)
    assert scores() == [40, 64, 40, 0]


def test_goods_and_filings_do_not_travel_on_findings(chain: Chain) -> None:
    filed = event("manifest.lodged", START, id="f")
    chain.feed(manifest(filings=(Filing(event=filed),), mrns=("1",)), by_mrn(scan()), key=HOUSE)
    (finding,) = chain.findings().values()
    assert finding.share is not None
    assert finding.share.filings == ()


def test_nothing_is_left_of_a_consignment_with_deadlines_that_is_unlinked(chain: Chain) -> None:
    chain.feed(manifest(), unit(T6=10), by_mrn(scan()), key=HOUSE)
    chain.feed(
        Shared(manifest_id="LRN1"),
        UnitMilestones(unit="U1"),
        Forwarded(identity=scan().identity, path="mrn:25NL1"),
        key=HOUSE,
    )
    assert found(chain) == set()
    assert chain.cells() == {}
