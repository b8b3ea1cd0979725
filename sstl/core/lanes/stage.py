"""Stage [lanes]: observations added up per series and window, and published as indicators."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from sstl.core.lanes.cell import (
    TOTAL,
    Contribution,
    LaneCell,
    Series,
    Tally,
    day_of,
    day_window,
)
from sstl.core.lanes.counted import Counted, Incident, Tallies, is_counted, sweep
from sstl.core.lanes.publishers import judge_publishers
from sstl.core.lanes.statistics import statistics
from sstl.core.outbound import cloud_event_headers, instant
from sstl.core.publishers import Heard, hear
from sstl.core.said import Said
from sstl.core.stage import (
    PASSED,
    Context,
    Inbound,
    Outcome,
    Output,
    Reached,
    StateReader,
    Work,
    take_heartbeat,
    watermark,
)
from sstl.core.wakeups import Wake
from sstl.models.indicator import Indicator, Window
from sstl.models.policy import Policy
from sstl.models.records import Heartbeat, LanesMessage, Measure, Observation

DIRTY = "~dirty"
"""Reserved key; one part per series and window that is to be published: its key on the topic."""
_NEXT = "~dirty-next"
"""Reserved key; its part "" holds the mark after which the next tick goes on."""
_PUBLISHED = "published/"
"""Parts of a series that begin so hold what was last published of a window."""


class Dirty(msgspec.Struct, frozen=True, tag="dirty.1"):
    """Cell: changed since it was last published."""


_DIRTY = Dirty()


class After(msgspec.Struct, frozen=True, tag="after.1"):
    """Cell: the last mark that a full tick has come to."""

    mark: str


class Published(msgspec.Struct, frozen=True, tag="published.1"):
    """Cell: how often a window of a series was published and what it said then.

    It outlives the counts, so that a revision is never used twice.
    """

    revision: int
    digest: str
    """Of the counts; an equal one is not published again. Empty: nothing is counted."""


class _Batch:
    """The cells that a batch touches, opened once and written once."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._before: dict[tuple[str, str], LaneCell | None] = {}
        self._keys: dict[Series, str] = {}

    def take(self, observation: Observation) -> None:
        """Count the change that an observation tells."""
        previous, current = observation.previous, observation.current
        if previous == current:
            return
        if previous is not None:
            if self._take_back(observation, previous):
                self._work.count("observation", "taken_back")
            else:
                self._work.count("lanes_alarm", "unknown_retraction")
        if current is not None:
            day, whole = self._open(observation, current)
            value = Contribution.of(current)
            day.add(value)
            whole.add(value)
            self._work.count("observation", "added")

    def _take_back(self, observation: Observation, measure: Measure) -> bool:
        # The whole is the sum of its days: what a day can give back, the whole can.
        day, whole = self._open(observation, measure)
        value = Contribution.of(measure)
        return day.take_back(value) and whole.take_back(value)

    def _open(self, observation: Observation, measure: Measure) -> tuple[Tally, Tally]:
        series = Series(
            observation.indicator,
            observation.counting_unit,
            measure.lane_id,
            measure.mode,
            tuple(sorted(measure.strata.items())),
        )
        key = self._keys.get(series)
        if key is None:
            key = self._keys[series] = series.key
        return self._tally(key, day_window(measure.start_ms)), self._tally(key, TOTAL)

    def _tally(self, key: str, window: str) -> Tally:
        tally = self._tallies.get((key, window))
        if tally is None:
            before = self._before[(key, window)] = self._work.get(key, window)
            tally = self._tallies[(key, window)] = Tally(before)
        return tally

    def close(self) -> None:
        """Write the cells that changed and mark them to be published."""
        for place, tally in self._tallies.items():
            cell = tally.cell()
            if self._before[place] != cell:
                key, window = place
                self._work.put(key, window, cell)
                self._work.put(DIRTY, f"{key}|{window}", _DIRTY)


