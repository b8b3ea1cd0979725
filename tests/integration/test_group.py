"""The consumer group of the workers on a real broker."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from sstl.agents.app import METADATA_MAX_AGE_MS, create_app
from sstl.agents.delivery import Delivery
from sstl.agents.transport import ConsumerThread
from sstl.embedded import EmbeddedKafka
from sstl.settings import Settings

SOON_S = METADATA_MAX_AGE_MS / 1000 + 10
pytestmark = pytest.mark.timeout(120)


def test_partitions_that_the_leader_did_not_know_are_assigned_soon(
    kafka: EmbeddedKafka, topic_prefix: str
) -> None:
    """A broker that has just come back may know neither topics nor partitions when the group joins."""
    settings = Settings(bootstrap=kafka.bootstrap, prefix=topic_prefix)
    topic = f"{topic_prefix}.late"

    async def joined() -> tuple[set[Any], int]:
        app = create_app(settings, cast(Delivery, None))
        thread = cast(ConsumerThread, SimpleNamespace(app=app))
        consumer = ConsumerThread._create_worker_consumer(thread, app.transport)
        await consumer.start()
        try:
            consumer.subscribe([topic])
            await asyncio.sleep(4)
            before = set(consumer.assignment())
            admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
            await asyncio.to_thread(admin.create_topics, [NewTopic(topic, 2, 1)])
            admin.close()
            began = time.monotonic()
            while len(consumer.assignment()) < 2 and time.monotonic() - began < SOON_S:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.1)
            return before, len(consumer.assignment())
        finally:
            await consumer.stop()

    before, assigned = asyncio.run(joined())
    assert (before, assigned) == (set(), 2)
