"""Flags: what is said at last depends on the facts, not on what happened on the way."""

import hashlib
import zlib
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sstl.core.flags import FlagsStage
from sstl.core.routing import SNOOZES
from sstl.core.stage import Context, Inbound, MemoryState
from sstl.models.policy import IssuerPolicy, Policy
from sstl.models.records import (
    Event,
    Finding,
    FlagsMessage,
    Heartbeat,
    Measure,
    Observation,
    Origin,
    Placed,
    Version,
)
from sstl.models.risk_flag import RiskFlag, net_set
from tests.flag_records import ANCHOR, HOUR, finding

POLICY = Policy(issuer=IssuerPolicy(feedback_due_hours=24))
SOURCE = "journeys/0"
FLAG_IDS = (
    "9a0b8f5e-2a43-5c55-8d5f-3f3f2c1b0a99",
    "1f0b8f5e-2a43-5c55-8d5f-3f3f2c1b0a99",
    "5c0b8f5e-2a43-5c55-8d5f-3f3f2c1b0a99",
)
Keyed = tuple[str, FlagsMessage]

FINDINGS = st.builds(
    lambda flag_id, state, score, detected, rule, other, days, follows: finding(
        state,
        flag_id=flag_id,
        score=score,
        severity="HIGH" if score > 50 else "LOW",
        detected_ms=ANCHOR + detected,
        rule_id=rule,
        supersedes=next(one for one in FLAG_IDS if one != flag_id) if other else None,
        follows=FLAG_IDS[:follows],
        valid_to_ms=ANCHOR + days * 24 * HOUR,
    ),
    st.sampled_from(FLAG_IDS),
    st.sampled_from(["RAISED", "CHANGED", "CLEARED"]),
    st.sampled_from([10, 90]),
    st.integers(0, 3),
    st.sampled_from(["leg-late", "seal-missing"]),
    st.booleans(),
    st.integers(1, 3),
    st.sampled_from([0, 0, 2, 3]),
)


def event_of(
    kind: str, number: str, hours: int, recorded: int, body: dict[str, Any], *, retracted: bool
) -> Placed:
    """Return one version of an answer; what differs in content differs in its digest."""
    digest = hashlib.sha256(msgspec.json.encode([kind, hours, body])).hexdigest()
    return Placed(
        event=Event(
            source="urn:sstl:NLRTM:customs",
            id=number,
            type=kind,
            event_ms=ANCHOR + hours * HOUR,
            version=Version(ANCHOR + recorded, retracted, digest),
            arrival_ms=ANCHOR,
            origin=Origin("sstl.action.v1", 0, 0),
            data=body,
        )
    )


FEEDBACK = st.builds(
    lambda number, recorded, outcome, retracted: event_of(
        "risk.feedback",
        number,
        recorded,
        recorded,
        {"feedbackId": number, "actionTaken": "CONTROL_DONE", "outcome": outcome},
        retracted=retracted,
    ),
    st.sampled_from(["f1", "f2"]),
    st.integers(0, 2),
    st.sampled_from(["CONFIRMED", "INCONCLUSIVE"]),
    st.booleans(),
)
SAID_BY = {"author": "p:0", "reason": "known"}
ACTIONS = st.builds(
    lambda kind, number, hours, recorded, retracted: event_of(
        f"action.{kind}",
        number,
        hours,
        recorded,
        SAID_BY | ({"until": "2024-05-02T00:00:00Z"} if kind == "snoozed" else {}),
        retracted=retracted,
    ),
    st.sampled_from(["acknowledged", "closed", "reopened", "snoozed", "unsnoozed"]),
    st.sampled_from(["a1", "a2", "a3"]),
    st.integers(0, 2),
    st.integers(0, 2),
    st.booleans(),
)
SNOOZE_EVENTS = st.builds(
    lambda kind, number, hours, recorded, rule, retracted: event_of(
        f"action.{kind}",
        number,
        hours,
        recorded,
        SAID_BY
        | {"ruleId": rule}
        | ({"until": "2024-05-02T00:00:00Z"} if kind == "snoozed" else {}),
        retracted=retracted,
    ),
    st.sampled_from(["snoozed", "snoozed", "unsnoozed"]),
    st.sampled_from(["s1", "s2"]),
    st.integers(-1, 1),
    st.integers(0, 2),
    st.sampled_from(["leg-late", "seal-missing"]),
    st.booleans(),
)
ANSWERS: st.SearchStrategy[Keyed] = st.one_of(
    st.tuples(st.sampled_from(FLAG_IDS), FEEDBACK | ACTIONS),
    st.tuples(st.just(SNOOZES), SNOOZE_EVENTS),
    st.tuples(
        st.just("~heartbeat"),
        st.integers(-1, 4).map(
            lambda days: Heartbeat(
                source=SOURCE, reached_ms=ANCHOR + days * 24 * HOUR, caught_up=True
            )
        ),
    ),
)


