"""Stage [lanes]: observations added up per series and window, and published as indicators."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import msgspec

from sstl.core.incidents import COUNTED
from sstl.core.lanes.cell import HoursCell, StartedCell, WeekCell, WholeCell
from sstl.core.lanes.combinations import series_of
from sstl.core.lanes.composition import compose, composed_at
from sstl.core.lanes.counted import Counted, Incident, Tallies, sweep
from sstl.core.lanes.counting import Counting
from sstl.core.lanes.ending import Ended, go_on_ended, mark_ended
from sstl.core.lanes.following import Followed, go_on_open, mark_open, note_resumed
from sstl.core.lanes.marks import CHANGED, DIRTY, Changed, Mark
from sstl.core.lanes.publishers import judge_publishers
from sstl.core.lanes.publishing import Publication, forget_hours, windows_of
from sstl.core.lanes.told import Published, PublishedSeries
from sstl.core.publishers import Heard, hear
from sstl.core.said import Said
from sstl.core.stage import (
    Context,
    Inbound,
    Outcome,
    Reached,
    StateReader,
    Work,
    take_heartbeat,
    watermark,
)
from sstl.core.wakeups import Wake
from sstl.models.policy import Policy
from sstl.models.records import Heartbeat, LanesMessage

_NEXT = "~dirty-next"
"""Reserved key; its part "" holds the mark after which the next tick goes on."""


class After(msgspec.Struct, frozen=True, tag="after.1"):
    """Cell: the last mark that a full tick has come to."""

    mark: str


class LanesStage:
    """Indicators per lane from signed observations, and the rules on lanes, offices and publishers.

    State is what each combination of strata counts on each local day of the start milestone, what each series counts as
    a whole, and each series of all together in each hour of the last eight days; all are sums, so the whole equals its
    days merged.
    """

    name = "lanes"
    message_type: Any = LanesMessage
    cell_type: Any = (
        WholeCell
        | StartedCell
        | WeekCell
        | HoursCell
        | Mark
        | Changed
        | After
        | Published
        | PublishedSeries
        | Ended
        | Followed
        | Counted
        | Incident
        | Heard
        | Said
        | Wake
        | Reached
    )
    ticks = True

    def __init__(self, most_per_tick: int = 2000) -> None:
        """Publish no more once this many windows are done in a tick; the rest waits, in turn, for the next."""
        self._most_per_tick = most_per_tick

    def fold(
        self, state: StateReader, records: Sequence[Inbound], policy: Policy, context: Context
    ) -> Outcome:
        """Add observations up; nothing is published before a tick."""
        work = Work(state, policy, context)
        batch, tallies = Counting(work), Tallies(work)
        take = batch.take
        beats = []
        for record in records:
            message = record.message
            if isinstance(message, Heartbeat):
                beats.append(message)
            elif message.indicator in COUNTED:
                tallies.take(message)
            else:
                take(message)
        batch.close()
        tallies.close()
        self._beat(work, beats)
        return work.outcome

    def _beat(self, work: Work, beats: Sequence[Heartbeat]) -> None:
        """Take heartbeats, and judge what waited for the watermark; what came with them is counted by then."""
        moved = False
        for beat in beats:
            note_resumed(work, beat)
            moved = take_heartbeat(work, beat, name=self.name, downstream=[]) or moved
            hear(work, beat)
        now_ms = watermark(work) if moved else None
        if now_ms is not None:
            forget_hours(work, now_ms)
            mark_ended(work, now_ms)
            sweep(work, now_ms)
            judge_publishers(work, now_ms)
        if beats:
            # also where the watermark stands still and its sources are caught up by now
            mark_open(work)

    def tick(self, state: StateReader, policy: Policy, context: Context) -> Outcome:
        """Publish what is marked as changed and clear the marks; no change: nothing waits.

        Once all is published, what was too much for one step when the watermark moved is marked a step further.
        """
        work = Work(state, policy, context)
        marks = sorted((mark, place) for place in (CHANGED, DIRTY) for mark in work.parts(place))
        after = work.get(_NEXT, "")
        if after is not None:
            # Begin where the last full tick ended: busy early marks must not starve late ones.
            later = bisect_right(marks, (after.mark, DIRTY))
            marks = marks[later:] + marks[:later]
        publication = Publication(work)
        seen: set[tuple[str, str]] = set()
        last = None
        for number, (mark, place) in enumerate(marks):
            if len(seen) >= self._most_per_tick:
                last = marks[number - 1][0]
                break
            _publish_marked(work, publication, mark, place, seen)
            work.put(place, mark, None)
        publication.close()
        work.put(_NEXT, "", None if last is None else After(last))
        if last is None:
            go_on_ended(work)
            go_on_open(work)
        return work.outcome


def _publish_marked(
    work: Work, publication: Publication, mark: str, place: str, seen: set[tuple[str, str]]
) -> None:
    """Publish what is to be published because of a mark, unless this tick has seen it."""
    key, window = mark.rsplit("|", 1)
    if place == CHANGED:
        publication.cohorts.settle(key)
    for one in series_of(key) if place == CHANGED else (key,):
        for changed in windows_of(window):
            if (one, changed) not in seen:
                seen.add((one, changed))
                publication.publish(one, changed)
        for composed in composed_at(one, window):
            if composed not in seen:
                seen.add(composed)
                compose(work, publication.cohorts, *composed)
