"""The lanes of the synthetic corridor: places, how long things take, and the way a position moves.

Durations are plausible round figures, not measurements. Coordinates are written here and not taken from
UN/LOCODE, which has some of these ports hundreds of kilometres away.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Mode = Literal["SEA", "RAIL", "AIR"]
Point = tuple[float, float]
"""Latitude and longitude in decimal degrees."""

UN_MODE = {"SEA": "1", "RAIL": "2", "AIR": "4"}


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane and its usual times."""

    origin: str
    destination: str
    mode: Mode
    transit: timedelta
    """Departure to arrival as planned."""
    border: str | None = None
    """Rail: where the gauge changes."""
    way: tuple[Point, ...] = ()
    """Points between origin and destination, both included; empty: no positions are reported."""
    share: int = 1
    """How many of the corridor's shipments take this lane, relative to the others."""

    @property
    def lane_id(self) -> str:
        """Origin, destination and mode."""
        return f"{self.origin}-{self.destination}-{self.mode}"


_SUEZ: tuple[Point, ...] = (
    (9.0, 109.5),
    (1.2, 103.9),
    (6.0, 80.0),
    (12.6, 43.4),
    (29.9, 32.6),
    (37.0, 10.0),
    (36.0, -5.6),
    (48.7, -5.8),
    (51.0, 1.5),
)
_YANTIAN: Point = (22.57, 114.27)
_SHANGHAI: Point = (30.62, 122.07)
_ROTTERDAM: Point = (51.95, 4.05)
_HAMBURG: Point = (53.53, 9.93)
_STEPPE: tuple[Point, ...] = ((45.2, 82.6), (51.2, 71.4), (55.7, 37.6), (52.1, 23.7))


def _days(days: float) -> timedelta:
    return timedelta(days=days)


LANES = {
    lane.lane_id: lane
    for lane in (
        Lane("CNYTN", "NLRTM", "SEA", _days(29), None, (_YANTIAN, *_SUEZ, _ROTTERDAM), 2),
        Lane("CNSHG", "DEHAM", "SEA", _days(32), None, (_SHANGHAI, *_SUEZ, _HAMBURG), 2),
        Lane("DEHAM", "CNSHG", "SEA", _days(33), None, (_HAMBURG, *reversed(_SUEZ), _SHANGHAI), 1),
        Lane(
            "CNXIA", "DEDUI", "RAIL", _days(13), "PLMAA", ((34.3, 108.9), *_STEPPE, (51.4, 6.8)), 2
        ),
        Lane(
            "CNZGZ", "PLMAA", "RAIL", _days(11), "BYBQT", ((34.7, 113.6), *_STEPPE, (52.0, 23.5)), 2
        ),
        Lane("CNCAN", "NLAMS", "AIR", timedelta(hours=13), share=4),
        Lane("NLAMS", "CNCAN", "AIR", timedelta(hours=12), share=2),
    )
}
"""Lane id to lane."""


def position(way: tuple[Point, ...], part: float) -> Point:
    """Return the point a part (0 to 1) of the way along, each stretch taking the same time."""
    stretches = len(way) - 1
    done = min(max(part, 0.0), 1.0) * stretches
    index = min(int(done), stretches - 1)
    rest = done - index
    (lat, lon), (next_lat, next_lon) = way[index], way[index + 1]
    return round(lat + (next_lat - lat) * rest, 5), round(lon + (next_lon - lon) * rest, 5)
