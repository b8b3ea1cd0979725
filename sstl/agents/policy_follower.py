"""Follows the policy topic: read to its end before the first batch, then in the background.

A version is accepted only if it begins to govern five minutes after it was appended or later. So work may go on as
long as the end of the topic was seen within the last minute: nothing that this worker does not know can govern yet.
When it was not, batches wait (`confirmed`), and go on once the topic can be read again.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka import errors as kafka_errors

from sstl import logs, metrics
from sstl.agents.policy_check import check
from sstl.agents.policy_log import Announced, PolicyLog
from sstl.agents.policy_refusal import Refusals
from sstl.agents.stop import StopError
from sstl.agents.topics import TopicSpec
from sstl.errors import ExitCode
from sstl.models.policy import Policy
from sstl.models.rejection import Problem

log = logs.get(__name__)

UNCONFIRMED_LIMIT = timedelta(seconds=60)
"""Longest time without having seen the end of the topic; well below `sstl.agents.policy_log.LEAD`."""
EVERY_S = 1.0
START_S = 25.0
ASK_S = 10.0
TELL_S = 20.0
MAX_BACKOFF_S = 5.0


class PolicyFollower:
    """Keeps the chain of versions as the topic has it.

    Args:
        bootstrap: ``host:port`` of the broker.
        topic: The policy topic.
        versions: The chain; starts with the policy that the worker was started with.
        refusals: Tells the topic of rejections what was not accepted.
        changed: Called with the latest version after the start and after each new one.
        stop: What to do when it cannot go on.
        consumer_of: Makes the consumer; for tests.
        clock: Monotonic seconds.
        now_ms: Wall clock, ms since the Unix epoch; for what is shown only.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: TopicSpec,
        versions: PolicyLog,
        *,
        refusals: Refusals,
        changed: Callable[[Policy], None],
        stop: Callable[[StopError], None],
        consumer_of: Callable[[], Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = lambda: int(time.time() * 1000),
    ) -> None:
        self._bootstrap, self._topic = bootstrap, topic
        self._tp = TopicPartition(topic.name, 0)
        self.versions, self._refusals = versions, refusals
        self._changed, self._stop = changed, stop
        self._consumer_of = consumer_of or self._kafka_consumer
        self._clock, self._now_ms = clock, now_ms
        self._consumer: Any = None
        self._next_offset = 0
        self._confirmed_at: float | None = None
        self._count = len(versions.latest.versions())
        self._task: asyncio.Task[None] | None = None
        self._told_pause = False

    def latest(self) -> Policy:
        """Return the version accepted last."""
        return self.versions.latest

    def confirmed(self) -> bool:
        """Tell whether the end of the topic was seen so lately that no unknown version can govern yet."""
        at = self._confirmed_at
        ok = at is not None and self._clock() - at <= UNCONFIRMED_LIMIT.total_seconds()
        if not ok and at is not None and not self._told_pause:
            self._told_pause = True
            seconds = UNCONFIRMED_LIMIT.total_seconds()
            log.error(
                "work pauses: the policy topic cannot be read", **self._where, seconds=seconds
            )
        elif ok and self._told_pause:
            self._told_pause = False
            log.info("work goes on: the policy topic is read again", **self._where)
        return ok

    async def start(self) -> None:
        """Read the topic to its end, then follow it in the background; stop the process where that cannot be."""
        deadline = self._clock() + START_S
        while True:
            try:
                await self.look()
                break
            except (kafka_errors.KafkaError, OSError, TimeoutError) as error:
                await self._let_go()
                if self._clock() > deadline:
                    message = f"{self._topic.name} cannot be read: {type(error).__name__}"
                    self._stop(StopError(message, exit_code=ExitCode.UNREACHABLE))
                    return
                await asyncio.sleep(0.5)
        self._changed(self.versions.latest)
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        """Follow no longer."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._let_go()
        await self._refusals.close()

    async def look(self) -> None:
        """Read what is new up to the topic's end, and remember when its end was asked for.

        Raises:
            KafkaError: The topic cannot be read now.
            OSError: As above.
            TimeoutError: As above.
        """
        if self._consumer is None:
            consumer = self._consumer_of()
            async with asyncio.timeout(ASK_S):
                await consumer.start()
            self._consumer = consumer
            consumer.assign([self._tp])
            consumer.seek(self._tp, self._next_offset)
        consumer = self._consumer
        asked_at = self._clock()
        async with asyncio.timeout(ASK_S):
            end = (await consumer.end_offsets([self._tp]))[self._tp]
            while await consumer.position(self._tp) < end:
                found = await consumer.getmany(self._tp, timeout_ms=200)
                for record in found.get(self._tp, ()):
                    self._take(record)
                    self._next_offset = record.offset + 1
        self._confirmed_at = asked_at
        self._show()

    async def _follow(self) -> None:
        tries = 0
        while True:
            await asyncio.sleep(min(MAX_BACKOFF_S, EVERY_S * 2 ** min(tries, 3)))
            try:
                await self.look()
                tries = 0
                async with asyncio.timeout(TELL_S):
                    await self._refusals.tell()
            except (kafka_errors.KafkaError, OSError, TimeoutError) as error:
                if tries == 0:
                    name = type(error).__name__
                    log.warning("the policy topic cannot be read", **self._where, error=name)
                tries += 1
                await self._let_go()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                # a worker that no longer hears of versions must not go on
                message = f"following {self._topic.name}: {type(error).__name__}"
                self._stop(StopError(message, exit_code=ExitCode.FAILED))
                return

    def _take(self, record: Any) -> None:
        announced = Announced(
            offset=record.offset,
            appended_ms=record.timestamp,
            value=record.value,
            key=record.key,
            headers=tuple(record.headers),
        )
        problems = self.versions.take(announced)
        if problems:
            self._refuse(announced, problems)
            return
        self._count += 1
        latest = self.versions.latest
        log.info(
            "policy accepted",
            **self._where,
            offset=record.offset,
            version=latest.version,
            policy_hash=latest.hash[:12],
        )
        unknown = sum(1 for _ in check(latest))
        if unknown:
            log.warning(
                "the policy says what this release cannot go by",
                **self._where,
                offset=record.offset,
                records=unknown,
            )
        if self._confirmed_at is not None:
            self._changed(latest)

    def _refuse(self, record: Announced, problems: list[Problem]) -> None:
        metrics.POLICY_REFUSED.labels(problems[0].reason.value).inc()
        log.error(
            "policy refused, the one in force stays",
            **self._where,
            offset=record.offset,
            reason=problems[0].reason.value,
            where=problems[0].pointer or "/",
        )
        self._refusals.add(self._topic.name, record, problems)

    def _show(self) -> None:
        now_ms = self._now_ms()
        governing = self.versions.latest.at(now_ms)
        metrics.set_policy(
            policy_hash=governing.hash,
            version=governing.version,
            valid_from=None if governing.valid_from is None else governing.valid_from.timestamp(),
            versions=self._count,
            confirmed=now_ms / 1000,
        )

    @property
    def _where(self) -> dict[str, Any]:
        return {"topic": self._topic.name, "partition": 0}

    async def _let_go(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            # it is given up either way
            with contextlib.suppress(Exception):
                await asyncio.wait_for(consumer.stop(), 5)

    def _kafka_consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=4 << 20,
            fetch_max_wait_ms=200,
        )
