"""What a tick publishes: the windows of days that changed, and those whose follow-up has ended.

Weeks and months are merged from their days here and are stored nowhere. What was last said of a window lies under the
series: part ``published/<month>`` for its days, the month and the weeks that begin in it, ``published/TOTAL``; under
``~told-hours/<hour>``, by series, for hours.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from sstl.core.indicators.registry import Kind, definition
from sstl.core.lanes.cell import LaneCell, Series
from sstl.core.lanes.counting import (
    DIRTY,
    HOURS,
    HOURS_KEPT_MS,
    MARK,
    SERIES,
    day_cell,
    newest_day,
    whole_cell,
)
from sstl.core.lanes.derived import Figure, derived
from sstl.core.lanes.followed import Horizon
from sstl.core.lanes.following import horizon_of, moving
from sstl.core.lanes.record import figure_record, indicator
from sstl.core.lanes.tally import merged_cells
from sstl.core.lanes.terms import follow_up_ms
from sstl.core.lanes.windows import (
    DAY_MS,
    DAY_PREFIX,
    HOUR_MS,
    HOUR_PREFIX,
    TOTAL,
    bounds,
    days_of,
    ending_with,
    hour_number,
    hour_window,
    month_name,
    month_window,
    name_of_day,
    week_window,
)
from sstl.core.outbound import cloud_event_headers
from sstl.core.stage import PASSED, Output, Work
from sstl.core.statistics.result import Method, NotEstimable
from sstl.models.indicator import Indicator
from sstl.models.policy import Policy

_PUBLISHED = "published/"
_TOLD_HOURS = "~told-hours"
_ENDED = "~ended"
"""Reserved key; its part "" holds how far windows were looked through for an end of their follow-up."""
_FIGURE = "|"
"""Between a window and the name of a figure, where what was last said of the figure is kept."""
MOST_MARKS = 5_000
_MOST_DAYS = 40
"""Up to so many days are looked up by name; beyond, everything that was published is looked through."""


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What was last said of a window."""

    revision: int
    digest: str
    """Of counts or figure, policy, and until when what is open is followed.

    An equal one is not published again. Empty: nothing is counted."""
    provisional: bool


class Published(msgspec.Struct, frozen=True, tag="published.2"):
    """Cell: window, or window and figure, to what was said of it.

    It outlives the counts, so that a revision is never used twice.
    """

    windows: dict[str, Told]


class Ended(msgspec.Struct, frozen=True, tag="ended.1"):
    """Cell: up to this watermark windows are marked whose follow-up has ended."""

    at_ms: int | None
    """None: of no series yet."""
    to_ms: int | None = None
    """Marking goes on up to here; None: it is done."""
    after: str = ""
    """The last series that is marked up to `to_ms`."""


def windows_of(window: str) -> tuple[str, ...]:
    """Return what is to be published when a window is marked: a changed day changes its week, month and the whole."""
    if not window.startswith(DAY_PREFIX):
        return (window,)
    day = days_of(window).start
    return (window, week_window(day), month_window(day), TOTAL)


def window_cell(work: Work, key: str, window: str) -> LaneCell | None:
    """Return what a series counts in a window; None where it is nothing."""
    if window == TOTAL:
        return whole_cell(work, key, TOTAL)
    if window.startswith(HOUR_PREFIX):
        return whole_cell(work, f"{HOURS}/{hour_number(window)}", key)
    days = (day_cell(work, key, day) for day in days_of(window))
    found = [cell for cell in days if cell is not None]
    return found[0] if window.startswith(DAY_PREFIX) and found else merged_cells(found)


def _span(work: Work, key: str, window: str) -> tuple[int, int] | None:
    """Return the instant by which the governing version is chosen, and the window's end.

    `TOTAL` goes by the last day that counts something, and there is none while nothing counts.
    """
    if window != TOTAL:
        return bounds(window)
    day = newest_day(work, key)
    return None if day is None else (day * DAY_MS, (day + 1) * DAY_MS)


def _told_at(window: str, key: str) -> tuple[str, str]:
    """Return where what was said of a window lies."""
    if window == TOTAL:
        return key, _PUBLISHED + TOTAL
    if window.startswith(HOUR_PREFIX):
        return f"{_TOLD_HOURS}/{hour_number(window)}", key
    return key, _PUBLISHED + month_name(days_of(window).start)


