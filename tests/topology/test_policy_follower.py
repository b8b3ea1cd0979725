"""A worker follows the policy topic: before the first batch, while it runs, and when the topic cannot be read."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka import errors as kafka_errors

from sstl import metrics
from sstl.agents.policy_follower import UNCONFIRMED_LIMIT, PolicyFollower
from sstl.agents.policy_log import Announced, PolicyLog, encode_policy
from sstl.agents.policy_refusal import Refusals
from sstl.agents.runner import StageRunner
from sstl.agents.stop import StopError
from sstl.agents.topics import Topics
from sstl.core.stage import Context, Inbound, MemoryState, Outcome, StateReader
from sstl.errors import ExitCode
from sstl.models.common import to_ms
from sstl.models.policy import Policy
from sstl.models.rejection import Problem
from tests.memory_kafka import Broker, Record, Worker

pytestmark = [pytest.mark.topology, pytest.mark.asyncio]

NINE = datetime(2026, 11, 22, 9, tzinfo=UTC)
TOPICS = Topics("test")
TOPIC = TOPICS["policy"]


def version(name: str, minutes: float, **stated: Any) -> bytes:
    return encode_policy(
        Policy(version=name, valid_from=NINE + timedelta(minutes=minutes), **stated)
    )


@dataclass
class Log:
    """The policy topic; what a consumer of aiokafka does with one partition."""

    values: list[bytes | None] = field(default_factory=list)
    broken: Exception | None = None
    starts: int = 0
    _at: int = 0

    async def start(self) -> None:
        self.starts += 1

    async def stop(self) -> None:
        return

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        assert partitions == [TopicPartition(TOPIC.name, 0)]

    def seek(self, _tp: TopicPartition, offset: int) -> None:
        self._at = offset

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        if self.broken is not None:
            raise self.broken
        return dict.fromkeys(partitions, len(self.values))

    async def position(self, _tp: TopicPartition) -> int:
        return self._at

    async def getmany(
        self, tp: TopicPartition, timeout_ms: int
    ) -> dict[TopicPartition, list[Record]]:
        assert timeout_ms
        found = [
            Record(tp.topic, 0, offset, to_ms(NINE), b"k", value)
            for offset, value in enumerate(self.values)
            if offset >= self._at
        ]
        self._at = len(self.values)
        return {tp: found}


class Remembered(Refusals):
    """Remembers instead of writing."""

    def __init__(self) -> None:
        super().__init__("nowhere", "test", TOPICS["rejected"])
        self.added: list[tuple[int, str]] = []

    def add(self, topic: str, record: Announced, problems: Sequence[Problem]) -> None:
        assert topic == TOPIC.name
        self.added.append((record.offset, problems[0].reason.value))


class Lab:
    """A follower on a log in memory, with a clock in hand."""

    def __init__(self, *values: bytes | None) -> None:
        self.log, self.clock, self.wall = Log(list(values)), 1000.0, NINE
        self.refusals = Remembered()
        self.changes: list[str] = []
        self.stops: list[StopError] = []
        self.follower = PolicyFollower(
            "nowhere",
            TOPIC,
            PolicyLog(Policy(version="start")),
            refusals=self.refusals,
            changed=lambda latest: self.changes.append(latest.version),
            stop=self.stops.append,
            consumer_of=lambda: self.log,
            clock=lambda: self.clock,
            now_ms=lambda: to_ms(self.wall),
        )

    def at(self, minutes: float) -> str:
        return self.follower.latest().at(to_ms(NINE + timedelta(minutes=minutes))).version


async def test_everything_published_is_known_before_the_first_batch() -> None:
    lab = Lab(version("a", 10), version("b", 20))
    assert not lab.follower.confirmed()
    await lab.follower.start()
    assert lab.follower.confirmed()
    assert [lab.at(minutes) for minutes in (0, 10, 20)] == ["start", "a", "b"]
    assert lab.changes == ["b"]
    await lab.follower.close()


async def test_a_version_published_later_is_taken_over() -> None:
    lab = Lab()
    await lab.follower.start()
    lab.log.values.append(version("a", 10))
    await lab.follower.look()
    assert (lab.at(9), lab.at(10)) == ("start", "a")
    assert lab.changes == ["start", "a"]
    await lab.follower.close()


async def test_what_does_not_validate_leaves_the_one_in_force_and_is_told() -> None:
    before = metrics.POLICY_REFUSED.labels("not_json")._value.get()
    lab = Lab(version("a", 10), b"{", version("late", 4.9), None)
    await lab.follower.start()
    assert lab.follower.latest().version == "a"
    assert lab.refusals.added == [(1, "not_json"), (2, "invalid_value"), (3, "null_value")]
    assert metrics.POLICY_REFUSED.labels("not_json")._value.get() == before + 1
    await lab.follower.close()


async def test_nothing_is_read_twice_after_a_broken_connection() -> None:
    lab = Lab(version("a", 10), b"{")
    await lab.follower.look()
    lab.log.broken = kafka_errors.KafkaConnectionError()
    with pytest.raises(kafka_errors.KafkaConnectionError):
        await lab.follower.look()
    await lab.follower._let_go()
    lab.log.broken = None
    lab.log.values.append(version("b", 20))
    await lab.follower.look()
    assert lab.follower.latest().version == "b"
    assert len(lab.refusals.added) == 1
    assert lab.log.starts == 2


@pytest.mark.parametrize(
    ("seconds", "works"),
    [
        pytest.param(UNCONFIRMED_LIMIT.total_seconds(), True, id="exactly-a-minute"),
        pytest.param(UNCONFIRMED_LIMIT.total_seconds() + 0.001, False, id="a-little-more"),
    ],
)
async def test_work_pauses_when_the_end_of_the_topic_was_not_seen(
    seconds: float, *, works: bool
) -> None:
    lab = Lab()
    await lab.follower.look()
    lab.clock += seconds
    assert lab.follower.confirmed() is works
    await lab.follower.look()
    assert lab.follower.confirmed()


async def test_a_topic_that_cannot_be_read_at_the_start_stops_the_process() -> None:
    lab = Lab()
    lab.log.broken = OSError()
    task = asyncio.create_task(lab.follower.start())
    await asyncio.sleep(0)
    lab.clock += 1000
    await asyncio.wait_for(task, 5)
    assert [stop.exit_code for stop in lab.stops] == [ExitCode.UNREACHABLE]


async def test_metrics_show_what_governs_now() -> None:
    lab = Lab(version("a", 10))
    await lab.follower.look()

    def shown() -> tuple[list[list[str]], float, float]:
        return (
            [list(labels) for labels in metrics.POLICY_INFO._metrics],
            metrics.POLICY_VALID_FROM._value.get(),
            metrics.POLICY_VERSIONS._value.get(),
        )

    (labels,), since, versions = shown()
    assert (labels[1], since, versions) == ("start", 0, 2)
    lab.wall = NINE + timedelta(minutes=10)
    await lab.follower.look()
    (labels,), since, versions = shown()
    assert (labels[1], since, versions) == ("a", lab.wall.timestamp(), 2)


class Telling:
    """A stage that remembers by which policy each of its folds was judged."""

    name = "journeys"
    message_type: Any = dict[str, str]
    cell_type: Any = str
    ticks = False

    def __init__(self) -> None:
        self.seen: list[str] = []

    def fold(
        self, state: StateReader, records: Sequence[Inbound], policy: Policy, context: Context
    ) -> Outcome:
        assert context.partition == 0
        self.seen.append(policy.version)
        assert state.get("k", "") is None
        return Outcome()

    def tick(self, state: StateReader, policy: Policy, context: Context) -> Outcome:
        raise NotImplementedError


async def test_a_batch_has_one_policy_and_the_next_one_the_newest() -> None:
    stage, current = Telling(), [Policy(version="a")]
    runner = StageRunner(stage, lambda: current[0], Context(0, frozenset()))
    records = [Inbound("k", {}), Inbound("k", {})]
    runner.fold(MemoryState(), records)
    current[0] = Policy(version="b")
    runner.fold(MemoryState(), records)
    assert stage.seen == ["a", "b"]


async def test_nothing_is_written_while_the_policy_is_not_known() -> None:
    broker = Broker(Topics("test"))
    worker = Worker(broker)
    allowed = [False]
    worker.delivery.may_work = lambda: allowed[0]
    broker.append("transport", 0, None, b"no event")
    worker.start("transport")
    await worker.ready()
    for _ in range(20):
        worker.read()
        await asyncio.sleep(0.01)
    assert not broker.read("rejected")
    assert not broker.commits[broker.tp("transport")]
    allowed[0] = True
    await worker.until(lambda: bool(broker.read("rejected")))
    await worker.close()
