"""What is asked of Prometheus about lanes, over the lanes, modes and indicators chosen."""

from typing import Final

DAY_S: Final = 86_400
"""Lead times are shown in days: one unit for sea, rail and air, so that lanes compare at a glance."""

CHOSEN: Final = 'lane=~"$lane",mode=~"$mode",indicator=~"$indicator"'
ROW: Final = "lane, mode, indicator, counting_unit"
HEADINGS: Final = {
    "lane": "Lane",
    "mode": "Mode",
    "indicator": "Indicator",
    "counting_unit": "Counted",
}

SHORT: Final = "lane, indicator"
"""What tells rows apart in narrow tables: a lane has one mode, an indicator one counting unit."""
SHORT_HEADINGS: Final = {"lane": "Lane", "indicator": "Indicator"}


def chosen(window: str = "TOTAL") -> str:
    """Return the labels of all strata together in one kind of window; how sources report is shown apart."""
    return f'{CHOSEN},counting_unit!="report",stratum="all",window="{window}"'


LANES: Final = chosen()


def lane_sum(metric: str, by: str = ROW, window: str = "TOTAL") -> str:
    """Return a sum over workers: a lane has one owner, the lane 'other' has a part in each."""
    return f"sum by ({by}) ({metric}{{{chosen(window)}}})"


def mean(by: str = ROW) -> str:
    """Return the mean lead time, weighted with the observations."""
    weighted = (
        f"sum by ({by}) (sstl_lane_mean_seconds{{{LANES}}} * sstl_lane_observations{{{LANES}}})"
    )
    return f"{weighted} / {lane_sum('sstl_lane_observations', by)}"


def days(metric: str, by: str = ROW, window: str = "TOTAL") -> str:
    """Return a lead time of each lane in days."""
    return f"max by ({by}) ({metric}{{{chosen(window)}}}) / {DAY_S}"


def share_late(by: str = ROW, window: str = "TOTAL") -> str:
    """Return the share late of those with a plan; no value where nothing was planned."""
    late = lane_sum("sstl_lane_late_observations", by, window)
    planned = lane_sum("sstl_lane_planned_observations", by, window)
    return f"{late} / ({planned} > 0)"


def share_within(by: str = ROW) -> str:
    """Return the share within target of those that have one; no value where none was promised."""
    within = lane_sum("sstl_lane_within_target_observations", by)
    return f"{within} / ({lane_sum('sstl_lane_target_observations', by)} > 0)"
