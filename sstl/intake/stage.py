"""Intake as a stage: pure, and without state but for how far it and its publishers have come."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from sstl.core.stage import HEARTBEAT, Context, Outcome, Output, StateReader
from sstl.intake.envelope import RawRecord, RefusedError
from sstl.intake.place import outputs
from sstl.intake.pseudonym import Pseudonyms
from sstl.intake.reject import internal_error, rejected
from sstl.intake.validate import judge
from sstl.models.policy import Policy
from sstl.models.records import Heartbeat

__all__ = ["INTAKE", "IntakeCell", "IntakeStage", "internal_error"]

INTAKE = "~intake"
"""Reserved key of the one cell."""
_ANSWERS = frozenset({"feedback", "action"})
"""Families that answer flags."""
_UNSEEN_MS = 1000
"""A caught-up reader may not yet see what was appended within this time."""


class IntakeCell(msgspec.Struct, frozen=True, tag="intake.1"):
    """How far this partition has come; nothing in it ever goes back."""

    appended_ms: int | None = None
    """Greatest append time folded."""
    arrived_ms: int | None = None
    """Greatest arrival time or progress folded."""
    told_ms: int | None = None
    """What the last heartbeat said."""
    told_caught_up: bool = False


class PublisherCell(msgspec.Struct, frozen=True, tag="intake-publisher.1"):
    """Cell: when one publisher was last heard of (arrival time, ms)."""

    arrival_ms: int
    told_ms: int = 0
    """What the last heartbeat said."""


def named_publishers(policy: Policy) -> frozenset[str]:
    """Return the publishers (CloudEvents source) that a lane waits for, in any version at hand: the only ones told."""
    known: frozenset[str] | None = policy.__dict__.get("_publishers")
    if known is None:
        known = frozenset(
            source
            for _, version in policy.versions()
            for lane in version.lanes.values()
            for source in lane.publishers.values()
        )
        policy.__dict__["_publishers"] = known
    return known


class IntakeStage:
    """Judges the messages of one input topic and sends each where it belongs.

    Args:
        family: Family of the topic (``transport``).
        pseudonym_key: Key under which names of parties become pseudonyms.
        backfill: The topic carries the past: arrival time is the earlier of append and recorded time.
    """

    message_type: Any = RawRecord
    cell_type: Any = IntakeCell | PublisherCell
    ticks = False

    def __init__(self, family: str, *, pseudonym_key: bytes, backfill: bool = False) -> None:
        self.name = f"intake-{family}"
        self._family = family
        self._pseudonyms = Pseudonyms(pseudonym_key)
        self._backfill = backfill
        self._downstream: tuple[str, ...] = ("references", "manifests", "journeys")
        if family in _ANSWERS:
            self._downstream += ("findings",)

    def fold(
        self,
        state: StateReader,
        records: Sequence[RawRecord],
        policy: Policy,
        context: Context,
    ) -> Outcome:
        """Judge a batch: every record ends as accepted or as rejected."""
        outcome = Outcome()
        before = state.get(INTAKE, "") or IntakeCell()
        appended_ms, arrived_ms = before.appended_ms, before.arrived_ms
        named, heard = named_publishers(policy), dict[str, int]()
        for record in records:
            appended_ms = _greatest(appended_ms, record.timestamp_ms)
            try:
                accepted = judge(
                    record,
                    policy=policy,
                    pseudonyms=self._pseudonyms,
                    backfill=self._backfill,
                    reached_ms=arrived_ms,
                )
            except RefusedError as refused:
                outcome.outputs.append(rejected(record, refused.problems, refused.named))
                outcome.counts[("rejected", refused.problems[0].reason.value)] += 1
                continue
            outcome.counts[("accepted", self._family)] += 1
            if accepted.unknown:
                outcome.counts[("unknown_fields", self._family)] += accepted.unknown
            event = accepted.event
            if event.source in named:
                heard[event.source] = max(
                    event.arrival_ms, accepted.progress_ms or 0, heard.get(event.source, 0)
                )
            if accepted.progress_ms is not None:
                arrived_ms = _greatest(arrived_ms, accepted.progress_ms)
                continue
            arrived_ms = _greatest(arrived_ms, event.arrival_ms)
            outcome.outputs.extend(outputs(accepted))
        after = msgspec.structs.replace(before, appended_ms=appended_ms, arrived_ms=arrived_ms)
        if after != before:
            outcome.changed[(INTAKE, "")] = after
        for source, arrival_ms in heard.items():
            known: PublisherCell = state.get(INTAKE, source) or PublisherCell(0)
            if arrival_ms > known.arrival_ms:
                outcome.changed[(INTAKE, source)] = PublisherCell(arrival_ms, known.told_ms)
        return outcome

    def tick(self, state: StateReader, policy: Policy, context: Context) -> Outcome:
        """Nothing waits in intake."""
        return Outcome()

    def heartbeat(
        self,
        state: StateReader,
        context: Context,
        now_ms: int,
        caught_up: bool,  # noqa: FBT001
    ) -> Outcome:
        """Tell everything downstream how far this partition has come in arrival time.

        A live topic that is read to its end has come as far as the clock, less what a reader may not see yet;
        one that is behind, as far as what it has folded. A backfill never looks at the clock: it has come as
        far as its own messages say.

        Args:
            state: This partition's cells.
            context: The partition.
            now_ms: The shell's clock, milliseconds since the Unix epoch.
            caught_up: Whether everything that the topic holds has been folded.
        """
        outcome = Outcome()
        before = state.get(INTAKE, "") or IntakeCell()
        if self._backfill:
            reached = before.arrived_ms
        elif caught_up:
            reached = now_ms - _UNSEEN_MS
        else:
            reached = before.appended_ms
        if reached is None:
            return outcome
        reached = _greatest(before.told_ms, reached)
        if (reached, caught_up) == (before.told_ms, before.told_caught_up):
            return outcome
        outcome.changed[(INTAKE, "")] = msgspec.structs.replace(
            before, told_ms=reached, told_caught_up=caught_up
        )
        beat = Heartbeat(
            source=f"{self.name}/{context.partition}",
            reached_ms=reached,
            caught_up=caught_up,
            publishers=tuple(_heard_since(state, outcome)),
        )
        outcome.outputs.extend(
            Output(topic, HEARTBEAT, beat, broadcast=True) for topic in self._downstream
        )
        return outcome


def _heard_since(state: StateReader, outcome: Outcome) -> Iterator[tuple[str, int]]:
    """Yield the publishers heard of since the heartbeat before, and note that they are told."""
    for source in state.parts(INTAKE):
        cell = state.get(INTAKE, source)
        if isinstance(cell, PublisherCell) and cell.arrival_ms > cell.told_ms:
            outcome.changed[(INTAKE, source)] = PublisherCell(cell.arrival_ms, cell.arrival_ms)
            yield source, cell.arrival_ms


def _greatest(known: int | None, value: int) -> int:
    return value if known is None else max(known, value)
