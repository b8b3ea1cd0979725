# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rule of the family "route": one unit that is reported in two places it cannot both have been at."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sstl.core import geo
from sstl.core.journeys.view import JourneyView, Ping, Positions
from sstl.core.milestones import place_of
from sstl.core.rules.base import (
    InForce,
    Parameter,
    Part,
    Rule,
    Text,
    Verdict,
    hit,
    instant_text,
    no_hit,
    not_evaluable,
)
from sstl.core.rules.engine import Asked, Moved
from sstl.core.rules.route_common import (
    EVENTS,
    HOUR_MS,
    MINUTE_MS,
    PLAN,
    SPEEDS,
    coordinates_of,
    point_of,
    point_text,
    speed_limit,
)
from sstl.models.records import Event

_AT_A_PLACE = (
    "gated_in", "gated_out", "loaded", "discharged", "stuffed", "stripped", "picked_up", "dropped_off",
    "departed", "arrived", "crossed", "rcs", "man", "dep", "arr", "rcf", "dlv",
)  # fmt: skip
_PRESENCE = frozenset(f"transport.{kind}" for kind in _AT_A_PLACE)
"""Events that say where the unit itself was."""
_LOADED = "transport.loaded"
_OFF = frozenset(
    f"transport.{kind}"
    for kind in ("discharged", "rcf", "gated_out", "dropped_off", "stripped", "dlv")
)
"""Events after which the unit is no longer loaded."""

TWO_PLACES = Rule(
    id="unit-in-two-places",
    name="Unit in two places",
    question="Was the unit reported moving in two places that it cannot both have been at?",
    unit="km/h",
    risk_area="SAFETY_SECURITY",
    subject="unit",
    family="route",
    needs=EVENTS
    | PLAN
    | {
        "transport.latitude",
        "transport.longitude",
        "transport.numberOfPieces",
        "transport.totalPieces",
        "seallock.time",
        "seallock.latitude",
        "seallock.longitude",
    },
    parts=frozenset({Part.TRANSPORT, Part.POSITIONS, Part.MANIFEST}),
    parameters=SPEEDS
    | {
        "tolerance_minutes": Parameter(
            60, "min", "added to the time between reports, for rounded ones"
        )
    },
    severity="HIGH",
    recommended_control="PHYSICAL",
    where_to_control="DESTINATION",
    advice=Text(
        "Two units may travel under one number: check the number on the unit, its seal and its papers.",
        "可能有两个箱使用同一箱号：请核对箱体号码、封志和单证。",
    ),
    source="own design; duplicated container numbers are a known concealment method",
)


class _Seen(NamedTuple):
    """The unit at a place."""

    at_ms: int
    anchor: str
    name: str
    point: geo.Point | None
    reach_km: float
    event: Event | None
    """None: a position."""


