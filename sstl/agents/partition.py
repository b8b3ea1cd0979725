"""The owner of one source partition: take-over, and one transaction for whatever waits.

Order of a take-over: fence every earlier owner, restore the state (the position is part of it), seek, read.
Order of a batch: fold, send everything, await everything, commit; memory changes only after the commit. A batch
that was read under an earlier take-over is dropped before it can begin a transaction.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from aiokafka import errors as kafka_errors
from faust.types import TP

from sstl import logs
from sstl.agents.kafka import Committer
from sstl.agents.prepare import Prepared, Preparer, SourceFormatError, merge
from sstl.agents.restoring import Restoring
from sstl.agents.runner import Runner, where_raised
from sstl.agents.showing import Showing
from sstl.agents.stop import FENCED, REFUSED, StopError
from sstl.agents.store import PartitionStore
from sstl.agents.topics import Topics
from sstl.agents.transport import Batch, Progress, Read
from sstl.agents.waiting import Limits, Waiting
from sstl.core.stage import Outcome
from sstl.errors import ExitCode

log = logs.get(__name__)

MAX_OUTPUTS = 50_000
PAUSED_S = 0.1
MAX_TRIES = 40
MAX_BACKOFF_S = 5.0


class Reader(Protocol):
    """What the owner needs of the consumer."""

    async def release(self, tp: TP, position: int, session: int) -> None:
        """Let the partition be read from this position on; what is read then belongs to this take-over."""

    async def rejoin(self) -> None:
        """Join the group anew."""

    def progress(self, tp: TP) -> Progress | None:
        """Return where the reader stands."""


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
        may_work: Asked before each transaction; while it says no, batches wait and nothing is written.
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
        may_work: Callable[[], bool] = lambda: True,
    ) -> None:
        self.tp, self.runner = tp, runner
        self.store = PartitionStore(runner.cell_type)
        self._committer, self._pause_s = committer, pause_s
        self._watermark_rest_s = limits.watermark_rest.total_seconds()
        self._show = Showing(tp, runner, live=live)
        self._restoring = Restoring(tp, runner, self.store, committer, self._show)
        self._crashes, self._stop, self._may_work = crashes, stop, may_work
        self._preparer = Preparer(topics, runner.fold)
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._waiting = Waiting(limits)
        self._reader: Reader | None = None
        self._due_at = 0.0
        self._rest_until: float | None = None
        self._tries = 0
        self._task: asyncio.Task[None] | None = None
        self._taking: asyncio.Task[None] | None = None
        self.session = 0
        self.ready = False
        self.handed_out = 0
        """End of the last batch handed out, or where the partition was released."""

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
        self._show.forget()

    async def close(self) -> None:
        """End all work, letting a transaction under way finish."""
        await self.revoked(grace_s=10.0)
        if self._task is not None:
            self._task.cancel()

    def _new_session(self) -> None:
        self.session += 1
        self.ready = False
        self._waiting.clear()

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
                position = await self._restoring.restore()
                reader = self._reader_of(session)
                if reader is None:
                    return
                self.handed_out = position
                await reader.release(self.tp, position, session)
                if session == self.session:
                    self.ready = True
                    self._due_at = 0.0
                    self._wake.set()
                    log.info("partition taken over", **self._show.where, offset=position)
        except StopError as error:
            self._stop(error)
        except SourceFormatError as error:
            self._stop(StopError(str(error), exit_code=ExitCode.INCOMPATIBLE))
        except (kafka_errors.KafkaError, OSError, TimeoutError) as error:
            self._try_again(error, session)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            # whatever it is, a partition without an owner must be loud
            self._stop(
                StopError(
                    f"take-over of {self._show.name}: {type(error).__name__} at {where_raised(error)}",
                    exit_code=ExitCode.FAILED,
                )
            )

    def _reader_of(self, session: int) -> Reader | None:
        """Return the reader while this session lasts; a rebalance may end it at any await."""
        return self._reader if session == self.session else None

    def _try_again(self, error: BaseException, session: int) -> None:
        """Take the partition over anew after a fault that may pass, or stop after too many."""
        if session != self.session:
            return
        self._tries += 1
        if self._tries > MAX_TRIES:
            self._stop(
                StopError(
                    f"{self._show.name}: gave up after {self._tries} tries: {type(error).__name__}",
                    exit_code=ExitCode.UNREACHABLE,
                )
            )
            return
        self._new_session()
        delay = min(MAX_BACKOFF_S, 0.1 * 2 ** min(self._tries, 10))
        log.warning(
            "partition will be taken over again",
            **self._show.where,
            error=type(error).__name__,
            seconds=delay,
        )
        self._begin_take_over(delay)

    # -- batches -----------------------------------------------------------------------------------

    @property
    def full(self) -> bool:
        """True when enough waits; it is not read until some of that is done."""
        return self._waiting.enough

    def cut(self, read: Read, records: Sequence[Any]) -> Batch | None:
        """Make a batch of what a poll brought, None if the partition has moved since.

        The session is that of the release after which it was read, which may be a moment older than `ready`:
        what is dropped here is never read again.
        """
        if read.session != self.session:
            self._show.stale()
            return None
        self.handed_out = read.end
        return Batch(self.tp, read.session, read.start, read.end, records)

    def hand_over(self, batch: Batch) -> None:
        """Queue a batch for the next transaction."""
        if batch.session != self.session:
            self._show.stale()
            return
        self._waiting.add(batch)
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
                self._stop(StopError(str(error), exit_code=ExitCode.INCOMPATIBLE))
                return
            except REFUSED as error:
                self._stop(
                    StopError(
                        f"the broker refused what {self._show.name} wrote ({type(error).__name__}); nothing of the "
                        "batch is committed. `sstl topics plan` shows topics that differ from their declaration",
                        exit_code=ExitCode.INCOMPATIBLE,
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
                        f"{self._show.name}: {type(error).__name__} at {where_raised(error)}",
                        exit_code=ExitCode.FAILED,
                    )
                )
                return
            if self._waiting:
                # Kafka is still writing the last commit's markers; a short rest makes fewer, larger transactions
                await asyncio.sleep(self._pause_s)

    async def _lost(self, error: BaseException, session: int) -> None:
        outcome = "fenced" if isinstance(error, FENCED) else "aborted"
        self._show.lost(outcome)
        log.warning("transaction lost", **self._show.where, error=type(error).__name__)
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
        """Wait for a batch or for the timer, and until work may go on."""
        if not self._waiting:
            self._wake.clear()
            period = self.runner.period_s
            timeout = None if period is None else max(0.0, self._due_at - time.monotonic())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
            if not self._waiting and not self.ready:
                await asyncio.sleep(0.05)
        if self._waiting.only_heartbeats:
            await self._gather_heartbeats()
        # what it depends on is a clock, which sets no event
        while not self._may_work():  # noqa: ASYNC110
            await asyncio.sleep(PAUSED_S)

    async def _gather_heartbeats(self) -> None:
        """Let heartbeats wait for each other: a transaction costs as much for one as for many."""
        now = time.monotonic()
        if self._rest_until is None:
            self._rest_until = now + self._watermark_rest_s
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._rest_until - now)):
                while self._waiting.only_heartbeats and not self._timer_due():
                    self._wake.clear()
                    await self._wake.wait()

    async def _step(self) -> None:
        """Do one transaction: the timer's when it is due, else what waits."""
        began = time.monotonic()
        if self._timer_due():
            prepared = self._on_timer()
            if not prepared.empty:
                await self._commit(prepared, self._folded_up_to(), 0, began)
            return
        batches = self._waiting.take()
        self._rest_until = None
        if not batches:
            return
        if batches[0].start != self.store.position:
            raise StopError(
                f"{self._show.name}: read from {batches[0].start} but folded up to {self.store.position}",
                exit_code=ExitCode.FAILED,
            )
        records = [record for batch in batches for record in batch.records]
        end = batches[-1].end
        prepared, used = self._prepare(records)
        self._waiting.folded(used, time.monotonic() - began)
        if used < len(records):
            end = records[used].offset
            last = batches[-1]
            self._waiting.put_back(Batch(self.tp, last.session, end, last.end, records[used:]))
        await self._commit(self._with_crashes(prepared), end, used, began)

    async def _commit(self, prepared: Prepared, end: int, records: int, began: float) -> None:
        folded = time.monotonic()
        changelog_offset = await self._committer.commit(prepared, end)
        # memory follows the log, never the other way round
        self.store.apply(prepared.changed, prepared.decoded)
        self.store.position = end
        if changelog_offset is not None:
            self.store.changelog_offset = changelog_offset
        committed = time.monotonic()
        self._restoring.followed(committed)
        self._tries = 0
        self._show.committed(prepared, records, folded - began, committed - folded)
        self._show.state(self.store)

    def _folded_up_to(self) -> int:
        if self.store.position is None:
            raise StopError(f"{self._show.name}: no position", exit_code=ExitCode.FAILED)
        return self.store.position

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
                **self._show.where,
                offset=crash.record.offset,
                error=type(crash.error).__name__,
                where=where_raised(crash.error),
            )
            outcome.outputs.append(self.runner.on_crash(crash, self.tp.topic, self.tp.partition))
        self._show.quarantined(len(prepared.crashes))
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
            not self._waiting
            and progress.position >= progress.highwater
            and self.handed_out == self.store.position
        )
        outcome = self.runner.on_timer(self.store, progress.fetched_ms, caught_up=caught_up)
        return self._preparer.encode(outcome)

    def show_lag(self) -> None:
        """Publish how many records are still to be read."""
        progress = None if self._reader is None else self._reader.progress(self.tp)
        if progress is not None and self.ready:
            self._show.lag(max(0, progress.highwater - progress.position) + self._waiting.records)
