"""Distances and areas on the earth, for positions of units: pure functions over (latitude, longitude) in degrees.

Distances are great-circle distances on a sphere of the earth's mean radius (IUGG, 6,371.0088 km), which is within
0.6 % of the ellipsoid. A line or the edge of a polygon between two points is straight in latitude and longitude, as
RFC 7946 (GeoJSON, 3.1.1) has it and as it looks on a map of that projection; a corridor drawn over a long way needs
more points where the great circle bends away. The way between two points is the shorter one round the earth, so that
lines and polygons may cross the 180th meridian. Polygons do not contain a pole.
"""

from collections.abc import Sequence
from math import asin, cos, radians, sin, sqrt

from sstl.models.policy import Geofence

Point = tuple[float, float]
"""(latitude, longitude), decimal degrees, WGS 84."""

EARTH_RADIUS_KM = 6371.0088
KM_PER_DEGREE = EARTH_RADIUS_KM * 0.017453292519943295
"""Kilometres of one degree of latitude."""
_ON_THE_LINE = 1e-9
_MARGIN = 1e-6
"""Of a comparison of latitudes in place of distances, degrees: about a decimetre."""
_LATITUDE, _HALF, _CIRCLE = 90.0, 180.0, 360.0


def distance_km(one: Point, other: Point) -> float:
    """Return the great-circle distance of two points (haversine)."""
    low, high = radians(one[0]), radians(other[0])
    lat = sin((high - low) / 2)
    lon = sin(radians(other[1] - one[1]) / 2)
    part = lat * lat + cos(low) * cos(high) * lon * lon
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(part)))


def at_most_km(one: Point, other: Point) -> float:
    """Return a distance that two points are certainly not further apart than; cheap, exact only along a meridian."""
    return KM_PER_DEGREE * (abs(one[0] - other[0]) + abs(_shorter(other[1] - one[1])))


def distance_to_line_km(point: Point, line: Sequence[Point]) -> float:
    """Return how far a point is from a line of one point or more.

    The nearest point of the line is sought on a map that is true to scale around the point; up to some hundred
    kilometres the distance to it is right to a few per cent, beyond that it may only be too great.
    """
    if len(line) == 1:
        return distance_km(point, line[0])
    return min(_to_segment_km(point, line[at], line[at + 1]) for at in range(len(line) - 1))


class Line:
    """A line that many points are asked about, one after the other along it."""

    __slots__ = ("_at", "_points", "_reach")

    def __init__(self, points: Sequence[Point]) -> None:
        self._points = tuple(points)
        self._at = 0
        self._reach = [
            (min(one[0], other[0]), max(one[0], other[0]))
            for one, other in zip(self._points, self._points[1:], strict=False)
        ]
        """Least and greatest latitude of each stretch."""

    def is_within(self, point: Point, width_km: float) -> bool:
        """Tell whether a point is not further from the line than a width; exactly the width is within.

        The stretch that held the point asked before is tried first: the answer does not depend on it, the time does.
        """
        points, at = self._points, self._at
        reach = self._reach
        # no point is nearer than its difference in latitude; the margin is for rounding
        off = width_km / KM_PER_DEGREE + _MARGIN
        south, north = point[0] - off, point[0] + off
        if (
            at < len(reach)
            and south <= reach[at][1]
            and north >= reach[at][0]
            and _is_at_segment(point, points[at], points[at + 1], width_km)
        ):
            return True
        for index, (low, high) in enumerate(reach):
            if index == at or south > high or north < low:
                continue
            if _is_at_segment(point, points[index], points[index + 1], width_km):
                self._at = index
                return True
        return False

    def distance_km(self, point: Point) -> float:
        """Return how far a point is from the line."""
        return distance_to_line_km(point, self._points)


def in_circle(point: Point, centre: Point, radius_km: float) -> bool:
    """Tell whether a point lies in a circle; its edge belongs to it."""
    return distance_km(point, centre) <= radius_km


def in_polygon(point: Point, polygon: Sequence[Point]) -> bool:
    """Tell whether a point lies in a polygon of three points or more; its edge belongs to it.

    Ray casting: a ray to the east crosses the edge an odd number of times from within.
    """
    lat, lon = point
    inside = False
    last_lat, last_lon = polygon[-1]
    x = _shorter(last_lon - lon)
    y = last_lat - lat
    for corner_lat, corner_lon in polygon:
        next_x = x + _shorter(corner_lon - last_lon)
        next_y = corner_lat - lat
        cross = x * next_y - next_x * y
        if abs(cross) <= _ON_THE_LINE and x * next_x <= 0 and y * next_y <= 0:
            return True
        if (y > 0) != (next_y > 0) and x - y * (next_x - x) / (next_y - y) > 0:
            inside = not inside
        x, y, last_lon = next_x, next_y, corner_lon
    return inside


