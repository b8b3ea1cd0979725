"""The state of one partition brought up to its changelog, before its source is read."""

import asyncio
import time

from faust.types import TP

from sstl import logs
from sstl.agents.kafka import Committer
from sstl.agents.runner import Runner
from sstl.agents.showing import Showing
from sstl.agents.stop import StopError
from sstl.agents.store import PartitionStore
from sstl.errors import ExitCode

log = logs.get(__name__)

STORE_VALID_S = 12 * 3600
"""A store that has not followed its changelog for so long is read anew: tombstones may be gone by then
(``delete.retention.ms`` is 24 h)."""


class Restoring:
    """Restores one partition's store; remembers until when it has followed its changelog.

    Args:
        tp: The source partition.
        runner: The stage.
        store: Its cells.
        committer: Writes transactions.
        show: Metrics and fields of log lines.
    """

    def __init__(
        self, tp: TP, runner: Runner, store: PartitionStore, committer: Committer, show: Showing
    ) -> None:
        self._tp, self._runner, self._store = tp, runner, store
        self._committer, self._show = committer, show
        self._current_at = 0.0

    def followed(self, instant: float) -> None:
        """Note that the store was at its changelog's end at an instant of the monotonic clock."""
        self._current_at = instant

    async def restore(self) -> int:
        """Fence every earlier owner, bring the store up to date, return up to which offset the source is folded.

        Raises:
            StopError: The changelog holds no position, or the source no longer has what follows it.
        """
        began, store, read = time.monotonic(), self._store, 0
        if began - self._current_at > STORE_VALID_S:
            store.clear()

        def progressed(restored: int, remaining: int) -> None:
            nonlocal read
            read = restored
            self._show.restoring(began, restored, remaining, running=True)

        progressed(0, 0)
        # before the restore: nobody else can write to the changelog from here on
        await self._committer.fence()
        await self._committer.restore(store, progressed)
        self._show.restoring(began, read, 0, running=False)
        self._current_at = time.monotonic()
        seconds = round(self._current_at - began, 3)
        log.info("state restored", **self._show.where, records=read, seconds=seconds)
        for _ in self._runner.on_restored(store):
            await asyncio.sleep(0)  # a large state must not keep the process from its heartbeats
        self._show.state(store)
        return await self._checked(store.position)

    async def _checked(self, position: int | None) -> int:
        if position is None:
            raise StopError(
                f"the changelog of {self._show.name} holds no position; run `sstl topics apply`, "
                "which writes the first one",
                exit_code=ExitCode.INCOMPATIBLE,
            )
        begin = await self._committer.beginning()
        if position < begin:
            raise StopError(
                f"{self._show.name} was folded up to offset {position}, but its log now begins at {begin}: "
                f"{begin - position} offsets are gone. Restore the topic, or accept the gap with "
                f"`sstl topics skip {self._tp.topic} {self._tp.partition}`",
                exit_code=ExitCode.INCOMPATIBLE,
            )
        return position
