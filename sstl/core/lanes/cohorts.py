"""What a series counts in a window, made from the days of all combinations of strata that it holds.

Days, weeks and months are merged when they are asked for and are stored nowhere; what the series of one indicator, lane
and mode have in common is looked up once.
"""

from functools import lru_cache

from sstl.core.lanes.cell import (
    HoursCell,
    LaneCell,
    Packed,
    Series,
    Strata,
    WeekCell,
    strata_of,
)
from sstl.core.lanes.packed import Counts, merged_packed, unpacked
from sstl.core.lanes.places import DAYS, HOURS, whole_cell, whole_key
from sstl.core.lanes.wholes import Wholes, is_distinct
from sstl.core.lanes.windows import (
    HOUR_PREFIX,
    TOTAL,
    days_of,
    hour_number,
    place_of_hour,
    week_name,
    weeks_of,
)
from sstl.core.stage import Work


@lru_cache(maxsize=65_536)
def _holds(strata: Strata, combination: str) -> bool:
    return not strata or set(strata) <= set(strata_of(combination))


class Cohorts:
    """Counts by series and window, as long as nothing is counted beside."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._wholes = Wholes(work)
        self._group = ""
        self._windows: dict[str, dict[str, Counts]] = {}
        self._weeks: list[str] | None = None

    def settle(self, key: str) -> None:
        """Bring the whole of a series up to date, before marks of what changed in it are cleared."""
        self._wholes.settle(key)

    def _enter(self, group: str) -> None:
        if group != self._group:
            # windows are asked for group by group
            self._group, self._windows, self._weeks = group, {}, None

    def newest_day(self, key: str) -> int | None:
        """Return the last day of a series that counts something."""
        group = whole_key(key)
        self._enter(group)
        if self._weeks is None:
            self._weeks = _weeks_back(self._work, group)
        return _newest_day(self._work, key, self._weeks)

    def counts(self, key: str, window: str) -> LaneCell | None:
        """Return what a series counts in a window; None where it is nothing."""
        if window == TOTAL:
            self._wholes.settle(key)
            return self._of_days(key) if is_distinct(key) else whole_cell(self._work, key)
        if window.startswith(HOUR_PREFIX):
            return hour_cell(self._work, key, hour_number(window))
        group, strata = whole_key(key), Series.of(key).strata
        self._enter(group)
        found = self._windows.get(window)
        if found is None:
            found = self._windows[window] = _by_strata(self._work, group, window)
        counts = Counts([], [])
        for combination, (ones, cells) in found.items():
            if _holds(strata, combination):
                counts.ones.extend(ones)
                counts.cells.extend(cells)
        return counts.merged()

    def _of_days(self, key: str) -> LaneCell | None:
        """Return what a series counts on all its days."""
        group, strata = whole_key(key), Series.of(key).strata
        cells = (self._work.get(group, part) for part in _weeks_back(self._work, group))
        return merged_packed(
            one
            for cell in cells
            if isinstance(cell, WeekCell)
            for combination, by_day in cell.counts.items()
            if _holds(strata, combination)
            for one in by_day.values()
        )


def _by_strata(work: Work, group: str, window: str) -> dict[str, Counts]:
    """Return the counts of a window by combination of strata, not merged where that is little."""
    found: dict[str, list[Packed]] = {}
    days = days_of(window)
    for week in weeks_of(days):
        cell: WeekCell | None = work.get(group, DAYS + week_name(week.start))
        if cell is None:
            continue
        names = {str(day - week.start + 1) for day in week if day in days}
        for combination, by_day in cell.counts.items():
            inside = [one for name, one in by_day.items() if name in names]
            if inside:
                found.setdefault(combination, []).extend(inside)
    counts = {}
    for combination, shorts in found.items():
        of_it = Counts.of(shorts)
        if len(of_it.cells) > 1:
            merged = of_it.merged()
            of_it = Counts([], [] if merged is None else [merged])
        counts[combination] = of_it
    return counts


def hour_cell(work: Work, key: str, hour: int) -> LaneCell | None:
    """Return what a series counts in an hour, None where it is nothing."""
    day, name = place_of_hour(hour)
    cell: HoursCell | None = work.get(f"{HOURS}/{day}", key)
    short = None if cell is None else cell.hours.get(name)
    return None if short is None else unpacked(short)


def newest_day(work: Work, key: str) -> int | None:
    """Return the last day of a series that counts something."""
    return _newest_day(work, key, _weeks_back(work, whole_key(key)))


def _weeks_back(work: Work, group: str) -> list[str]:
    return [part for part in reversed(work.parts(group)) if part.startswith(DAYS)]


def _newest_day(work: Work, key: str, weeks: list[str]) -> int | None:
    group, strata = whole_key(key), Series.of(key).strata
    for part in weeks:
        cell: WeekCell | None = work.get(group, part)
        if cell is None:
            continue
        names = [
            max(by_day)
            for combination, by_day in cell.counts.items()
            if _holds(strata, combination)
        ]
        if names:
            return days_of(f"P1W/{part.removeprefix(DAYS)}").start + int(max(names)) - 1
    return None
