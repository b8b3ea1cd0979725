# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules of the family "route" on a unit's way.

Of each bucket of time only the first and the last report of a position are known (`JourneyView.positions`), so a run
of reports tells at least how long something lasted, never how long at most. Episodes of positions are anchored at the
bucket of their first report.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sstl.core import geo
from sstl.core.journeys.view import JourneyView
from sstl.core.positions import Ping, Positions
from sstl.core.rules import route_places, route_stops, route_twice
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
    MINUTE_MS,
    PLAN,
    POSITIONS,
    SPEEDS,
    Step,
    advanced,
    areas_of,
    evidence_of,
    folded,
    follows_buckets,
    is_in,
    ping_point,
    point_text,
    speed_limit,
)

CORRIDOR = Rule(
    id="corridor-left",
    name="Off the corridor",
    question="Was the unit reported outside the lane's corridor for longer than the threshold?",
    unit="km",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    family="route",
    needs=POSITIONS | EVENTS | PLAN,
    parts=frozenset({Part.POSITIONS, Part.TRANSPORT, Part.SEALS, Part.CONTROLS, Part.MANIFEST}),
    parameters={
        "tolerance_km": Parameter(
            5, "km", "added to the corridor's width, for the error of receivers"
        ),
        "outside_minutes": Parameter(60, "min", "the reports outside must span more than this"),
    },
    recommended_control="SEAL_CHECK",
    where_to_control="DESTINATION",
    advice=Text(
        "Ask the carrier for the reason of the deviation and check the seal at the next control point.",
        "请向承运人核实偏离原因，并在下一监管点查验封志。",
    ),
    source="route monitoring of customs transit (GACC in-transit supervision, 2013 No. 242); own design",
)
IMPLAUSIBLE = Rule(
    id="position-implausible",
    name="Implausible position",
    question="Do the unit's positions imply a speed that its mode cannot reach, or a place it cannot have been at?",
    unit="km/h",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    family="route",
    needs=POSITIONS | EVENTS | PLAN,
    parts=frozenset({Part.POSITIONS, Part.MANIFEST}),
    parameters=SPEEDS
    | {
        "jump_km": Parameter(50, "km", "a shorter way between two reports is drift, at any speed"),
        "tolerance_minutes": Parameter(10, "min", "added to the time between reports, for clocks"),
    },
    severity="LOW",
    recommended_control="SEAL_CHECK",
    where_to_control="DESTINATION",
    advice=Text(
        "Check whether the device on the unit is the one that was paired, and whether it is in order.",
        "请核实箱上设备是否为配对设备，以及设备是否正常。",
    ),
    source="own design",
)


_Run = tuple[int, Ping, Ping, Ping, float]
"""Reports outside, one after the other: bucket of the first, first, last, furthest away and how far (km)."""
_Outside = tuple[bool, bool, tuple[_Run, ...]]
"""Whether the last report lay outside, whether there is any, the runs outside."""


@dataclass(frozen=True, slots=True)
class _Jump:
    """Two reports that contradict each other, or one that is none (twice the same)."""

    bucket_ms: int
    """Of the report that began the episode."""
    start: Ping
    end: Ping
    speed: float
    """km/h; 0: the position itself is impossible."""