def inside(point: Point, area: Geofence) -> bool:
    """Tell whether a point lies in a geofence; its edge belongs to it."""
    if area.centre is not None and area.radius_km is not None:
        if abs(point[0] - area.centre[0]) * KM_PER_DEGREE > area.radius_km:
            return False
        return in_circle(point, area.centre, area.radius_km)
    return in_polygon(point, area.polygon)


def middle_of(area: Geofence) -> tuple[Point, float]:
    """Return a point in the middle of a geofence and how far (km) the geofence reaches from it."""
    if area.centre is not None and area.radius_km is not None:
        return area.centre, area.radius_km
    first = area.polygon[0]
    lons = [first[1] + _shorter(corner[1] - first[1]) for corner in area.polygon]
    lats = [corner[0] for corner in area.polygon]
    middle = ((min(lats) + max(lats)) / 2, _shorter((min(lons) + max(lons)) / 2))
    return middle, max(distance_km(middle, corner) for corner in area.polygon)


def is_plausible(point: Point) -> bool:
    """Tell whether a receiver can have meant a position.

    Out of range is none; (0, 0) exactly is what receivers report before they have found one.
    """
    lat, lon = point
    if not (-_LATITUDE <= lat <= _LATITUDE and -_HALF <= lon <= _HALF):
        return False
    return lat != 0 or lon != 0


def speed_kmh(km: float, duration_ms: int) -> float:
    """Return a speed; infinite for a way in no time."""
    if duration_ms <= 0:
        return float("inf") if km > 0 else 0.0
    return km * 3_600_000 / duration_ms


def _shorter(degrees: float) -> float:
    """Return a difference of longitudes the shorter way round, -180 to 180."""
    if -_HALF <= degrees <= _HALF:
        return degrees
    return (degrees + _HALF) % _CIRCLE - _HALF


def _to_segment_km(point: Point, start: Point, end: Point) -> float:
    lat, lon = point
    scale = cos(radians(lat))
    x, y = _shorter(start[1] - lon), start[0] - lat
    dx, dy = _shorter(end[1] - start[1]), end[0] - start[0]
    if x + dx > _HALF:
        # the segment reaches round: its other end may be the nearer one the other way
        return min(
            _on_map_km(point, x, y, dx, dy, scale),
            _on_map_km(point, x - _CIRCLE, y, dx, dy, scale),
        )
    if x + dx < -_HALF:
        return min(
            _on_map_km(point, x, y, dx, dy, scale),
            _on_map_km(point, x + _CIRCLE, y, dx, dy, scale),
        )
    return _on_map_km(point, x, y, dx, dy, scale)


def _is_at_segment(point: Point, start: Point, end: Point, width_km: float) -> bool:
    """Tell whether a point is not further from a segment than a width, without trigonometry where it is near enough."""
    x, dx = start[1] - point[1], end[1] - start[1]
    if -_HALF <= x <= _HALF and -_HALF <= dx <= _HALF and -_HALF <= x + dx <= _HALF:
        north, east = _nearest(
            x, start[0] - point[0], dx, end[0] - start[0], cos(radians(point[0]))
        )
        if KM_PER_DEGREE * (abs(north) + abs(east)) <= width_km:
            return True
    return _to_segment_km(point, start, end) <= width_km


def _on_map_km(point: Point, x: float, y: float, dx: float, dy: float, scale: float) -> float:
    """Return the distance to the nearest point of a segment from (x, y) by (dx, dy), in degrees from the point."""
    north, east = _nearest(x, y, dx, dy, scale)
    # the map's nearest point may lie past the middle of the way: the true distance is taken there
    return distance_km(point, (point[0] + north, point[1] + east))


def _nearest(x: float, y: float, dx: float, dy: float, scale: float) -> Point:
    """Return the nearest point of a segment on the map, in degrees from the point."""
    across = scale * dx
    length = across * across + dy * dy
    part = 0.0 if length == 0 else -(scale * x * across + y * dy) / length
    part = 0.0 if part < 0.0 else min(part, 1.0)
    return y + part * dy, x + part * dx
