"""Kinds of panels, their place on the grid, colours and queries."""

from typing import Any, Final

SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS: Final = 24

GREEN, YELLOW, ORANGE, RED, BLUE = (
    "#56A64B",
    "#F2CC0C",
    "#FF9830",
    "#E02F44",
    "#5794F2",
)

Panel = dict[str, Any]


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


Column = tuple[str, str, str, int]
"""(heading, query, unit, width); the unit ``bar`` is a share as a bar."""

DECIMALS: Final = {
    "locale": 0,
    "suffix: d": 2,
    "percentunit": 1,
    "bar": 1,
    "bool_yes_no": 0,
    "time: YYYY-MM-DD": 0,
}


def table(
    title: str, text: str, labels: dict[str, str], columns: list[Column], *, sort_by: str
) -> Panel:
    """Return a table: one row for each combination of labels.

    Args:
        title: Its title.
        text: What it shows.
        labels: Label to its heading; the queries group by them.
        columns: The figures.
        sort_by: Heading of the column that rows are sorted by, the largest first.
    """
    refs = [chr(ord("A") + place) for place in range(len(columns))]
    overrides = []
    for name, _, unit, width in columns:
        properties: list[Panel] = [
            {"id": "unit", "value": "percentunit" if unit == "bar" else unit},
            {"id": "custom.width", "value": width},
            {"id": "decimals", "value": DECIMALS[unit]},
        ]
        if unit == "bar":
            properties += [
                {"id": "custom.cellOptions", "value": {"type": "gauge", "mode": "basic"}},
                {"id": "min", "value": 0},
                {"id": "max", "value": 1},
                {
                    "id": "thresholds",
                    "value": steps((None, GREEN), (0.1, YELLOW), (0.25, ORANGE), (0.5, RED)),
                },
            ]
        overrides.append({"matcher": {"id": "byName", "options": name}, "properties": properties})
    figures = {f"Value #{ref}": name for ref, (name, _, _, _) in zip(refs, columns, strict=True)}
    if len(columns) == 1:
        # Grafana names the one value of a single query without its letter
        figures = {"Value": columns[0][0], **figures}
    return {
        "type": "table",
        "title": title,
        "description": text,
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
            "sortBy": [{"displayName": sort_by, "desc": True}],
        },
        "transformations": [
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "indexByName": {name: place for place, name in enumerate([*labels, *figures])},
                    "renameByName": labels | figures,
                },
            },
        ],
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
            "text": {"titleSize": 12, "valueSize": 18},
            "minVizWidth": 0,
        },
    }
