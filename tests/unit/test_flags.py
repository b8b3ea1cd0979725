"""Stage [flags]: the life of a flag and what is published of it, case by case."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from sstl.agents.prepare import encode_value
from sstl.core.flags import FlagsStage, feedback_on, final_feedback
from sstl.core.stage import Context, Inbound, MemoryState, Outcome, Work
from sstl.models.group_score import GroupScore
from sstl.models.notice import Notice
from sstl.models.policy import IssuerPolicy, Policy
from sstl.models.records import (
    FlagsMessage,
    Heartbeat,
    Placed,
    Share,
    Version,
    Withdrawn,
)
from sstl.models.risk_flag import RiskFlag, in_net_set, net_content, net_set
from tests.flag_records import ANCHOR, FLAG_ID, HOUR, evidence, feedback, finding

POLICY = Policy(issuer=IssuerPolicy(country="NL", office="NLRTM", feedback_due_hours=48))
NO_SOURCES = Context(0, frozenset())


def fold(state: MemoryState, *messages: FlagsMessage, policy: Policy = POLICY) -> Outcome:
    records = [Inbound(FLAG_ID, message) for message in messages]
    outcome = FlagsStage().fold(state, records, policy, NO_SOURCES)
    state.apply(outcome.changed)
    return outcome


def life(*messages: FlagsMessage) -> list[tuple[int, str]]:
    return [(flag.version, flag.status) for flag in flags(fold(MemoryState(), *messages))]


def flags(outcome: Outcome) -> list[RiskFlag]:
    records = [output for output in outcome.outputs if output.topic != "observations"]
    assert all(output.topic == "risk-flags" for output in records)
    return [RiskFlag.model_validate(output.message) for output in records]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param([finding()], [(1, "ISSUED")], id="raised"),
        pytest.param(
            [finding(), finding("CHANGED", score=60)], [(1, "ISSUED"), (2, "UPDATED")], id="changed"
        ),
        pytest.param([finding(), finding()], [(1, "ISSUED")], id="said-twice"),
        pytest.param([finding(), finding("CHANGED")], [(1, "ISSUED")], id="changed-in-name-only"),
        pytest.param([finding("CHANGED")], [(1, "ISSUED")], id="a-change-nobody-saw-the-start-of"),
        pytest.param(
            [finding(), finding("CLEARED")], [(1, "ISSUED"), (2, "WITHDRAWN")], id="cleared"
        ),
        pytest.param(
            [finding(), finding("CLEARED"), finding("CLEARED")],
            [(1, "ISSUED"), (2, "WITHDRAWN")],
            id="cleared-twice",
        ),
        pytest.param(
            [finding(), finding("CLEARED"), finding()],
            [(1, "ISSUED"), (2, "WITHDRAWN"), (3, "UPDATED")],
            id="raised-again",
        ),
        pytest.param(
            [finding(), feedback(), finding("CLEARED")],
            [(1, "ISSUED"), (2, "UPDATED"), (3, "CORRECTED")],
            id="cleared-after-somebody-acted",
        ),
        pytest.param(
            [feedback(), finding(), finding("CLEARED")],
            [(1, "ISSUED"), (2, "CORRECTED")],
            id="feedback-overtook-the-flag",
        ),
        pytest.param(
            [finding(), finding("CLEARED"), feedback()],
            [(1, "ISSUED"), (2, "WITHDRAWN"), (3, "CORRECTED")],
            id="feedback-came-after-the-withdrawal",
        ),
        pytest.param(
            [
                finding(),
                feedback(),
                finding("CLEARED"),
                feedback("f1", ANCHOR + 2 * HOUR, retracted=True),
            ],
            [(1, "ISSUED"), (2, "UPDATED"), (3, "CORRECTED"), (4, "WITHDRAWN")],
            id="the-feedback-was-retracted",
        ),
        pytest.param(
            [
                feedback("f1", ANCHOR + 2 * HOUR, retracted=True),
                feedback(),
                finding(),
                finding("CLEARED"),
            ],
            [(1, "ISSUED"), (2, "WITHDRAWN")],
            id="the-retraction-overtook-its-feedback",
        ),
        pytest.param(
            [finding(), feedback()],
            [(1, "ISSUED"), (2, "UPDATED")],
            id="feedback-that-leaves-a-flag-open",
        ),
    ],
)
def test_the_life_of_a_flag(
    messages: Sequence[FlagsMessage], expected: list[tuple[int, str]]
) -> None:
    assert life(*messages) == expected


def test_feedback_that_moved_to_another_flag_is_no_action_on_this_one() -> None:
    moved = Withdrawn(
        identity=feedback().event.identity, version=Version(ANCHOR + 9, retracted=False, digest="e")
    )
    earlier = feedback(recorded_ms=ANCHOR)
    assert life(finding(), earlier, moved, finding("CLEARED"))[-1] == (4, "WITHDRAWN")
    assert life(finding(), moved, earlier, finding("CLEARED"))[-1] == (2, "WITHDRAWN")


@pytest.mark.parametrize(
    "envelope",
    [
        pytest.param({"detected_ms": ANCHOR + 9 * HOUR}, id="noticed-later"),
        pytest.param({"evidence": (evidence(offset=8),)}, id="evidence-lies-elsewhere"),
    ],
)
def test_how_a_finding_was_noticed_is_not_news(envelope: dict[str, Any]) -> None:
    assert life(finding(), finding(**envelope)) == [(1, "ISSUED")]


def test_what_a_flag_does_not_tell_of_a_manifest_is_not_news() -> None:
    share = Share(manifest_id="LRN1", hs6=("850440",))
    amended = msgspec.structs.replace(share, manifest_id="LRN2", references=("mrn:X",))
    other = msgspec.structs.replace(share, hs6=("850440", "240220"))
    assert life(finding(share=share), finding(share=amended)) == [(1, "ISSUED")]
    assert life(finding(share=share), finding(share=other))[-1] == (2, "UPDATED")


def test_a_withdrawal_says_why() -> None:
    outcome = fold(MemoryState(), finding(), finding("CLEARED"))
    assert [flag.reason for flag in flags(outcome)] == [None, "the arrival was corrected"]
    assert outcome.counts[("flag", "WITHDRAWN:MEDIUM:leg-late")] == 1


def test_clearing_what_was_never_raised_is_an_alarm() -> None:
    state = MemoryState()
    outcome = fold(state, finding("CLEARED"))
    assert outcome.outputs == []
    assert outcome.counts[("flags_alarm", "cleared_unknown")] == 1
    assert state.cells == {}


@pytest.mark.parametrize(
    ("recorded_ms", "late"),
    [
        pytest.param(ANCHOR + 48 * HOUR, 0, id="exactly-when-due"),
        pytest.param(ANCHOR + 48 * HOUR + 1, 1, id="one-millisecond-over"),
    ],
)
@pytest.mark.parametrize("flag_first", [True, False])
def test_late_feedback_is_counted_once(recorded_ms: int, late: int, flag_first: bool) -> None:
    state = MemoryState()
    order: list[FlagsMessage] = [finding(), feedback(recorded_ms=recorded_ms)]
    counts = fold(state, *(order if flag_first else reversed(order))).counts
    counts += fold(state, finding("CHANGED", score=80), feedback(recorded_ms=recorded_ms)).counts
    assert counts[("feedback_late", "")] == late
    assert counts[("feedback", "CONTROL_DONE:INCONCLUSIVE")] == 1


def test_feedback_for_an_unknown_flag_is_kept() -> None:
    state = MemoryState()
    outcome = fold(state, feedback())
    assert outcome.outputs == []
    assert outcome.counts[("feedback_before_flag", "")] == 1
    work = Work(state, POLICY, NO_SOURCES)
    assert [event.id for event in feedback_on(work, FLAG_ID)] == ["f1"]


def test_the_final_feedback_is_the_last_recorded_then_the_greatest_id() -> None:
    state = MemoryState()
    fold(
        state, feedback("f3", ANCHOR), feedback("f1", ANCHOR + HOUR), feedback("f2", ANCHOR + HOUR)
    )
    events = feedback_on(Work(state, POLICY, NO_SOURCES), FLAG_ID)
    assert len(events) == 3
    final = final_feedback(events)
    assert final is not None
    assert final.id == "f2"
    assert final_feedback([]) is None


def test_a_corrected_feedback_replaces_its_earlier_version() -> None:
    state = MemoryState()
    outcome = fold(
        state,
        feedback(recorded_ms=ANCHOR + 9, outcome="CONFIRMED"),
        feedback(recorded_ms=ANCHOR),
    )
    (event,) = feedback_on(Work(state, POLICY, NO_SOURCES), FLAG_ID)
    assert event.data["outcome"] == "CONFIRMED"
    assert outcome.counts[("feedback", "CONTROL_DONE:CONFIRMED")] == 1
    assert outcome.counts[("feedback_changed", "corrected")] == 0


def test_events_that_are_no_feedback_are_counted_and_change_nothing() -> None:
    state = MemoryState()
    event = msgspec.structs.replace(feedback().event, type="transport.arrived")
    outcome = fold(state, Placed(event=event))
    assert outcome.counts[("flags_alarm", "unknown_event_type")] == 1
    assert state.cells == {}


def test_a_heartbeat_ends_here() -> None:
    beat = Heartbeat(source="journeys/0", reached_ms=ANCHOR, caught_up=True)
    state = MemoryState()
    outcome = FlagsStage().fold(
        state, [Inbound("~heartbeat", beat)], POLICY, Context(0, frozenset({"journeys/0"}))
    )
    assert outcome.outputs == []
    assert outcome.changed
    assert FlagsStage().tick(state, POLICY, NO_SOURCES).outputs == []


def test_a_flag_is_published_with_all_it_rests_on() -> None:
    share = Share(
        manifest_id="LRN1",
        hs6=("850440",),
        gross_mass_kg=1200.5,
        place_of_loading="CNSHG",
        place_of_unloading="NLRTM",
        countries_of_routing=("CN", "NL"),
        parties=(("CONSIGNEE", "p-1f"),),
    )
    (output,) = fold(MemoryState(), finding(share=share)).outputs
    assert output.key == FLAG_ID
    assert dict(output.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": f"{FLAG_ID}/1".encode(),
        "ce_source": b"urn:sstl:flags",
        "ce_type": b"org.sstl.risk.flag.v1",
        "ce_time": b"2024-05-01T00:00:00Z",
        "content-type": b"application/json",
    }
    text = encode_value(output.message)
    assert RiskFlag.model_validate_json(text).flag_id == FLAG_ID
    told = msgspec.json.decode(text)
    assert told["issuedAt"] == told["validFrom"] == "2024-05-01T00:00:00Z"
    assert told["feedbackDueBy"] == "2024-05-03T00:00:00Z"
    assert told["issuer"] == {"country": "NL", "office": "NLRTM", "unit": "LANE-MONITOR"}
    assert told["parties"] == [{"role": "CONSIGNEE", "pseudonymisedId": "p-1f"}]
    assert told["goods"]["grossMassKg"] == 1200.5
    assert told["route"]["countriesOfRouting"] == ["CN", "NL"]
    assert told["indicators"][0]["observed"] == 7200.0
    assert told["evidence"][0]["offset"] == 7
    assert told["text"]["zh"] == "该航段用时超过计划。"


def test_net_content_is_blind_to_the_envelope_alone() -> None:
    first, second = flags(fold(MemoryState(), finding(), finding("CHANGED", score=60)))
    (replayed,) = flags(
        fold(MemoryState(), finding(score=60, detected_ms=1, evidence=(evidence(offset=99),)))
    )
    assert net_content(second) == net_content(replayed)
    assert net_content(first) != net_content(second)
    assert set(net_content(second)["evidence"][0]) == {
        "eventId",
        "eventSource",
        "eventType",
        "eventTime",
    }


def test_what_was_taken_back_is_not_in_the_net_set() -> None:
    issued, withdrawn = flags(fold(MemoryState(), finding(), finding("CLEARED")))
    assert in_net_set(issued)
    assert not in_net_set(withdrawn)
    assert net_set([issued, withdrawn]) == {}
    assert set(net_set([withdrawn, issued])) == {FLAG_ID}


def test_cells_travel_in_the_changelog_and_back() -> None:
    state = MemoryState()
    share = Share(manifest_id="LRN1", parties=(("CONSIGNEE", "p-1f"),))
    fold(state, feedback(), finding(share=share))
    decoder = msgspec.json.Decoder(FlagsStage.cell_type)
    assert [decoder.decode(msgspec.json.encode(value)) for _, value in state.items()] == [
        value for _, value in state.items()
    ]


def fields(**changed: Any) -> dict[str, Any]:
    (flag,) = flags(fold(MemoryState(), finding()))
    return {**flag.model_dump(), **changed}


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"valid_to": "2024-05-01T00:00:00Z"}, id="ends-when-it-begins"),
        pytest.param({"valid_to": None}, id="never-ends"),
        pytest.param({"score": 101}, id="score-over-100"),
        pytest.param({"score": -1}, id="score-below-0"),
        pytest.param({"subject": {"mode": "SEA"}}, id="about-nothing"),
        pytest.param({"status": "WITHDRAWN"}, id="withdrawn-without-reason"),
        pytest.param({"reason": "why"}, id="issued-with-a-reason-to-take-back"),
        pytest.param({"severity": "SEVERE"}, id="unknown-severity"),
        pytest.param({"status": "OPEN"}, id="unknown-status"),
        pytest.param({"risk_area": "TERROR"}, id="unknown-risk-area"),
        pytest.param({"flag_type": "PERSON"}, id="unknown-type"),
        pytest.param({"recommended_control": "LOOK"}, id="unknown-control"),
        pytest.param({"where_to_control": "SEA"}, id="unknown-place-of-control"),
        pytest.param({"issued_at": "2024-05-01T00:00:00"}, id="naive-instant"),
        pytest.param({"flag_id": "9a0b8f5e-2a43-4c55-8d5f-3f3f2c1b0a99"}, id="random-uuid"),
        pytest.param({"rif_number": "RIF/1"}, id="number-of-another-form"),
        pytest.param({"supersedes": FLAG_ID}, id="supersedes-itself"),
        pytest.param({"indicators": ()}, id="explains-nothing"),
        pytest.param({"consignee": "X"}, id="unknown-field"),
        pytest.param({"parties": [{"role": "CONSIGNEE", "name": "X"}]}, id="a-name"),
        pytest.param(
            {"confidence": {"precision": 0.5, "n": 10, "interval": (0.6, 0.9)}},
            id="interval-beside-the-value",
        ),
    ],
)
def test_a_flag_that_breaks_its_schema_is_refused(wrong: dict[str, Any]) -> None:
    assert RiskFlag.model_validate(fields()).status == "ISSUED"
    with pytest.raises(ValidationError):
        RiskFlag.model_validate(fields(**wrong))


@pytest.mark.parametrize(
    "right",
    [
        {"score": 0},
        {"score": 100},
        {"rif_number": "SSTL-RIF/NL/NLRTM/2024/000001"},
        {"subject": {"ucr": "4CN123"}},
        {"confidence": {"precision": 0.5, "n": 10, "interval": (0.24, 0.76)}},
        {"valid_from": "2024-05-01T08:00:00+08:00"},
    ],
)
def test_a_flag_within_its_schema_is_taken(right: dict[str, Any]) -> None:
    flag = RiskFlag.model_validate(fields(**right))
    assert flag.valid_from.isoformat() == "2024-05-01T00:00:00+00:00"


def test_the_page_on_flags_shows_a_flag_of_the_schema_and_every_field() -> None:
    page = (Path(__file__).parents[2] / "docs" / "risk-flags.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert RiskFlag.model_validate_json(example).status == "CLOSED"
    for model in (RiskFlag, Notice, GroupScore):
        for name, field in model.model_fields.items():
            assert f"`{field.alias or name}`" in page, name
