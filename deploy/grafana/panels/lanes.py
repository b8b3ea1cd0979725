"""Lead times and lateness of lanes."""

from panels.kinds import (
    GREEN,
    ORANGE,
    RED,
    YELLOW,
    Column,
    Grid,
    Panel,
    bar_gauge,
    query,
    series,
    steps,
    table,
)
from panels.lead_times import (
    DAY_S,
    HEADINGS,
    LANES,
    ROW,
    SHORT,
    SHORT_HEADINGS,
    chosen,
    days,
    lane_sum,
    mean,
    share_late,
    share_within,
)


def lanes_table() -> Panel:
    """Return the table of lanes: one row a lane, mode and indicator."""
    return table(
        "Lanes: lead time and share late",
        "Every lane this view is filtered to, over the whole period, all strata. n counts observations (a leg, a "
        "journey or a consignment, as the indicator says); share late is of those with a planned duration. "
        "What is beyond the budget of series is summed up as 'other'.",
        HEADINGS,
        [
            ("n", f"{lane_sum('sstl_lane_observations')} and on ({ROW}) {mean()}", "locale", 80),
            ("Mean", f"{mean()} / {DAY_S}", "suffix: d", 110),
            ("Median", days("sstl_lane_median_seconds"), "suffix: d", 110),
            ("p90", days("sstl_lane_p90_seconds"), "suffix: d", 110),
            ("p95", days("sstl_lane_p95_seconds"), "suffix: d", 110),
            ("Within target", share_within(), "percentunit", 120),
            ("Share late", share_late(), "bar", 220),
        ],
        sort_by="n",
    )


def newest_table(window: str, title: str) -> Panel:
    """Return a table of the newest day, week or month of each lane."""
    measured = days("sstl_lane_mean_seconds", SHORT, window)
    labels = chosen(window)
    columns: list[Column] = [
        (
            "n",
            f"{lane_sum('sstl_lane_observations', SHORT, window)} and on ({SHORT}) {measured}",
            "locale",
            60,
        ),
        ("Median", days("sstl_lane_median_seconds", SHORT, window), "suffix: d", 80),
        ("p90", days("sstl_lane_p90_seconds", SHORT, window), "suffix: d", 80),
        ("Late", share_late(SHORT, window), "percentunit", 80),
        (
            "Provisional",
            f"max by ({SHORT}) (sstl_lane_provisional{{{labels}}}) and on ({SHORT}) {measured}",
            "bool_yes_no",
            90,
        ),
        (
            "Began",
            f"1000 * max by ({SHORT}) (sstl_lane_window_start_timestamp_seconds{{{labels}}}) "
            f"and on ({SHORT}) {measured}",
            "time: YYYY-MM-DD",
            100,
        ),
    ]
    return table(
        title,
        "The newest one with an observation, by the start of what is measured: a lane that rests shows an old one, and "
        "'began' says which. Provisional: slow ones are still missing, so what is there looks faster than it is.",
        SHORT_HEADINGS,
        columns,
        sort_by="n",
    )


def lanes(grid: Grid) -> None:
    """Place what this is about: lead times and lateness of lanes."""
    grid.add(lanes_table(), width=24, height=12)
    grid.add(newest_table("P1W", "Lanes: the newest week"), width=12, height=10)
    grid.add(newest_table("P1M", "Lanes: the newest month"), width=12, height=10)
    where = "lane, indicator"
    name = "{{lane}} {{indicator}}"
    grid.add(
        series(
            "Median lead time: the ten lanes with most observations",
            "Whole-period median in days, as it stood at each instant; logarithmic, so that air and sea "
            "are both readable.",
            [
                query(
                    f"{days('sstl_lane_median_seconds', where)} and "
                    f"topk(10, sum by ({where}) (sstl_lane_observations{{{LANES}}} @ end()) and "
                    f"max by ({where}) (sstl_lane_median_seconds{{{LANES}}} @ end()))",
                    name,
                )
            ],
            unit="suffix: d",
            last_values=True,
            decimals=2,
        ),
        width=14,
        height=12,
    )
    defaults = grid.panels[-1]["fieldConfig"]["defaults"]
    del defaults["min"]
    defaults["custom"]["fillOpacity"] = 0
    defaults["custom"]["scaleDistribution"] = {"type": "log", "log": 10}
    del defaults["custom"]["axisSoftMin"]
    grid.add(
        bar_gauge(
            "Share late: the eight latest lanes",
            "Share of observations that took longer than planned, of those with a plan.",
            f"sort_desc(topk(8, {share_late(where)}))",
            name,
            unit="percentunit",
            levels=steps((None, GREEN), (0.1, YELLOW), (0.25, ORANGE), (0.5, RED)),
            top=1,
        ),
        width=10,
        height=12,
    )
