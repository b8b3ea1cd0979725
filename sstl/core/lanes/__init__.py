"""Stage [lanes]: what observations of a lane add up to, and the indicators published from it."""

from sstl.core.lanes.cell import TOTAL, LaneCell, Series, day_window, merged_cells
from sstl.core.lanes.stage import LanesStage, indicator
from sstl.core.lanes.statistics import Statistics, statistics

__all__ = [
    "TOTAL",
    "LaneCell",
    "LanesStage",
    "Series",
    "Statistics",
    "day_window",
    "indicator",
    "merged_cells",
    "statistics",
]
