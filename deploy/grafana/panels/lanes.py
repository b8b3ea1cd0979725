"""Lead times and lateness of lanes."""

from typing import Final

from panels.kinds import (
    GREEN,
    ORANGE,
    RED,
    SOURCE,
    YELLOW,
    Grid,
    Panel,
    bar_gauge,
    query,
    series,
    steps,
)
from panels.lead_times import DAY_S, LANES, days, lane_sum, mean, share_late

DECIMALS: Final = {"locale": 0, "suffix: d": 2, "percentunit": 1}


def lanes_table() -> Panel:
    """Return the table of lanes: one row a lane, mode and indicator."""
    columns = [
        ("n", lane_sum("sstl_lane_observations"), "locale", 80),
        ("Mean", f"{mean()} / {DAY_S}", "suffix: d", 110),
        ("Median", days("sstl_lane_median_seconds"), "suffix: d", 110),
        ("p90", days("sstl_lane_p90_seconds"), "suffix: d", 110),
        ("Share late", share_late(), "percentunit", 260),
    ]
    refs = "ABCDE"
    overrides = [
        {
            "matcher": {"id": "byName", "options": name},
            "properties": [
                {"id": "unit", "value": unit},
                {"id": "custom.width", "value": width},
                {"id": "decimals", "value": DECIMALS[unit]},
            ],
        }
        for name, _, unit, width in columns
    ]
    overrides[-1]["properties"] += [  # type: ignore[operator]
        {"id": "custom.cellOptions", "value": {"type": "gauge", "mode": "basic"}},
        {"id": "min", "value": 0},
        {"id": "max", "value": 1},
        {
            "id": "thresholds",
            "value": steps((None, GREEN), (0.1, YELLOW), (0.25, ORANGE), (0.5, RED)),
        },
    ]
    return {
        "type": "table",
        "title": "Lanes: lead time and share late",
        "description": "Every lane this view is filtered to, over the whole period, all strata. n counts "
        "observations (a leg, a journey or a consignment, as the indicator says); share late is of those "
        "with a planned duration. Lanes beyond the budget of series are summed up as 'other'.",
        "datasource": SOURCE,
        "targets": [
            query(expr, ref=ref, instant=True) | {"format": "table"}
            for ref, (_, expr, _, _) in zip(refs, columns, strict=True)
        ],
        "fieldConfig": {
            "defaults": {
                "custom": {"align": "auto", "filterable": False, "inspect": False},
                "noValue": "-",
            },
            "overrides": overrides,
        },
        "options": {
            "showHeader": True,
            "cellHeight": "sm",
            "sortBy": [{"displayName": "n", "desc": True}],
        },
        "transformations": [
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "indexByName": {
                        name: place
                        for place, name in enumerate(
                            ["lane", "mode", "indicator", "counting_unit"]
                            + [f"Value #{ref}" for ref in refs]
                        )
                    },
                    "renameByName": {
                        "lane": "Lane",
                        "mode": "Mode",
                        "indicator": "Indicator",
                        "counting_unit": "Counted",
                    }
                    | {
                        f"Value #{ref}": name
                        for ref, (name, _, _, _) in zip(refs, columns, strict=True)
                    },
                },
            },
        ],
    }


def lanes(grid: Grid) -> None:
    """Place what this is about: lead times and lateness of lanes."""
    grid.add(lanes_table(), width=24, height=12)
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
                    f"topk(10, sum by ({where}) (sstl_lane_observations{{{LANES}}} @ end()))",
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
