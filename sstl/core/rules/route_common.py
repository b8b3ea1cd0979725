"""What the rules of the family "route" share: places and their coordinates, reports of positions, speeds.

The coordinates of a place are those of the policy's geofence that stands for it, never those of UN/LOCODE, which has
ports hundreds of kilometres away; a place without geofence has none.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sstl.core import geo
from sstl.core.journeys.view import JourneyView
from sstl.core.positions import Ping, Positions
from sstl.core.rules.base import InForce, Parameter
from sstl.core.seals.facts import MOST_AGAIN
from sstl.models.identifiers import is_namespaced
from sstl.models.policy import Geofence
from sstl.models.records import Event

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
Area = Geofence
_NEVER, _FOREVER = -(1 << 62), 1 << 62

POSITIONS = frozenset({"seallock.time", "seallock.latitude", "seallock.longitude"})
EVENTS = frozenset(
    {
        "transport.time",
        "transport.eventClassifier",
        "transport.unLocationCode",
        "transport.sequence",
    }
)
PLAN = frozenset(
    {
        "share.lane_id",
        "share.mode",
        "share.place_of_loading",
        "share.place_of_unloading",
        "share.final_destination",
        "share.legs",
    }
)
PLANNED_PLACES = PLAN | {"share.place_of_acceptance"}
"""What `planned_places` reads."""

SPEEDS: dict[str, Parameter] = {
    "limit_sea_kmh": Parameter(
        130, "km/h", "fastest by sea, the way to and from the port by road with it"
    ),
    "limit_rail_kmh": Parameter(200, "km/h", "fastest by rail"),
    "limit_road_kmh": Parameter(130, "km/h", "fastest by road"),
    "limit_air_kmh": Parameter(
        1300, "km/h", "fastest by air and post, and while the mode is not known"
    ),
}


def speed_limit(mode: str | None, asked: InForce) -> float:
    """Return what a mode can reach (km/h); a unit by sea or rail is also carried by road."""
    if mode == "SEA":
        return max(asked["limit_sea_kmh"], asked["limit_road_kmh"])
    if mode == "RAIL":
        return max(asked["limit_rail_kmh"], asked["limit_road_kmh"])
    return asked["limit_road_kmh"] if mode == "ROAD" else asked["limit_air_kmh"]


def point_of(event: Event) -> geo.Point | None:
    """Return the coordinates that an event reports, None where it reports none that are plausible."""
    lat, lon = event.data.get("latitude"), event.data.get("longitude")
    if not isinstance(lat, int | float) or not isinstance(lon, int | float):
        return None
    point = (float(lat), float(lon))
    return point if geo.is_plausible(point) else None


def planned_places(view: JourneyView, asked: InForce) -> frozenset[str]:
    """Return the coded places where the lane or the manifests plan that the unit is handled."""
    plan, lane = view.plan, asked.lane
    found = {plan.place_of_loading, plan.place_of_unloading}
    if lane is not None:
        found.update((lane.origin, lane.destination), lane.transhipment_places)
        for stage in lane.legs:
            found.update((stage.origin, stage.destination))
    for leg in plan.legs:
        found.update((leg.place_of_departure, leg.place_of_arrival))
    for share in view.shares:
        found.update((share.place_of_acceptance, share.final_destination))
    return frozenset(place for place in found if place)


def areas_of(asked: InForce) -> Sequence[Area]:
    """Return the geofences where a lane plans that its units stop: those it names, and those of its places."""
    lane = asked.lane
    if lane is None:
        return ()
    known: dict[str, list[Area]] = asked.policy.__dict__.setdefault("_stop_areas", {})
    areas = known.get(asked.lane_id or "")
    if areas is None:
        codes = {lane.origin, lane.destination, *lane.transhipment_places}
        areas = known[asked.lane_id or ""] = [
            area
            for name, area in sorted(asked.policy.geofences.items())
            if name in lane.stops or area.un_location_code in codes
        ]
    return areas


def coordinates_of(asked: InForce) -> Mapping[str, tuple[geo.Point, float]]:
    """Return the middle of each place that a geofence stands for, and how far (km) it reaches."""
    known: dict[str, tuple[geo.Point, float]] | None = asked.policy.__dict__.get("_place_points")
    if known is None:
        known = {}
        for _, area in sorted(asked.policy.geofences.items()):
            if area.un_location_code is not None:
                known.setdefault(area.un_location_code, geo.middle_of(area))
        asked.policy.__dict__["_place_points"] = known
    return known


def reports_of(
    view: JourneyView, start_ms: int | None, end_ms: int | None
) -> Iterator[tuple[int, Ping]]:
    """Yield (bucket, report) in order, those of a time only; both its ends belong to it."""
    for bucket in _since(view.positions, start_ms):
        first, last = bucket.first, bucket.last
        if end_ms is not None and first[0] > end_ms:
            return
        if start_ms is None or first[0] >= start_ms:
            yield bucket.bucket_ms, first
        if last != first and (end_ms is None or last[0] <= end_ms):
            yield bucket.bucket_ms, last


def _last_ms(bucket: Positions) -> int:
    return bucket.last[0]


State = TypeVar("State", bound=tuple[Any, ...])
Step = Callable[[State, int, Ping], State]
"""(what the reports before amount to, bucket, report) -> what they amount to with it; pure."""


def folded(
    view: JourneyView,
    asked: InForce,
    between: tuple[int | None, int | None],
    state: State,
    step: Step[State],
) -> State:
    """Fold the reports of a time, noting at each bucket what it made of the state before.

    A unit is asked again with each report, and all buckets but the last are those of before: with the notes that costs
    a comparison a bucket. A bucket on the edge of the time is never noted.

    Args:
        view: The journey.
        asked: The rule as in force; ``step`` may depend on nothing else.
        between: Begin and end in ms, both included; None: unbounded.
        state: What no report amounts to.
        step: What one report adds.
    """
    name = asked.rule.id
    start_ms = _NEVER if between[0] is None else between[0]
    end_ms = _FOREVER if between[1] is None else between[1]
    for bucket in _since(view.positions, between[0]):
        first, last = bucket.first, bucket.last
        if first[0] > end_ms:
            break
        if first[0] < start_ms or last[0] > end_ms:
            for ping in (first,) if last == first else (first, last):
                if start_ms <= ping[0] <= end_ms:
                    state = step(state, bucket.bucket_ms, ping)
            continue
        note = bucket.notes.get(name)
        if note is not None and note[0] is asked and note[1] == state:
            state = note[3]
            continue
        middle = step(state, bucket.bucket_ms, first)
        now = middle if last == first else step(middle, bucket.bucket_ms, last)
        bucket.notes[name] = (asked, state, middle, now)
        state = now
    return state


def advanced(
    view: JourneyView,
    asked: InForce,
    between: tuple[int | None, int | None],
    before: Positions | None,
    step: Step[State],
) -> tuple[State, State] | None:
    """Go on from what `folded` noted when the rule was asked last.

    Args:
        view: The journey; its last bucket is another than then, and lies not wholly outside the time.
        asked: The rule as in force.
        between: As then.
        before: The last bucket as it was then, None where it has been added.
        step: As then.

    Returns:
        What the reports amounted to then, and now; None where that is not noted.
    """
    name, positions = asked.rule.id, view.positions
    now = positions[-1]
    known = positions[-2] if before is None else before
    note = known.notes.get(name)
    start_ms, end_ms = between
    if (
        note is None
        or note[0] is not asked
        or (start_ms is not None and known.first[0] < start_ms)
        or (end_ms is not None and now.last[0] > end_ms)
    ):
        return None
    old: State = note[3]
    if before is None:
        state, middle = old, step(old, now.bucket_ms, now.first)
    else:
        state, middle = note[1], note[2]
    new = middle if now.last == now.first else step(middle, now.bucket_ms, now.last)
    now.notes[name] = (asked, state, middle, new)
    return old, new


def _since(positions: Sequence[Positions], start_ms: int | None) -> Sequence[Positions]:
    if start_ms is None or not positions or positions[0].first[0] >= start_ms:
        return positions
    begin = bisect_right(positions, start_ms, key=_last_ms)
    while begin and positions[begin - 1].last[0] >= start_ms:
        begin -= 1
    return positions[begin:]


def is_in(point: geo.Point, areas: Iterable[Area]) -> bool:
    """Tell whether a point lies in one of the geofences."""
    return any(geo.inside(point, area) for area in areas)


def evidence_of(view: JourneyView, milestone: str | None = None) -> tuple[Event, ...]:
    """Return what stands for positions, which are not kept as events: a milestone, else the journey's first event."""
    event = None if milestone is None else view.milestones.actual.get(milestone)
    return tuple(view.events[:1]) if event is None else (event,)


def country_of(place: str) -> str | None:
    """Return the country of a UN/LOCODE, None of an anonymised place."""
    return None if is_namespaced(place) else place[:2]


def follows_buckets(
    rule_id: str, view: JourneyView, bucket_ms: int, last: Ping
) -> tuple[tuple[str, str], ...]:
    """Return the flags that an episode of positions would have, had it begun with one of its later buckets."""
    width_ms = view.structure.ping_bucket_s * 1000
    later = range(bucket_ms + width_ms, last[0] + 1, width_ms)
    return tuple((rule_id, f"positions|{start_ms}") for start_ms in later[:MOST_AGAIN])


def point_text(point: geo.Point) -> str:
    """Return a position as it is written in texts, to about 10 m."""
    return f"{point[0]:.4f}, {point[1]:.4f}"


def ping_point(ping: Ping) -> geo.Point:
    """Return where a report was made."""
    return (ping[2], ping[3])
