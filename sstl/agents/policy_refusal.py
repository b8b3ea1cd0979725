"""Versions that were not accepted go to the topic of rejections, each once.

Every worker reads the policy topic and comes to the same judgement, so one of them tells, in a transaction that also
writes how far was told (as a group offset). Whoever begins another transaction under the same id fences the one before.
"""

import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from sstl.agents.policy_log import Announced
from sstl.agents.prepare import encode_value
from sstl.agents.stop import FENCED
from sstl.agents.topics import TopicSpec
from sstl.intake.envelope import Named, RawRecord
from sstl.intake.reject import rejection
from sstl.models.rejection import Problem, Rejection

DOCS = "docs/policy.md#refused"


def refusal(topic: str, record: Announced, problems: Sequence[Problem]) -> Rejection:
    """Return the rejection of a version."""
    raw = RawRecord(
        family="policy",
        topic=topic,
        partition=0,
        offset=record.offset,
        timestamp_ms=record.appended_ms,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
    )
    return rejection(raw, problems, Named()).model_copy(update={"docs": DOCS})


class Refusals:
    """What is still to be told to the topic of rejections.

    Args:
        bootstrap: ``host:port`` of the broker.
        group: The workers' consumer group; ours is named after it.
        rejected: The topic of rejections.
    """

    def __init__(self, bootstrap: str, group: str, rejected: TopicSpec) -> None:
        self._bootstrap, self._rejected = bootstrap, rejected
        self._group = f"{group}-policy"
        self._waiting: deque[tuple[int, Rejection]] = deque()
        self._consumer: AIOKafkaConsumer | None = None

    def add(self, topic: str, record: Announced, problems: Sequence[Problem]) -> None:
        """Remember a version that was not accepted."""
        self._waiting.append((record.offset, refusal(topic, record, problems)))

    async def tell(self) -> None:
        """Write what nobody has written yet.

        Raises:
            KafkaError: Not now; it stays remembered.
        """
        if not self._waiting:
            return
        tp = TopicPartition(self._waiting[0][1].topic, 0)
        if await self._told(tp) > self._waiting[-1][0]:
            self._waiting.clear()
            return
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            transactional_id=self._group,
            max_request_size=self._rejected.max_bytes,
            request_timeout_ms=15_000,
        )
        try:
            # fences whoever was about to tell the same, so what was told is known for certain now
            await producer.start()
            told = await self._told(tp)
            async with producer.transaction():
                for offset, rejected in self._waiting:
                    if offset >= told:
                        key = f"{tp.topic}/0/{offset}".encode()
                        await producer.send_and_wait(
                            self._rejected.name, encode_value(rejected), key, partition=0
                        )
                end = max(told, self._waiting[-1][0] + 1)
                await producer.send_offsets_to_transaction({tp: end}, self._group)
        except FENCED:
            # another worker tells; what it wrote is seen next time
            return
        finally:
            await producer.stop()
        self._waiting.clear()

    async def close(self) -> None:
        """Let go of the connection."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            # it is given up either way
            with contextlib.suppress(Exception):
                await consumer.stop()

    async def _told(self, tp: TopicPartition) -> int:
        """Return the offset up to which everything refused was told."""
        if self._consumer is None:
            consumer: Any = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap, group_id=self._group, enable_auto_commit=False
            )
            await consumer.start()
            self._consumer = consumer
        return int(await self._consumer.committed(tp) or 0)
