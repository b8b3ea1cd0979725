"""What a tick publishes: the windows that changed, with their figures. Windows that end are marked in `ending`.

Weeks and months are merged from their days here and are stored nowhere; what was last said is in
`sstl.core.lanes.told`.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from sstl.core.indicators.registry import Kind, definition
from sstl.core.lanes.cell import START, HoursCell, LaneCell, Series
from sstl.core.lanes.cohorts import Cohorts
from sstl.core.lanes.counting import oldest_hour
from sstl.core.lanes.derived import Figure, derived
from sstl.core.lanes.followed import Horizon
from sstl.core.lanes.following import horizon_of, moving
from sstl.core.lanes.marks import DIRTY, MARK
from sstl.core.lanes.places import HOURS, whole_key
from sstl.core.lanes.record import figure_record, indicator
from sstl.core.lanes.terms import follow_up_ms
from sstl.core.lanes.told import (
    FIGURE,
    TOLD_HOURS,
    Published,
    Sayings,
    Told,
    next_told,
)
from sstl.core.lanes.windows import (
    DAY_PREFIX,
    HOUR_PREFIX,
    TOTAL,
    days_of,
    hour_number,
    hour_window,
    month_window,
    name_of_day,
    week_window,
)
from sstl.core.lanes.zones import bounds_of
from sstl.core.outbound import cloud_event_headers
from sstl.core.stage import PASSED, Output, Work
from sstl.core.statistics.result import Method, NotEstimable
from sstl.models.indicator import Indicator
from sstl.models.policy import Policy

_DIGEST_BYTES = 6
"""That a change is taken for none happens once in 2 ** 48."""


def windows_of(window: str) -> tuple[str, ...]:
    """Return what is to be published when a window is marked: a changed day changes its week, month and the whole."""
    if not window.startswith(DAY_PREFIX):
        return (window,)
    day = days_of(window).start
    return (window, week_window(day), month_window(day), TOTAL)


class _Governed(NamedTuple):
    """What all series of one indicator, lane and mode have in common in a window."""

    policy: Policy
    """The version that governs it."""
    provisional: bool
    until: Horizon | None
    """Until when its cohort is followed; None: what has not ended is not known of it."""


class Publication:
    """What one tick publishes."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.cohorts = Cohorts(work)
        told = work.get(PASSED, "")
        self._reached_ms = None if told is None else told.reached_ms
        self._sayings = Sayings(work)
        self._governed: dict[tuple[str, str, int | None], _Governed] = {}

    def publish(self, key: str, window: str) -> None:
        """Publish a window, and the figures derived from it, where they say something else than before."""
        published = self._sayings.of(key, window)
        before = published.said(window)
        is_hour = window.startswith(HOUR_PREFIX)
        if is_hour and is_expired(hour_number(window), self._reached_ms):
            self._sayings.put(key, window, published.without(window))
            if before is not None:
                # a null value, so that compaction takes the hour away
                self._work.outcome.outputs.append(Output("indicators", f"{key}|{window}", None))
                self._work.count("indicator", "EXPIRED")
            return
        series = Series.of(key)
        declared = definition(series.indicator, series.counting_unit)
        cell = self.cohorts.counts(key, window)
        governed = self._governing(key, series, window)
        digest = ""
        if cell is not None:
            digest = digest_of(cell, governed.policy, moving(cell, governed.until))
        now = next_told(before, digest, provisional=governed.provisional)
        if now is None:
            return
        changed = {window: now}
        if declared.kind is not Kind.TALLY:
            record = self._record(key, window, cell, now._replace(provisional=governed.provisional))
            emit(self._work, record)
        if declared.estimator is not None and not is_hour:
            figures = () if cell is None else derived(series, window, cell, governed.policy)
            before_of = published.figures(window)
            for figure, name, told in _news(
                before_of, figures, governed.policy, provisional=governed.provisional
            ):
                changed[window + FIGURE + name] = told
                said = told._replace(provisional=governed.provisional)
                emit(self._work, self._figure(key, window, figure, said))
        self._sayings.put(key, window, published.changed(changed))

    def close(self) -> None:
        """Write what was said."""
        self._sayings.close()

    def standing(self, key: str) -> Iterator[Indicator]:
        """Yield again what was last said of a series: of the whole, and of its last day with that day's week and month.

        What is composed of two months is not among it.
        """
        series, day = Series.of(key), self.cohorts.newest_day(key)
        declared = definition(series.indicator, series.counting_unit)
        for window in () if day is None else windows_of(name_of_day(day)):
            cell = self.cohorts.counts(key, window)
            if cell is None:
                continue
            published = self._sayings.of(key, window)
            told = published.said(window)
            if told is not None and declared.kind is not Kind.TALLY:
                yield self._record(key, window, cell, told)
            governing = self._governing(key, series, window).policy
            figures = () if declared.estimator is None else derived(series, window, cell, governing)
            for figure in figures:
                told = published.said(window + FIGURE + figure.name)
                if told is not None:
                    yield self._figure(key, window, figure, told)

    def _record(self, key: str, window: str, cell: LaneCell | None, told: Told) -> Indicator:
        governed = self._governing(key, Series.of(key), window)
        return indicator(
            key,
            window,
            cell,
            revision=told.revision,
            reached_ms=self._reached_ms,
            provisional=told.provisional,
            policy=governed.policy,
            until=governed.until,
        )

    def _figure(self, key: str, window: str, figure: Figure, told: Told) -> Indicator:
        series = Series.of(key)
        return figure_record(
            series,
            window,
            figure,
            revision=told.revision,
            reached_ms=self._reached_ms,
            provisional=told.provisional,
            policy=self._governing(key, series, window).policy,
        )

    def _governing(self, key: str, series: Series, window: str) -> _Governed:
        """Return by what a window is published.

        `TOTAL` goes by the last day that counts something; while nothing counts, it is governed by the newest version.
        """
        day = self.cohorts.newest_day(key) if window == TOTAL else None
        place = whole_key(key), window, day
        found = self._governed.get(place)
        if found is None:
            found = self._governed[place] = self._find(series, window, day)
        return found

    def _find(self, series: Series, window: str, day: int | None) -> _Governed:
        work, reached_ms = self._work, self._reached_ms
        names = series.indicator, series.counting_unit
        span = None
        if window != TOTAL:
            span = bounds_of(work.policy, series, window)
        elif day is not None:
            span = bounds_of(work.policy, series, name_of_day(day))
        governing = work.policy if span is None else work.policy.at(span[0])
        by_start = series.by == START
        # what ended in a window is complete as soon as it is over
        follow_up = follow_up_ms(governing, *names) if by_start else 0
        until = None
        if by_start and definition(*names).awaits and not window.startswith(HOUR_PREFIX):
            until = horizon_of(work, series, window, reached_ms, governing)
        return _Governed(
            policy=governing,
            provisional=span is None or reached_ms is None or reached_ms < span[1] + follow_up,
            until=until,
        )


