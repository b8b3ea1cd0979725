"""The owner of one source partition: take-over, and one transaction for whatever waits.

Order of a take-over: fence every earlier owner, restore the state (the position is part of it), seek, read.
Order of a batch: fold, send everything, await everything, commit; memory changes only after the commit. A batch
that was read under an earlier take-over is dropped before it can begin a transaction.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from aiokafka import errors as kafka_errors
from faust.types import TP

from sstl import logs, metrics
from sstl.agents.kafka import Committer
from sstl.agents.prepare import Prepared, Preparer, SourceFormatError, merge
from sstl.agents.runner import Runner, where_raised
from sstl.agents.store import PartitionStore
from sstl.agents.topics import Topics
from sstl.agents.transport import Batch, Progress
from sstl.core.stage import PASSED, Outcome
from sstl.models.records import Heartbeat

log = logs.get(__name__)

MAX_OUTPUTS = 50_000
QUEUE_RECORDS = 8_000
STORE_VALID_S = 12 * 3600
"""A store that has not followed its changelog for so long is read anew: tombstones may be gone by then
(``delete.retention.ms`` is 24 h)."""
MAX_TRIES = 40
MAX_BACKOFF_S = 5.0

FENCED = (
    kafka_errors.ProducerFenced,
    kafka_errors.InvalidProducerEpoch,
    kafka_errors.InvalidProducerIdMapping,
    kafka_errors.UnknownProducerId,
    kafka_errors.OutOfOrderSequenceNumber,
)
REFUSED = (
    kafka_errors.MessageSizeTooLargeError,
    kafka_errors.RecordListTooLargeError,
    kafka_errors.RecordTooLargeError,
    kafka_errors.TopicAuthorizationFailedError,
    kafka_errors.TransactionalIdAuthorizationFailed,
)
"""The broker will refuse them again: somebody has to change a topic or a right."""


class StopError(Exception):
    """The process must stop, loudly, with nothing of the batch committed."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Reader(Protocol):
    """What the owner needs of the consumer."""

    async def release(self, tp: TP, position: int) -> None:
        """Let the partition be read from this position on."""

    async def rejoin(self) -> None:
        """Join the group anew."""

    def progress(self, tp: TP) -> Progress | None:
        """Return where the reader stands."""


class Limits(Protocol):
    """The settings that bound a transaction."""

    @property
    def batch_records(self) -> int:
        """Most input records."""

    @property
    def batch_bytes(self) -> int:
        """Most input bytes."""


def reached_ms(prepared: Prepared) -> int | None:
    """Return the arrival time that the stage has reached, if this transaction moved it."""
    passed = prepared.decoded.get((PASSED, ""))
    if passed is not None:
        return int(passed.reached_ms)
    for output in prepared.outcome.outputs:
        if isinstance(output.message, Heartbeat):
            return output.message.reached_ms
    return None


