"""The Faust agents themselves on a test channel: what the transport hands them reaches the partition's owner."""

from collections.abc import Callable
from typing import Any

import pytest
from faust.types import TP

from sstl.agents.app import create_app, serve
from sstl.agents.transport import Batch, Read
from sstl.agents.worker import AGENTS, build
from sstl.models.policy import Policy
from sstl.settings import Settings
from tests.memory_kafka import Broker, Worker

pytestmark = pytest.mark.asyncio


async def test_an_agent_hands_its_batches_to_the_owner_of_their_partition(
    broker: Broker, worker_on: Callable[..., Worker]
) -> None:
    worker = worker_on(broker, "observations")
    await worker.ready()
    owner = worker.owner("observations")
    offset = broker.append(
        "observations",
        0,
        b"a",
        b'{"type":"observation.1","id":"a","indicator":"x","counting_unit":"y"}',
    )
    batch = worker.delivery.cut(
        owner.tp, Read(owner.session, offset, offset + 1), broker.read("observations")
    )
    app = create_app(Settings(), worker.delivery)
    agent = serve(
        app,
        worker.delivery,
        broker.topics,
        name="lanes",
        source="observations",
        runner_of=lambda _: owner.runner,
    )
    async with agent.test_context() as under_test:
        await under_test.put(batch, wait=False)
        await worker.until(lambda: owner.store.position == offset + 1, reading=False)
    # the test context makes a consumer that it never starts, whose thread's loop nobody closes
    consumer: Any = app.consumer
    consumer._thread.thread_loop.close()


async def test_a_worker_has_an_agent_for_every_source(broker: Broker) -> None:
    app = build(Settings(), broker.topics, Policy(), AGENTS)
    sources = {broker.topics[source].name for _, source in broker.topics.stages()}
    assert {topic for agent in app.agents.values() for topic in agent.channel.topics} == sources


@pytest.mark.parametrize("name", AGENTS)
async def test_a_worker_of_one_agent_reads_no_other_topic(broker: Broker, name: str) -> None:
    app = build(Settings(), broker.topics, Policy(), [name])
    read = {topic for agent in app.agents.values() for topic in agent.channel.topics}
    wanted = {
        broker.topics[source].name
        for stage, source in broker.topics.stages()
        if stage.partition("-")[0] == name
    }
    assert read == wanted
    nothing = Batch(TP("elsewhere", 0), 1, 0, 1, ())
    with pytest.raises(KeyError):
        app.delivery.hand_over(nothing)
