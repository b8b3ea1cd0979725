"""The stage [journeys]: keeps what is reported of each unit and tells what changed in its assessment.

Cells of a unit: ``""`` the head, ``events/<n>`` chunks of events, ``share/<manifest>``, ``pings/<from>``, and what
was last told of it: ``flag/<id>``, ``observation/<subject>``, ``told`` (milestones to consignments) and ``judged`` (how
often rules answered what). A batch folds each unit once; what is told is the difference between the assessment after it
and what was told before, so that folding whole or message by message ends the same.

When the watermark moves, the units whose deadlines it has come to are assessed again as of it, and so are those that
waited for a publisher which has spoken.
"""

from collections.abc import Sequence
from typing import Any

from sstl.core.deadlines import DueAt, DueBucket, as_of, move_deadline
from sstl.core.journeys.counts import Judged
from sstl.core.journeys.forgetting import forget_journeys
from sstl.core.journeys.hot import HotUnits
from sstl.core.journeys.moving import take_positions
from sstl.core.journeys.pings import PingGroup
from sstl.core.journeys.record import Chunk, drop
from sstl.core.journeys.retention import Due, DueCount, move
from sstl.core.journeys.telling import Raised, Told
from sstl.core.journeys.unit import Head, Message, ShareCell, fold_unit
from sstl.core.observations import Shown
from sstl.core.publishers import Heard, move_awaits
from sstl.core.stage import Reached, Work
from sstl.core.subjects import SubjectStage
from sstl.models.records import JourneysMessage

__all__ = ["Head", "JourneysStage", "ShareCell"]


class JourneysStage(SubjectStage):
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
    downstream = ("consignments", "findings", "observations")

    def __init__(self, hot_room: int = 160_000) -> None:
        self._hot = HotUnits(hot_room)

    def _take(self, work: Work, key: str, messages: Sequence[Message]) -> None:
        self._fold_unit(work, key, messages)

    def _fold_unit(
        self, work: Work, unit: str, messages: Sequence[Message], *, again: bool = False
    ) -> None:
        hot = self._hot.take(work, unit)
        left: Sequence[Message] = messages
        if hot is not None and not again:
            left = take_positions(work, unit, messages, hot)
        kept = hot
        if left or again or hot is None:
            kept = fold_unit(work, unit, left, hot, again=again)
        if kept is not None:
            self._hot.keep(work, unit, kept)

    def _ask_again(self, work: Work, key: str) -> None:
        if work.get(key, "") is not None:
            self._fold_unit(work, key, (), again=True)

    def _forget(self, work: Work, key: str, day: int) -> None:
        head: Head | None = work.get(key, "")
        if head is not None and head.due_ms is not None and head.due_ms <= as_of(work):
            return  # A deadline has come that is judged with one of the next heartbeats.
        if head is not None and head.shed_day is not None and head.shed_day <= day:
            self._hot.drop(key)
            work.count("journey_dropped", by=forget_journeys(work, key, head, day))
            return
        move(work, key, day, None)
        if head is not None:
            move_deadline(work, key, head.due_ms, None)
            move_awaits(work, key, head.awaited, {})
        drop(work, key)
        self._hot.drop(key)
        work.count("unit_dropped")
