"""A draw as events, and whether a consignment that becomes known is drawn (docs/selection.md).

The key comes in as an argument and goes nowhere: what is published of a draw is its outcome and the commitment.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sstl.core.selection import Lot, draw_event_id, is_selected, selection_event_id
from sstl.models.catalogue import TYPES
from sstl.models.common import EPOCH, to_wire
from sstl.models.selection import DRAWN, SELECTED, exact_rate

SOURCE = "urn:sstl:random-selection"
"""CloudEvents source of draws, unless somebody names another."""
_DRAWN_TYPE = TYPES[DRAWN].ce_type
_SELECTED_TYPE = TYPES[SELECTED].ce_type


@dataclass(frozen=True, slots=True)
class Draw:
    """What consignments of one lane and day are drawn with."""

    lot: Lot
    commitment: str
    """Of the key; published before the day."""
    key: bytes = field(repr=False)
    """Secret until the day has ended."""


Draws = Mapping[tuple[str, date], Draw]
"""(lane, UTC day) to what is drawn with on it."""


def draw_events(draw: Draw, consignment_id: str, at: str, source: str) -> Iterator[dict[str, Any]]:
    """Yield the event of a draw and, where it selects, the selection that follows, as structured CloudEvents.

    Args:
        draw: Of the lane and day.
        consignment_id: Canonical.
        at: When it is drawn, RFC 3339.
        source: CloudEvents source.
    """
    lot = draw.lot
    selected = is_selected(draw.key, consignment_id, lot.rate)
    probability = float(lot.rate)
    envelope = {
        "specversion": "1.0",
        "source": source,
        "time": at,
        "recordedtime": at,
        "laneid": lot.lane_id,
        "partitionkey": consignment_id,
        "datacontenttype": "application/json",
    }
    yield envelope | {
        "id": draw_event_id(lot, consignment_id),
        "type": _DRAWN_TYPE,
        "data": {
            "consignmentId": consignment_id,
            "laneId": lot.lane_id,
            "drawDay": lot.day.isoformat(),
            "probability": probability,
            "selected": selected,
            "commitment": draw.commitment,
        },
    }
    if selected:
        yield envelope | {
            "id": selection_event_id(lot, consignment_id),
            "type": _SELECTED_TYPE,
            "data": {
                "consignmentId": consignment_id,
                "laneId": lot.lane_id,
                "selections": [{"basis": "RANDOM", "probability": probability}],
            },
        }


@dataclass(frozen=True, slots=True)
class Drawn:
    """What became of a consignment that could be drawn."""

    outcome: str
    """``selected``, ``not_selected``, or why it is not drawn: ``drawn_before``, ``channel_assigned``, ``no_key``,
    ``rate_too_low``."""
    events: Collection[dict[str, Any]] = ()


def draw_once(
    draws: Draws,
    consignment_id: str,
    lane_id: str,
    known_ms: int,
    *,
    least: float,
    drawn: bool,
    channel_assigned: bool,
) -> Drawn:
    """Draw a consignment with the key of the day on which it became known, or say why it is not drawn.

    Args:
        draws: What there are keys for.
        consignment_id: Canonical.
        lane_id: Its lane.
        known_ms: When it became known (arrival time, ms); the draw is dated so, whenever it is made.
        least: Least rate of the lane.
        drawn: A draw of it is known.
        channel_assigned: Its channel has been assigned: a draw would come too late.
    """
    if drawn:
        return Drawn("drawn_before")
    if channel_assigned:
        return Drawn("channel_assigned")
    at = EPOCH + timedelta(milliseconds=known_ms)
    draw = draws.get((lane_id, datetime.astimezone(at, UTC).date()))
    if draw is None:
        return Drawn("no_key")
    if draw.lot.rate < exact_rate(least):
        return Drawn("rate_too_low")
    events = tuple(draw_events(draw, consignment_id, to_wire(at), SOURCE))
    return Drawn("selected" if len(events) > 1 else "not_selected", events)
