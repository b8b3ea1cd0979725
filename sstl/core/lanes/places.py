"""Where the counts of days, hours and wholes lie."""

from itertools import groupby
from typing import Final

import msgspec

from sstl.core.lanes.cell import BY_END, Beside, LaneCell, Packed, StartedCell, WeekCell, WholeCell
from sstl.core.lanes.windows import TOTAL, month_name, place_of_day
from sstl.core.stage import Work

DAYS: Final = "days/"
"""Begins the parts of a series of all together that hold `WeekCell`."""
HOURS: Final = "~hours"
STARTED: Final = "started/"
"""Begins the parts of a series that hold `StartedCell`."""
FEW_OPEN: Final = 10_000
"""Up to so many minutes in which something open began lie in the cell of the whole, 30 KB of its 256."""
_MINUTES_A_DAY: Final = 24 * 60


def whole_key(key: str) -> str:
    """Return the series of all together that a series is of."""
    names, bar, strata = key.rpartition("|")
    return key if strata == BY_END else names + bar


def whole_cell(work: Work, key: str) -> LaneCell | None:
    """Return what a series counts as a whole, None where it is nothing."""
    cell: WholeCell | None = work.get(key, TOTAL)
    if cell is None:
        return None
    counts = cell.counts
    if not cell.months:
        return counts
    started: dict[int, int] = {}
    for month in cell.months:
        part: StartedCell | None = work.get(key, STARTED + month)
        if part is not None:
            started.update(part.open)
    return _with_open(counts, started)


def keep_whole(work: Work, key: str, counts: LaneCell | None) -> None:
    """Keep what a series counts as a whole, None: nothing.

    What never ends adds up over the years: where much is open it is kept by the month in which it began, which has
    less than 45,000 minutes.
    """
    before: WholeCell | None = work.get(key, TOTAL)
    months: dict[str, StartedCell] = {}
    if counts is not None and len(counts.open) > FEW_OPEN:
        by_month = groupby(counts.open.items(), lambda one: month_name(one[0] // _MINUTES_A_DAY))
        months = {month: StartedCell(dict(started)) for month, started in by_month}
        counts = _with_open(counts, {})
    for month in () if before is None else before.months:
        if month not in months:
            work.put(key, STARTED + month, None)
    for month, cell in months.items():
        work.put(key, STARTED + month, cell)
    work.put(key, TOTAL, None if counts is None else WholeCell(counts, tuple(months)))


def _with_open(counts: LaneCell, started: dict[int, int]) -> LaneCell:
    beside = msgspec.structs.replace(counts.beside or Beside(), open=started)
    return msgspec.structs.replace(counts, beside=beside)


def day_packed(work: Work, group: str, combination: str, day: int) -> Packed | None:
    """Return what one combination of strata counts on a day, in short; None where it is nothing."""
    week, name = place_of_day(day)
    cell: WeekCell | None = work.get(group, DAYS + week)
    return None if cell is None else cell.counts.get(combination, {}).get(name)
