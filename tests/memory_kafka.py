"""Kafka in memory for the topology tests: logs, transactions, fencing, and the faults that a broker has.

Behaves where the delivery depends on it: a transaction is visible whole or not at all and ends with a marker that
takes an offset; initialising an id fences the owner before; a log may lose its beginning.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from aiokafka import errors as kafka_errors
from faust.types import TP

from sstl.agents import intake
from sstl.agents.day_keys import DrawSource
from sstl.agents.delivery import Delivery
from sstl.agents.kafka import Progressed
from sstl.agents.partition import PartitionOwner
from sstl.agents.prepare import Message, Prepared, encode_value, partition_of
from sstl.agents.runner import Runner
from sstl.agents.stop import StopError
from sstl.agents.store import POSITION_RECORD, PartitionStore, changelog_key, encode_position
from sstl.agents.topics import FAMILIES, Topics
from sstl.agents.transport import Progress, Read
from sstl.agents.worker import KEYED
from sstl.models.policy import Policy
from sstl.settings import Settings
from tests.intake_messages import ARRIVAL_MS, KEY

HEARTBEAT = b"~heartbeat"
TIMER_S = 0.01
QUIET_TIMERS = 15
"""Timers that must pass without news: on a busy machine a due timer may come late."""
"""Timers are due so often, that a test need not wait for seconds."""
PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Record:
    """A record as aiokafka hands it out."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass
class Log:
    """One partition."""

    records: list[Record] = field(default_factory=list)
    begin: int = 0
    end: int = 0


class Broker:
    """Topics under one declaration, their logs, and who owns which transactional id."""

    def __init__(self, topics: Topics) -> None:
        self.topics = topics
        self.now_ms = ARRIVAL_MS
        """The broker's clock, and the worker's."""
        self.epochs: dict[TP, int] = defaultdict(int)
        self.group_offsets: dict[TP, int] = {}
        self.faults: dict[TP, list[Exception]] = defaultdict(list)
        """Raised by the next commits of a source partition, before anything is written."""
        self.lost_answers: set[TP] = set()
        """Source partitions whose next commit is done but not acknowledged."""
        self.commits: dict[TP, int] = defaultdict(int)
        self._logs: dict[TP, Log] = defaultdict(Log)
        for stage, source in topics.stages():
            for partition in range(topics.count(source)):
                self.append(f"changelog-{stage}", partition, POSITION_RECORD, encode_position(0))

    def tp(self, logical: str, partition: int = 0) -> TP:
        """Return a partition by its topic's logical name."""
        return TP(self.topics[logical].name, partition)

    def log(self, tp: TP) -> Log:
        """Return the log of a partition."""
        return self._logs[tp]

    @property
    def ends(self) -> dict[TP, int]:
        """Where every log ends now."""
        return {tp: log.end for tp, log in self._logs.items()}

    def append(
        self,
        logical: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Iterable[tuple[str, bytes]] = (),
    ) -> int:
        """Append one record; return its offset."""
        return self._append(self.tp(logical, partition), key, value, headers)

    def send(self, logical: str, key: str, message: Any) -> int:
        """Append one internal message where its key belongs."""
        partition = partition_of(key, self.topics[logical].partitions)
        return self.append(logical, partition, key.encode(), encode_value(message))

    def broadcast(self, logical: str, message: Any) -> None:
        """Append a message to all partitions, as heartbeats are."""
        for partition in range(self.topics[logical].partitions):
            self.append(logical, partition, HEARTBEAT, encode_value(message))

    def truncate(self, tp: TP, begin: int) -> None:
        """Delete the beginning of a log, as retention does."""
        log = self._logs[tp]
        log.records = [record for record in log.records if record.offset >= begin]
        log.begin = begin

    def read(self, logical: str, *, heartbeats: bool = False) -> list[Record]:
        """Return all records of a topic, those of its first partition first."""
        return [
            record
            for partition in range(self.topics[logical].partitions)
            for record in self._logs[self.tp(logical, partition)].records
            if heartbeats or record.key != HEARTBEAT
        ]

    def transaction(
        self, outputs: Mapping[tuple[str, int], Sequence[Message]], changelog: TP, changes: Any
    ) -> int:
        """Append all of it, each partition's part followed by a marker; return the changelog's next offset."""
        for target, messages in (*outputs.items(), (changelog, changes)):
            for message in messages:
                self._append(TP(*target), message.key, message.value, message.headers)
        written = self._logs[changelog].end
        for target in (*outputs, changelog):
            self._logs[TP(*target)].end += 1
        return written

    def _append(
        self, tp: TP, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]]
    ) -> int:
        log = self._logs[tp]
        log.records.append(Record(*tp, log.end, self.now_ms, key, value, tuple(headers)))
        log.end += 1
        return log.end - 1


