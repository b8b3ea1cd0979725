"""The Grafana dashboard "SSTL lanes" as code: writes ``dashboards/sstl-lanes.json`` beside this file.

Needs nothing but Python:

    python deploy/grafana/dashboard.py            # write
    python deploy/grafana/dashboard.py --check    # exit 1 if the file is not what would be written

Only panel types and options that Grafana 10, 11 and 12 share are used.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

TARGET: Final = Path(__file__).parent / "dashboards" / "sstl-lanes.json"
UID: Final = "sstl-lanes"
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}

GREEN, YELLOW, ORANGE, RED, PURPLE, BLUE = (
    "#56A64B",
    "#F2CC0C",
    "#FF9830",
    "#E02F44",
    "#A352CC",
    "#5794F2",
)
SEVERITIES: Final = {"LOW": BLUE, "MEDIUM": YELLOW, "HIGH": ORANGE, "CRITICAL": RED}
OUTCOMES: Final = {"committed": GREEN, "aborted": ORANGE, "fenced": RED}

DAY_S: Final = 86_400
"""Lead times are shown in days: one unit for sea, rail and air, so that lanes compare at a glance."""
COLUMNS: Final = 24

LANES: Final = 'lane=~"$lane",mode=~"$mode",indicator=~"$indicator"'
ROW: Final = "lane, mode, indicator, counting_unit"

DECIMALS: Final = {"locale": 0, "suffix: d": 2, "percentunit": 1}

Panel = dict[str, Any]


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


def quantile(q: float, metric: str, by: str) -> str:
    """Return a quantile of a histogram over the last minutes."""
    return f"histogram_quantile({q}, sum by (le, {by}) (rate({metric}_bucket[$__rate_interval])))"


class Grid:
    """Places panels from left to right, row by row, on Grafana's 24 columns."""

    def __init__(self) -> None:
        self.panels: list[Panel] = []
        self._x = self._y = self._height = 0

    def add(self, panel: Panel, *, width: int, height: int) -> None:
        """Place a panel to the right of the last one, below where it does not fit."""
        if self._x + width > COLUMNS:
            self._x, self._y = 0, self._y + self._height
            self._height = 0
        place = {"x": self._x, "y": self._y, "w": width, "h": height}
        self.panels.append(panel | {"id": len(self.panels) + 1, "gridPos": place})
        self._x += width
        self._height = max(self._height, height)

    def heading(self, title: str) -> None:
        """Begin a new row with a heading."""
        self._x = COLUMNS
        self.add(
            {"type": "row", "title": title, "collapsed": False, "panels": []}, width=24, height=1
        )


def query(expr: str, legend: str = "", ref: str = "A", *, instant: bool = False) -> Panel:
    """Return one query of a panel."""
    return {
        "refId": ref,
        "expr": expr,
        "legendFormat": legend or "__auto",
        "datasource": SOURCE,
        "editorMode": "code",
        "instant": instant,
        "range": not instant,
        "format": "time_series",
    }


def colours(names: dict[str, str]) -> list[Panel]:
    """Return overrides that give series of these names fixed colours."""
    return [
        {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}],
        }
        for name, colour in names.items()
    ]


def steps(*pairs: tuple[float | None, str]) -> Panel:
    """Return thresholds; the first step has no lower end."""
    return {"mode": "absolute", "steps": [{"value": at, "color": colour} for at, colour in pairs]}


def stat(
    title: str,
    text: str,
    expr: str,
    *,
    unit: str = "locale",
    levels: Panel | None = None,
    decimals: int = 0,
) -> Panel:
    """Return a tile with one number."""
    return {
        "type": "stat",
        "title": title,
        "description": text,
        "datasource": SOURCE,
        "targets": [query(expr)],
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "decimals": decimals,
                "noValue": "-",
                "thresholds": levels or steps((None, BLUE)),
                "color": {"mode": "thresholds"},
            },
            "overrides": [],
        },
        "options": {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "textMode": "value",
            "text": {"valueSize": 38},
            "orientation": "auto",
        },
    }


