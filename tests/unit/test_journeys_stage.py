from collections.abc import Iterable

import msgspec
import pytest

from sstl.core.journeys.pings import read_bucket, read_positions
from sstl.core.journeys.record import CHUNK
from sstl.core.journeys.stage import JourneysStage
from sstl.core.positions import Span
from sstl.core.stage import Output, Work
from sstl.models.policy import Policy, RulePolicy
from sstl.models.records import (
    DIRECT,
    Event,
    Forwarded,
    Heartbeat,
    Observation,
    PingBucket,
    Placed,
    Shared,
    UnitMilestones,
    Version,
    Withdrawn,
)
from tests.journey_events import DAY, HOUR, LANE, START, UNIT, Chain, by_rule, event, leg, share

PLACES = {"place_of_loading": "CNYTN", "place_of_unloading": "NLRTM"}
PLANNED = event(
    "transport.arrived",
    START + 20 * HOUR,
    id="p",
    classifier="PLANNED",
    place="NLRTM",
    recorded_ms=START,
)
LATE = event("transport.arrived", START + 22 * HOUR, id="a", place="NLRTM")
ESTIMATE = event(
    "transport.arrived",
    START + 23 * HOUR,
    id="e",
    classifier="ESTIMATED",
    place="NLRTM",
    recorded_ms=START + HOUR,
)
DEPARTED = event("transport.departed", START + HOUR, place="CNYTN", lane=LANE)


@pytest.fixture
def chain() -> Chain:
    return Chain(JourneysStage())


def placed(*events: Event) -> list[Placed]:
    return [Placed(event=one) for one in events]


def found(outputs: Iterable[Output]) -> list[Output]:
    return [output for output in outputs if output.topic == "findings"]


def version(event_: Event, recorded_ms: int, **changes: object) -> Event:
    later = Version(recorded_ms, bool(changes.pop("retracted", False)), "b")
    return msgspec.structs.replace(event_, version=later, arrival_ms=recorded_ms, **changes)


def test_a_late_arrival_is_one_complete_finding(chain: Chain) -> None:
    consigned = share(
        consignments=("HBL1",), references=("mrn:25NL1", "ucr:1"), hs6=("610910",), **PLACES
    )
    chain.feed(Shared(manifest_id="LRN1", share=consigned), *placed(PLANNED, LATE))
    (finding,) = chain.findings().values()
    assert finding.rule_id == "milestone-later-than-planned"
    assert (finding.observed, finding.expected, finding.unit) == (120.0, 0, "min")
    assert finding.anchor_ms == PLANNED.event_ms
    assert finding.valid_to_ms == PLANNED.event_ms + 30 * DAY
    assert finding.detected_ms == LATE.arrival_ms
    assert [(one.id, one.type) for one in finding.evidence] == [
        ("p", "transport.arrived"),
        ("a", "transport.arrived"),
        ("lodged/LRN1", "manifest.lodged"),
    ]
    subject = finding.subject
    assert (subject.equipment_reference, subject.lane_id, subject.mode) == (UNIT, LANE, "SEA")
    assert (subject.mrn, subject.ucr, subject.lrn) == ("25NL1", "1", "LRN1")
    assert subject.consignments == ("HBL1",)
    assert finding.share is not None
    assert finding.share.hs6 == ("610910",)
    assert finding.policy_hash == Policy().hash
    assert finding.score == 60
    assert "120 min" in finding.text_en
    assert "120 分钟" in finding.text_zh


def test_a_correction_changes_the_flag_and_one_in_time_clears_it(chain: Chain) -> None:
    chain.feed(*placed(PLANNED, LATE))
    (flag,) = chain.findings()
    changed = chain.feed(Placed(event=version(LATE, START + 2 * DAY, event_ms=START + 21 * HOUR)))
    assert [(o.key, o.message.state, o.message.observed) for o in found(changed)] == [
        (flag, "CHANGED", 60.0)
    ]
    cleared = chain.feed(Placed(event=version(LATE, START + 3 * DAY, event_ms=START + 20 * HOUR)))
    assert [(o.key, o.message.state, o.message.reason) for o in found(cleared)] == [
        (flag, "CLEARED", "not later than planned by more than the threshold")
    ]


