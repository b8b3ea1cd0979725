"""The two Kafka clients of a partition's owner: a transactional writer and a reader of its changelog."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from sstl.agents.prepare import NO_HEADERS, Message, Prepared
from sstl.agents.store import POSITION_RECORD, PartitionStore, changelog_key, encode_position

MAX_BATCH_BYTES = 900_000
RESTORE_RECORDS = 20_000
GROUP_OFFSET_EVERY_S = 1.0
"""How often a transaction carries the group offset too. It is for those who watch the group: where work goes on is
said by the position in the changelog, which every transaction carries, and two of its five requests are saved."""

Progressed = Callable[[int, int], None]
"""Told (records restored so far, changelog offsets still to read)."""


class Committer(Protocol):
    """Writes what a batch did, all of it or nothing, and fences every earlier owner."""

    async def fence(self) -> None:
        """Become the only owner; what an earlier one left open is aborted."""

    async def restore(self, store: PartitionStore, progressed: Progressed) -> None:
        """Bring the store up to the changelog's end."""

    async def beginning(self) -> int:
        """Return the first offset that the source partition still has."""

    async def commit(self, prepared: Prepared, position: int) -> int | None:
        """Write outputs, changed cells and position; return the changelog's next offset."""

    async def close(self) -> None:
        """Let go of all connections."""


class KafkaCommitter:
    """One Kafka transaction for each batch, under the transactional id of the source partition.

    Args:
        bootstrap: ``host:port`` of the broker.
        group: Consumer group; begins the transactional id.
        source: The partition whose batches are written.
        changelog: Its changelog partition.
        transaction_timeout_ms: After this the broker aborts an open transaction by itself.
    """

    def __init__(
        self,
        bootstrap: str,
        group: str,
        source: TopicPartition,
        changelog: TopicPartition,
        *,
        transaction_timeout_ms: int = 10_000,
    ) -> None:
        self._transaction_timeout_ms = transaction_timeout_ms
        self._bootstrap, self._group = bootstrap, group
        self._source, self._changelog = source, changelog
        self._producer: AIOKafkaProducer | None = None
        self._group_offset_due_at = 0.0

    async def fence(self) -> None:
        """Initialise the transactional id, which fences every earlier owner."""
        await self.close()
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            transactional_id=f"{self._group}-{self._source.topic}-{self._source.partition}",
            transaction_timeout_ms=self._transaction_timeout_ms,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=16 << 20,
            request_timeout_ms=15_000,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def restore(self, store: PartitionStore, progressed: Progressed) -> None:
        """Read what the changelog has beyond the store, committed records only."""
        partition = self._changelog
        reader = self._reader()
        await reader.start()
        try:
            reader.assign([partition])
            begin = (await reader.beginning_offsets([partition]))[partition]
            end = (await reader.end_offsets([partition]))[partition]
            reader.seek(partition, max(store.changelog_offset, begin))
            restored, position = 0, await reader.position(partition)
            while position < end:
                found = await reader.getmany(partition, timeout_ms=200, max_records=RESTORE_RECORDS)
                for record in found.get(partition, ()):
                    store.load(record.key, record.value)
                    restored += 1
                position = await reader.position(partition)
                progressed(restored, max(0, end - position))
                await asyncio.sleep(0)
            store.changelog_offset = max(store.changelog_offset, position)
        finally:
            await reader.stop()

    async def beginning(self) -> int:
        """Return the first offset that the source partition still has."""
        reader = self._reader()
        await reader.start()
        try:
            begin: int = (await reader.beginning_offsets([self._source]))[self._source]
            return begin
        finally:
            await reader.stop()

    def _reader(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            # with the default, an unfinished reset to the end can win over a seek
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=4 << 20,
            fetch_max_wait_ms=50,
        )

    async def commit(self, prepared: Prepared, position: int) -> int | None:
        """Write a batch in one transaction."""
        producer = self._producer
        if producer is None:
            raise RuntimeError("commit before fence")
        await producer.begin_transaction()
        try:
            sent: list[asyncio.Future[Any]] = []
            for (topic, partition), messages in prepared.outputs.items():
                sent += await _send(producer, topic, partition, messages)
            changes = [
                Message(changelog_key(*cell), value, NO_HEADERS)
                for cell, value in prepared.changed.items()
            ]
            changes.append(Message(POSITION_RECORD, encode_position(position), NO_HEADERS))
            logged = await _send(
                producer, self._changelog.topic, self._changelog.partition, changes
            )
            # aiokafka commits although a batch was refused: a refusal must raise before the commit
            await asyncio.gather(*sent, *logged)
            now = time.monotonic()
            if now >= self._group_offset_due_at:
                # not beside them: the broker then answers that the transaction is busy, and the client backs off
                await producer.send_offsets_to_transaction({self._source: position}, self._group)
                self._group_offset_due_at = now + GROUP_OFFSET_EVERY_S
        except BaseException:
            await self._abort(producer)
            raise
        await producer.commit_transaction()
        return int(logged[-1].result().offset) + 1

    async def _abort(self, producer: AIOKafkaProducer) -> None:
        try:
            await asyncio.wait_for(producer.abort_transaction(), 5)
        except Exception:
            # the next owner's fencing aborts it; the first error is what counts
            self._producer = None
            await _stop(producer)

    async def close(self) -> None:
        """Stop the producer; an open transaction is aborted by the next fencing."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer)


async def _stop(producer: AIOKafkaProducer) -> None:
    # it is given up either way, and its id is fenced before reuse
    with contextlib.suppress(Exception):
        await asyncio.wait_for(producer.stop(), 5)


async def _send(
    producer: AIOKafkaProducer, topic: str, partition: int, messages: Sequence[Message]
) -> list[asyncio.Future[Any]]:
    """Send messages in as few batches as fit; return a future for each batch."""
    futures = []
    batch = producer.create_batch()
    append = batch.append
    for message in messages:
        key, value, headers = message.key, message.value, message.headers
        if append(timestamp=None, key=key, value=value, headers=headers) is None:
            batch.close()
            futures.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            append = batch.append
            append(timestamp=None, key=key, value=value, headers=headers)
    batch.close()
    futures.append(await producer.send_batch(batch, topic, partition=partition))
    return futures
