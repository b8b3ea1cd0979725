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
from typing import Final

from panels import chain, controls, flags, intake, lanes, sources, tiles
from panels.kinds import SOURCE, Grid, Panel

TARGET: Final = Path(__file__).parent / "dashboards" / "sstl-lanes.json"
UID: Final = "sstl-lanes"


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
    tiles.tiles(grid)
    grid.heading("Lanes")
    lanes.lanes(grid)
    grid.heading("Controls")
    controls.controls(grid)
    grid.heading("Risk flags")
    flags.flags(grid)
    grid.heading("Sources")
    sources.sources(grid)
    grid.heading("Events in")
    intake.intake(grid)
    grid.heading("The chain itself")
    chain.chain(grid)
    return {
        "uid": UID,
        "title": "SSTL lanes",
        "description": "Lead times, lateness and controls of lanes, risk flags, sources, and the chain itself.",
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
