"""Where the counts of days, hours and wholes lie."""

from typing import Final

from sstl.core.lanes.cell import BY_END, LaneCell, Packed, WeekCell, WholeCell
from sstl.core.lanes.windows import TOTAL, place_of_day
from sstl.core.stage import Work

DAYS: Final = "days/"
"""Begins the parts of a series of all together that hold `WeekCell`."""
HOURS: Final = "~hours"


def whole_key(key: str) -> str:
    """Return the series of all together that a series is of."""
    names, bar, strata = key.rpartition("|")
    return key if strata == BY_END else names + bar


def whole_cell(work: Work, key: str) -> LaneCell | None:
    """Return what a series counts as a whole, None where it is nothing."""
    cell: WholeCell | None = work.get(key, TOTAL)
    return None if cell is None else cell.counts


def day_packed(work: Work, group: str, combination: str, day: int) -> Packed | None:
    """Return what one combination of strata counts on a day, in short; None where it is nothing."""
    week, name = place_of_day(day)
    cell: WeekCell | None = work.get(group, DAYS + week)
    return None if cell is None else cell.counts.get(combination, {}).get(name)
