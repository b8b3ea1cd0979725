"""Workers in memory that end with the test."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from sstl.agents.topics import Topics
from tests.memory_kafka import Broker, Worker


@pytest.fixture
def broker() -> Broker:
    return Broker(Topics("sstl"))


@pytest_asyncio.fixture
async def worker_on() -> AsyncIterator[Callable[..., Worker]]:
    made: list[Worker] = []

    def make(broker: Broker, *sources: str, **how: Any) -> Worker:
        worker = Worker(broker, **how)
        made.append(worker)
        worker.start(*sources)
        return worker

    yield make
    for worker in made:
        await worker.close()
