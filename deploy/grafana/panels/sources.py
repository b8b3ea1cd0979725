"""How good and how fresh what the sources report is."""

from panels.kinds import BLUE, GREEN, RED, YELLOW, Grid, bar_gauge, query, series, steps
from panels.lead_times import CHOSEN

_BY_SOURCE = f'{CHOSEN},stratum=~"source=[^;]*",window="TOTAL"'


def sources(grid: Grid) -> None:
    """Place reporting delays, shares by source, and what was found wrong with reports."""
    grid.add(
        bar_gauge(
            "Reporting delay by source: median",
            "From when something happened to when it was reported; the twelve slowest sources of the lanes chosen.",
            "sort_desc(topk(12, max by (stratum) "
            f'(sstl_lane_median_seconds{{{_BY_SOURCE},indicator="reporting_delay"}})))',
            "{{stratum}}",
            unit="s",
            levels=steps((None, BLUE)),
        ),
        width=8,
        height=9,
    )
    grid.add(
        bar_gauge(
            "Reporting delay by source: newest day, 90th percentile",
            "Of the newest day that each source reported on: a source that rests shows an old one.",
            "sort_desc(topk(12, max by (stratum) "
            f'(sstl_lane_p90_seconds{{{CHOSEN},stratum=~"source=[^;]*",window="P1D",indicator="reporting_delay"}})))',
            "{{stratum}}",
            unit="s",
            levels=steps((None, BLUE)),
        ),
        width=8,
        height=9,
    )
    grid.add(
        series(
            "Reports by source",
            "Reports of the lanes chosen whose delay is known, since the beginning.",
            [
                query(
                    "topk(12, sum by (stratum) "
                    f'(sstl_lane_observations{{{_BY_SOURCE},indicator="reporting_delay"}}))',
                    "{{stratum}}",
                )
            ],
            decimals=0,
        ),
        width=8,
        height=9,
    )
    grid.add(
        bar_gauge(
            "Implausible reports by source",
            "Share of reports that cannot be right by stated rules: recorded before they happened, out of order, "
            "contradicted. The twelve worst sources of the lanes chosen.",
            "sort_desc(topk(12, max by (stratum) "
            f'(sstl_lane_value_ratio{{{_BY_SOURCE},indicator="implausible_report_share"}})))',
            "{{stratum}}",
            unit="percentunit",
            levels=steps((None, GREEN), (0.01, YELLOW), (0.05, RED)),
        ),
        width=12,
        height=8,
    )
    grid.add(
        series(
            "Implausible reports: newest week",
            "The same share in the newest week of each source.",
            [
                query(
                    "topk(12, max by (stratum) (sstl_lane_value_ratio"
                    f'{{{CHOSEN},stratum=~"source=[^;]*",window="P1W",indicator="implausible_report_share"}}))',
                    "{{stratum}}",
                )
            ],
            unit="percentunit",
        ),
        width=12,
        height=8,
    )