def publish(work: Work, key: str, window: str) -> None:
    """Publish a window, and the figures derived from it, where they say something else than before."""
    told = work.get(PASSED, "")
    reached_ms = None if told is None else told.reached_ms
    place = _told_at(window, key)
    published: Published | None = work.get(*place)
    said = {} if published is None else published.windows
    if window.startswith(HOUR_PREFIX) and is_expired(hour_number(window), reached_ms):
        work.put(*place, None)
        if window in said:
            # a null value, so that compaction takes the hour away
            work.outcome.outputs.append(Output("indicators", f"{key}|{window}", None))
            work.count("indicator", "EXPIRED")
        return
    series = Series.of(key)
    declared = definition(series.indicator, series.counting_unit)
    cell = window_cell(work, key, window)
    span = _span(work, key, window)
    governing = work.policy if span is None else work.policy.at(span[0])
    follow_up = follow_up_ms(governing, series.indicator, series.counting_unit)
    provisional = span is None or reached_ms is None or reached_ms < span[1] + follow_up
    until = _until(work, key, window, reached_ms, governing)
    digest = "" if cell is None else digest_of(cell, governing, moving(cell, until))
    now = next_told(said.get(window), digest, provisional=provisional)
    if now is None:
        return
    changed = {window: now}
    if declared.kind is not Kind.TALLY:
        record = indicator(
            key,
            window,
            cell,
            revision=now.revision,
            reached_ms=reached_ms,
            provisional=provisional,
            policy=governing,
            until=until,
        )
        emit(work, record)
    if declared.estimator is not None and not window.startswith(HOUR_PREFIX):
        figures = () if cell is None else derived(series, window, cell, governing)
        for figure, place_name, told_now in _news(
            said, window, figures, governing, provisional=provisional
        ):
            changed[place_name] = told_now
            emit(
                work,
                figure_record(
                    series,
                    window,
                    figure,
                    revision=told_now.revision,
                    reached_ms=reached_ms,
                    provisional=provisional,
                    policy=governing,
                ),
            )
    work.put(*place, Published(dict(sorted((said | changed).items()))))


def _until(
    work: Work, key: str, window: str, reached_ms: int | None, governing: Policy
) -> Horizon | None:
    """Return until when the cohort of a window is followed; None: what has not ended is not known of it."""
    series = Series.of(key)
    awaits = definition(series.indicator, series.counting_unit).awaits
    if awaits is None or window.startswith(HOUR_PREFIX):
        return None
    return horizon_of(work, series, window, reached_ms, governing)


def next_told(before: Told | None, digest: str, *, provisional: bool) -> Told | None:
    """Return what is said now, None where it is what was said before."""
    if before is None:
        return Told(1, digest, provisional) if digest else None
    if (digest, provisional or not digest) == (
        before.digest,
        before.provisional or not before.digest,
    ):
        return None
    return Told(before.revision + 1, digest, provisional)


def standing(work: Work, key: str) -> Iterator[Indicator]:
    """Yield again what was last said of a series: of the whole, and of its last day with that day's week and month.

    What is composed of two months is not among it.
    """
    series, day, reached = Series.of(key), newest_day(work, key), work.get(PASSED, "")
    reached_ms = None if reached is None else reached.reached_ms
    declared = definition(series.indicator, series.counting_unit)
    for window in () if day is None else windows_of(name_of_day(day)):
        cell, span = window_cell(work, key, window), _span(work, key, window)
        published: Published | None = work.get(*_told_at(window, key))
        if cell is None or span is None or published is None:
            continue
        governing = work.policy.at(span[0])
        told = published.windows.get(window)
        if told is not None and declared.kind is not Kind.TALLY:
            yield indicator(
                key,
                window,
                cell,
                revision=told.revision,
                reached_ms=reached_ms,
                provisional=told.provisional,
                policy=governing,
                until=_until(work, key, window, reached_ms, governing),
            )
        figures = () if declared.estimator is None else derived(series, window, cell, governing)
        for figure in figures:
            told = published.windows.get(window + _FIGURE + figure.name)
            if told is not None:
                yield figure_record(
                    series,
                    window,
                    figure,
                    revision=told.revision,
                    reached_ms=reached_ms,
                    provisional=told.provisional,
                    policy=governing,
                )