def test_a_retraction_clears_and_says_what_is_no_longer_known(chain: Chain) -> None:
    chain.feed(*placed(PLANNED, LATE))
    (cleared,) = found(chain.feed(Placed(event=version(LATE, START + 2 * DAY, retracted=True))))
    assert cleared.message.state == "CLEARED"
    assert cleared.message.reason == "no longer known: actual"


def test_an_event_that_moved_to_another_unit_counts_here_no_longer(chain: Chain) -> None:
    chain.feed(*placed(PLANNED, LATE))
    chain.feed(
        Withdrawn(
            identity=LATE.identity, version=Version(START + 2 * DAY, retracted=False, digest="b")
        )
    )
    assert not chain.findings()
    chain.feed(*placed(LATE))
    assert not chain.findings()


def test_the_notice_of_an_expected_delay_ends_with_what_happened(chain: Chain) -> None:
    chain.feed(*placed(PLANNED, ESTIMATE))
    (expected,) = chain.findings().values()
    assert expected.rule_id == "milestone-expected-late"
    assert expected.notice
    chain.feed(*placed(LATE))
    (late,) = chain.findings().values()
    assert late.rule_id == "milestone-later-than-planned"
    assert not late.notice
    cleared = next(o.message for o in chain.outputs if getattr(o.message, "state", "") == "CLEARED")
    assert cleared.reason == "the actual was reported"


def test_a_rule_that_is_switched_off_clears_at_the_next_event(chain: Chain) -> None:
    chain.feed(*placed(PLANNED, LATE))
    chain.policy = Policy(rules={"milestone-later-than-planned": RulePolicy(mode="off")})
    outputs = chain.feed(*placed(DEPARTED))
    (cleared,) = (output for output in outputs if output.topic == "findings")
    assert (cleared.message.state, cleared.message.reason) == (
        "CLEARED",
        "the rule is not in force",
    )


def test_the_lane_has_a_threshold_of_its_own(chain: Chain) -> None:
    rule = RulePolicy(thresholds={"threshold": 60}, thresholds_by_lane={LANE: {"threshold": 120}})
    chain.policy = Policy(rules={"milestone-later-than-planned": rule})
    chain.feed(*placed(PLANNED, LATE))
    assert len(chain.findings()) == 1
    chain.feed(Shared(manifest_id="LRN1", share=share()))
    assert not chain.findings()


def test_an_event_counts_while_one_path_holds_it(chain: Chain) -> None:
    forwarded = [
        Forwarded(identity=LATE.identity, path=path, event=LATE) for path in ("mrn:1", "ucr:1")
    ]
    chain.feed(*placed(PLANNED), *forwarded)
    assert len(chain.findings()) == 1
    chain.feed(Forwarded(identity=LATE.identity, path="mrn:1"))
    assert len(chain.findings()) == 1
    chain.feed(Forwarded(identity=LATE.identity, path="ucr:1"))
    assert not chain.findings()


def test_consignments_are_told_of_their_unit_and_of_its_end(chain: Chain) -> None:
    chain.feed(Shared(manifest_id="LRN1", share=share(consignments=("A", "B"), **PLACES)))
    assert {name: told.milestones for name, told in chain.units().items()} == {
        "A": {"T0": START},
        "B": {"T0": START},
    }
    chain.feed(*placed(LATE))
    assert chain.units()["A"].milestones == {"T0": START, "T6": LATE.event_ms}
    outputs = chain.feed(Shared(manifest_id="LRN1", share=share(consignments=("B",), **PLACES)))
    assert [(o.key, o.message) for o in outputs] == [("A", UnitMilestones(unit=UNIT))]
    chain.feed(Shared(manifest_id="LRN1"))
    assert not chain.units()


def test_an_observation_that_moves_to_another_lane_is_told_to_both(chain: Chain) -> None:
    chain.feed(*placed(DEPARTED, LATE))
    outputs = chain.feed(
        Shared(manifest_id="LRN1", share=share(lane_id="CNNSA-NLRTM-SEA", **PLACES))
    )
    told = [
        o
        for o in outputs
        if isinstance(o.message, Observation) and o.message.indicator == "LT_transit"
    ]
    assert [(o.route, o.message.current is None) for o in told] == [
        (LANE, True),
        ("CNNSA-NLRTM-SEA", False),
    ]
    assert {lane for _, lane in chain.observations()} == {"CNNSA-NLRTM-SEA"}


