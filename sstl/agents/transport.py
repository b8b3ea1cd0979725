"""Faust's Kafka transport with batches instead of messages and with delivery in our own hands.

Registered as ``sstl://`` (entry-point group ``faust.transports``). Faust keeps the application, the agents, the
group membership and the worker; three things differ from its own driver:

* a poll hands an agent one event for each partition, whose value is a `Batch`;
* a partition is read only from the moment when its owner has fenced earlier ones, has restored its state and has
  sought the position that the changelog gives; Faust's own seek and resume have no effect on that;
* nothing is committed by Faust: offsets travel in the transactions of `sstl.agents.partition`.

Private names of faust-streaming and aiokafka are used here, which is why both are pinned exactly.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import aiokafka
from aiokafka import TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from faust.transport.consumer import CONSUMER_FETCHING
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

FETCH_MAX_WAIT_MS = 10
MAX_POLL_RECORDS = 2000
IDLE_POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Batch:
    """What one poll brought of one partition.

    Covers every offset from ``start`` up to ``end``, commit markers and compacted gaps included.
    """

    tp: TP
    session: int
    """The take-over under which it was read; a batch of an earlier one is dropped."""
    start: int
    end: int
    records: Sequence[Any]


class Read(NamedTuple):
    """From where and up to where a poll has read a partition, and for whom.

    All three are known for certain only in the thread that reads.
    """

    session: int
    """The take-over that released the partition."""
    start: int
    """The end of the poll before, or where the partition was released: what is dropped leaves a gap that shows."""
    end: int


class Progress(NamedTuple):
    """Where the reader of a partition stands."""

    position: int
    highwater: int
    fetched_ms: int
    """The worker's clock when the broker last answered a fetch, ms since the epoch."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that runs the aiokafka consumer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._released: dict[TP, int] = {}
        self._read_up_to: dict[TP, int] = {}

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        self._assignor = StickyPartitionAssignor
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            # a position comes from the changelog or not at all
            auto_offset_reset="none",
            max_poll_records=MAX_POLL_RECORDS,
            max_poll_interval_ms=int((conf.broker_max_poll_interval or 300) * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=FETCH_MAX_WAIT_MS,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            isolation_level="read_committed",
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            **driver.credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Keep what was assigned from being fetched until its owner releases it."""
        consumer = self._ensure_consumer()
        for tp in assigned:
            partition = TopicPartition(tp.topic, tp.partition)
            # a valid position, never read from: without one aiokafka looks for a committed offset
            # and, finding none, fails the fetches of every other partition as well
            consumer.seek(partition, 0)
            consumer.pause(partition)
            self._released.pop(TP(*partition), None)
        await super().on_partitions_assigned(assigned, generation_id)

    async def release(self, tp: TP, position: int, session: int) -> None:
        """Let a partition be read from this position on, for this take-over."""
        await self.call_thread(self._release, TopicPartition(*tp), position, session)

    async def _release(self, partition: TopicPartition, position: int, session: int) -> None:
        consumer = self._ensure_consumer()
        if partition in consumer.assignment():
            consumer.seek(partition, position)
            consumer.resume(partition)
            self._released[TP(*partition)] = session
            self._read_up_to[TP(*partition)] = position

    async def rejoin(self) -> None:
        """Join the group anew: another worker holds what we thought was ours."""
        await self.call_thread(self._rejoin)

    async def _rejoin(self) -> None:
        self._ensure_consumer()._coordinator.request_rejoin()

    def progress(self, tp: TP) -> Progress | None:
        """Return where the reader stands, None before its first fetch."""
        subscription = self._ensure_consumer()._subscription.subscription
        assignment = None if subscription is None else subscription.assignment
        partition = TopicPartition(*tp)
        if assignment is None or partition not in assignment.tps:
            return None
        state = assignment.state_value(partition)
        if state.highwater is None or state.timestamp is None or state.paused:
            return None
        return Progress(state.position, state.highwater, state.timestamp)

    async def poll(
        self, partitions: Sequence[TP], timeout: float
    ) -> tuple[Mapping[TP, list[Any]], Mapping[TP, Read]]:
        """Return the records of one poll and, read at the same moment, for whom and up to where they are.

        A poll may wait while a partition is taken over anew; what it brings then belongs to the new take-over.
        """
        result: tuple[Mapping[TP, list[Any]], Mapping[TP, Read]] = await self.call_thread(
            self._poll, partitions, timeout
        )
        return result

    async def _poll(
        self, partitions: Sequence[TP], timeout: float
    ) -> tuple[Mapping[TP, list[Any]], Mapping[TP, Read]]:
        consumer = self._ensure_consumer()
        wanted = [TopicPartition(*tp) for tp in partitions]
        fetcher = consumer._fetcher
        with fetcher._subscriptions.fetch_context():
            records = await fetcher.fetched_records(
                wanted, timeout=timeout, max_records=MAX_POLL_RECORDS
            )
        subscription = consumer._subscription.subscription
        if subscription is None or subscription.assignment is None:
            return {}, {}
        assignment = subscription.assignment
        # no await since the records were taken, so nothing was released in between
        reads = {}
        for partition in records:
            tp = TP(*partition)
            if partition in assignment.tps and tp in self._released:
                end = assignment.state_value(partition).position
                reads[tp] = Read(self._released[tp], self._read_up_to[tp], end)
                self._read_up_to[tp] = end
        return {TP(*tp): found for tp, found in records.items()}, reads

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: Faust judges by acknowledgements, which we do not use; see our own metrics."""


class Consumer(driver.Consumer):
    """Hands each agent one event for each (poll, partition); its value is a `Batch`."""

    _thread: ConsumerThread
    app: Any
    """A `sstl.agents.app.LaneApp`; Faust's type knows neither its delivery nor its topics' index."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Stop work on what was revoked before anything else happens."""
        await self.app.delivery.on_revoked(revoked)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin the take-over of what was assigned; it goes on in the background."""
        await super().on_partitions_assigned(assigned, generation_id)
        self.app.delivery.on_assigned(assigned, self)

    async def release(self, tp: TP, position: int, session: int) -> None:
        """Let a partition be read from this position on, for this take-over."""
        await self._thread.release(tp, position, session)

    async def rejoin(self) -> None:
        """Join the group anew."""
        await self._thread.rejoin()

    def progress(self, tp: TP) -> Progress | None:
        """Return where the reader of a partition stands."""
        return self._thread.progress(tp)

    async def perform_seek(self) -> None:
        """Do nothing: positions come from the changelogs, with each take-over."""

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        return True

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                self.diag.set_flag(CONSUMER_FETCHING)
                if not self.flow_active:
                    await self.wait(self.can_resume_flow)  # type: ignore[arg-type] # an asyncio.Event will do
                    continue
                await self._poll_once()
        except self.consumer_stopped_errors:
            if not self.transport.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.transport.app.should_stop:
                raise
        finally:
            self.diag.unset_flag(CONSUMER_FETCHING)

    async def _poll_once(self) -> None:
        app, delivery = self.app, self.app.delivery
        readable = delivery.readable(self._get_active_partitions())
        if not readable:
            await asyncio.sleep(IDLE_POLL_S)
            return
        timeout = 0.05 if delivery.holds_back else 0.5
        records, reads = await self._thread.poll(list(readable), timeout)
        for tp, found in records.items():
            if tp not in reads:
                continue
            batch = delivery.cut(tp, reads[tp], found)
            if batch is None:
                continue
            message = self._to_message(tp, found[-1])
            for channel in list(app.topics._tp_index[tp]):
                await channel.put(app.create_event(None, batch, {}, message))
        # lets the partitions' own tasks run although the next poll may return at once
        await asyncio.sleep(0)


class Transport(driver.Transport):
    """Faust transport ``sstl://host:port``."""

    Consumer = Consumer
