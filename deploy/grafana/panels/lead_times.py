"""What is asked of Prometheus about lanes, over the lanes, modes and indicators chosen."""

from typing import Final

DAY_S: Final = 86_400
"""Lead times are shown in days: one unit for sea, rail and air, so that lanes compare at a glance."""

CHOSEN: Final = 'lane=~"$lane",mode=~"$mode",indicator=~"$indicator"'
LANES: Final = CHOSEN + ',stratum="all",window="TOTAL"'
ROW: Final = "lane, mode, indicator, counting_unit"


def lane_sum(metric: str, by: str = ROW) -> str:
    """Return a sum over workers: a lane has one owner, the lane 'other' has a part in each."""
    return f"sum by ({by}) ({metric}{{{LANES}}})"


def mean(by: str = ROW) -> str:
    """Return the mean lead time, weighted with the observations."""
    weighted = (
        f"sum by ({by}) (sstl_lane_mean_seconds{{{LANES}}} * sstl_lane_observations{{{LANES}}})"
    )
    return f"{weighted} / {lane_sum('sstl_lane_observations', by)}"


def days(metric: str, by: str = ROW) -> str:
    """Return a lead time of each lane in days."""
    return f"max by ({by}) ({metric}{{{LANES}}}) / {DAY_S}"


def share_late(by: str = ROW) -> str:
    """Return the share late of those with a plan; no value where nothing was planned."""
    late = lane_sum("sstl_lane_late_observations", by)
    planned = lane_sum("sstl_lane_planned_observations", by)
    return f"{late} / ({planned} > 0)"