class Partitions:
    """Partitions of [flags]: each reads its own log in order, and their logs take what all of them write."""

    def __init__(self, number: int) -> None:
        self.states = [MemoryState() for _ in range(number)]
        self.logs: list[deque[Keyed]] = [deque() for _ in range(number)]
        self.published: list[RiskFlag] = []
        self.observed: list[Observation] = []

    def append(self, key: str, message: FlagsMessage) -> None:
        if key.startswith("~"):
            for log in self.logs:
                log.append((key, message))
        else:
            self.logs[zlib.crc32(key.encode()) % len(self.logs)].append((key, message))

    def read(self, partition: int) -> None:
        if not self.logs[partition]:
            return
        key, message = self.logs[partition].popleft()
        context = Context(partition, frozenset({SOURCE}))
        state = self.states[partition]
        outcome = FlagsStage().fold(state, [Inbound(key, message)], POLICY, context)
        state.apply(outcome.changed)
        for output in outcome.outputs:
            if output.topic == "findings":
                self.append(output.key, output.message)
            elif output.topic == "observations":
                self.observed.append(output.message)
            else:
                self.published.append(RiskFlag.model_validate(output.message))

    def drain(self) -> None:
        while any(self.logs):
            for partition in range(len(self.logs)):
                self.read(partition)

    def counted(self, standing: str) -> dict[str, Measure]:
        """Return what lanes count in the end of flags that stand so."""
        last: dict[str, Measure | None] = {}
        for one in self.observed:
            assert last.get(one.id) == one.previous
            last[one.id] = one.current
        return {
            name: measure
            for name, measure in last.items()
            if measure is not None and measure.strata["standing"] == standing
        }


def run(messages: Sequence[Keyed], partitions: int = 1) -> Partitions:
    world = Partitions(partitions)
    for key, message in messages:
        world.append(key, message)
        world.drain()
    return world


def keyed(findings: Sequence[Finding]) -> list[Keyed]:
    return [(finding.flag_id, finding) for finding in findings]


def last_status(published: Sequence[RiskFlag]) -> dict[str, str]:
    last = {flag.flag_id: flag.status for flag in published}
    return {
        key: "OPEN" if status in {"ISSUED", "UPDATED"} else status for key, status in last.items()
    }


@given(st.lists(FINDINGS, max_size=12))
def test_the_net_set_is_that_of_the_last_findings(findings: list[Finding]) -> None:
    last = {finding.flag_id: finding for finding in findings}
    assert net_set(run(keyed(findings)).published) == net_set(
        run(keyed(list(last.values()))).published
    )


@given(st.lists(st.tuples(st.sampled_from(FLAG_IDS), FINDINGS) | ANSWERS, max_size=14))
def test_versions_of_a_flag_rise_by_one_and_each_says_something_new(
    drawn: list[tuple[str, Any]],
) -> None:
    messages = [(m.flag_id if isinstance(m, Finding) else key, m) for key, m in drawn]
    published = run(messages).published
    for flag_id in FLAG_IDS:
        series = [flag for flag in published if flag.flag_id == flag_id]
        assert [flag.version for flag in series] == list(range(1, len(series) + 1))
        assert [flag.status for flag in series[:1]] in ([], ["ISSUED"])
        for before, after in pairwise(series):
            envelope = {"version", "revision", "detected_at"}
            assert before.model_dump(exclude=envelope) != after.model_dump(exclude=envelope)