class MemoryCommitter:
    """A partition's writer and changelog reader on a `Broker` (protocol `sstl.agents.kafka.Committer`)."""

    def __init__(self, broker: Broker, source: TP, stage: str) -> None:
        self._broker, self._source = broker, source
        self._changelog = broker.tp(f"changelog-{stage}", source.partition)
        self._epoch: int | None = None

    async def fence(self) -> None:
        """Become the only owner."""
        await asyncio.sleep(0)
        self._broker.epochs[self._source] += 1
        self._epoch = self._broker.epochs[self._source]

    async def restore(self, store: PartitionStore, progressed: Progressed) -> None:
        """Read what the changelog has beyond the store."""
        await asyncio.sleep(0)
        log = self._broker.log(self._changelog)
        found = [record for record in log.records if record.offset >= store.changelog_offset]
        for record in found:
            assert record.key is not None
            store.load(record.key, record.value)
        store.changelog_offset = log.end
        progressed(len(found), 0)

    async def beginning(self) -> int:
        """Return the first offset of the source."""
        return self._broker.log(self._source).begin

    async def commit(self, prepared: Prepared, position: int) -> int | None:
        """Append all of it or nothing."""
        await asyncio.sleep(0)
        if self._epoch is None:
            raise RuntimeError("commit before fence")
        if self._epoch != self._broker.epochs[self._source]:
            raise kafka_errors.ProducerFenced
        if self._broker.faults[self._source]:
            raise self._broker.faults[self._source].pop(0)
        changes = [
            Message(changelog_key(*cell), value, []) for cell, value in prepared.changed.items()
        ]
        changes.append(Message(POSITION_RECORD, encode_position(position), []))
        written = self._broker.transaction(prepared.outputs, self._changelog, changes)
        self._broker.group_offsets[self._source] = position
        self._broker.commits[self._source] += 1
        if self._source in self._broker.lost_answers:
            self._broker.lost_answers.discard(self._source)
            raise kafka_errors.RequestTimedOutError
        return written

    async def close(self) -> None:
        """Let go."""
        self._epoch = None


class Reader:
    """The consumer of one worker: reads what its owners have released."""

    def __init__(self, broker: Broker, delivery: Delivery) -> None:
        self._broker, self._delivery = broker, delivery
        self._positions: dict[TP, int] = {}
        self.sessions: dict[TP, int] = {}
        self.rejoins = 0

    async def release(self, tp: TP, position: int, session: int) -> None:
        """Read the partition from this position on, for this take-over."""
        self._positions[tp] = position
        self.sessions[tp] = session

    async def rejoin(self) -> None:
        """Join anew: the group takes all partitions and gives them back."""
        self.rejoins += 1
        mine = self._delivery.assigned
        await self._delivery.on_revoked(mine)
        self._delivery.on_assigned(mine, self)

    def progress(self, tp: TP) -> Progress | None:
        """Return where the reader stands."""
        if tp not in self._positions:
            return None
        return Progress(self._positions[tp], self._broker.log(tp).end, self._broker.now_ms)

    def poll(self, tp: TP, most: int = 2000) -> tuple[list[Record], Read] | None:
        """Return the next records and what they cover, None where there is nothing."""
        log, position = self._broker.log(tp), self._positions[tp]
        waiting = [record for record in log.records if record.offset >= position]
        records = waiting[:most]
        end = log.end if len(waiting) <= most else waiting[most].offset
        if position >= end:
            return None
        self._positions[tp] = end
        return records, Read(self.sessions[tp], position, end)


