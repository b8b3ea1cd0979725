"""What each series counts as a whole, brought up to date from the days that changed when somebody asks for it.

An observation changes one day and the wholes of up to eight series and more. In step with each batch, those would be
most of what a batch costs and writes; now each changed day keeps what the wholes count of it (`Changed`), and what it
counts more is added once for all batches since.
"""

from bisect import bisect_left

from sstl.core.histogram import Histogram
from sstl.core.indicators.benefits import DISTINCT
from sstl.core.indicators.registry import definition
from sstl.core.lanes.cell import BY_END, Packed, Series
from sstl.core.lanes.combinations import series_of
from sstl.core.lanes.marks import CHANGED, MARK, SERIES, Changed
from sstl.core.lanes.packed import contribution_of, unpacked
from sstl.core.lanes.places import day_packed, keep_whole, whole_cell, whole_key
from sstl.core.lanes.tally import Contribution, Tally, cell_of
from sstl.core.lanes.windows import days_of
from sstl.core.stage import Work


class Wholes:
    """Brings wholes up to date, one indicator, lane and mode at a time; what changes after that is not seen."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._marks: list[str] | None = None
        self._settled: set[str] = set()

    def settle(self, key: str) -> None:
        """Bring the whole of a series up to date, and of all others of its indicator, lane and mode."""
        whole = whole_key(key)
        if whole in self._settled or whole.endswith(BY_END):
            return
        self._settled.add(whole)
        changes = self._changes(whole)
        of_series: dict[str, Tally] = {}
        for name, change in changes.items():
            for series in series_of(whole + name):
                tally = of_series.get(series)
                if tally is None:
                    tally = of_series[series] = Tally()
                tally.merge(change)
        for series, tally in of_series.items():
            self._add(series, tally)

    def _changes(self, whole: str) -> dict[str, Tally]:
        """Return by how much each combination of strata counts more than the wholes know, and unmark it."""
        work = self._work
        if self._marks is None:
            self._marks = work.parts(CHANGED)
        found: dict[str, Tally] = {}
        ones: dict[str, list[Contribution]] = {}
        for place in range(bisect_left(self._marks, whole), len(self._marks)):
            mark = self._marks[place]
            if not mark.startswith(whole):
                break
            changed = work.get(CHANGED, mark)
            if not isinstance(changed, Changed):
                continue
            strata, _, window = mark.rpartition("|")
            name = strata.removeprefix(whole)
            tally = found.get(name)
            if tally is None:
                tally, ones[name] = found.setdefault(name, Tally()), []
            after = day_packed(work, whole, name, days_of(window).start)
            if isinstance(after, int):
                ones[name].append(contribution_of(after))
            else:
                _merge(tally, after, 1)
            _merge(tally, changed.before, -1)
            work.put(CHANGED, mark, MARK)
        for name, values in ones.items():
            found[name].add_all(values)
        return found

    def _add(self, series: str, more: Tally) -> None:
        if is_distinct(series):
            more.forget_categories()
        known = whole_cell(self._work, series)
        if known is None:
            durations = Histogram.from_counts(more.changes)
            self._work.put(SERIES, series, MARK)
        else:
            durations = known.histogram.changed(more.changes)
            more.merge_cell(known)
        keep_whole(self._work, series, cell_of(more, durations))


def is_distinct(key: str) -> bool:
    """Tell whether the categories of a series are names, of which only the days know all.

    A record has room for those of a month, not for those of all months.
    """
    series = Series.of(key)
    return definition(series.indicator, series.counting_unit).estimator == DISTINCT


def _merge(tally: Tally, short: Packed | None, sign: int) -> None:
    if short is None:
        return
    if isinstance(short, int) and sign < 0:
        tally.take(contribution_of(short))
        return
    cell = unpacked(short)
    tally.merge_cell(cell, sign)
    tally.merge_durations(cell.histogram, sign)
