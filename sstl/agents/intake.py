"""Agent of intake: one instance for each input topic; judges, normalises and routes."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from sstl.agents.app import LaneApp, serve
from sstl.agents.delivery import Delivery
from sstl.agents.policy_log import PolicySource, source_of
from sstl.agents.prepare import Crash
from sstl.agents.store import PartitionStore
from sstl.agents.topics import FAMILIES, Topics
from sstl.core.stage import Context, Outcome, Output, StateReader
from sstl.intake.envelope import RawRecord
from sstl.intake.stage import IntakeStage, internal_error
from sstl.models.policy import Policy
from sstl.settings import Settings


class IntakeRunner:
    """Runs intake on one partition of one input topic."""

    HEARTBEAT_S = 2.0

    def __init__(
        self,
        stage: IntakeStage,
        policy: Policy | PolicySource,
        context: Context,
        family: str,
    ) -> None:
        self._stage, self._policy, self._context = stage, source_of(policy), context
        self._family = family
        self.name = f"intake-{family}"
        self.cell_type = stage.cell_type
        self.period_s: float | None = self.HEARTBEAT_S

    def decode(self, records: Sequence[Any]) -> list[RawRecord]:
        """Take the publisher's bytes as they are; judging them is the fold's work."""
        return [
            RawRecord(
                family=self._family,
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                timestamp_ms=record.timestamp,
                key=record.key,
                value=record.value,
                headers=tuple(record.headers),
            )
            for record in records
        ]

    def fold(self, state: StateReader, records: Sequence[Any]) -> Outcome:
        """Judge, normalise and route a batch."""
        return self._stage.fold(state, records, self._policy(), self._context)

    def on_timer(self, state: StateReader, now_ms: int, *, caught_up: bool) -> Outcome:
        """Tell downstream how far this partition has come in arrival time."""
        return self._stage.heartbeat(state, self._context, now_ms, caught_up)

    def on_crash(self, crash: Crash, topic: str, partition: int) -> Output:
        """Reject the message: every input ends as accepted or rejected."""
        return internal_error(crash.record, type(crash.error).__name__)

    def on_restored(self, store: PartitionStore) -> Iterator[None]:
        """Show nothing: intake keeps no state but how far it has come."""
        return iter(())

    def on_committed(self, outputs: Sequence[Output]) -> None:
        """Show nothing beyond the counts."""


def runner(
    family: str, partition: int, policy: Policy | PolicySource, settings: Settings
) -> IntakeRunner:
    """Return what runs one partition of one input family."""
    stage = IntakeStage(
        family, pseudonym_key=settings.pseudonym_key, backfill=family in settings.backfill
    )
    return IntakeRunner(stage, policy, Context(partition, frozenset()), family)


def attach(
    app: LaneApp,
    delivery: Delivery,
    topics: Topics,
    policy: Policy | PolicySource,
    settings: Settings,
) -> None:
    """Register an agent for each input family."""
    for family in FAMILIES:
        serve(
            app,
            delivery,
            topics,
            name=f"intake-{family}",
            source=family,
            runner_of=partial(runner, family, policy=policy, settings=settings),
        )