class PartitionOwner:
    """Owns one partition of one stage while the group says so.

    Args:
        tp: The source partition.
        runner: The stage.
        topics: Names and limits.
        committer: Writes transactions.
        limits: Bounds of a transaction.
        pause_s: Rest after a transaction under load.
        live: False in a backfill: its watermark lies in the past, which is no lag.
        crashes: Called with how many messages crashed; raises `StopError` when there are too many.
        stop: Called with what must stop the process.
    """

    def __init__(
        self,
        tp: TP,
        runner: Runner,
        topics: Topics,
        committer: Committer,
        *,
        limits: Limits,
        pause_s: float,
        live: bool,
        crashes: Callable[[int], None],
        stop: Callable[[StopError], None],
    ) -> None:
        self.tp, self.runner = tp, runner
        self.store = PartitionStore(runner.cell_type)
        self._topics, self._committer = topics, committer
        self._limits, self._pause_s, self._live = limits, pause_s, live
        self._crashes, self._stop = crashes, stop
        self._preparer = Preparer(topics, runner.fold)
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._queue: deque[Batch] = deque()
        self._reader: Reader | None = None
        self._due_at = 0.0
        self._current_at = 0.0
        self._tries = 0
        self._task: asyncio.Task[None] | None = None
        self._taking: asyncio.Task[None] | None = None
        self.session = 0
        self.ready = False
        self.next_start = 0
        """Where the next batch handed out will begin."""
        self.waiting_records = 0

    # -- ownership ---------------------------------------------------------------------------------

    def assigned(self, reader: Reader) -> None:
        """Begin to take the partition over; goes on in the background."""
        self._new_session()
        self._reader = reader
        self._begin_take_over(0.0)

    async def revoked(self, grace_s: float) -> None:
        """Give the partition up: nothing new begins, a transaction under way may finish."""
        self._new_session()
        self._reader = None
        if self._taking is not None:
            self._taking.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s), self._lock:
                await self._committer.close()
        metrics.forget_partition(self.runner.name, self.tp.topic, self.tp.partition)

    async def close(self) -> None:
        """End all work, letting a transaction under way finish."""
        await self.revoked(grace_s=10.0)
        if self._task is not None:
            self._task.cancel()

    def _new_session(self) -> None:
        self.session += 1
        self.ready = False
        self._queue.clear()
        self.waiting_records = 0

    def _begin_take_over(self, delay_s: float) -> None:
        if self._taking is not None:
            self._taking.cancel()
        self._taking = asyncio.create_task(self._take_over(self.session, delay_s))
        if self._task is None:
            self._task = asyncio.create_task(self._work())

    async def _take_over(self, session: int, delay_s: float) -> None:
        try:
            await asyncio.sleep(delay_s)
            async with self._lock:
                if self._reader_of(session) is None:
                    return
                await self._restore()
                position = self.store.position
                await self._check_position(position)
                reader = self._reader_of(session)
                if reader is None or position is None:
                    return
                self.next_start = position
                await reader.release(self.tp, position)
                if session == self.session:
                    self.ready = True
                    self._due_at = 0.0
                    self._wake.set()
                    log.info("partition taken over", **self._where(), offset=position)
        except StopError as error:
            self._stop(error)
        except SourceFormatError as error:
            self._stop(StopError(str(error), exit_code=7))
        except (kafka_errors.KafkaError, OSError, TimeoutError) as error:
            self._try_again(error, session)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            # whatever it is, a partition without an owner must be loud
            self._stop(
                StopError(
                    f"take-over of {self._name}: {type(error).__name__} at {where_raised(error)}",
                    exit_code=1,
                )
            )

    def _reader_of(self, session: int) -> Reader | None:
        """Return the reader while this session lasts; a rebalance may end it at any await."""
        return self._reader if session == self.session else None

    async def _restore(self) -> None:
        began, store, stage = time.monotonic(), self.store, self.runner.name
        if began - self._current_at > STORE_VALID_S:
            store.clear()

        def show(restored: int, remaining: int, *, running: bool = True) -> None:
            metrics.set_restore(
                stage,
                self.tp.partition,
                records=restored,
                expected=restored + remaining,
                seconds=time.monotonic() - began,
                running=running,
            )

        show(0, 0)
        await self._committer.fence()
        last = 0

        def progressed(restored: int, remaining: int) -> None:
            nonlocal last
            last = restored
            show(restored, remaining)

        await self._committer.restore(store, progressed)
        show(last, 0, running=False)
        self._current_at = time.monotonic()
        log.info(
            "state restored",
            **self._where(),
            records=last,
            seconds=round(time.monotonic() - began, 3),
        )
        self.runner.on_restored(store)
        self._show_state()

    async def _check_position(self, position: int | None) -> None:
        if position is None:
            raise StopError(
                f"the changelog of {self._name} holds no position; run `sstl topics apply`, "
                "which writes the first one",
                exit_code=7,
            )
        begin = await self._committer.beginning()
        if position < begin:
            raise StopError(
                f"{self._name} was folded up to offset {position}, but its log now begins at {begin}: "
                f"{begin - position} offsets are gone. Restore the topic, or accept the gap with "
                f"`sstl topics skip {self.tp.topic} {self.tp.partition}`",
                exit_code=7,
            )

    def _try_again(self, error: BaseException, session: int) -> None:
        """Take the partition over anew after a fault that may pass, or stop after too many."""
        if session != self.session:
            return
        self._tries += 1
        if self._tries > MAX_TRIES:
            self._stop(
                StopError(
                    f"{self._name}: gave up after {self._tries} tries: {type(error).__name__}",
                    exit_code=4,
                )
            )
            return
        self._new_session()
        delay = min(MAX_BACKOFF_S, 0.1 * 2 ** min(self._tries, 10))
        log.warning(
            "partition will be taken over again",
            **self._where(),
            error=type(error).__name__,
            seconds=delay,
        )
        self._begin_take_over(delay)

    # -- batches -----------------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        """True when enough waits; it is not read until some of that is done."""
        return self.waiting_records >= QUEUE_RECORDS

    def cut(self, session: int, end: int, records: Sequence[Any]) -> Batch | None:
        """Make a batch of what a poll brought, None if the partition has moved since."""
        if session != self.session or not self.ready:
            metrics.STALE_BATCHES.labels(self.runner.name).inc()
            return None
        batch = Batch(self.tp, session, self.next_start, end, records)
        self.next_start = end
        return batch

    def hand_over(self, batch: Batch) -> None:
        """Queue a batch for the next transaction."""
        if batch.session != self.session:
            metrics.STALE_BATCHES.labels(self.runner.name).inc()
            return
        self._queue.append(batch)
        self.waiting_records += len(batch.records)
        self._wake.set()

    async def _work(self) -> None:
        while True:
            await self._wait()
            session = self.session
            try:
                async with self._lock:
                    if self.ready and session == self.session:
                        await self._step()
            except StopError as error:
                self._stop(error)
                return
            except SourceFormatError as error:
                self._stop(StopError(str(error), exit_code=7))
                return
            except REFUSED as error:
                self._stop(
                    StopError(
                        f"the broker refused what {self._name} wrote ({type(error).__name__}); nothing of the "
                        "batch is committed. `sstl topics plan` shows topics that differ from their declaration",
                        exit_code=7,
                    )
                )
                return
            except (kafka_errors.KafkaError, OSError, TimeoutError) as error:
                await self._lost(error, session)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                # nothing of the batch is committed; going on would lose it
                self._stop(
                    StopError(
                        f"{self._name}: {type(error).__name__} at {where_raised(error)}",
                        exit_code=1,
                    )
                )
                return
            if self._queue:
                # Kafka is still writing the last commit's markers; a short rest makes fewer, larger transactions
                await asyncio.sleep(self._pause_s)

    async def _lost(self, error: BaseException, session: int) -> None:
        outcome = "fenced" if isinstance(error, FENCED) else "aborted"
        metrics.TRANSACTION.labels(self.runner.name, outcome).observe(0.0)
        log.warning("transaction lost", **self._where(), error=type(error).__name__)
        reader = self._reader
        if isinstance(error, FENCED) and reader is not None and session == self.session:
            # somebody else owns it now, or a dead connection of our own did; the group knows
            self._new_session()
            self._tries += 1
            await asyncio.sleep(min(MAX_BACKOFF_S, 0.1 * 2 ** min(self._tries, 10)))
            await reader.rejoin()
            return
        self._try_again(error, session)

    async def _wait(self) -> None:
        """Wait for a batch or for the timer."""
        if not self._queue:
            self._wake.clear()
            period = self.runner.period_s
            timeout = None if period is None else max(0.0, self._due_at - time.monotonic())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
            if not self._queue and not self.ready:
                await asyncio.sleep(0.05)

    async def _step(self) -> None:
        """Do one transaction: the timer's when it is due, else what waits."""
        began = time.monotonic()
        if self._timer_due():
            prepared = self._on_timer()
            if not prepared.empty:
                await self._commit(prepared, self._folded_up_to(), 0, began)
            return
        batches = self._take()
        if not batches:
            return
        if batches[0].start != self.store.position:
            raise StopError(
                f"{self._name}: read from {batches[0].start} but folded up to {self.store.position}",
                exit_code=1,
            )
        records = [record for batch in batches for record in batch.records]
        end = batches[-1].end
        prepared, used = self._prepare(records)
        if used < len(records):
            end = records[used].offset
            self._put_back(batches[-1].session, end, batches[-1].end, records[used:])
        await self._commit(self._with_crashes(prepared), end, used, began)

    async def _commit(self, prepared: Prepared, end: int, records: int, began: float) -> None:
        folded = time.monotonic()
        changelog_offset = await self._committer.commit(prepared, end)
        # memory follows the log, never the other way round
        self.store.apply(prepared.changed, prepared.decoded)
        self.store.position = end
        if changelog_offset is not None:
            self.store.changelog_offset = changelog_offset
        self._current_at = time.monotonic()
        self._tries = 0
        self._show(prepared, records, folded - began, self._current_at - folded)

    def _folded_up_to(self) -> int:
        if self.store.position is None:
            raise StopError(f"{self._name}: no position", exit_code=1)
        return self.store.position

    def _take(self) -> list[Batch]:
        taken: list[Batch] = []
        count = size = 0
        while self._queue:
            batch = self._queue[0]
            if batch.session != self.session:
                self._queue.popleft()
                continue
            weight = sum(len(record.value or b"") for record in batch.records)
            too_much = (
                count + len(batch.records) > self._limits.batch_records
                or size + weight > self._limits.batch_bytes
            )
            if taken and too_much:
                break
            self._queue.popleft()
            taken.append(batch)
            count, size = count + len(batch.records), size + weight
        self.waiting_records -= count
        return taken

    def _put_back(self, session: int, start: int, end: int, records: Sequence[Any]) -> None:
        self._queue.appendleft(Batch(self.tp, session, start, end, records))
        self.waiting_records += len(records)

    def _prepare(self, records: list[Any]) -> tuple[Prepared, int]:
        """Fold as many of the records as fit one transaction; return how many those were."""
        decoded = self.runner.decode(records)
        used = len(decoded)
        prepared = self._preparer.prepare(self.store, decoded)
        while prepared.output_count > MAX_OUTPUTS and used > 1:
            used //= 2
            prepared = self._preparer.prepare(self.store, decoded[:used])
        return prepared, used

    def _with_crashes(self, prepared: Prepared) -> Prepared:
        if not prepared.crashes:
            return prepared
        self._crashes(len(prepared.crashes))
        outcome = Outcome()
        for crash in prepared.crashes:
            log.error(
                "message quarantined",
                **self._where(),
                offset=crash.record.offset,
                error=type(crash.error).__name__,
                where=where_raised(crash.error),
            )
            outcome.outputs.append(self.runner.on_crash(crash, self.tp.topic, self.tp.partition))
        metrics.QUARANTINED.labels(self.runner.name).inc(len(prepared.crashes))
        crashes, prepared.crashes = prepared.crashes, []
        whole = merge([prepared, self._preparer.encode(outcome)])
        whole.crashes = crashes
        return whole

    def _timer_due(self) -> bool:
        return self.runner.period_s is not None and time.monotonic() >= self._due_at

    def _on_timer(self) -> Prepared:
        self._due_at = time.monotonic() + (self.runner.period_s or 0.0)
        progress = None if self._reader is None else self._reader.progress(self.tp)
        if progress is None:
            return Prepared()
        caught_up = (
            not self._queue
            and progress.position >= progress.highwater
            and self.next_start == self.store.position
        )
        outcome = self.runner.on_timer(self.store, progress.fetched_ms, caught_up=caught_up)
        return self._preparer.encode(outcome)

    # -- what is seen from outside --------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return f"{self.tp.topic}/{self.tp.partition}"

    def _where(self) -> dict[str, Any]:
        return {"stage": self.runner.name, "topic": self.tp.topic, "partition": self.tp.partition}

    def _show(self, prepared: Prepared, records: int, fold_s: float, commit_s: float) -> None:
        stage = self.runner.name
        metrics.TRANSACTION.labels(stage, "committed").observe(commit_s)
        if records:
            metrics.PROCESSING.labels(stage).observe(fold_s)
            metrics.BATCH.labels(stage).observe(records)
            metrics.EVENTS_IN.labels(stage, self.tp.topic).inc(records)
        for (topic, _), messages in prepared.outputs.items():
            metrics.OUTPUTS.labels(stage, topic).inc(len(messages))
        metrics.observe_counts(stage, prepared.outcome.counts)
        self.runner.on_committed(prepared.outcome.outputs)
        reached = reached_ms(prepared)
        if reached is not None:
            metrics.set_watermark(stage, self.tp.partition, reached, live=self._live)
        self._show_state()

    def _show_state(self) -> None:
        stage, partition = self.runner.name, self.tp.partition
        metrics.STATE_CELLS.labels(stage, partition).set(self.store.cell_count)
        metrics.STATE_BYTES.labels(stage, partition).set(self.store.size_bytes)

    def show_lag(self) -> None:
        """Publish how many records are still to be read."""
        progress = None if self._reader is None else self._reader.progress(self.tp)
        if progress is not None and self.ready:
            remaining = max(0, progress.highwater - progress.position) + self.waiting_records
            metrics.LAG_RECORDS.labels(self.runner.name, self.tp.topic, self.tp.partition).set(
                remaining
            )