def test_what_no_milestone_and_no_rule_reads_is_kept_and_counted(chain: Chain) -> None:
    (status,) = placed(event("registry.operator.status", START))
    assert chain.feed(status, status) == []
    assert chain.counts["unused_event", "registry"] == 1
    assert chain.counts["events_folded", ""] == 2
    assert (UNIT, "events/00000") in chain.cells()


def test_evaluations_are_counted_when_they_change(chain: Chain) -> None:
    chain.feed(*placed(PLANNED))
    chain.feed(*placed(LATE))
    chain.feed(*placed(LATE))
    rule = "milestone-later-than-planned:"
    assert {
        name: n
        for name, n in chain.counts.items()
        if name[0] == "rule" and name[1].startswith(rule)
    } == {
        ("rule", "milestone-later-than-planned:not_evaluable"): 1,
        ("rule", "milestone-later-than-planned:hit"): 1,
    }


def test_a_record_rewrites_only_the_chunk_that_changed(chain: Chain) -> None:
    first = event("seallock.opened", START, id="first")
    chain.feed(*placed(first, *(event("seallock.opened", START + n) for n in range(1, 2 * CHUNK))))
    before = chain.cells()
    chain.feed(Placed(event=version(first, START + DAY)))
    after = chain.cells()
    assert before[UNIT, "events/00001"] == after[UNIT, "events/00001"]
    assert before[UNIT, "events/00000"] != after[UNIT, "events/00000"]


def test_a_text_or_a_field_that_nothing_reads_is_not_kept(chain: Chain) -> None:
    chain.feed(
        *placed(
            event("seallock.opened", START, remark="x" * 500, office="NL" * 500, state="OPENED")
        )
    )
    (slot,) = chain.cells()[UNIT, "events/00000"].slots
    assert slot.held.direct.event.data == {"state": "OPENED"}


def ping(at_ms: int, sequence: int = 0, *, retracted: bool = False) -> Placed:
    return Placed(
        event=event(
            "seallock.position",
            at_ms,
            id=f"ping/{at_ms}/{sequence}",
            sequence=sequence,
            latitude=51.9,
            longitude=4.1,
            retracted=retracted,
        )
    )


def ping_spans(chain: Chain) -> list[Span]:
    cells = {part: cell for (_, part), cell in chain.cells().items() if part.startswith("pings/")}
    return [span for part in sorted(cells) for span in cells[part].spans]


def test_of_a_bucket_only_the_first_and_last_ping_stay(chain: Chain) -> None:
    chain.feed(
        ping(START + 2), ping(START + 5), ping(START + 5, 1), ping(START + 1), ping(START + 3)
    )
    chain.feed(ping(START + 4), ping(START + 6 * HOUR), ping(START + 7, retracted=True))
    first, second = ping_spans(chain)
    assert (first.path, first.first[:2], first.last[:2]) == (DIRECT, (1, 0), (5, 1))
    assert second.offset_ms == first.offset_ms + 6 * HOUR
    assert second.first == second.last == (0, 0, 51.9, 4.1)
    assert chain.counts["ping_not_correctable", ""] == 1


def test_a_forwarded_summary_replaces_the_one_of_its_path_until_it_is_empty(chain: Chain) -> None:
    one = (START + 1, 0, "x", 1.0, 2.0)
    two = (START + 2, 0, "y", 1.0, 2.0)
    chain.feed(PingBucket(path="device:M/1", bucket_ms=START, first=one, last=two))
    chain.feed(PingBucket(path="device:M/1", bucket_ms=START, first=one, last=one))
    assert [(span.path, span.last) for span in ping_spans(chain)] == [
        ("device:M/1", (1, 0, 1.0, 2.0))
    ]
    chain.feed(PingBucket(path="device:M/1", bucket_ms=START))
    assert not [part for _, part in chain.cells() if part.startswith("pings/")]


def test_buckets_of_a_month_are_kept_in_few_cells_and_read_in_their_order(chain: Chain) -> None:
    chain.feed(*(ping(START + number * 6 * HOUR) for number in (70, 3, 119, 0, 64, 5)))
    bucket_ms = START + 3 * 6 * HOUR
    there = (bucket_ms + 1, 0, "x", 1.0, 2.0)
    chain.feed(PingBucket(path="device:M/1", bucket_ms=bucket_ms, first=there, last=there))
    assert len({part for _, part in chain.cells() if part.startswith("pings/")}) <= 3
    work = Work(chain.state, chain.policy, chain.context)
    found = read_positions(work, UNIT)
    assert [one.bucket_ms for one in found] == [
        START + number * 6 * HOUR for number in (0, 3, 5, 64, 70, 119)
    ]
    assert found[1].first == (bucket_ms, 0, 51.9, 4.1)
    assert found[1].last == (bucket_ms + 1, 0, 1.0, 2.0)
    assert read_bucket(work, UNIT, bucket_ms) == found[1]
    assert read_bucket(work, UNIT, bucket_ms + 6 * HOUR) is None