def corridor_left(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge each run of reports outside the corridor, between its two milestones."""
    del as_of_ms
    if not view.positions:
        return
    anchor = view.anchor("corridor")
    lane = asked.lane
    if lane is None:
        yield not_evaluable(asked, anchor, view.first_ms, "policy.lane")
        return
    corridor = lane.corridor
    if corridor is None:
        return
    start_ms, end_ms = view.at(corridor.from_milestone), view.at(corridor.to_milestone)
    if start_ms is None:
        yield not_evaluable(asked, anchor, view.first_ms, corridor.from_milestone)
        return
    longest_ms = asked["outside_minutes"] * MINUTE_MS
    nothing: _Outside = (False, False, ())
    _, seen, runs = folded(view, asked, (start_ms, end_ms), nothing, _outside(asked))
    found = [run for run in runs if run[2][0] - run[1][0] > longest_ms]
    for run in found:
        yield _off(view, asked, run)
    if seen and not found:
        yield no_hit(asked, anchor, start_ms, "all reports lie in the corridor")


def _corridor_moving(asked: InForce, mode: str | None) -> Moved[JourneyView]:
    """Settle reports that lie in the corridor, or not between its milestones."""
    del mode
    corridor = None if asked.lane is None else asked.lane.corridor
    if corridor is None:
        return unmoved
    start, end, step = corridor.from_milestone, corridor.to_milestone, _outside(asked)

    def moved(
        view: JourneyView, said: tuple[Verdict, ...], before: Positions | None, as_of_ms: int
    ) -> tuple[Verdict, ...] | None:
        start_ms, end_ms = view.at(start), view.at(end)
        now = view.positions[-1]
        if (
            start_ms is None
            or now.last[0] < start_ms
            or (end_ms is not None and now.first[0] > end_ms)
        ):
            return said
        states = advanced(view, asked, (start_ms, end_ms), before, step)
        if states is None:
            return None
        old, new = states
        return said if new[1] == old[1] and new[2] is old[2] else None

    return moved


def _outside(asked: InForce) -> Step[_Outside]:
    line, width_km = _corridor_of(asked)
    width_km += asked["tolerance_km"]
    areas = areas_of(asked)

    def step(state: _Outside, bucket_ms: int, ping: Ping) -> _Outside:
        point = (ping[2], ping[3])
        if not geo.is_plausible(point):
            return state
        outside, _, runs = state
        if line.is_within(point, width_km) or is_in(point, areas):
            return (False, True, runs)
        km = line.distance_km(point)
        if not outside:
            return (True, True, (*runs, (bucket_ms, ping, ping, ping, km)))
        start, first, _, worst, most_km = runs[-1]
        further = (ping, km) if km > most_km else (worst, most_km)
        return (True, True, (*runs[:-1], (start, first, ping, *further)))

    return step


def _corridor_of(asked: InForce) -> tuple[geo.Line, float]:
    lane = asked.lane
    if lane is None or lane.corridor is None:
        raise LookupError("the lane has no corridor")
    lines: dict[str, geo.Line] = asked.policy.__dict__.setdefault("_lines", {})
    lane_id = asked.lane_id or ""
    line = lines.get(lane_id)
    if line is None:
        line = lines[lane_id] = geo.Line(lane.corridor.line)
    return line, lane.corridor.width_km


def _off(view: JourneyView, asked: InForce, run: _Run) -> Verdict:
    bucket_ms, first, last, worst, away_km = run
    _, width_km = _corridor_of(asked)
    lane = asked.lane
    hours = (last[0] - first[0]) / HOUR_MS
    since, at = instant_text(first[0]), instant_text(worst[0])
    place = point_text(ping_point(worst))
    return hit(
        asked,
        f"positions|{bucket_ms}",
        first[0],
        text=Text(
            f"Off the corridor for at least {hours:.1f} h from {since}: {away_km:.0f} km from its line at {place} "
            f"({at}); {width_km:.0f} km are allowed.",
            f"自 {since} 起偏离运输通道至少 {hours:.1f} 小时：{at} 位于 {place}，"
            f"距线路 {away_km:.0f} 公里，允许 {width_km:.0f} 公里。",
        ),
        observed=round(away_km, 1),
        expected=width_km,
        evidence=evidence_of(
            view, lane.corridor.from_milestone if lane and lane.corridor else None
        ),
        follows=follows_buckets(CORRIDOR.id, view, bucket_ms, last),
    )


def position_implausible(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge consecutive positions; jumps that follow each other are one episode."""
    del as_of_ms
    if not view.positions:
        return
    limit = speed_limit(view.plan.mode, asked)
    episodes = _jumps(view, asked, limit)
    for episode in episodes:
        yield _implausible(view, asked, episode, limit)
    if episodes:
        return
    anchor, first = view.anchor("positions"), view.positions[0].first
    if first == view.positions[-1].last:
        yield not_evaluable(asked, anchor, first[0], "a second position")
    else:
        yield no_hit(asked, anchor, first[0], "all positions are plausible")


def _implausible_moving(asked: InForce, mode: str | None) -> Moved[JourneyView]:
    """Settle reports that can have been reached from the one before."""
    step = _jump_step(asked, speed_limit(mode, asked))

    def moved(
        view: JourneyView, said: tuple[Verdict, ...], before: Positions | None, as_of_ms: int
    ) -> tuple[Verdict, ...] | None:
        positions = view.positions
        if positions[0].first == (positions[-2] if before is None else before).last:
            return None  # it is the second one
        states = advanced(view, asked, (None, None), before, step)
        return said if states is not None and states[0][2] is states[1][2] else None

    return moved


_Jumps = tuple[Ping | None, bool, tuple[_Jump, ...]]
"""The last report that was one, whether it or one after it belongs to an episode, the episodes."""


def _jumps(view: JourneyView, asked: InForce, limit: float) -> tuple[_Jump, ...]:
    nothing: _Jumps = (None, False, ())
    return folded(view, asked, (None, None), nothing, _jump_step(asked, limit))[2]


def _jump_step(asked: InForce, limit: float) -> Step[_Jumps]:
    drift_km, slack_ms = asked["jump_km"], int(asked["tolerance_minutes"] * MINUTE_MS)
    limit_km_ms = limit / HOUR_MS

    def is_near(one: Ping, other: Ping) -> bool:
        """Tell whether the way is drift, or can be done in the time, without measuring it."""
        km = geo.at_most_km((one[2], one[3]), (other[2], other[3]))
        return km <= drift_km or km <= limit_km_ms * (other[0] - one[0])

    def step(state: _Jumps, bucket_ms: int, ping: Ping) -> _Jumps:
        previous, jumping, episodes = state
        if not geo.is_plausible((ping[2], ping[3])):
            known = episodes if jumping else (*episodes, _Jump(bucket_ms, ping, ping, 0.0))
            return (previous, True, known)
        if previous is None or is_near(previous, ping):
            return (ping, False, episodes)
        speed = _speed(previous, ping, drift_km, slack_ms)
        if speed <= limit:
            return (ping, False, episodes)
        if not jumping:
            return (ping, True, (*episodes, _Jump(bucket_ms, previous, ping, speed)))
        if speed > episodes[-1].speed:
            again = _Jump(episodes[-1].bucket_ms, previous, ping, speed)
            return (ping, True, (*episodes[:-1], again))
        return (ping, True, episodes)

    return step


def _speed(one: Ping, other: Ping, drift_km: float, slack_ms: int) -> float:
    """Return the least speed between two reports in km/h; 0 where the way is drift."""
    km = geo.distance_km((one[2], one[3]), (other[2], other[3]))
    took_ms = max(other[0] - one[0] + slack_ms, MINUTE_MS)
    return geo.speed_kmh(km, took_ms) if km > drift_km else 0.0


def _implausible(view: JourneyView, asked: InForce, found: _Jump, limit: float) -> Verdict:
    start, end, speed = found.start, found.end, found.speed
    since, at = instant_text(start[0]), instant_text(end[0])
    here, there = point_text(ping_point(start)), point_text(ping_point(end))
    if speed == 0:
        text = Text(
            f"The device reported {there} at {at}, where no receiver can have been.",
            f"设备于 {at} 报告位置 {there}，该位置不可能。",
        )
    else:
        km = geo.distance_km(ping_point(start), ping_point(end))
        text = Text(
            f"{km:.0f} km between two reports, {here} at {since} and {there} at {at}: at least {speed:.0f} km/h; "
            f"{limit:.0f} km/h are possible.",
            f"两次报告（{since} 位于 {here}，{at} 位于 {there}）相距 {km:.0f} 公里："
            f"时速至少 {speed:.0f} 公里，上限 {limit:.0f} 公里。",
        )
    return hit(
        asked,
        f"positions|{found.bucket_ms}",
        end[0],
        text=text,
        observed=round(speed, 1) if speed else there,
        expected=limit if speed else None,
        evidence=evidence_of(view),
    )


RULES: tuple[Asked[JourneyView], ...] = (
    *route_twice.RULES,
    *route_places.RULES,
    Asked(CORRIDOR, corridor_left, _corridor_moving),
    *route_stops.RULES,
    Asked(IMPLAUSIBLE, position_implausible, _implausible_moving),
)
