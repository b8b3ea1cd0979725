"""All partitions that this worker owns, and what makes the whole process stop."""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from faust.types import TP

from sstl import logs, metrics
from sstl.agents.kafka import Committer, KafkaCommitter
from sstl.agents.partition import PartitionOwner, Reader
from sstl.agents.runner import Runner
from sstl.agents.stop import StopError
from sstl.agents.topics import Topics
from sstl.agents.transport import Batch, Read
from sstl.errors import ExitCode
from sstl.settings import Settings

log = logs.get(__name__)

RunnerOf = Callable[[int], Runner]
"""Makes the runner of one partition of a stage."""


def stop_process(error: StopError) -> None:
    """End the process at once: nothing that is not committed may be acknowledged by an orderly shutdown."""
    log.error("worker stops", cause=error, exit_code=error.exit_code)
    os.write(2, f"sstl: {error}\n".encode())
    os._exit(error.exit_code)


class Delivery:
    """Takes batches from the transport and has them folded and committed, partition by partition.

    Args:
        topics: Names, partition counts, limits.
        settings: Bounds of a transaction and where the broker is.
        max_crashes: More quarantined messages than this stop the process (policy).
        committer_of: Makes the committer of a source partition; for tests.
        stop: What to do with an error that must stop the process; for tests.
    """

    def __init__(
        self,
        topics: Topics,
        settings: Settings,
        *,
        max_crashes: int,
        committer_of: Callable[[TP, str], Committer] | None = None,
        stop: Callable[[StopError], None] = stop_process,
    ) -> None:
        self.topics, self._settings = topics, settings
        self.max_crashes, self._crashed = max_crashes, 0
        self.may_work: Callable[[], bool] = lambda: True
        """Asked before each transaction; while it says no, everything waits. Set it before partitions are assigned."""
        self._committer_of = committer_of or self._kafka_committer
        self._stop = stop
        self._runners: dict[str, RunnerOf] = {}
        self._owners: dict[TP, PartitionOwner] = {}
        self._assigned: set[TP] = set()
        self._assignments = 0
        self.holds_back = False
        """True when the last `readable` left out a partition for which enough waits."""

    def register(self, source: str, runner_of: RunnerOf) -> None:
        """Say which stage works on a source topic (its real name)."""
        self._runners[source] = runner_of

    @property
    def owners(self) -> Mapping[TP, PartitionOwner]:
        """The partitions ever owned by this process."""
        return self._owners

    @property
    def assigned(self) -> frozenset[TP]:
        """The partitions that the group gives to this worker now."""
        return frozenset(self._assigned)

    @property
    def ready(self) -> bool:
        """True when the group has spoken and every partition given to us is being worked on."""
        return self._assignments > 0 and all(self._owners[tp].ready for tp in self._assigned)

    @property
    def ready_count(self) -> int:
        """How many of the partitions given to us are being worked on."""
        return sum(self._owners[tp].ready for tp in self._assigned)

    # -- called by the transport ---------------------------------------------------------------------

    async def on_revoked(self, revoked: Iterable[TP]) -> None:
        """Give partitions up before the group gives them to somebody else."""
        tps = [tp for tp in revoked if tp in self._owners]
        self._assigned.difference_update(tps)
        grace = self._settings.session_timeout.total_seconds() / 2
        await asyncio.gather(*(self._owners[tp].revoked(grace) for tp in tps))

    def on_assigned(self, assigned: Iterable[TP], reader: Reader) -> None:
        """Begin to take over what the group gave us; returns at once."""
        self._assignments += 1
        metrics.REBALANCES.inc()
        self._assigned = {
            TP(tp.topic, tp.partition) for tp in assigned if tp.topic in self._runners
        }
        for tp in self._assigned:
            self._owner(tp).assigned(reader)

    def readable(self, active: Iterable[TP]) -> list[TP]:
        """Return the partitions to poll."""
        readable: list[TP] = []
        self.holds_back = False
        for tp in active:
            owner = self._owners.get(TP(tp.topic, tp.partition))
            if owner is None or not owner.ready:
                continue
            if owner.full:
                self.holds_back = True
            else:
                readable.append(owner.tp)
        return readable

    def cut(self, tp: TP, read: Read, records: Sequence[Any]) -> Batch | None:
        """Make a batch of what a poll brought; None if the partition has moved since."""
        owner = self._owners.get(tp)
        return None if owner is None else owner.cut(read, records)

    def hand_over(self, batch: Batch) -> None:
        """Queue a batch with the owner of its partition (called by the agents)."""
        self._owners[batch.tp].hand_over(batch)

    # -- the process ----------------------------------------------------------------------------------

    def show_lag(self) -> None:
        """Publish the lag of every partition."""
        for tp in self._assigned:
            self._owners[tp].show_lag()

    async def close(self) -> None:
        """Let transactions under way finish, then let go of everything."""
        await asyncio.gather(*(owner.close() for owner in self._owners.values()))

    def _owner(self, tp: TP) -> PartitionOwner:
        owner = self._owners.get(tp)
        if owner is None:
            runner = self._runners[tp.topic](tp.partition)
            owner = self._owners[tp] = PartitionOwner(
                tp,
                runner,
                self.topics,
                self._committer_of(tp, runner.name),
                limits=self._settings,
                pause_s=self._settings.transaction_pause.total_seconds(),
                live=not self._settings.backfill,
                crashes=self._count_crashes,
                stop=self._stop,
                may_work=self.may_work,
            )
        return owner

    def _count_crashes(self, number: int) -> None:
        self._crashed += number
        if self._crashed > self.max_crashes:
            raise StopError(
                f"our code failed on {self._crashed} messages, more than the policy's max_crashes "
                f"({self.max_crashes}); nothing of this batch is committed. Is this a bad release?",
                exit_code=ExitCode.CRASHES,
            )

    def _kafka_committer(self, tp: TP, stage: str) -> Committer:
        changelog = self.topics[f"changelog-{stage}"].name
        return KafkaCommitter(
            self._settings.bootstrap,
            self._settings.group,
            TopicPartition(tp.topic, tp.partition),
            TopicPartition(changelog, tp.partition),
            transaction_timeout_ms=int(self._settings.transaction_timeout.total_seconds() * 1000),
        )
