# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rule of the family "route": stops under way, by reports of motion or, without any, by positions at rest."""

from collections.abc import Iterable, Iterator

from sstl.core import geo
from sstl.core.journeys.view import JourneyView
from sstl.core.milestones import order
from sstl.core.positions import Ping, Positions
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
from sstl.core.rules.engine import Asked, Moved, unmoved
from sstl.core.rules.route_common import (
    EVENTS,
    HOUR_MS,
    PLANNED_PLACES,
    POSITIONS,
    Step,
    advanced,
    areas_of,
    evidence_of,
    folded,
    follows_buckets,
    is_in,
    ping_point,
    planned_places,
    point_of,
    point_text,
    reports_of,
)
from sstl.core.seals.facts import MOST_AGAIN
from sstl.models.records import Event

STOPPED, STARTED = "seallock.motion.stopped", "seallock.motion.started"

STOP = Rule(
    id="stop-unplanned",
    name="Unplanned stop",
    question="Did the unit, under way, rest outside the planned stops for longer than the limit?",
    unit="h",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    family="route",
    needs=POSITIONS | EVENTS | PLANNED_PLACES | {"seallock.unLocationCode", "seallock.sequence"},
    parts=frozenset({Part.POSITIONS, Part.SEALS, Part.TRANSPORT, Part.MANIFEST}),
    parameters={
        "limit_road_hours": Parameter(4, "h", "longest stop by road"),
        "limit_rail_hours": Parameter(24, "h", "longest stop by rail"),
        "limit_sea_hours": Parameter(72, "h", "longest stop by sea (anchorage)"),
        "limit_air_hours": Parameter(24, "h", "longest stop by air and post"),
        "rest_km": Parameter(1, "km", "reports within this distance are of a unit at rest"),
    },
    recommended_control="SEAL_CHECK",
    where_to_control="DESTINATION",
    advice=Text(
        "Ask the carrier what happened at the stop; check the seal and compare its number.",
        "请向承运人核实停留原因，查验封志并核对号码。",
    ),
    source="route monitoring of customs transit (GACC in-transit supervision, 2013 No. 242); own design",
)