def unit_in_two_places(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge consecutive reports of the unit's presence, events against events and against the positions around them.

    Contradictions that follow each other are one episode: the unit that seems to jump there and back. A second loading
    elsewhere without discharge is one too, though a slight one where the time would do for the way: a discharge may
    have gone unreported. Parts of a shipment (fewer pieces than the whole) may travel apart and are not asked.
    """
    del as_of_ms
    events = [event for event in view.events if _is_presence(event)]
    if len(events) < 2 and not (events and view.positions):  # noqa: PLR2004 - two are needed to contradict
        return
    unknown: set[str] = set()
    found = _contradictions(view, asked, events, unknown)
    if not view.loose:
        known = {verdict.anchor for verdict in found}
        found += [one for one in _loaded_twice(asked, events) if one.anchor not in known]
    if found:
        yield from found
        return
    anchor = view.anchor("places")
    if unknown:
        yield not_evaluable(asked, anchor, view.first_ms, "policy.geofences")
    else:
        yield no_hit(asked, anchor, view.first_ms, "all reports of its place agree")


def _contradictions(
    view: JourneyView, asked: InForce, events: Sequence[Event], unknown: set[str]
) -> list[Verdict]:
    """Return the contradictions in speed; places without coordinates are added to ``unknown``."""
    places = coordinates_of(asked)
    limit = speed_limit(view.plan.mode, asked)
    slack_ms = int(asked["tolerance_minutes"] * MINUTE_MS)
    found: list[Verdict] = []
    run: list[tuple[float, _Seen, _Seen]] = []
    previous: _Seen | None = None
    positions = view.positions
    for event in events:
        seen = _seen(event, places)
        pairs = [] if previous is None else [(previous, seen)]
        if positions:
            pairs += [
                (near, seen) if near.at_ms <= seen.at_ms else (seen, near)
                for near in _around(positions, seen, slack_ms, limit)
            ]
        for one, other in pairs:
            speed = _needed(one, other, slack_ms, limit, unknown)
            if speed is not None:
                run.append((speed, one, other))
            elif run and other is seen:
                found.append(_contradiction(asked, run, limit))
                run = []
        previous = seen
    if run:
        found.append(_contradiction(asked, run, limit))
    return found


def _is_presence(event: Event) -> bool:
    if event.type not in _PRESENCE or event.data.get("eventClassifier") != "ACTUAL":
        return False
    pieces, total = event.data.get("numberOfPieces"), event.data.get("totalPieces")
    return pieces is None or total is None or not pieces < total


def _seen(event: Event, places: Mapping[str, tuple[geo.Point, float]]) -> _Seen:
    point, reach = point_of(event), 0.0
    code = place_of(event)
    if point is None and code is not None and code in places:
        point, reach = places[code]
    return _Seen(event.event_ms, event.identity, code or "", point, reach, event)


def _around(
    positions: Sequence[Positions], seen: _Seen, slack_ms: int, limit: float
) -> Iterator[_Seen]:
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
        if _is_far(seen.point, seen, ping, slack_ms, limit):
            point = (ping[2], ping[3])
            yield _Seen(ping[0], f"positions|{bucket_ms}", "", point, 0.0, None)


def _is_far(point: geo.Point, seen: _Seen, ping: Ping, slack_ms: int, limit: float) -> bool:
    """Tell whether a position may be too far from where the unit was seen to have been reached."""
    there = (ping[2], ping[3])
    km = geo.at_most_km(point, there) - seen.reach_km
    took_ms = abs(seen.at_ms - ping[0]) + slack_ms
    return km * HOUR_MS > limit * took_ms and geo.is_plausible(there)


def _two_places_moving(asked: InForce, mode: str | None) -> Moved[JourneyView]:
    """Settle reports that are near enough to each event beside which they have come."""
    places, limit = coordinates_of(asked), speed_limit(mode, asked)
    slack_ms = int(asked["tolerance_minutes"] * MINUTE_MS)

    def moved(
        view: JourneyView, said: tuple[Verdict, ...], before: Positions | None, as_of_ms: int
    ) -> tuple[Verdict, ...] | None:
        now = view.positions[-1]
        known = view.positions[-2] if before is None else before
        since_ms = known.first[0]
        for event in reversed(view.events):
            if event.event_ms < since_ms:
                break
            if event.type not in _PRESENCE or not _is_presence(event):
                continue
            seen = _seen(event, places)
            for ping in (known.first, known.last, now.first, now.last):
                if seen.point is not None and _is_far(seen.point, seen, ping, slack_ms, limit):
                    return None
        return said

    return moved


def _first_ms(bucket: Positions) -> int:
    return bucket.first[0]


def _needed(
    one: _Seen, other: _Seen, slack_ms: int, limit: float, unknown: set[str]
) -> float | None:
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


def _contradiction(
    asked: InForce, run: Sequence[tuple[float, _Seen, _Seen]], limit: float
) -> Verdict:
    speed, one, other = max(run, key=lambda pair: (pair[0], -pair[1].at_ms))
    opened = run[0][2]
    evidence: dict[str, Event] = {}
    for _, *both in run:
        for seen in both:
            if seen.event is not None:
                evidence[seen.anchor] = seen.event
    known = geo.distance_km(one.point, other.point) if one.point and other.point else 0.0
    minutes = (other.at_ms - one.at_ms) / MINUTE_MS
    since, at = instant_text(one.at_ms), instant_text(other.at_ms)
    here, there = _named(one), _named(other)
    text = Text(
        f"At {here} at {since} and at {there} at {at}: {known:.0f} km in {minutes:.0f} min, at least "
        f"{speed:.0f} km/h; {limit:.0f} km/h are possible.",
        f"{since} 位于 {here}，{at} 位于 {there}：{minutes:.0f} 分钟内相距 {known:.0f} 公里，"
        f"时速至少 {speed:.0f} 公里，上限 {limit:.0f} 公里。",
    )
    return hit(
        asked,
        opened.anchor,
        opened.at_ms,
        text=text,
        observed=round(speed, 1),
        expected=limit,
        evidence=tuple(evidence.values()),
    )


def _named(seen: _Seen) -> str:
    return seen.name or ("" if seen.point is None else point_text(seen.point))


def _loaded_twice(asked: InForce, events: Sequence[Event]) -> list[Verdict]:
    """Return the loadings elsewhere that no discharge comes before.

    Where the time does not do for the way, the contradiction in speed of the same anchor says more.
    """
    places = coordinates_of(asked)
    found: list[Verdict] = []
    loaded: Event | None = None
    for event in events:
        if event.type in _OFF:
            loaded = None
        if event.type != _LOADED or place_of(event) is None:
            continue
        if loaded is not None and place_of(loaded) != place_of(event):
            known = place_of(loaded) in places and place_of(event) in places
            found.append(_loaded_again(asked, loaded, event, known=known))
        loaded = event
    return found


def _loaded_again(asked: InForce, loaded: Event, again: Event, *, known: bool) -> Verdict:
    place, other = place_of(loaded), place_of(again)
    since, at = instant_text(loaded.event_ms), instant_text(again.event_ms)
    return hit(
        asked,
        again.identity,
        again.event_ms,
        text=Text(
            f"Loaded at {place} at {since} and again at {other} at {at}, with no discharge reported between.",
            f"{since} 在 {place} 装载，{at} 又在 {other} 装载，其间未报告卸载。",
        ),
        observed=other,
        expected=place,
        evidence=(loaded, again),
        severity="LOW" if known else "MEDIUM",
    )


RULES: tuple[Asked[JourneyView], ...] = (Asked(TWO_PLACES, unit_in_two_places, _two_places_moving),)