@given(st.lists(FINDINGS, max_size=6), st.lists(ANSWERS, max_size=8), st.data())
def test_answers_and_the_watermark_may_come_at_any_time_in_any_order_and_twice(
    findings: list[Finding], answers: list[Keyed], data: st.DataObject
) -> None:
    plain = run([*answers, *keyed(findings)])
    mixed = keyed(findings)
    for item in data.draw(st.permutations(answers + answers)):
        mixed.insert(data.draw(st.integers(0, len(mixed))), item)
    # Inserting keeps the findings in their writer's order; the rest is anywhere between them.
    world = run(mixed)
    assert net_set(world.published) == net_set(plain.published)
    assert last_status(world.published) == last_status(plain.published)
    for standing in ("HOLDS", "TAKEN_BACK"):
        # the findings are those of one run, so what was taken back in it is the same too
        assert world.counted(standing) == plain.counted(standing)


@given(st.lists(FINDINGS, max_size=10), st.lists(ANSWERS, max_size=6))
def test_of_flags_that_hold_lanes_count_what_the_last_findings_say(
    findings: list[Finding], answers: list[Keyed]
) -> None:
    last = {finding.flag_id: finding for finding in findings}
    in_order = run([*answers, *keyed(list(last.values()))])
    assert run([*answers, *keyed(findings)]).counted("HOLDS") == in_order.counted("HOLDS")


@given(st.lists(FINDINGS, max_size=5), st.lists(ANSWERS, max_size=6), st.data())
def test_flags_in_two_partitions_inherit_the_same_however_fast_each_is(
    findings: list[Finding], answers: list[Keyed], data: st.DataObject
) -> None:
    plain = run([*answers, *keyed(findings)])
    mixed = keyed(findings)
    for item in answers:
        mixed.insert(data.draw(st.integers(0, len(mixed))), item)
    world = Partitions(2)
    for key, message in mixed:
        world.append(key, message)
        for partition in data.draw(st.lists(st.integers(0, 1), max_size=3)):
            world.read(partition)
    world.drain()
    assert net_set(world.published) == net_set(plain.published)
    assert last_status(world.published) == last_status(plain.published)
    for standing in ("HOLDS", "TAKEN_BACK"):
        assert world.counted(standing) == plain.counted(standing)


@given(st.lists(FINDINGS.map(lambda one: (one.flag_id, one)) | ANSWERS, max_size=12))
def test_a_batch_whole_and_message_by_message_say_the_same(messages: list[Keyed]) -> None:
    context = Context(0, frozenset({SOURCE}))
    single, whole = MemoryState(), MemoryState()
    said: list[Any] = []
    for key, message in messages:
        outcome = FlagsStage().fold(single, [Inbound(key, message)], POLICY, context)
        single.apply(outcome.changed)
        said += outcome.outputs
    records = [Inbound(key, message) for key, message in messages]
    outcome = FlagsStage().fold(whole, records, POLICY, context)
    whole.apply(outcome.changed)
    assert whole.cells == single.cells
    assert outcome.outputs == said


@given(st.lists(FINDINGS.map(lambda one: (one.flag_id, one)) | ANSWERS, max_size=10))
def test_cells_and_messages_travel_as_they_are(messages: list[Keyed]) -> None:
    world = run(messages)
    decoder = msgspec.json.Decoder(FlagsStage.cell_type)
    for _, value in world.states[0].items():
        assert decoder.decode(msgspec.json.encode(value)) == value
    read = msgspec.json.Decoder(FlagsStage.message_type)
    for _, message in messages:
        assert read.decode(msgspec.json.encode(message)) == message