def test_pings_of_one_instant_and_sequence_are_told_apart_by_where_they_were(chain: Chain) -> None:
    here, there = ping(START + 1), ping(START + 1)
    data = {**there.event.data, "latitude": 10}
    there = Placed(event=msgspec.structs.replace(there.event, id="other", data=data))
    chain.feed(here, there)
    forth = ping_spans(chain)
    chain.feed(there, here)
    assert ping_spans(chain) == forth
    assert (forth[0].first[2], forth[0].last[2]) == (10.0, 51.9)


def beat(reached_ms: int) -> Heartbeat:
    return Heartbeat(source="intake-transport/0", reached_ms=reached_ms, caught_up=True)


def test_a_closed_journey_is_forgotten_only_after_lateness_and_parking(chain: Chain) -> None:
    out = event("transport.gated_out", START + 23 * HOUR, place="NLRTM")
    chain.feed(
        Shared(manifest_id="LRN1", share=share(**PLACES)),
        *placed(PLANNED, LATE, out),
        ping(START + HOUR),
    )
    horizon = START + 23 * HOUR + 90 * DAY
    told = len(chain.findings()), len(chain.observations())
    chain.feed(beat(horizon - 1), key="~heartbeat")
    assert (UNIT, "") in chain.cells()
    outputs = chain.feed(beat(horizon + DAY), key="~heartbeat")
    assert [part for key, part in chain.cells() if not key.startswith("~watermark")] == [""]
    assert {o.topic for o in outputs} == {"consignments", "findings", "observations"}
    assert all(isinstance(o.message, Heartbeat) for o in outputs)
    assert (len(chain.findings()), len(chain.observations())) == told
    assert chain.counts["unit_dropped", ""] == 1


def test_an_open_journey_stays_until_nothing_was_heard_of_it_for_long(chain: Chain) -> None:
    chain.feed(*placed(DEPARTED))
    chain.feed(beat(START + 300 * DAY), key="~heartbeat")
    assert (UNIT, "") in chain.cells()
    chain.feed(beat(START + 402 * DAY), key="~heartbeat")
    assert (UNIT, "") not in chain.cells()


def test_what_is_reported_later_postpones_the_forgetting(chain: Chain) -> None:
    out = event("transport.gated_out", START, place="NLRTM")
    chain.feed(*placed(out))
    chain.feed(*placed(event("seallock.opened", START + 40 * DAY)))
    chain.feed(beat(START + 92 * DAY), key="~heartbeat")
    assert (UNIT, "") in chain.cells()
    chain.feed(beat(START + 132 * DAY), key="~heartbeat")
    assert (UNIT, "") not in chain.cells()


def test_loose_cargo_is_its_transport_document(chain: Chain) -> None:
    both = [
        msgspec.structs.replace(
            one, data={**one.data, "looseCargo": True, "transportDocumentReference": UNIT}
        )
        for one in (PLANNED, LATE)
    ]
    chain.feed(*placed(*both))
    (finding,) = chain.findings().values()
    assert finding.flag_type == "CONSIGNMENT"
    assert finding.subject.equipment_reference is None
    assert finding.subject.transport_document == UNIT


def test_a_leg_of_the_plan_that_took_too_long_is_flagged_once(chain: Chain) -> None:
    planned = share(legs=(leg("m1", planned_start_ms=START, planned_end_ms=START + 10 * HOUR),))
    done = [
        event("transport.departed", START + HOUR, place="CNYTN", leg="m1"),
        event("transport.discharged", START + 11 * HOUR, place="NLRTM", leg="m1"),
    ]
    chain.feed(Shared(manifest_id="LRN1", share=planned), *placed(*done))
    (finding,) = by_rule(chain.findings())["leg-longer-than-planned"]
    assert (finding.observed, finding.subject.leg_id) == (60.0, "m1")
    assert finding.anchor_ms == START + 10 * HOUR
