"""What was planted in a corridor, as JSON."""

import orjson

from sstl.synthetic.corridor import Incident
from sstl.synthetic.log import text


def as_json(incident: Incident) -> bytes:
    """Return one line for one incident."""
    return orjson.dumps(
        {
            "kind": incident.kind.value,
            "lrn": incident.lrn,
            "laneId": incident.lane_id,
            "units": incident.units,
            "late": [
                {
                    "milestone": late.milestone,
                    "planned": text(late.planned),
                    "actual": text(late.actual),
                }
                for late in incident.late
            ],
        }
    )
