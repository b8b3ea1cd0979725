"""The stage [journeys]: keeps what is reported of each unit and tells what changed in its assessment.

Cells of a unit: ``""`` the head, ``events/<n>`` chunks of events, ``share/<manifest>``, ``pings/<from>``, and what
was last told of it: ``flag/<id>``, ``observation/<id>``, ``told`` (milestones to consignments) and ``judged`` (how
often rules answered what). A batch folds each unit once; what is told is the difference between the assessment after it
and what was told before, so that folding whole or message by message ends the same.

When the watermark moves, the units whose deadlines it has come to are assessed again as of it, and so are those that
waited for a publisher which has spoken.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sstl.core.deadlines import DueAt, DueBucket, as_of, move_deadline, take_due
from sstl.core.journeys.forgetting import forget_journeys
from sstl.core.journeys.hot import Hot, HotUnits
from sstl.core.journeys.moving import take_position
from sstl.core.journeys.pings import PingGroup
from sstl.core.journeys.record import Chunk, drop
from sstl.core.journeys.retention import Due, DueCount, due, move
from sstl.core.journeys.telling import Raised, Shown, Told
from sstl.core.journeys.unit import Head, Judged, Message, ShareCell, fold_unit
from sstl.core.publishers import Heard, Publishers, hear, move_awaits
from sstl.core.stage import Context, Inbound, Outcome, Reached, StateReader, Work, take_heartbeat
from sstl.models.policy import Policy
from sstl.models.records import Heartbeat, JourneysMessage

__all__ = ["Head", "JourneysStage", "ShareCell"]


class JourneysStage:
    """Units' movements: journeys, milestones, legs, lead times, seals, and the rules on them.

    An instance keeps units that it folded lately in memory; what it answers does not depend on that.

    Args:
        hot_room: How much is kept (`HotUnits`); 0: nothing, every fold reads its unit's cells anew.
    """

    name = "journeys"
    message_type: Any = JourneysMessage
    cell_type: Any = (
        Head
        | Chunk
        | ShareCell
        | PingGroup
        | Raised
        | Shown
        | Told
        | Judged
        | Due
        | DueCount
        | DueAt
        | DueBucket
        | Heard
        | Reached
    )
    ticks = False

    def __init__(self, hot_room: int = 120_000) -> None:
        self._hot = HotUnits(hot_room)

    def fold(
        self, state: StateReader, records: Sequence[Inbound], policy: Policy, context: Context
    ) -> Outcome:
        """Fold a batch."""
        work = Work(state, policy, context)
        waiting: dict[str, list[Message]] = {}
        for record in records:
            if isinstance(record.message, Heartbeat):
                # What came before the heartbeat is told before it is passed on.
                self._fold_units(work, waiting)
                waiting = {}
                self._beat(work, record.message)
            else:
                waiting.setdefault(record.key, []).append(record.message)
        self._fold_units(work, waiting)
        return work.outcome

    def tick(self, state: StateReader, policy: Policy, context: Context) -> Outcome:
        """Do nothing: nothing waits for a pause."""
        return Outcome()

    def _fold_units(self, work: Work, waiting: Mapping[str, Sequence[Message]]) -> None:
        for unit, messages in waiting.items():
            self._fold_unit(work, unit, messages)

    def _fold_unit(
        self, work: Work, unit: str, messages: Sequence[Message], *, again: bool = False
    ) -> None:
        hot = self._hot.take(work, unit)
        if (
            hot is not None
            and not again
            and len(messages) == 1
            and take_position(work, unit, messages[0], hot)
        ):
            kept: Hot | None = hot
        else:
            kept = fold_unit(work, unit, messages, hot, again=again)
        if kept is not None:
            self._hot.keep(unit, kept)

    def _beat(self, work: Work, beat: Heartbeat) -> None:
        waited = hear(work, beat) if beat.source in work.context.sources else []
        before = len(work.outcome.outputs)
        moved = take_heartbeat(
            work,
            beat,
            name=self.name,
            downstream=("consignments", "findings", "observations"),
            publishers=tuple(Publishers(work).items()),
        )
        # The stage's own heartbeat says that everything up to it has been told: it goes last.
        heartbeats = work.outcome.outputs[before:]
        del work.outcome.outputs[before:]
        for unit in waited:
            self._ask_again(work, unit)
        if moved:
            for unit, _ in take_due(work, as_of(work)):
                self._ask_again(work, unit)
                work.count("deadline_passed")
        work.outcome.outputs.extend(heartbeats)
        if moved:
            for unit, day in list(due(work)):
                self._forget(work, unit, day)

    def _ask_again(self, work: Work, unit: str) -> None:
        if work.get(unit, "") is not None:
            self._fold_unit(work, unit, (), again=True)

    def _forget(self, work: Work, unit: str, day: int) -> None:
        head: Head | None = work.get(unit, "")
        if head is not None and head.due_ms is not None and head.due_ms <= as_of(work):
            return  # A deadline has come that is judged with one of the next heartbeats.
        if head is not None and head.shed_day is not None and head.shed_day <= day:
            self._hot.drop(unit)
            work.count("journey_dropped", by=forget_journeys(work, unit, head, day))
            return
        move(work, unit, day, None)
        if head is not None:
            move_deadline(work, unit, head.due_ms, None)
            move_awaits(work, unit, head.awaited, {})
        drop(work, unit)
        self._hot.drop(unit)
        work.count("unit_dropped")
