"""How far intake says it has come."""

from typing import Any

import pytest

from sstl.core.stage import Context, MemoryState, Outcome
from sstl.intake.envelope import RawRecord
from sstl.intake.stage import IntakeStage
from sstl.models.policy import LanePolicy, Policy
from sstl.models.records import Heartbeat
from tests.intake_messages import ARRIVAL_MS, KEY, LOADED, event, record, stage, structured

HERE = Context(partition=3, sources=frozenset())
NOW = ARRIVAL_MS + 10_000


class Partition:
    """Intake of one partition with its cells."""

    def __init__(self, intake: IntakeStage, policy: Policy | None = None) -> None:
        self.intake = intake
        self.policy = policy or Policy()
        self.state = MemoryState()

    def fold(self, *documents: dict[str, Any], at_ms: int = ARRIVAL_MS) -> None:
        records = [structured(document, at_ms=at_ms) for document in documents]
        self._apply(self.intake.fold(self.state, records, self.policy, HERE))

    def beat(self, now_ms: int, *, caught_up: bool) -> list[Heartbeat]:
        outcome = self._apply(self.intake.heartbeat(self.state, HERE, now_ms, caught_up))
        assert all(output.broadcast for output in outcome.outputs)
        return [output.message for output in outcome.outputs]

    def _apply(self, outcome: Outcome) -> Outcome:
        self.state.apply(outcome.changed)
        return outcome


def loaded(**attributes: Any) -> dict[str, Any]:
    return event("transport.loaded", LOADED, **attributes)


def progress(reached: str) -> dict[str, Any]:
    return event("progress", {"reached": reached}, id=reached)


def test_a_live_topic_read_to_its_end_has_come_as_far_as_the_clock() -> None:
    beats = Partition(stage()).beat(NOW, caught_up=True)
    assert (
        beats
        == [Heartbeat(source="intake-transport/3", reached_ms=NOW - 1_000, caught_up=True)] * 3
    )


def test_a_live_topic_that_is_behind_has_come_as_far_as_it_has_folded() -> None:
    partition = Partition(stage())
    assert partition.beat(NOW, caught_up=False) == []
    partition.fold(loaded())
    assert partition.beat(NOW, caught_up=False)[0].reached_ms == ARRIVAL_MS


def test_rejected_messages_count_for_how_far_a_live_topic_has_come() -> None:
    intake = stage()
    outcome = intake.fold(MemoryState(), [record(b"no event")], Policy(), HERE)
    assert outcome.changed[("~intake", "")].appended_ms == ARRIVAL_MS


def test_it_never_goes_back_and_says_nothing_twice() -> None:
    partition = Partition(stage())
    partition.fold(loaded())
    assert partition.beat(NOW, caught_up=True)
    assert partition.beat(NOW - 5_000, caught_up=True) == []
    assert partition.beat(NOW - 5_000, caught_up=False)[0].reached_ms == NOW - 1_000
    assert partition.beat(NOW, caught_up=False) == []


def test_a_backfill_never_looks_at_the_clock() -> None:
    partition = Partition(stage(backfill=True))
    assert partition.beat(NOW, caught_up=True) == []
    partition.fold(loaded(recordedtime="2026-03-01T08:00:30Z"))
    assert partition.beat(NOW, caught_up=True)[0].reached_ms == ARRIVAL_MS - 30_000
    assert partition.beat(NOW + 99_000, caught_up=True) == []


def test_progress_moves_a_backfill_and_carries_no_fact() -> None:
    partition = Partition(stage(backfill=True))
    raw = structured(progress("2026-03-01T07:00:00Z"))
    assert partition.intake.fold(partition.state, [raw], Policy(), HERE).outputs == []
    partition.fold(progress("2026-03-01T07:00:00Z"), progress("2026-03-01T06:00:00Z"))
    assert partition.beat(NOW, caught_up=False)[0].reached_ms == ARRIVAL_MS - 61 * 60_000


@pytest.mark.parametrize("family", ["feedback", "action"])
def test_what_answers_flags_tells_the_flags_too(family: str) -> None:
    outcome = stage(family).heartbeat(MemoryState(), HERE, NOW, caught_up=True)
    assert [output.topic for output in outcome.outputs] == [
        "references",
        "manifests",
        "journeys",
        "findings",
    ]


def test_a_batch_leaves_the_same_state_whole_or_one_by_one() -> None:
    documents = [loaded(id=str(i)) for i in range(3)]
    whole, single = Partition(stage()), Partition(stage())
    whole.fold(*documents)
    for document in documents:
        single.fold(document)
    assert list(whole.state.items()) == list(single.state.items())


def test_a_backfill_refuses_what_lies_further_behind_it_than_anything_is_kept() -> None:
    policy = Policy(max_lateness_s=3_600)

    def loaded(number: int, at: str) -> RawRecord:
        document = event("transport.loaded", LOADED, id=f"e{number}", time=at, recordedtime=at)
        return structured(document, offset=number)

    intake = IntakeStage("transport", pseudonym_key=KEY, backfill=True)
    records = [
        loaded(1, "2026-02-01T10:00:00Z"),
        loaded(2, "2026-02-01T09:00:00Z"),
        loaded(3, "2026-02-01T08:59:59Z"),
    ]
    outcome = intake.fold(MemoryState(), records, policy, HERE)
    assert outcome.counts == {("accepted", "transport"): 2, ("rejected", "too_late"): 1}
    (refused,) = [o.message for o in outcome.outputs if o.topic == "rejected"]
    assert refused.offset == 3
    assert refused.problems[0].pointer == "/recordedtime"


TERMINAL = "urn:sstl:NLRTM:tos"
LANE = LanePolicy(
    origin="CNYTN", destination="NLRTM", mode="SEA", publishers={"T6": TERMINAL, "T7": TERMINAL}
)


def test_a_heartbeat_names_the_publishers_that_lanes_wait_for_once_they_were_heard() -> None:
    partition = Partition(stage(), Policy(lanes={"CNYTN-NLRTM-SEA": LANE}))
    partition.fold(loaded(source=TERMINAL), loaded(source="urn:sstl:CNYTN:other", id="other"))
    first, *_ = partition.beat(NOW, caught_up=True)
    assert first.publishers == ((TERMINAL, ARRIVAL_MS),)
    quiet, *_ = partition.beat(NOW + 2_000, caught_up=True)
    assert quiet.publishers == ()
    partition.fold(loaded(source=TERMINAL, id="next"), at_ms=ARRIVAL_MS + 5_000)
    again, *_ = partition.beat(NOW + 9_000, caught_up=True)
    assert again.publishers == ((TERMINAL, ARRIVAL_MS + 5_000),)


def test_a_heartbeat_names_nobody_where_no_lane_waits_for_a_publisher() -> None:
    partition = Partition(stage())
    partition.fold(loaded(source=TERMINAL))
    assert partition.beat(NOW, caught_up=True)[0].publishers == ()