def series(
    title: str,
    text: str,
    targets: list[Panel],
    *,
    unit: str = "short",
    stacked: bool = False,
    named: dict[str, str] | None = None,
    last_values: bool = False,
    decimals: int | None = None,
) -> Panel:
    """Return a time series panel."""
    custom = {
        "drawStyle": "line",
        "lineWidth": 1 if stacked else 2,
        "fillOpacity": 40 if stacked else 4,
        "showPoints": "never",
        "spanNulls": 60_000,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "axisSoftMin": 0,
    }
    defaults: Panel = {
        "unit": unit,
        "min": 0,
        "custom": custom,
        "color": {"mode": "palette-classic"},
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    return {
        "type": "timeseries",
        "title": title,
        "description": text,
        "datasource": SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": colours(named or {})},
        "options": {
            "legend": {
                "displayMode": "table" if last_values else "list",
                "placement": "right" if last_values else "bottom",
                "showLegend": True,
                "calcs": ["lastNotNull"] if last_values else [],
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }


def bar_gauge(
    title: str,
    text: str,
    expr: str,
    legend: str,
    *,
    unit: str,
    levels: Panel,
    top: float | None = None,
) -> Panel:
    """Return horizontal bars, the longest first."""
    defaults: Panel = {
        "unit": unit,
        "min": 0,
        "thresholds": levels,
        "color": {"mode": "thresholds"},
        "noValue": "nothing yet",
    }
    if top is not None:
        defaults["max"] = top
    return {
        "type": "bargauge",
        "title": title,
        "description": text,
        "datasource": SOURCE,
        "targets": [query(expr, legend, instant=True)],
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "orientation": "horizontal",
            "displayMode": "basic",
            "showUnfilled": True,
            "valueMode": "color",
            "minVizHeight": 16,
            "minVizWidth": 0,
        },
    }


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


def tiles(grid: Grid) -> None:
    """Place the numbers that say at a glance whether things work."""
    bad_above_zero = steps((None, GREEN), (1, RED))
    grid.add(
        stat(
            "Events accepted",
            "Input events that passed intake, per second, all workers.",
            "sum(rate(sstl_events_accepted_total[$__rate_interval]))",
            unit="suffix: /s",
            decimals=1,
            levels=steps((None, GREEN)),
        ),
        width=3,
        height=4,
    )
    grid.add(
        stat(
            "Share rejected",
            "Messages that intake refused, of all it judged in the period shown.",
            "(sum(increase(sstl_events_rejected_total[$__range])) or vector(0)) / "
            "((sum(increase(sstl_events_accepted_total[$__range])) or vector(0)) + "
            "(sum(increase(sstl_events_rejected_total[$__range])) or vector(0)) > 0)",
            unit="percentunit",
            decimals=2,
            levels=steps((None, GREEN), (0.01, YELLOW), (0.05, RED)),
        ),
        width=3,
        height=4,
    )
    grid.add(
        stat(
            "Flags ≥ HIGH",
            "Risk flags of severity HIGH and CRITICAL issued in the period shown.",
            'sum(increase(sstl_flags_total{status="ISSUED",severity=~"HIGH|CRITICAL"}[$__range])) '
            "or vector(0)",
            levels=steps((None, GREEN), (1, ORANGE)),
        ),
        width=3,
        height=4,
    )
    grid.add(
        stat(
            "Share late",
            "Observations that took longer than planned, of those with a plan, over the lanes chosen above.",
            f"sum(sstl_lane_late_observations{{{LANES}}}) / "
            f"(sum(sstl_lane_planned_observations{{{LANES}}}) > 0)",
            unit="percentunit",
            decimals=1,
            levels=steps((None, GREEN), (0.1, YELLOW), (0.25, ORANGE), (0.5, RED)),
        ),
        width=3,
        height=4,
    )
    grid.add(
        stat(
            "Event lag",
            "How far the slowest stage is behind now, in arrival time. "
            "Our own delay, not the sources'. A backfill has none.",
            "max(sstl_event_lag_seconds)",
            unit="s",
            decimals=1,
            levels=steps((None, GREEN), (15, YELLOW), (60, RED)),
        ),
        width=3,
        height=4,
    )
    grid.add(
        stat(
            "Records to read",
            "Records that wait in all source topics together.",
            "sum(sstl_consumer_lag_records)",
            levels=steps((None, GREEN), (10_000, YELLOW), (100_000, RED)),
        ),
        width=3,
        height=4,
    )
    grid.add(
        stat(
            "Quarantined",
            "Records set aside because our code failed on them, since the workers started. Each is a defect.",
            "sum(sstl_events_quarantined_total) or vector(0)",
            levels=bad_above_zero,
        ),
        width=3,
        height=4,
    )
    grid.add(
        stat(
            "Workers up",
            "Workers that answer, of those that Prometheus knows.",
            'sum(up{job="sstl"})',
            levels=steps((None, RED), (1, GREEN)),
        ),
        width=3,
        height=4,
    )


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


def flags(grid: Grid) -> None:
    """Place risk flags and what the rules answered."""
    grid.add(
        series(
            "Flags issued by severity",
            "Risk flags issued, per minute.",
            [
                query(
                    f'sum(rate(sstl_flags_total{{status="ISSUED",severity="{severity}"}}'
                    "[$__rate_interval])) * 60 or vector(0)",
                    severity,
                    ref,
                )
                for ref, severity in zip("ABCD", SEVERITIES, strict=True)
            ],
            unit="suffix: /min",
            stacked=True,
            named=SEVERITIES,
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Revisions of flags by status",
            "What became of flags, per minute: issued, updated, withdrawn, corrected, closed, expired.",
            [
                query(
                    "sum by (status) (rate(sstl_flags_total[$__rate_interval])) * 60", "{{status}}"
                )
            ],
            unit="suffix: /min",
        ),
        width=8,
        height=8,
    )
    grid.add(
        bar_gauge(
            "Answers of rules",
            "How often each rule answered what in the period shown. 'not_evaluable' means a fact was missing: "
            "no all-clear.",
            "sort_desc(topk(12, sum by (rule, outcome) (increase(sstl_rule_evaluations_total[$__range])) > 0))",
            "{{rule}} {{outcome}}",
            unit="locale",
            levels=steps((None, BLUE)),
        ),
        width=8,
        height=8,
    )
    grid.panels[-1]["fieldConfig"]["defaults"]["decimals"] = 0


def intake(grid: Grid) -> None:
    """Place what comes in and what is refused."""
    grid.add(
        series(
            "Events in by family",
            "Input events that passed intake, per second.",
            [
                query(
                    "sum by (family) (rate(sstl_events_accepted_total[$__rate_interval]))",
                    "{{family}}",
                )
            ],
            unit="suffix: /s",
            stacked=True,
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Rejections by reason",
            "Messages that intake refused, per minute; the originals are on the topic of rejections.",
            [
                query(
                    "sum by (reason) (rate(sstl_events_rejected_total[$__rate_interval])) * 60",
                    "{{reason}}",
                )
            ],
            unit="suffix: /min",
            stacked=True,
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Unbound events, unknown fields, alarms",
            "Per minute: events that no manifest bound in time, fields our models do not know, and what "
            "should not happen.",
            [
                query(
                    "sum(rate(sstl_events_unbound_total[$__rate_interval])) * 60", "unbound events"
                ),
                query(
                    "sum(rate(sstl_unknown_fields_total[$__rate_interval])) * 60",
                    "unknown fields",
                    "B",
                ),
                query("sum(rate(sstl_alarms_total[$__rate_interval])) * 60", "alarms", "C"),
            ],
            unit="suffix: /min",
            named={"alarms": RED},
        ),
        width=8,
        height=8,
    )


def chain(grid: Grid) -> None:
    """Place how the chain itself does."""
    grid.add(
        series(
            "Event lag by stage",
            "How far each stage's watermark, in arrival time, is behind now (the slowest partition). "
            "A backfill has none.",
            [query("max by (stage) (sstl_event_lag_seconds)", "{{stage}}")],
            unit="s",
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Records still to read by topic",
            "Records that wait in each source topic.",
            [query("sum by (topic) (sstl_consumer_lag_records)", "{{topic}}")],
            decimals=0,
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Records read by stage",
            "Records of committed batches, per second.",
            [query("sum by (stage) (rate(sstl_events_in_total[$__rate_interval]))", "{{stage}}")],
            unit="suffix: /s",
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Transactions by outcome",
            "Kafka transactions per second. 'aborted' and 'fenced' lose nothing, the work is done again.",
            [
                query(
                    "sum by (outcome) (rate(sstl_transaction_seconds_count[$__rate_interval]))",
                    "{{outcome}}",
                )
            ],
            unit="suffix: /s",
            stacked=True,
            named=OUTCOMES,
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Transaction time, p99 by stage",
            "From begin to commit; 99th percentile.",
            [query(quantile(0.99, "sstl_transaction_seconds", "stage"), "{{stage}}")],
            unit="s",
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Processing time of a batch, p99 by stage",
            "Decoding, folding and encoding, without the transaction; 99th percentile.",
            [query(quantile(0.99, "sstl_processing_seconds", "stage"), "{{stage}}")],
            unit="s",
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "State by stage",
            "Encoded size of the state that the workers hold.",
            [query("sum by (stage) (sstl_state_bytes)", "{{stage}}")],
            unit="bytes",
            stacked=True,
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "Records still to restore",
            "Changelog records that running restores still have to read; 0 while none runs.",
            [
                query(
                    "sum by (stage) ((sstl_restore_expected_records - sstl_restore_records) "
                    "* sstl_restore_in_progress)",
                    "{{stage}}",
                )
            ],
            decimals=0,
        ),
        width=8,
        height=8,
    )
    grid.add(
        series(
            "CPU of workers",
            "CPU seconds per second; 1 is one core.",
            [
                query(
                    'rate(process_cpu_seconds_total{job="sstl"}[$__rate_interval])',
                    "{{instance}}",
                )
            ],
        ),
        width=8,
        height=8,
    )


def variable(name: str, label: str, expr: str) -> Panel:
    """Return a choice of label values, several or all."""
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": SOURCE,
        "definition": expr,
        "query": {"query": expr, "refId": f"variable-{name}"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "options": [],
        "hide": 0,
    }


def dashboard() -> Panel:
    """Return the dashboard's model."""
    grid = Grid()
    tiles(grid)
    grid.heading("Lanes")
    lanes(grid)
    grid.heading("Risk flags")
    flags(grid)
    grid.heading("Events in")
    intake(grid)
    grid.heading("The chain itself")
    chain(grid)
    return {
        "uid": UID,
        "title": "SSTL lanes",
        "description": "Lead times and lateness of lanes, risk flags, and the chain that computes them.",
        "tags": ["sstl"],
        "timezone": "utc",
        "schemaVersion": 38,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "5s",
        "time": {"from": "now-15m", "to": "now"},
        "timepicker": {"refresh_intervals": ["5s", "10s", "30s", "1m", "5m"]},
        "templating": {
            "list": [
                {
                    "type": "datasource",
                    "name": "datasource",
                    "label": "Source",
                    "query": "prometheus",
                    "current": {"selected": True, "text": "Prometheus", "value": "sstl-prometheus"},
                    "hide": 2,
                    "includeAll": False,
                    "multi": False,
                    "options": [],
                    "refresh": 1,
                    "regex": "",
                },
                variable("mode", "Mode", "label_values(sstl_lane_observations, mode)"),
                variable(
                    "lane", "Lane", 'label_values(sstl_lane_observations{mode=~"$mode"}, lane)'
                ),
                variable(
                    "indicator",
                    "Indicator",
                    'label_values(sstl_lane_observations{mode=~"$mode",lane=~"$lane"}, indicator)',
                ),
            ]
        },
        "annotations": {"list": []},
        "links": [],
        "panels": grid.panels,
    }


def rendered() -> str:
    """Return the file's text."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the dashboard, or check that the file is up to date."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 on a difference"
    )
    if not parser.parse_args(arguments).check:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(rendered(), encoding="utf-8")
        return 0
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == rendered():
        return 0
    sys.stderr.write(f"{TARGET.name} is not what dashboard.py writes: run it\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