RunnerOf = Callable[[int], Runner]


class Worker:
    """One worker process in memory: the real delivery and the real runners on a `Broker`."""

    def __init__(
        self,
        broker: Broker,
        *,
        policy: Policy | None = None,
        settings: Settings | None = None,
        instead: Mapping[str, RunnerOf] | None = None,
        draws: DrawSource | None = None,
    ) -> None:
        """Make a worker of all seven agents; ``instead`` maps a source to another runner, ``draws``: it draws."""
        self.broker = broker
        self._draws = draws
        self.policy = policy or Policy()
        settings = replace(
            settings or Settings(watermark_rest=timedelta(0)),
            pseudonym_key=KEY,
            transaction_pause=timedelta(0),
        )
        self.stops: list[StopError] = []
        self.delivery = Delivery(
            broker.topics,
            settings,
            max_crashes=self.policy.max_crashes,
            committer_of=lambda tp, stage: MemoryCommitter(broker, tp, stage),
            stop=self.stops.append,
        )
        self.reader = Reader(broker, self.delivery)
        for logical, runner_of in {**self._runners(settings), **(instead or {})}.items():
            self.delivery.register(broker.topics[logical].name, _hurried(runner_of))

    def _runners(self, settings: Settings) -> dict[str, RunnerOf]:
        topics, policy = self.broker.topics, self.policy
        found: dict[str, RunnerOf] = {}
        for stage, source in topics.stages():
            if source in FAMILIES:
                found[source] = lambda partition, family=source: intake.runner(  # type: ignore[misc]
                    family, partition, policy, settings
                )
            else:
                draws = self._draws if stage == "consignments" else None
                found[source] = lambda partition, stage=stage, draws=draws: KEYED[stage].runner(  # type: ignore[misc]
                    partition, topics, policy, draws
                )
        return found

    def start(self, *logical: str) -> None:
        """Be given all partitions of these topics; of all sources, where none is named."""
        names = logical or tuple(source for _, source in self.broker.topics.stages())
        tps = {self.broker.tp(n, p) for n in names for p in range(self.broker.topics.count(n))}
        self.delivery.on_assigned(tps, self.reader)

    def owner(self, logical: str, partition: int = 0) -> PartitionOwner:
        """Return the owner of a partition."""
        return self.delivery.owners[self.broker.tp(logical, partition)]

    async def until(self, reached: Callable[[], bool], *, reading: bool = True) -> None:
        """Work until something is so; fail when it takes too long."""
        async with asyncio.timeout(PATIENCE_S):
            while not reached():
                if reading:
                    self.read()
                await asyncio.sleep(0.001)

    async def ready(self) -> None:
        """Wait until every partition is taken over."""
        await self.until(lambda: bool(self.stops) or self.delivery.ready)

    async def settle(self) -> None:
        """Work until everything is folded and nothing more comes, or until the process would have stopped."""
        quiet, ends = 0, self.broker.ends
        async with asyncio.timeout(PATIENCE_S):
            while quiet < QUIET_TIMERS and not self.stops:
                self.read()
                await asyncio.sleep(TIMER_S)
                now = self.broker.ends
                quiet = quiet + 1 if now == ends and self._idle() else 0
                ends = now

    def _idle(self) -> bool:
        owners = [self.delivery.owners[tp] for tp in self.delivery.assigned]
        return all(
            owner.ready and owner.store.position == self.broker.log(owner.tp).end
            for owner in owners
        )

    def read(self) -> None:
        """Poll once, as the transport does."""
        for tp in self.delivery.readable(self.delivery.assigned):
            found = self.reader.poll(tp)
            batch = None if found is None else self.delivery.cut(tp, found[1], found[0])
            if batch is not None:
                self.delivery.hand_over(batch)

    async def close(self) -> None:
        """End in an orderly way."""
        await self.delivery.close()


def _hurried(runner_of: RunnerOf) -> RunnerOf:
    def make(partition: int) -> Runner:
        runner = runner_of(partition)
        if runner.period_s is not None:
            runner.period_s = TIMER_S
        return runner

    return make
