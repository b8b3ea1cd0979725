"""Which windows are followed until when, and which must be said again because the watermark has moved on.

A window in which something is open says something else each full hour that the watermark passes, without any new
observation, until its follow-up ends. The whole knows when everything open began, so that only days with something
open are looked at, and of those only windows whose follow-up had not ended; `TOTAL` as long as anything is open.
"""

from collections.abc import Iterator

import msgspec

from sstl.core.indicators.registry import Definition, definition
from sstl.core.lanes.cell import LaneCell, Series
from sstl.core.lanes.followed import Horizon, horizon
from sstl.core.lanes.marks import DIRTY, MARK, SERIES
from sstl.core.lanes.places import whole_cell
from sstl.core.lanes.publishers import named
from sstl.core.lanes.terms import follow_up_ms
from sstl.core.lanes.windows import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    TOTAL,
    days_of,
    month_window,
    name_of_day,
    week_window,
)
from sstl.core.lanes.zones import bounds_of, calendar_of
from sstl.core.milestones import mode_of_lane
from sstl.core.publishers import Publishers
from sstl.core.rules.base import in_force
from sstl.core.rules.lanes import SILENT, silence_limit_ms
from sstl.core.stage import PASSED, Reached, Work
from sstl.models.policy import Policy
from sstl.models.records import Heartbeat

_FOLLOWED = "~followed"
"""Reserved key; its part "" holds how far windows were looked through for what is open."""
MOST_MARKS = 5_000
"""Series looked at and windows marked in a step."""


class Followed(msgspec.Struct, frozen=True, tag="followed.1"):
    """Cell: up to this watermark windows are marked in which something is open."""

    at_ms: int | None
    """None: of no series yet."""
    to_ms: int | None = None
    """Marking goes on up to here; None: it is done."""
    after: str = ""
    """The last series that is marked up to `to_ms`."""


def horizon_of(
    work: Work, series: Series, window: str, reached_ms: int | None, governing: Policy
) -> Horizon:
    """Return until when the cohort of a window is followed.

    Args:
        work: Tells when publishers were last heard of.
        series: What is counted.
        window: A day, week or month, or `TOTAL`.
        reached_ms: The watermark, None before it is known.
        governing: The version of the policy that governs the window.
    """
    source = _reporter(governing, series, definition(series.indicator, series.counting_unit))
    return horizon(
        reached_ms,
        None if window == TOTAL else bounds_of(work.policy, series, window)[1],
        follow_up_ms(governing, series.indicator, series.counting_unit),
        heard_ms=None if source is None else Publishers(work).get(source),
        silence_ms=_silence_ms(governing, series.lane_id),
    )


def moving(cell: LaneCell | None, until: Horizon | None) -> str:
    """Return what a window says beside its counts and its policy; empty where nothing in it is open."""
    if cell is None or until is None or not cell.open:
        return ""
    return f"{until.as_of_ms}|{until.last_contact_ms}"


def _reporter(policy: Policy, series: Series, declared: Definition) -> str | None:
    """Return the publisher that reports the end of a stage; None: the policy names none."""
    lane = policy.lanes.get(series.lane_id)
    if lane is None:
        return None
    return next((name for code, name in lane.publishers.items() if code == declared.awaits), None)


def _silence_ms(policy: Policy, lane_id: str) -> int:
    """Return when a publisher counts as silent: as the rule that finds it so has it."""
    return silence_limit_ms(
        in_force(SILENT, policy, mode=mode_of_lane(lane_id, policy), lane_id=lane_id)
    )


def note_resumed(work: Work, beat: Heartbeat) -> None:
    """Look through windows again from when a publisher fell silent that a heartbeat says has spoken.

    To be called before the heartbeat is taken. Windows whose follow-up ended meanwhile were said with its silence.
    """
    told: Followed | None = work.get(_FOLLOWED, "")
    passed: Reached | None = work.get(PASSED, "")
    if told is None or told.at_ms is None or passed is None or not beat.publishers:
        return
    as_of_ms = passed.reached_ms // HOUR_MS * HOUR_MS
    heard, spoken, since_ms = Publishers(work), dict(beat.publishers), told.at_ms
    for _, version in work.policy.versions():
        for lane_id, source in named(version):
            before_ms = heard.get(source) if source in spoken else None
            if (
                before_ms is not None
                and before_ms < spoken[source]
                and before_ms + _silence_ms(version, lane_id) <= as_of_ms
            ):
                since_ms = min(since_ms, before_ms)
    if since_ms != told.at_ms:
        work.put(_FOLLOWED, "", Followed(since_ms, max(passed.reached_ms, told.to_ms or 0)))


def mark_open(work: Work) -> None:
    """Mark the windows in which something is open and whose follow-up had not ended, once for each full hour.

    While sources still have something to read the watermark runs through hours in seconds, and what would be said of
    them is said again at once: until they are caught up, windows are marked once for each day that it passes.

    A step looks at series and marks windows up to about `MOST_MARKS` together, so that it is short and fits a
    transaction; the next step goes on, with the next heartbeat or tick.
    """
    passed: Reached | None = work.get(PASSED, "")
    if passed is None:
        return
    now_ms = passed.reached_ms
    told: Followed = work.get(_FOLLOWED, "") or Followed(None)
    since_ms, to_ms = told.at_ms, told.to_ms
    if to_ms is None:
        step_ms = HOUR_MS if passed.caught_up else DAY_MS
        if since_ms is not None and now_ms // step_ms <= since_ms // step_ms:
            return
        to_ms = now_ms
    done = 0
    longest: dict[tuple[str, str], int] = {}
    for key in work.parts(SERIES):
        if key <= told.after:
            continue
        name = Series.of(key)[:2]
        if definition(*name).awaits is None:
            continue
        if name not in longest:
            versions = (version for _, version in work.policy.versions())
            longest[name] = max(follow_up_ms(one, *name) for one in versions)
        done += 1
        for window in _open_windows(work, key, since_ms, longest[name]):
            work.put(DIRTY, f"{key}|{window}", MARK)
            done += 1
        if done >= MOST_MARKS:
            work.put(_FOLLOWED, "", Followed(since_ms, to_ms, key))
            return
    work.put(_FOLLOWED, "", Followed(to_ms))


def go_on_open(work: Work) -> None:
    """Take the next step where the last one was not the last."""
    told: Followed | None = work.get(_FOLLOWED, "")
    if told is not None and told.to_ms is not None:
        mark_open(work)


def _open_windows(work: Work, key: str, since_ms: int | None, longest_ms: int) -> Iterator[str]:
    """Yield the windows in which something is open, the whole and those whose follow-up ended after an instant."""
    whole = whole_cell(work, key)
    if whole is None or not whole.open:
        return
    yield TOTAL
    since_ms = None if since_ms is None else since_ms // HOUR_MS * HOUR_MS
    series, seen = Series.of(key), set[str]()
    calendar = calendar_of(work.policy, series.indicator, series.counting_unit, series.lane_id)
    for day in sorted({calendar.day(minute * MINUTE_MS) for minute in whole.open}, reverse=True):
        windows = [
            window
            for window in (name_of_day(day), week_window(day), month_window(day))
            if since_ms is None or since_ms < calendar.bounds(days_of(window))[1] + longest_ms
        ]
        if not windows:
            return  # so it is with all days before
        fresh = [window for window in windows if window not in seen]
        seen.update(windows)
        # a day is said together with its week, its month and the whole
        yield from windows[:1] if windows[0] == name_of_day(day) else fresh