def stop_unplanned(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge each stop between departure and arrival, by reports of motion or, without any, by positions at rest."""
    del as_of_ms
    motion = STOPPED in view.by_type or STARTED in view.by_type
    departed_ms = view.at("T5")
    if departed_ms is None or not (motion or view.positions):
        return
    arrived_ms = view.at("T6")
    if asked.lane is None:
        yield not_evaluable(asked, view.anchor("stops"), departed_ms, "policy.lane")
        return
    limit_ms = asked[_stop_limit(view.plan.mode)] * HOUR_MS
    if motion:
        yield from _stops_by_motion(view, asked, departed_ms, arrived_ms, limit_ms)
    else:
        yield from _stops_by_rest(view, asked, departed_ms, arrived_ms, limit_ms)


def _stop_limit(mode: str | None) -> str:
    return f"limit_{mode.lower() if mode in ('SEA', 'RAIL', 'ROAD') else 'air'}_hours"


def _stops_by_motion(
    view: JourneyView, asked: InForce, departed_ms: int, arrived_ms: int | None, limit_ms: float
) -> Iterator[Verdict]:
    planned = planned_places(view, asked)
    for stops, started in _pairs(view.of(STOPPED, STARTED)):
        stopped = stops[0]
        follows = tuple((STOP.id, again.identity) for again in stops[1 : 1 + MOST_AGAIN])
        begin_ms = stopped.event_ms
        if begin_ms < departed_ms or (arrived_ms is not None and begin_ms >= arrived_ms):
            continue
        end_ms = None if started is None else started.event_ms
        if arrived_ms is not None and (end_ms is None or end_ms > arrived_ms):
            end_ms = arrived_ms
        point = point_of(stopped)
        code = stopped.data.get("unLocationCode")
        if end_ms is None and point is not None:
            end_ms = _rested_until(view, begin_ms, point, asked["rest_km"])
        if end_ms is not None and end_ms - begin_ms <= limit_ms:
            yield no_hit(asked, stopped.identity, begin_ms, "it moved on in time")
            continue
        if code in planned or (point is not None and is_in(point, areas_of(asked))):
            yield no_hit(asked, stopped.identity, begin_ms, "a planned stop")
            continue
        missing = _unjudged(asked, known=point is not None or code is not None)
        if missing:
            yield not_evaluable(asked, stopped.identity, begin_ms, *missing)
            continue
        where = str(code) if point is None else point_text(point)
        evidence = (
            (stopped,) if started is None or started.event_ms != end_ms else (stopped, started)
        )
        if end_ms is None:
            due_ms = begin_ms + int(limit_ms)
            yield hit(
                asked,
                stopped.identity,
                due_ms,
                text=_stop_text(where, begin_ms, None, limit_ms),
                observed=None,
                expected=limit_ms / HOUR_MS,
                evidence=evidence,
                due_ms=due_ms,
                governed_ms=begin_ms,
                follows=follows,
            )
        else:
            yield hit(
                asked,
                stopped.identity,
                begin_ms,
                text=_stop_text(where, begin_ms, end_ms, limit_ms),
                observed=round((end_ms - begin_ms) / HOUR_MS, 2),
                expected=limit_ms / HOUR_MS,
                evidence=evidence,
                governed_ms=begin_ms,
                follows=follows,
            )


def _pairs(events: Iterable[Event]) -> Iterator[tuple[list[Event], Event | None]]:
    """Yield each stop with the start that ends it; a second stop while at rest is the same one."""
    stops: list[Event] = []
    for event in events:
        if event.type == STOPPED:
            stops.append(event)
        elif stops:
            yield stops, event
            stops = []
    if stops:
        yield stops, None


def _rested_until(view: JourneyView, begin_ms: int, point: geo.Point, rest_km: float) -> int | None:
    """Return until when positions prove that it rested, None while none shows that it moved on."""
    until = begin_ms
    for _, ping in reports_of(view, begin_ms, None):
        if not geo.is_plausible(ping_point(ping)):
            continue
        if geo.distance_km(point, ping_point(ping)) > rest_km:
            return until
        until = ping[0]
    return None


_Stay = tuple[int, Ping, Ping]
"""Reports at rest: bucket of the first, first, last."""
_Rest = tuple[tuple[_Stay, ...], _Stay | None]
"""The stays that have ended and were too long, and the one that goes on."""


def _stops_by_rest(
    view: JourneyView, asked: InForce, departed_ms: int, arrived_ms: int | None, limit_ms: float
) -> Iterator[Verdict]:
    nothing: _Rest = ((), None)
    step = _rest_step(asked, limit_ms)
    long, last_run = folded(view, asked, (departed_ms, arrived_ms), nothing, step)
    runs = long if last_run is None else (*long, last_run)
    if not runs:
        return
    found = False
    for bucket_ms, first, last in runs:
        if _is_allowed(asked, (bucket_ms, first, last), limit_ms):
            continue
        point = (first[2], first[3])
        found = True
        anchor = f"positions|{bucket_ms}"
        missing = _unjudged(asked, known=True)
        if missing:
            yield not_evaluable(asked, anchor, first[0], *missing)
            continue
        yield hit(
            asked,
            anchor,
            first[0],
            text=_stop_text(point_text(point), first[0], last[0], limit_ms),
            observed=round((last[0] - first[0]) / HOUR_MS, 2),
            expected=limit_ms / HOUR_MS,
            evidence=evidence_of(view, "T5"),
            follows=follows_buckets(STOP.id, view, bucket_ms, last),
        )
    if not found:
        yield no_hit(
            asked, view.anchor("stops"), departed_ms, "no long stop outside the planned ones"
        )


def _is_allowed(asked: InForce, stay: _Stay, limit_ms: float) -> bool:
    """Tell whether a stay is short or at a planned stop."""
    _, first, last = stay
    return last[0] - first[0] <= limit_ms or is_in((first[2], first[3]), areas_of(asked))


def _stop_moving(asked: InForce, mode: str | None) -> Moved[JourneyView]:
    """Settle reports of a unit under way, and those by which a stop known by reports of motion is no other."""
    if asked.lane is None:
        return unmoved
    limit_ms = asked[_stop_limit(mode)] * HOUR_MS
    step = _rest_step(asked, limit_ms)

    def moved(
        view: JourneyView, said: tuple[Verdict, ...], before: Positions | None, as_of_ms: int
    ) -> tuple[Verdict, ...] | None:
        departed_ms, arrived_ms = view.at("T5"), view.at("T6")
        if departed_ms is None:
            return said
        by_type = view.by_type
        stops, starts = by_type.get(STOPPED), by_type.get(STARTED)
        if stops or starts:
            # positions tell only how long a stop lasts after which no start was reported
            ended = not stops or (starts and order(starts[-1]) > order(stops[-1]))
            return said if arrived_ms is not None or ended else None
        now = view.positions[-1]
        if now.last[0] < departed_ms or (arrived_ms is not None and now.first[0] > arrived_ms):
            return said
        states = advanced(view, asked, (departed_ms, arrived_ms), before, step)
        if states is None:
            return None
        (old_long, old_stay), (long, stay) = states
        if long is not old_long or old_stay is None or stay is None:
            return None
        allowed = _is_allowed(asked, old_stay, limit_ms) and _is_allowed(asked, stay, limit_ms)
        return said if allowed else None

    return moved


def _rest_step(asked: InForce, limit_ms: float) -> Step[_Rest]:
    rest_km = asked["rest_km"]

    def step(state: _Rest, bucket_ms: int, ping: Ping) -> _Rest:
        point = (ping[2], ping[3])
        if not geo.is_plausible(point):
            return state
        long, now = state
        if now is None:
            return (long, (bucket_ms, ping, ping))
        known = (now[1][2], now[1][3])
        if abs(known[0] - point[0]) * geo.KM_PER_DEGREE <= rest_km and (
            geo.distance_km(known, point) <= rest_km
        ):
            return (long, (now[0], now[1], ping))
        ended = (*long, now) if now[2][0] - now[1][0] > limit_ms else long
        return (ended, (bucket_ms, ping, ping))

    return step


def _unjudged(asked: InForce, *, known: bool) -> tuple[str, ...]:
    """Return what is missing to tell a planned stop from an unplanned one."""
    lane = asked.lane
    missing = () if known else ("seallock.latitude",)
    return missing if lane is not None and lane.stops else (*missing, "policy.stops")


def _stop_text(where: str, begin_ms: int, end_ms: int | None, limit_ms: float) -> Text:
    since, limit = instant_text(begin_ms), f"{limit_ms / HOUR_MS:g}"
    if end_ms is None:
        return Text(
            f"Stopped outside the planned stops at {where} since {since} and not moved on within {limit} h.",
            f"自 {since} 起在计划停靠点以外（{where}）停留，{limit} 小时内未恢复行驶。",
        )
    hours = f"{(end_ms - begin_ms) / HOUR_MS:.1f}"
    return Text(
        f"Rested {hours} h outside the planned stops at {where} from {since}; {limit} h are allowed.",
        f"自 {since} 起在计划停靠点以外（{where}）停留 {hours} 小时，允许 {limit} 小时。",
    )


RULES: tuple[Asked[JourneyView], ...] = (Asked(STOP, stop_unplanned, _stop_moving),)
