"""One stage instance as the shell runs it: decode, fold, timers, and what becomes of a message that crashes us."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from traceback import extract_tb
from typing import Any, Protocol

import msgspec

from sstl.agents.day_keys import DrawSource
from sstl.agents.policy_log import PolicySource, source_of
from sstl.agents.prepare import Crash, SourceFormatError
from sstl.agents.store import PartitionStore
from sstl.core.stage import Context, Inbound, Outcome, Output, Stage, StateReader
from sstl.models.policy import Policy


class Runner(Protocol):
    """What the owner of a partition asks of its stage."""

    name: str
    """Stage instance: ``journeys``, ``intake-transport``."""
    cell_type: Any
    period_s: float | None
    """How often `on_timer` is due; None: never."""

    def decode(self, records: Sequence[Any]) -> list[Any]:
        """Decode records of the source topic."""
        ...

    def fold(self, state: StateReader, records: Sequence[Any]) -> Outcome:
        """Fold decoded records."""
        ...

    def on_timer(self, state: StateReader, now_ms: int, *, caught_up: bool) -> Outcome:
        """Do what is due from time to time."""
        ...

    def on_crash(self, crash: Crash, topic: str, partition: int) -> Output:
        """Return the output that sets a message aside which our code failed on."""
        ...

    def on_restored(self, store: PartitionStore) -> Iterator[None]:
        """Show what the state says, once it is restored, a little at each step."""
        ...

    def on_committed(self, outputs: Sequence[Output]) -> None:
        """Show what a committed transaction said."""
        ...


class Gauges(Protocol):
    """What a stage shows of its state beside the metrics that every stage has."""

    def restored(self, store: PartitionStore, partition: int, policy: Policy) -> Iterator[None]:
        """Show a restored state, a little at each step; ``policy`` is the latest version."""
        ...

    def committed(self, outputs: Sequence[Output], partition: int) -> None:
        """Show committed outputs."""
        ...


class NoGauges:
    """Shows nothing."""

    def restored(self, store: PartitionStore, partition: int, policy: Policy) -> Iterator[None]:
        """Show nothing."""
        return iter(())

    def committed(self, outputs: Sequence[Output], partition: int) -> None:
        """Show nothing."""


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """Pointer to an internal message that our code failed on."""

    stage: str
    topic: str
    partition: int
    offset: int
    key: str
    error: str
    """Class of the exception; its text may quote data and stays out."""
    where: str
    """File and line that raised."""


def where_raised(error: BaseException) -> str:
    """Return ``module.py:line`` of the innermost frame of an exception."""
    frames = extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"


class StageRunner:
    """Runs one of the six keyed stages on one partition.

    The policy is asked for at the start of each fold and never within one, so a batch has one chain of versions; so
    are the keys of random draws, where this process draws (None: it does not).
    """

    def __init__(
        self,
        stage: Stage,
        policy: Policy | PolicySource,
        context: Context,
        gauges: Gauges | None = None,
        draws: DrawSource | None = None,
    ) -> None:
        self._draws = draws
        self._gauges = gauges or NoGauges()
        self._stage, self._policy, self._context = stage, source_of(policy), context
        self._decode = msgspec.json.Decoder(stage.message_type).decode
        self.name = stage.name
        self.cell_type = stage.cell_type
        self.period_s: float | None = 1.0 if stage.ticks else None

    def decode(self, records: Sequence[Any]) -> list[Any]:
        """Decode records of an internal topic.

        Raises:
            SourceFormatError: A record is in a format this version does not know.
        """
        decoded = []
        for record in records:
            try:
                message = self._decode(record.value)
            except (msgspec.DecodeError, TypeError) as error:
                raise SourceFormatError(
                    f"{record.topic}/{record.partition}/{record.offset}: {error}; "
                    "written by another version? see docs/formats.md"
                ) from error
            decoded.append(Inbound(record.key.decode(), message, record.offset))
        return decoded

    def fold(self, state: StateReader, records: Sequence[Any]) -> Outcome:
        """Fold a batch."""
        context = self._context
        if self._draws is not None:
            context = replace(context, draws=self._draws())
        return self._stage.fold(state, records, self._policy(), context)

    def on_timer(self, state: StateReader, now_ms: int, *, caught_up: bool) -> Outcome:
        """Publish what waits for a pause; reads no clock."""
        return self._stage.tick(state, self._policy(), self._context)

    def on_crash(self, crash: Crash, topic: str, partition: int) -> Output:
        """Point to the message in the quarantine topic."""
        record: Inbound = crash.record
        pointer = Quarantined(
            stage=self.name,
            topic=topic,
            partition=partition,
            offset=record.offset,
            key=record.key,
            error=type(crash.error).__name__,
            where=where_raised(crash.error),
        )
        return Output("quarantine", f"{topic}/{partition}/{record.offset}", pointer)

    def on_restored(self, store: PartitionStore) -> Iterator[None]:
        """Show what the state says, a little at each step."""
        return self._gauges.restored(store, self._context.partition, self._policy())

    def on_committed(self, outputs: Sequence[Output]) -> None:
        """Show what was said."""
        self._gauges.committed(outputs, self._context.partition)
