"""The thread that reads: what a poll brings belongs to the take-over that released it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from faust.types import TP

from sstl.agents.transport import ConsumerThread, Read

SOURCE = TP("sstl.transport.v1", 0)
PARTITION = TopicPartition(*SOURCE)
POLL_S = 5.0


class Consumer:
    """An aiokafka consumer of one partition: a poll waits until there is something to read from its position on."""

    def __init__(self, log: list[str]) -> None:
        self._log = log
        self.position = 0
        self._paused = True
        self._moved = asyncio.Event()
        state = SimpleNamespace(state_value=lambda _: self, tps={PARTITION})
        self._subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=state))
        self._fetcher = SimpleNamespace(
            fetched_records=self._fetched_records,
            _subscriptions=SimpleNamespace(fetch_context=self._fetch_context),
        )

    @contextmanager
    def _fetch_context(self) -> Iterator[None]:
        yield

    def assignment(self) -> set[TopicPartition]:
        return {PARTITION}

    def seek(self, _: TopicPartition, position: int) -> None:
        self.position = position
        self._moved.set()

    def pause(self, _: TopicPartition) -> None:
        self._paused = True

    def resume(self, _: TopicPartition) -> None:
        self._paused = False

    async def _fetched_records(self, *_: Any, **__: Any) -> dict[TopicPartition, list[str]]:
        while self._paused or self.position >= len(self._log):
            self._moved.clear()
            await asyncio.wait_for(self._moved.wait(), POLL_S)
        found, self.position = self._log[self.position :], len(self._log)
        return {PARTITION: found}


def thread_of(consumer: Consumer) -> ConsumerThread:
    thread = ConsumerThread.__new__(ConsumerThread)
    thread._released, thread._read_up_to = {}, {}
    vars(thread)["_ensure_consumer"] = lambda: consumer
    return thread


@pytest.mark.asyncio
async def test_what_a_waiting_poll_reads_after_a_take_over_belongs_to_that() -> None:
    log: list[str] = ["a", "b"]
    consumer = Consumer(log)
    thread = thread_of(consumer)
    await thread._release(PARTITION, 2, session=1)
    polling = asyncio.create_task(thread._poll([SOURCE], POLL_S))
    await asyncio.sleep(0)
    await thread._release(PARTITION, 1, session=3)
    records, reads = await polling
    assert records == {SOURCE: ["b"]}
    assert reads == {SOURCE: Read(session=3, start=1, end=2)}


@pytest.mark.asyncio
async def test_what_was_read_before_a_take_over_belongs_to_the_earlier_one() -> None:
    thread = thread_of(Consumer(["a", "b"]))
    await thread._release(PARTITION, 0, session=1)
    _records, reads = await thread._poll([SOURCE], POLL_S)
    await thread._release(PARTITION, 0, session=3)
    assert reads == {SOURCE: Read(session=1, start=0, end=2)}


@pytest.mark.asyncio
async def test_what_is_dropped_between_two_polls_shows_as_a_gap() -> None:
    log: list[str] = ["a", "b"]
    thread = thread_of(Consumer(log))
    await thread._release(PARTITION, 0, session=1)
    _, dropped = await thread._poll([SOURCE], POLL_S)
    log.append("c")
    _, following = await thread._poll([SOURCE], POLL_S)
    assert dropped == {SOURCE: Read(session=1, start=0, end=2)}
    assert following == {SOURCE: Read(session=1, start=2, end=3)}