class LanesStage:
    """Indicators per lane from signed observations, and the rules on lanes, offices and publishers.

    State is one cell per (series, UTC day of the start milestone) and one per series for the whole;
    both are sums, so the whole equals its days merged.
    """

    name = "lanes"
    message_type: Any = LanesMessage
    cell_type: Any = (
        LaneCell | Dirty | After | Published | Counted | Incident | Heard | Said | Wake | Reached
    )
    ticks = True

    def __init__(self, most_per_tick: int = 2000) -> None:
        """Publish at most this many indicators per tick; the rest waits, in turn, for the next."""
        self._most_per_tick = most_per_tick

    def fold(
        self, state: StateReader, records: Sequence[Inbound], policy: Policy, context: Context
    ) -> Outcome:
        """Add observations up; nothing is published before a tick."""
        work = Work(state, policy, context)
        batch, tallies = _Batch(work), Tallies(work)
        beats = []
        for record in records:
            message = record.message
            if isinstance(message, Heartbeat):
                beats.append(message)
            elif is_counted(message):
                tallies.take(message)
            else:
                batch.take(message)
        batch.close()
        tallies.close()
        self._beat(work, beats)
        return work.outcome

    def _beat(self, work: Work, beats: Sequence[Heartbeat]) -> None:
        """Take heartbeats, and judge what waited for the watermark; what came with them is counted by then."""
        moved = False
        for beat in beats:
            moved = take_heartbeat(work, beat, name=self.name, downstream=[]) or moved
            hear(work, beat)
        now_ms = watermark(work) if moved else None
        if now_ms is not None:
            sweep(work, now_ms)
            judge_publishers(work, now_ms)

    def tick(self, state: StateReader, policy: Policy, context: Context) -> Outcome:
        """Publish what is marked as changed and clear the marks; no outputs: nothing waits."""
        work = Work(state, policy, context)
        for mark in self._in_turn(work):
            key, window = mark.rsplit("|", 1)
            _publish(work, key, window)
            work.put(DIRTY, mark, None)
        return work.outcome

    def _in_turn(self, work: Work) -> list[str]:
        marks = work.parts(DIRTY)
        if len(marks) <= self._most_per_tick:
            return marks
        after = work.get(_NEXT, "")
        if after is not None:
            # Begin where the last full tick ended: busy early marks must not starve late ones.
            marks = [m for m in marks if m > after.mark] + [m for m in marks if m <= after.mark]
        marks = marks[: self._most_per_tick]
        work.put(_NEXT, "", After(marks[-1]))
        return marks


def _publish(work: Work, key: str, window: str) -> None:
    cell = work.get(key, window)
    digest = "" if cell is None else hashlib.sha256(msgspec.json.encode(cell)).hexdigest()[:16]
    part = _PUBLISHED + window
    before = work.get(key, part)
    if digest == ("" if before is None else before.digest):
        return
    revision = 1 if before is None else before.revision + 1
    told = work.get(PASSED, "")
    record = indicator(key, window, cell, revision=revision, reached_ms=told and told.reached_ms)
    work.put(key, part, Published(revision, digest))
    work.count("indicator", record.state)
    headers = cloud_event_headers(
        identity=f"{record.key}/{revision}", source="urn:sstl:lanes", kind="org.sstl.indicator.v1"
    )
    work.outcome.outputs.append(Output("indicators", record.key, record, headers=headers))


def indicator(
    key: str, window: str, cell: LaneCell | None, *, revision: int, reached_ms: int | None
) -> Indicator:
    """Return the public record of a cell.

    Args:
        key: Of the series.
        window: Name of the window.
        cell: None where nothing is counted any more.
        revision: How often it has been published with this record.
        reached_ms: The watermark, None while there is none.
    """
    series = Series.of(key)
    day = day_of(window)
    common = {
        "key": f"{key}|{window}",
        "indicator": series.indicator,
        "counting_unit": series.counting_unit,
        "lane_id": series.lane_id,
        "mode": series.mode,
        "strata": dict(series.strata),
        "window": Window(kind="TOTAL" if day is None else "P1D", day=day),
        "revision": revision,
        "complete_up_to": None if reached_ms is None else instant(reached_ms),
    }
    if cell is None:
        return Indicator.model_validate({**common, "state": "INSUFFICIENT_DATA", "n": 0})
    result = statistics(cell)
    return Indicator.model_validate(
        {
            **common,
            "state": "AVAILABLE",
            "n": cell.n,
            "mean": result.mean,
            "median": result.median,
            "p90": result.p90,
            "standard_deviation": result.standard_deviation,
            "geometric_mean": result.geometric_mean,
            "min": result.minimum,
            "max": result.maximum,
            "n_zero": cell.n_zero,
            "n_negative": cell.n_negative,
            "n_planned": cell.n_planned,
            "n_late": cell.n_late,
            "share_late": result.share_late,
        }
    )
