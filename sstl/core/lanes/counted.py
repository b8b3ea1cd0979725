"""What lanes count as 0 or 1 (`sstl.core.incidents`), and what the lane rules answer by it.

=============================  =================  =========================================================
key                            part               cell
=============================  =================  =========================================================
``counted/<series>|<window>``  (empty)            `Counted`, how many and how many have it
``counted/<series>|<window>``  instant, digest    `Incident`, one that has it, where its event is named
``told/<series>|<window>``     flag id            `Said`, one a finding
=============================  =================  =========================================================

The window is a UTC day for incidents and an ISO week else. Sums of signed contributions: order leaves no trace in them.
A window is dropped when the watermark has passed its end by the greatest lateness plus the parking horizon.
"""

from typing import Any

import msgspec

from sstl.core.incidents import RANDOM_SELECTION, SEAL_INCIDENT
from sstl.core.lanes.cell import Series
from sstl.core.lanes.windows import DAY_MS, DAY_PREFIX, WEEK_PREFIX, bounds, day_window, week_window
from sstl.core.registers import part_of
from sstl.core.rules.base import Verdict
from sstl.core.rules.engine import Asked
from sstl.core.rules.findings import About
from sstl.core.rules.lanes import (
    DRAW_RULES,
    INCIDENT_RULES,
    OVERRIDE_RULES,
    IncidentsView,
    ShareView,
)
from sstl.core.said import Answers, answers, tell, told_key
from sstl.core.stage import Work, watermark
from sstl.core.strata import OFFICE
from sstl.core.wakeups import take_due, wake_at
from sstl.models.records import Event, Measure, Observation, Subject

JUDGE = "j"
DROP = "d"


class Counted(msgspec.Struct, frozen=True, tag="share-counted.1"):
    """Cell: how many were counted in a window, and how many of them have it."""

    n: int
    having: int


class Incident(msgspec.Struct, frozen=True, tag="incident.1"):
    """Cell: one that has it."""

    event: Event


def window_of(indicator: str, start_ms: int) -> str:
    """Return the window of an instant: its day ``P1D/2026-03-01`` or ISO week ``P1W/2026-W09`` (UTC)."""
    if indicator == SEAL_INCIDENT:
        return day_window(start_ms)
    return week_window(start_ms // DAY_MS)


class Tallies:
    """The windows that a batch touches: counted at once, judged at its end."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._touched: set[tuple[str, str]] = set()

    def take(self, observation: Observation) -> None:
        """Count the change that an observation tells."""
        if observation.previous is not None:
            self._add(observation, observation.previous, -1)
        if observation.current is not None:
            self._add(observation, observation.current, 1)

    def _add(self, observation: Observation, measure: Measure, sign: int) -> None:
        work = self._work
        series = Series(
            observation.indicator,
            observation.counting_unit,
            measure.lane_id,
            measure.mode,
            tuple(sorted(measure.strata.items())),
        ).key
        window = window_of(observation.indicator, measure.start_ms)
        key = counted_key(series, window)
        cell: Counted | None = work.get(key, "")
        n = (0 if cell is None else cell.n) + sign
        having = (0 if cell is None else cell.having) + sign * measure.value_ms
        if n < 0 or not 0 <= having <= n:
            work.count("lanes_alarm", "unknown_retraction")
            return
        work.put(key, "", Counted(n, having) if n else None)
        for event in measure.evidence:
            part = f"{event.event_ms + 2**63:020d}|{part_of(observation.id)}"
            work.put(key, part, Incident(event) if sign > 0 else None)
        label = f"{observation.indicator}:{'added' if sign > 0 else 'taken_back'}"
        work.count("observation", label)
        if measure.value_ms:
            work.count("observed_events", label, measure.value_ms)
        self._touched.add((series, window))
        if cell is None:
            horizon_ms = (work.policy.max_lateness_s + work.policy.parking_horizon_s) * 1000
            wake_at(work, bounds(window)[1] + horizon_ms, DROP, window, series)

    def close(self) -> None:
        """Judge what was touched."""
        windows = set(self._touched)
        for series, window in self._touched:
            if window.startswith(DAY_PREFIX):
                # a window of hours that ends on the next day may begin on this one
                windows.add((series, window_of(SEAL_INCIDENT, bounds(window)[1])))
        for series, window in sorted(windows):
            judge(self._work, series, window)


def counted_key(series: str, window: str) -> str:
    """Return the key of a window of a series."""
    return f"counted/{series}|{window}"


def sweep(work: Work, now_ms: int) -> None:
    """Judge the windows whose deadline the watermark has passed, and drop those past their horizon."""
    for kind, window, series in take_due(work, now_ms):
        if kind == JUDGE:
            judge(work, series, window)
            continue
        for key in (counted_key(series, window), told_key(f"{series}|{window}")):
            for part in work.parts(key):
                work.put(key, part, None)


def judge(work: Work, key: str, window: str) -> None:
    """Ask the rules on one window of a series and tell the difference."""
    series = Series.of(key)
    office = dict(series.strata).get(OFFICE)

    def about_of(_verdict: Verdict) -> About:
        subject = f"lane:{series.lane_id}" if office is None else f"lane:{series.lane_id}|{office}"
        named = Subject(lane_id=series.lane_id, mode=series.mode)
        return About(subject, named, "LANE_TREND", group=f"lane:{series.lane_id}")

    reached_ms = watermark(work)
    as_of_ms = -1 if reached_ms is None else reached_ms
    rules: tuple[Asked[Any], ...]
    view: IncidentsView | ShareView | None
    if series.indicator == SEAL_INCIDENT:
        rules, view = INCIDENT_RULES, _incidents(work, key, series, window)
    else:
        rules = DRAW_RULES if series.indicator == RANDOM_SELECTION else OVERRIDE_RULES
        view = _share(work, key, series, window, office)
    now = Answers((), {})
    if view is not None:
        now = answers(
            rules,
            view,
            work.policy,
            about_of,
            mode=series.mode,
            lane_id=series.lane_id,
            first_ms=view.start_ms,
            as_of_ms=as_of_ms,
        )
    tell(work, f"{key}|{window}", now, about_of)
    for verdict in now.verdicts:
        if verdict.due_ms is not None and verdict.due_ms > as_of_ms:
            wake_at(work, verdict.due_ms, JUDGE, window, key)


def _events(work: Work, key: str, window: str) -> list[Event]:
    place = counted_key(key, window)
    cells = (work.get(place, part) for part in work.parts(place) if part)
    return [cell.event for cell in cells if isinstance(cell, Incident)]


def _incidents(work: Work, key: str, series: Series, window: str) -> IncidentsView | None:
    start_ms, _ = bounds(window)
    today = _events(work, key, window)
    if not today:
        return None
    before = _events(work, key, window_of(SEAL_INCIDENT, start_ms - 1))
    return IncidentsView(series.lane_id, window[len(DAY_PREFIX) :], start_ms, [*before, *today])


def _share(
    work: Work, key: str, series: Series, window: str, office: str | None
) -> ShareView | None:
    cell: Counted | None = work.get(counted_key(key, window), "")
    if cell is None:
        return None
    start_ms, end_ms = bounds(window)
    return ShareView(
        series.lane_id,
        window[len(WEEK_PREFIX) :],
        start_ms,
        end_ms,
        cell.n,
        cell.having,
        office,
        _events(work, key, window),
    )
