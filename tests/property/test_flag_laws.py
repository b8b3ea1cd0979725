"""Flags: what is open at last depends on the facts, not on what happened on the way."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sstl.core.flags import FlagsStage
from sstl.core.stage import Context, Inbound, MemoryState
from sstl.models.policy import Policy
from sstl.models.records import Event, Finding, FlagsMessage, Origin, Placed, Subject, Version
from sstl.models.risk_flag import RiskFlag, net_set

POLICY = Policy()
CONTEXT = Context(0, frozenset())
FLAG_IDS = ("9a0b8f5e-2a43-5c55-8d5f-3f3f2c1b0a99", "1f0b8f5e-2a43-5c55-8d5f-3f3f2c1b0a99")
ANCHOR = 1_714_521_600_000

FINDINGS = st.builds(
    lambda flag_id, state, score, detected: Finding(
        flag_id=flag_id,
        state=state,
        rule_id="leg-late",
        rule_version=1,
        severity="MEDIUM",
        score=score,
        weight=1.0,
        subject=Subject(equipment_reference="CSQU3054383"),
        name="leg duration over plan",
        observed=7200.0,
        expected=3600.0,
        unit="s",
        anchor_ms=ANCHOR,
        valid_to_ms=ANCHOR + 1,
        risk_area="SUPPLY_CHAIN_INTEGRITY",
        recommended_control="NONE",
        where_to_control="DESTINATION",
        text_en="Late.",
        text_zh="晚点。",
        policy_hash="abc",
        detected_ms=ANCHOR + detected,
        reason="corrected" if state == "CLEARED" else None,
    ),
    st.sampled_from(FLAG_IDS),
    st.sampled_from(["RAISED", "CHANGED", "CLEARED"]),
    st.sampled_from([10, 90]),
    st.integers(0, 3),
)
FEEDBACK = st.builds(
    lambda number, recorded, retracted: Placed(
        event=Event(
            source="urn:sstl:NLRTM:customs",
            id=number,
            type="risk.feedback",
            event_ms=ANCHOR,
            version=Version(ANCHOR + recorded, retracted, str(recorded)),
            arrival_ms=ANCHOR,
            origin=Origin("sstl.feedback.v1", 0, 0),
            data={"feedbackId": number, "actionTaken": "CONTROL_DONE"},
        )
    ),
    st.sampled_from(["f1", "f2"]),
    st.integers(0, 2),
    st.booleans(),
)


def run(messages: Sequence[tuple[str, FlagsMessage]]) -> tuple[MemoryState, list[RiskFlag]]:
    state, published = MemoryState(), []
    for key, message in messages:
        outcome = FlagsStage().fold(state, [Inbound(key, message)], POLICY, CONTEXT)
        state.apply(outcome.changed)
        published += [RiskFlag.model_validate(output.message) for output in outcome.outputs]
    return state, published


def keyed(findings: Sequence[Finding]) -> list[tuple[str, FlagsMessage]]:
    return [(finding.flag_id, finding) for finding in findings]


def last_status(published: Sequence[RiskFlag]) -> dict[str, str]:
    taken_back = {"WITHDRAWN", "CORRECTED"}
    last = {flag.flag_id: flag.status for flag in published}
    return {key: status if status in taken_back else "OPEN" for key, status in last.items()}


@given(st.lists(FINDINGS, max_size=12))
def test_the_net_set_is_that_of_the_last_findings(findings: list[Finding]) -> None:
    last = {finding.flag_id: finding for finding in findings}
    _, published = run(keyed(findings))
    _, direct = run(keyed(list(last.values())))
    assert net_set(published) == net_set(direct)


@given(st.lists(FINDINGS, max_size=12))
def test_versions_of_a_flag_rise_by_one_and_each_says_something_new(
    findings: list[Finding],
) -> None:
    _, published = run(keyed(findings))
    for flag_id in FLAG_IDS:
        series = [flag for flag in published if flag.flag_id == flag_id]
        assert [flag.version for flag in series] == list(range(1, len(series) + 1))
        assert [flag.status for flag in series[:1]] in ([], ["ISSUED"])
        for before, after in pairwise(series):
            assert (before.status, before.score) != (after.status, after.score)


@given(st.lists(FINDINGS, max_size=6), st.lists(FEEDBACK, max_size=4), st.data())
def test_feedback_may_come_at_any_time_in_any_order_and_twice(
    findings: list[Finding], feedback: list[Placed], data: st.DataObject
) -> None:
    first: list[tuple[str, FlagsMessage]] = [(FLAG_IDS[0], message) for message in feedback]
    plain_state, plain = run([*first, *keyed(findings)])
    again = data.draw(st.permutations(first + first))
    mixed = keyed(findings)
    for item in again:
        mixed.insert(data.draw(st.integers(0, len(mixed))), item)
    # Inserting keeps the findings in their writer's order; the feedback is anywhere between them.
    state, published = run(mixed)
    assert net_set(published) == net_set(plain)
    assert last_status(published) == last_status(plain)
    for part in plain_state.parts(FLAG_IDS[0]):
        if part.startswith("answer/"):
            kept = plain_state.get(FLAG_IDS[0], part)
            assert msgspec.json.encode(state.get(FLAG_IDS[0], part)) == msgspec.json.encode(kept)


@given(st.lists(FINDINGS | FEEDBACK, max_size=12))
def test_a_batch_whole_and_message_by_message_say_the_same(
    messages: list[Finding | Placed],
) -> None:
    inbound = [
        (message.flag_id if isinstance(message, Finding) else FLAG_IDS[0], message)
        for message in messages
    ]
    state, published = run(inbound)
    whole = MemoryState()
    records = [Inbound(key, message) for key, message in inbound]
    outcome = FlagsStage().fold(whole, records, POLICY, CONTEXT)
    whole.apply(outcome.changed)
    assert whole.cells == state.cells
    assert [RiskFlag.model_validate(output.message) for output in outcome.outputs] == published
