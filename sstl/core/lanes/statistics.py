"""From a cell's integers to the published statistics: exact up to one stated rounding each."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from sstl.core.fixed_point import exp_mean, root
from sstl.core.histogram import EXACT_UP_TO_S, RELATIVE_ERROR
from sstl.core.lanes.cell import LaneCell

QUANTILES: Final = {
    "p10": Fraction(1, 10),
    "p25": Fraction(1, 4),
    "median": Fraction(1, 2),
    "p75": Fraction(3, 4),
    "p90": Fraction(9, 10),
    "p95": Fraction(19, 20),
}
_RATIOS: Final = tuple(p.as_integer_ratio() for p in QUANTILES.values())
_MS = 1000


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of one cell, in seconds; None where the sample is too small for one."""

    mean: float
    """Nearest double of the exact mean of the milliseconds."""
    p10: int | None
    p25: int | None
    median: int | None
    p75: int | None
    p90: int | None
    p95: int | None
    standard_deviation: float | None
    """Sample standard deviation, divisor n - 1; None for n below 2."""
    coefficient_of_variation: float | None
    """Standard deviation over mean; None where the mean is not positive."""
    geometric_mean: float | None
    share_late: float | None
    share_within_target: float | None
    minimum: int | None
    maximum: int | None
    predictability: int | None
    """p95 less p50."""
    predictability_error: float | None
    """By how much `predictability` may be off: the bounds of both quantiles together."""


def standard_deviation(cell: LaneCell) -> float | None:
    """Return the sample standard deviation in seconds; None for n below 2.

    ``n * sum of squares - (sum) ** 2`` is computed in integers, so nothing cancels.
    """
    if cell.n <= 1:
        return None
    total = int(cell.sum_ms)
    spread = cell.n * int(cell.sum_squares) - total * total
    return root(spread, cell.n * (cell.n - 1) * _MS * _MS)


def coefficient_of_variation(cell: LaneCell) -> float | None:
    """Return standard deviation over mean; None for n below 2 or a mean that is not positive."""
    total = int(cell.sum_ms)
    if cell.n <= 1 or total <= 0:
        return None
    spread = cell.n * int(cell.sum_squares) - total * total
    return root(spread * cell.n, (cell.n - 1) * total * total)


def geometric_mean(cell: LaneCell) -> float | None:
    """Return the geometric mean of the positive durations in seconds; None when there is none."""
    positive = cell.n - cell.n_zero - cell.n_negative
    return exp_mean(int(cell.sum_logs), positive, _MS) if positive else None


def difference_error(*values: int) -> float:
    """Return by how much a difference of quantiles that were told as these seconds may be off.

    Each bound is a share of the true order statistic, which may itself be that much longer than what was told.
    """
    share = RELATIVE_ERROR.denominator - RELATIVE_ERROR.numerator
    inexact = sum(abs(value) for value in values if abs(value) > EXACT_UP_TO_S)
    return inexact * RELATIVE_ERROR.numerator / share


def statistics(cell: LaneCell) -> Statistics:
    """Return the statistics of a cell of durations."""
    told = cell.histogram.order_statistics(_RATIOS)
    p10, p25, median, p75, p90, p95 = told
    spread = error = None
    if p95 is not None and median is not None:
        spread = p95 - median
        error = difference_error(p95, median)
    return Statistics(
        mean=int(cell.sum_ms) / (cell.n * _MS),
        p10=p10,
        p25=p25,
        median=median,
        p75=p75,
        p90=p90,
        p95=p95,
        standard_deviation=standard_deviation(cell),
        coefficient_of_variation=coefficient_of_variation(cell),
        geometric_mean=geometric_mean(cell),
        share_late=cell.n_late / cell.n_planned if cell.n_planned else None,
        share_within_target=cell.n_within / cell.n_target if cell.n_target else None,
        minimum=cell.histogram.minimum(),
        maximum=cell.histogram.maximum(),
        predictability=spread,
        predictability_error=error,
    )
