"""Reports that say where a unit itself was, and whether it can have come from one to the other."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sstl.core import geo
from sstl.core.milestones import place_of
from sstl.core.positions import Ping, Positions
from sstl.core.rules.route_common import HOUR_MS, MINUTE_MS, point_of
from sstl.models.records import Event

_AT_A_PLACE = (
    "gated_in", "gated_out", "loaded", "discharged", "stuffed", "stripped", "picked_up", "dropped_off",
    "departed", "arrived", "crossed", "rcs", "man", "dep", "arr", "rcf", "dlv",
)  # fmt: skip
PRESENCE = frozenset(f"transport.{kind}" for kind in _AT_A_PLACE)
"""Events that say where the unit itself was."""


class Seen(NamedTuple):
    """The unit at a place."""

    at_ms: int
    anchor: str
    name: str
    point: geo.Point | None
    reach_km: float
    event: Event | None
    """None: a position."""


def is_presence(event: Event) -> bool:
    """Tell whether an event says where the unit itself was, all of it."""
    if event.type not in PRESENCE or event.data.get("eventClassifier") != "ACTUAL":
        return False
    pieces, total = event.data.get("numberOfPieces"), event.data.get("totalPieces")
    return pieces is None or total is None or not pieces < total


def seen_at(event: Event, places: Mapping[str, tuple[geo.Point, float]]) -> Seen:
    """Return where an event says that the unit was; the coordinates of places are the policy's."""
    point, reach = point_of(event), 0.0
    code = place_of(event)
    if point is None and code is not None and code in places:
        point, reach = places[code]
    return Seen(event.event_ms, event.identity, code or "", point, reach, event)


def around(
    positions: Sequence[Positions], seen: Seen, slack_ms: int, limit: float
) -> Iterator[Seen]:
    """Yield the positions right before and after that may be too far away to have been reached."""
    if seen.point is None:
        return
    index = bisect_right(positions, seen.at_ms, key=_first_ms)
    near: list[tuple[int, Ping]] = []
    if index:
        bucket = positions[index - 1]
        if bucket.last[0] <= seen.at_ms:
            near.append((bucket.bucket_ms, bucket.last))
        else:
            near += ((bucket.bucket_ms, bucket.first), (bucket.bucket_ms, bucket.last))
    if index < len(positions) and (not near or near[-1][1][0] <= seen.at_ms):
        near.append((positions[index].bucket_ms, positions[index].first))
    for bucket_ms, ping in near:
        if is_far(seen.point, seen, ping, slack_ms, limit):
            point = (ping[2], ping[3])
            yield Seen(ping[0], f"positions|{bucket_ms}", "", point, 0.0, None)


def is_far(point: geo.Point, seen: Seen, ping: Ping, slack_ms: int, limit: float) -> bool:
    """Tell whether a position may be too far from where the unit was seen to have been reached."""
    there = (ping[2], ping[3])
    km = geo.at_most_km(point, there) - seen.reach_km
    took_ms = abs(seen.at_ms - ping[0]) + slack_ms
    return km * HOUR_MS > limit * took_ms and geo.is_plausible(there)


def _first_ms(bucket: Positions) -> int:
    return bucket.first[0]


def needed(one: Seen, other: Seen, slack_ms: int, limit: float, unknown: set[str]) -> float | None:
    """Return the least speed from one place to the other in km/h where it is above the limit.

    None also where it is not known; places without coordinates are added to ``unknown``.
    """
    if one.name == other.name and one.name:
        return None
    here, there = one.point, other.point
    if here is None or there is None:
        unknown.update(seen.name for seen in (one, other) if seen.point is None and seen.name)
        return None
    took_ms = max(other.at_ms - one.at_ms + slack_ms, MINUTE_MS)
    reach_km = one.reach_km + other.reach_km
    if (geo.at_most_km(here, there) - reach_km) * HOUR_MS <= limit * took_ms:
        return None
    km = geo.distance_km(here, there) - reach_km
    speed = geo.speed_kmh(km, took_ms) if km > 0 else 0.0
    return speed if speed > limit else None
