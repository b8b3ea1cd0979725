"""Figures that are derived from the counts of one series and window, by the estimator that its definition names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from sstl.core.indicators.benefits import COUNT, DISTINCT, counted, distinct
from sstl.core.indicators.detained import AMOUNT, DETAINED_QUANTITY, SUM, detained_quantity
from sstl.core.indicators.recall import RECALL, recall_figures
from sstl.core.indicators.registry import definition
from sstl.core.indicators.report_quality import REPORT_FAULTS, fault_figures
from sstl.core.lanes.cell import LaneCell, Series
from sstl.core.lanes.windows import MONTH_PREFIX, TOTAL
from sstl.core.statistics.proportions import WILSON
from sstl.core.statistics.result import Estimated, Method
from sstl.models.policy import Policy


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure, published under its own name with the lane, mode, counting unit, strata and window of its counts."""

    name: str
    """Of the indicator as which it is published; the policy's ``minimum_n`` for this name counts."""
    n: int
    """Counting units that it rests on."""
    estimated: Estimated
    unit: str = "1"
    method: Method
    """How the figure is made; what makes its interval may be another."""
    beside: dict[str, Any] = {}
    """Further fields of `sstl.models.indicator.Indicator`: ``k``, ``exposure``."""


Estimator: TypeAlias = Callable[[Series, str, LaneCell, Policy], Sequence[Figure]]
"""From series, window, counts and the version that governs the window to figures, each name once."""


def _recall(_series: Series, _window: str, cell: LaneCell, _policy: Policy) -> Sequence[Figure]:
    return [
        Figure(name=one.name, n=one.n, estimated=one.estimated, unit=one.unit, method=one.method)
        for one in recall_figures(cell.categories)
    ]


def _amount(series: Series, _window: str, cell: LaneCell, _policy: Policy) -> Sequence[Figure]:
    total = detained_quantity(cell.categories)
    return [
        Figure(
            name=DETAINED_QUANTITY.name,
            n=cell.n,
            estimated=total,
            unit=series.counting_unit,
            method=SUM,
        )
    ]


def _report_faults(_: Series, _window: str, cell: LaneCell, _policy: Policy) -> Sequence[Figure]:
    return [
        Figure(
            name=one.name,
            n=one.n,
            estimated=one.estimated,
            method=WILSON,
            beside={"k": one.k, "share": one.k / one.n},
        )
        for one in fault_figures(cell.categories)
    ]


def _distinct(series: Series, window: str, cell: LaneCell, _: Policy) -> Sequence[Figure]:
    """Return how many take part, of months and of the whole only: operators are counted by month."""
    if window != TOTAL and not window.startswith(MONTH_PREFIX):
        return ()
    what = series.indicator.rpartition("_")[2]
    many = distinct(cell.categories)
    return [
        Figure(
            name=f"{what}_taking_part",
            n=cell.n,
            estimated=counted(many),
            unit=what,
            method=COUNT,
            beside={"k": many},
        )
    ]


ESTIMATORS: Final[Mapping[str, Estimator]] = {
    RECALL: _recall,
    AMOUNT: _amount,
    DISTINCT: _distinct,
    REPORT_FAULTS: _report_faults,
}
"""By the name that `Definition.estimator` states."""


def derived(series: Series, window: str, cell: LaneCell, policy: Policy) -> Sequence[Figure]:
    """Return the figures that are made of what a series counts in a window; none where no estimator is declared."""
    name = definition(series.indicator, series.counting_unit).estimator
    return () if name is None else ESTIMATORS[name](series, window, cell, policy)
