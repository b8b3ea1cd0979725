"""Cells in short: most days of most combinations of strata hold a single value.

What is packed says the same as the cell and follows from it alone, so that equal counts are equal bytes whatever led to
them.

=======================  ===========================================================================================
packed                   a cell that
=======================  ===========================================================================================
``1200008``              counts one duration: milliseconds times 16, plus 8 planned, 4 late, 2 with a target, 1 within
``"5,3"``, ``"5,3,9"``   has but n and sum, and exposure: shares, rates
``[n, ...]``             is any other, as it is
=======================  ===========================================================================================
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple, Self

from sstl.core.histogram import Histogram, merged
from sstl.core.lanes.cell import Beside, LaneCell, Packed
from sstl.core.lanes.tally import (
    LATE,
    NO_BUCKET,
    PLANNED,
    TARGET,
    WITHIN,
    Contribution,
    Events,
    Tally,
    Value,
    cell_of,
)

_MARKS: Final = 16
_LONGEST_MS: Final = 2**58
"""Longer ones would not fit 64 bits with their marks."""


def packed(cell: LaneCell) -> Packed:
    """Return the cell in short."""
    if cell.beside is None and cell.n == 1 and cell.histogram.buckets:
        value = int(cell.sum_ms)
        if -_LONGEST_MS < value < _LONGEST_MS:
            marks = PLANNED * cell.n_planned + LATE * cell.n_late
            marks += TARGET * cell.n_target + WITHIN * cell.n_within
            one = value * _MARKS + marks
            if marks < _MARKS and unpacked(one) == cell:
                return one
    if not cell.histogram.buckets:
        text = f"{cell.n},{cell.sum_ms}"
        if cell.beside is not None:
            text = f"{text},{cell.exposure}"
        if unpacked(text) == cell:
            return text
    return cell


def short_of(value: Value) -> Packed | None:
    """Return the cell in short that counts one observation alone; None where it is too long for that."""
    if isinstance(value, Events):
        return f"1,{value.value},{value.exposure}" if value.exposure else f"1,{value.value}"
    if value.bucket == NO_BUCKET:
        return f"1,{value.value}"
    if not -_LONGEST_MS < value.value < _LONGEST_MS:
        return None
    return value.value * _MARKS + value.marks


def unpacked(short: Packed) -> LaneCell:
    """Return the cell that is called so in short."""
    if isinstance(short, int):
        return _of_one(short)
    return _of_counts(short) if isinstance(short, str) else short


@lru_cache(maxsize=16_384)
def contribution_of(short: int) -> Contribution:
    """Return what the one duration contributes that is called so in short."""
    value, marks = divmod(short, _MARKS)
    return Contribution.of_value(value, marks)


@lru_cache(maxsize=16_384)
def _of_one(short: int) -> LaneCell:
    one = contribution_of(short)
    return LaneCell(
        n=1,
        sum_ms=str(one.value),
        sum_squares=str(one.square),
        sum_logs=str(one.log),
        n_zero=one.zero,
        n_negative=one.negative,
        n_planned=one.planned,
        n_late=one.late,
        n_target=one.target,
        n_within=one.within,
        histogram=Histogram((one.bucket,), (1,)),
    )


def _of_counts(text: str) -> LaneCell:
    n, total, *exposure = text.split(",")
    beside = Beside(exposure=exposure[0]) if exposure else None
    return LaneCell(n=int(n), sum_ms=total, beside=beside)


class Counts(NamedTuple):
    """What is counted, not yet added up."""

    ones: list[Contribution]
    """Of durations that are alone in their cells."""
    cells: list[LaneCell]
    """All others."""

    @classmethod
    def of(cls, shorts: Iterable[Packed]) -> Self:
        """Return what cells in short count."""
        found = cls([], [])
        for short in shorts:
            if isinstance(short, int):
                found.ones.append(contribution_of(short))
            else:
                found.cells.append(unpacked(short))
        return found

    def merged(self) -> LaneCell | None:
        """Return the cell of everything; None where it is nothing."""
        whole = Tally()
        histograms = []
        for cell in self.cells:
            whole.merge_cell(cell)
            if cell.histogram.buckets:
                histograms.append(cell.histogram)
        whole.add_all(self.ones)
        if not histograms:
            return cell_of(whole, Histogram.from_counts(whole.changes))
        return cell_of(whole, merged(histograms).changed(whole.changes))


def merged_packed(cells: Iterable[Packed]) -> LaneCell | None:
    """Return the cell of everything that the cells count; None where they count nothing."""
    return Counts.of(cells).merged()


def merged_cells(cells: Iterable[LaneCell]) -> LaneCell | None:
    """Return the cell of everything that the cells count; None where they count nothing."""
    return merged_packed(cells)
