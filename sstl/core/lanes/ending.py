"""The windows whose follow-up has ended: they are published once more, as final."""

from collections.abc import Iterator

import msgspec

from sstl.core.lanes.cell import START, Series
from sstl.core.lanes.cohorts import newest_day
from sstl.core.lanes.marks import DIRTY, MARK, SERIES
from sstl.core.lanes.terms import follow_up_ms
from sstl.core.lanes.told import Sayings, provisional_windows
from sstl.core.lanes.windows import DAY_MS, HOUR_MS, TOTAL, ending_with
from sstl.core.lanes.zones import Calendar, calendar_of
from sstl.core.stage import Work
from sstl.models.policy import Policy

_ENDED = "~ended"
"""Reserved key; its part "" holds how far windows were looked through for an end of their follow-up."""
MOST_MARKS = 5_000
_MOST_DAYS = 40
"""Up to so many days are looked up by name; beyond, everything that was published is looked through."""


class Ended(msgspec.Struct, frozen=True, tag="ended.1"):
    """Cell: up to this watermark windows are marked whose follow-up has ended."""

    at_ms: int | None
    """None: of no series yet."""
    to_ms: int | None = None
    """Marking goes on up to here; None: it is done."""
    after: str = ""
    """The last series that is marked up to `to_ms`."""


def mark_ended(work: Work, now_ms: int) -> None:
    """Mark what was published as provisional and whose follow-up the watermark has passed.

    Looks through the series once for each hour of the watermark, and marks about `MOST_MARKS` windows in a step, so
    that one still fits a transaction; the next step goes on, with the next heartbeat or tick.
    """
    told: Ended = work.get(_ENDED, "") or Ended(None)
    since_ms, to_ms = told.at_ms, told.to_ms
    if to_ms is None:
        if since_ms is not None and now_ms // HOUR_MS <= since_ms // HOUR_MS:
            return
        to_ms = now_ms
    marked = 0
    ended = _EndedDays(work.policy, since_ms, to_ms)
    for key in work.parts(SERIES):
        if key <= told.after:
            continue
        for window in _candidates(work, key, ended.of(key)):
            work.put(DIRTY, f"{key}|{window}", MARK)
            marked += 1
        if marked >= MOST_MARKS:
            work.put(_ENDED, "", Ended(since_ms, to_ms, key))
            return
    work.put(_ENDED, "", Ended(to_ms))


def go_on_ended(work: Work) -> None:
    """Take the next step where the last one was not the last."""
    told: Ended | None = work.get(_ENDED, "")
    if told is not None and told.to_ms is not None:
        mark_ended(work, told.to_ms)


class _EndedDays:
    """The days whose follow-up ended while the watermark went from one instant to another."""

    def __init__(self, policy: Policy, since_ms: int | None, to_ms: int) -> None:
        self._policy = policy
        self._versions = tuple(version for _, version in policy.versions())
        self._since_ms, self._to_ms = since_ms, to_ms
        self._known: dict[tuple[str, str, str, Calendar], tuple[int, ...] | None] = {}

    def of(self, key: str) -> tuple[int, ...] | None:
        """Return the days for a series, under any version of the policy; None: too many to look up by name."""
        series = Series.of(key)
        names = series.indicator, series.counting_unit
        name = *names, series.by, calendar_of(self._policy, *names, series.lane_id)
        if name not in self._known:
            self._known[name] = self._find(*name)
        return self._known[name]

    def _find(
        self, indicator_: str, counting_unit: str, by: str, calendar: Calendar
    ) -> tuple[int, ...] | None:
        if self._since_ms is None:
            return None
        days: set[int] = set()
        follow_ups = {
            follow_up_ms(one, indicator_, counting_unit) if by == START else 0
            for one in self._versions
        }
        for follow_up in follow_ups:
            since_ms, to_ms = self._since_ms - follow_up, self._to_ms - follow_up
            if to_ms // DAY_MS - since_ms // DAY_MS > _MOST_DAYS:
                return None
            # a local day ends within a day of the UTC day
            days.update(
                day
                for day in range(since_ms // DAY_MS - 2, to_ms // DAY_MS + 3)
                if since_ms < calendar.bounds(range(day, day + 1))[1] <= to_ms
            )
        return tuple(sorted(days))


def _candidates(work: Work, key: str, days: tuple[int, ...] | None) -> Iterator[str]:
    if days is None:
        yield from provisional_windows(work, key)
        return
    newest = newest_day(work, key) if days else None
    sayings = Sayings(work)
    for day in days:
        for window in ending_with(day):
            said = sayings.of(key, window).said(window)
            if said is not None and said.provisional:
                yield window
        if newest == day:
            yield TOTAL
