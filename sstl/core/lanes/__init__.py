"""Stage [lanes]: what observations of a lane add up to, and the indicators published from it."""

from sstl.core.lanes.cell import LaneCell, Series
from sstl.core.lanes.cohorts import Cohorts
from sstl.core.lanes.packed import merged_cells
from sstl.core.lanes.publishing import Publication
from sstl.core.lanes.record import indicator
from sstl.core.lanes.stage import LanesStage
from sstl.core.lanes.statistics import Statistics, statistics
from sstl.core.lanes.windows import TOTAL, day_window

__all__ = [
    "TOTAL",
    "Cohorts",
    "LaneCell",
    "LanesStage",
    "Publication",
    "Series",
    "Statistics",
    "day_window",
    "indicator",
    "merged_cells",
    "statistics",
]