def _news(
    said: Mapping[str, Told],
    window: str,
    figures: Iterable[Figure],
    policy: Policy,
    *,
    provisional: bool,
) -> Iterator[tuple[Figure, str, Told]]:
    """Yield the figures that say something else than before, with where that is kept.

    A figure that was published and is not made any more is said to have an n of 0.
    """
    by_name = {figure.name: figure for figure in figures}
    before = {
        name.removeprefix(window + _FIGURE): one
        for name, one in said.items()
        if name.startswith(window + _FIGURE)
    }
    for name in sorted({*by_name, *before}):
        figure = by_name.get(name)
        digest = "" if figure is None or figure.n == 0 else digest_of(figure, policy)
        now = next_told(before.get(name), digest, provisional=provisional)
        if now is not None:
            yield figure or _gone(name), window + _FIGURE + name, now


def _gone(name: str) -> Figure:
    nothing = NotEstimable("nothing is counted any more")
    return Figure(name=name, n=0, estimated=nothing, method=Method("none", 1))


def digest_of(content: LaneCell | Figure, policy: Policy, moving: str = "") -> str:
    """Return a digest of counts or figure, policy, and of what moves with the watermark."""
    said = msgspec.json.encode(content) + policy.hash.encode() + moving.encode()
    return hashlib.sha256(said).hexdigest()[:16]


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
    return reached_ms is not None and hour < (reached_ms - HOURS_KEPT_MS) // HOUR_MS


def forget_hours(work: Work, now_ms: int) -> None:
    """Drop the hours that the watermark has left behind, and mark those that were published."""
    for part in work.parts(HOURS):
        hour = int(part)
        if not is_expired(hour, now_ms):
            break
        place = f"{HOURS}/{hour}"
        for key in work.parts(place):
            work.put(place, key, None)
            work.put(DIRTY, f"{key}|{hour_window(hour)}", None)
        for key in work.parts(f"{_TOLD_HOURS}/{hour}"):
            work.put(DIRTY, f"{key}|{hour_window(hour)}", MARK)
        work.put(HOURS, part, None)


def mark_ended(work: Work, now_ms: int) -> None:
    """Mark what was published as provisional and whose follow-up the watermark has passed.

    Looks through the series once for each hour of the watermark, and marks about `MOST_MARKS` windows in a step, so
    that one still fits a transaction; the next step goes on.
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


class _EndedDays:
    """The days whose follow-up ended while the watermark went from one instant to another."""

    def __init__(self, policy: Policy, since_ms: int | None, to_ms: int) -> None:
        self._versions = tuple(version for _, version in policy.versions())
        self._since_ms, self._to_ms = since_ms, to_ms
        self._known: dict[tuple[str, str], tuple[int, ...] | None] = {}

    def of(self, key: str) -> tuple[int, ...] | None:
        """Return the days for a series, under any version of the policy; None: too many to look up by name."""
        indicator_, counting_unit = Series.of(key)[:2]
        if (indicator_, counting_unit) not in self._known:
            self._known[indicator_, counting_unit] = self._find(indicator_, counting_unit)
        return self._known[indicator_, counting_unit]

    def _find(self, indicator_: str, counting_unit: str) -> tuple[int, ...] | None:
        if self._since_ms is None:
            return None
        days: set[int] = set()
        for follow_up in {follow_up_ms(one, indicator_, counting_unit) for one in self._versions}:
            first = (self._since_ms - follow_up) // DAY_MS
            last = (self._to_ms - follow_up) // DAY_MS
            if last - first > _MOST_DAYS:
                return None
            days.update(range(first, last))
        return tuple(sorted(days))


def _candidates(work: Work, key: str, days: tuple[int, ...] | None) -> Iterator[str]:
    if days is None:
        yield from _provisional(work, key)
        return
    for day in days:
        for window in ending_with(day):
            published: Published | None = work.get(*_told_at(window, key))
            said = None if published is None else published.windows.get(window)
            if said is not None and said.provisional:
                yield window
        if newest_day(work, key) == day:
            yield TOTAL


def _provisional(work: Work, key: str) -> Iterator[str]:
    for part in work.parts(key):
        if part.startswith(_PUBLISHED):
            published: Published | None = work.get(key, part)
            if published is not None:
                yield from (
                    name
                    for name, said in published.windows.items()
                    if said.provisional and _FIGURE not in name
                )
