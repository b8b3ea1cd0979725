"""From a cell's integers to the published statistics: exact up to one stated rounding each."""

from dataclasses import dataclass
from fractions import Fraction

from sstl.core.fixed_point import exp_mean, root
from sstl.core.lanes.cell import LaneCell

_MEDIAN = Fraction(1, 2)
_P90 = Fraction(9, 10)
_MS = 1000


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of one cell, in seconds; None where the sample is too small for one."""

    mean: float
    """Nearest double of the exact mean of the milliseconds."""
    median: int | None
    p90: int | None
    standard_deviation: float | None
    """Sample standard deviation, divisor n - 1; None for n below 2."""
    geometric_mean: float | None
    share_late: float | None
    minimum: int | None
    maximum: int | None


def standard_deviation(cell: LaneCell) -> float | None:
    """Return the sample standard deviation in seconds; None for n below 2.

    ``n * sum of squares - (sum) ** 2`` is computed in integers, so nothing cancels.
    """
    if cell.n <= 1:
        return None
    total = int(cell.sum_ms)
    spread = cell.n * int(cell.sum_squares) - total * total
    return root(spread, cell.n * (cell.n - 1) * _MS * _MS)


def geometric_mean(cell: LaneCell) -> float | None:
    """Return the geometric mean of the positive durations in seconds; None when there is none."""
    positive = cell.n - cell.n_zero - cell.n_negative
    return exp_mean(int(cell.sum_logs), positive, _MS) if positive else None


def statistics(cell: LaneCell) -> Statistics:
    """Return the statistics of a cell."""
    return Statistics(
        mean=int(cell.sum_ms) / (cell.n * _MS),
        median=cell.histogram.quantile(_MEDIAN),
        p90=cell.histogram.quantile(_P90),
        standard_deviation=standard_deviation(cell),
        geometric_mean=geometric_mean(cell),
        share_late=cell.n_late / cell.n_planned if cell.n_planned else None,
        minimum=cell.histogram.minimum(),
        maximum=cell.histogram.maximum(),
    )
