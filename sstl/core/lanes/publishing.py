"""What a tick publishes: the windows that changed, with their figures. Windows that end are marked in `ending`.

Weeks and months are merged from their days here and are stored nowhere; what was last said is in
`sstl.core.lanes.told`.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from sstl.core.indicators.registry import Kind, definition
from sstl.core.lanes.cell import START, HoursCell, LaneCell, Series
from sstl.core.lanes.cohorts import Cohorts, newest_day
from sstl.core.lanes.counting import oldest_hour
from sstl.core.lanes.derived import Figure, derived
from sstl.core.lanes.followed import Horizon
from sstl.core.lanes.following import horizon_of, moving
from sstl.core.lanes.marks import DIRTY, MARK
from sstl.core.lanes.places import HOURS
from sstl.core.lanes.record import figure_record, indicator
from sstl.core.lanes.terms import follow_up_ms
from sstl.core.lanes.told import (
    FIGURE,
    TOLD_HOURS,
    Published,
    Told,
    next_told,
    put_said,
    said_of,
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


def _span(work: Work, key: str, window: str) -> tuple[int, int] | None:
    """Return the instant by which the governing version is chosen, and the window's end.

    `TOTAL` goes by the last day that counts something, and there is none while nothing counts.
    """
    if window == TOTAL:
        day = newest_day(work, key)
        if day is None:
            return None
        window = name_of_day(day)
    return bounds_of(work.policy, Series.of(key), window)


def publish(work: Work, cohorts: Cohorts, key: str, window: str) -> None:
    """Publish a window, and the figures derived from it, where they say something else than before."""
    told = work.get(PASSED, "")
    reached_ms = None if told is None else told.reached_ms
    published = said_of(work, key, window)
    before = published.said(window)
    if window.startswith(HOUR_PREFIX) and is_expired(hour_number(window), reached_ms):
        put_said(work, key, window, published.without(window))
        if before is not None:
            # a null value, so that compaction takes the hour away
            work.outcome.outputs.append(Output("indicators", f"{key}|{window}", None))
            work.count("indicator", "EXPIRED")
        return
    series = Series.of(key)
    declared = definition(series.indicator, series.counting_unit)
    cell = cohorts.counts(key, window)
    span = _span(work, key, window)
    governing = work.policy if span is None else work.policy.at(span[0])
    by_start = series.by == START
    # what ended in a window is complete as soon as it is over
    follow_up = follow_up_ms(governing, series.indicator, series.counting_unit) if by_start else 0
    provisional = span is None or reached_ms is None or reached_ms < span[1] + follow_up
    until = _until(work, key, window, reached_ms, governing)
    digest = "" if cell is None else digest_of(cell, governing, moving(cell, until))
    now = next_told(before, digest, provisional=provisional)
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
        for figure, name, told_now in _news(
            published.figures(window), figures, governing, provisional=provisional
        ):
            changed[window + FIGURE + name] = told_now
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
    put_said(work, key, window, published.changed(changed))


def _until(
    work: Work, key: str, window: str, reached_ms: int | None, governing: Policy
) -> Horizon | None:
    """Return until when the cohort of a window is followed; None: what has not ended is not known of it."""
    series = Series.of(key)
    awaits = definition(series.indicator, series.counting_unit).awaits
    if awaits is None or series.by != START or window.startswith(HOUR_PREFIX):
        return None
    return horizon_of(work, series, window, reached_ms, governing)


def standing(work: Work, cohorts: Cohorts, key: str) -> Iterator[Indicator]:
    """Yield again what was last said of a series: of the whole, and of its last day with that day's week and month.

    What is composed of two months is not among it.
    """
    series, day, reached = Series.of(key), newest_day(work, key), work.get(PASSED, "")
    reached_ms = None if reached is None else reached.reached_ms
    declared = definition(series.indicator, series.counting_unit)
    for window in () if day is None else windows_of(name_of_day(day)):
        cell, span = cohorts.counts(key, window), _span(work, key, window)
        published = said_of(work, key, window)
        if cell is None or span is None:
            continue
        governing = work.policy.at(span[0])
        told = published.said(window)
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
            told = published.said(window + FIGURE + figure.name)
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