def _news(
    before: Mapping[str, Told],
    figures: Iterable[Figure],
    policy: Policy,
    *,
    provisional: bool,
) -> Iterator[tuple[Figure, str, Told]]:
    """Yield the figures that say something else than before, by their names.

    A figure that was published and is not made any more is said to have an n of 0.
    """
    by_name = {figure.name: figure for figure in figures}
    for name in sorted({*by_name, *before}):
        figure = by_name.get(name)
        digest = "" if figure is None or figure.n == 0 else digest_of(figure, policy)
        now = next_told(before.get(name), digest, provisional=provisional)
        if now is not None:
            yield figure or _gone(name), name, now


def _gone(name: str) -> Figure:
    nothing = NotEstimable("nothing is counted any more")
    return Figure(name=name, n=0, estimated=nothing, method=Method("none", 1))


def digest_of(content: LaneCell | Figure, policy: Policy, moving: str = "") -> str:
    """Return a digest of counts or figure, policy, and of what moves with the watermark."""
    said = msgspec.json.encode(content) + policy.hash.encode() + moving.encode()
    return urlsafe_b64encode(hashlib.sha256(said).digest()[:_DIGEST_BYTES]).decode()


def emit(work: Work, record: Indicator) -> None:
    """Publish a record."""
    work.count("indicator", record.state)
    headers = cloud_event_headers(
        identity=f"{record.key}/{record.revision}",
        source="urn:sstl:lanes",
        kind="org.sstl.indicator.v1",
    )
    work.outcome.outputs.append(Output("indicators", record.key, record, headers=headers))


def is_expired(hour: int, reached_ms: int | None) -> bool:
    """Tell whether an hour is no longer kept."""
    return reached_ms is not None and hour < oldest_hour(reached_ms)


def forget_hours(work: Work, now_ms: int) -> None:
    """Drop the hours of the days that the watermark has left behind, and mark those that were published."""
    for part in work.parts(HOURS):
        day = int(part)
        if not is_expired(day * 24, now_ms):
            break
        place = f"{HOURS}/{day}"
        for key in work.parts(place):
            cell: HoursCell | None = work.get(place, key)
            for hour in () if cell is None else cell.hours:
                work.put(DIRTY, f"{key}|{hour_window(day * 24 + int(hour))}", None)
            work.put(place, key, None)
        told = f"{TOLD_HOURS}/{day}"
        for key in work.parts(told):
            published: Published | None = work.get(told, key)
            for window in () if published is None else published.windows:
                work.put(DIRTY, f"{key}|{window}", MARK)
        work.put(HOURS, part, None)
