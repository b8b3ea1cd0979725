"""Lead times: the legs of a plan as they were run, and the observations that lanes count.

All durations are elapsed milliseconds between UTC instants. A stage between two milestones is observed from its start
on: while its end is missing, and nothing else has ended it (`sstl.core.endings`), it is open, which is not zero. Every
other observation exists only while all milestones that define it are known.

A leg starts when it was agreed to start (``planned_start``); the OUTBOUND leg starts when the last INBOUND leg has
ended, its planned start is when the last of them was planned to end. A leg ends with one service for each mode, so
that the figures of one indicator have one meaning: AIR and POST with DLV, SEA with discharge and RAIL and ROAD with
arrival, the last of them, at the leg's own place of arrival where events name places. With that a process of
Cargo 2000 takes the longest of its incoming legs plus the outgoing one, effective and planned alike, and is late
when the first sum exceeds the second.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b

import msgspec

from sstl.core.attribution import covered_ms
from sstl.core.endings import Competing, ending
from sstl.core.milestones import (
    ACTUAL,
    PLANNED,
    Milestones,
    Plan,
    at_place,
    classifier_of,
    mode_name,
    mode_of_lane,
    order,
    place_of,
    recorded_order,
)
from sstl.core.seals.facts import Armed
from sstl.core.strata import membership
from sstl.models.policy import Policy
from sstl.models.records import Event, Leg, Measure

LEG = "LT_leg"
JOURNEY = "LT_journey"
TRANSIT = "LT_transit"
PORT_TO_PORT = "LT_port_port"
DOOR = "LT_door"
EXPORT = "LT_export"
IMPORT = "LT_import"
RELEASE = "LT_release"
ETA_ERROR = "eta_error"
LOCK_ARMED = "lock_armed"
_STAGES = (
    (DOOR, "T1", "T15"),
    (EXPORT, "T2", "T4"),
    (TRANSIT, "T5", "T6"),
    (IMPORT, "T6", "T14"),
    (PORT_TO_PORT, "T2", "T14"),
)
_BY_AIR = ("AIR", "POST")
STAGE_CODES = ("T1", "T2", "T4", "T5", "T6", "T14", "T15")
"""Milestones that the stages of a journey are measured by."""

_DEPARTURES = frozenset({"transport.dep", "transport.departed"})
_ARRIVALS = {
    "AIR": frozenset({"transport.rcf"}),
    "POST": frozenset({"transport.rcf", "transport.arrived"}),
    "SEA": frozenset({"transport.discharged"}),
    "RAIL": frozenset({"transport.arrived"}),
    "ROAD": frozenset({"transport.arrived"}),
}
_ENDS = {
    "AIR": frozenset({"transport.dlv"}),
    "POST": frozenset({"transport.dlv"}),
    "SEA": frozenset({"transport.discharged"}),
    "RAIL": frozenset({"transport.arrived"}),
    "ROAD": frozenset({"transport.arrived"}),
}
LEG_TYPES = frozenset().union(_DEPARTURES, *_ARRIVALS.values(), *_ENDS.values())
"""Types of event that the times of a leg are read from."""
_OUTBOUND = "OUTBOUND"
_INBOUND = "INBOUND"


class LegTimes(msgspec.Struct, frozen=True):
    """One leg as planned and as run; None: not known."""

    leg: Leg
    mode: str
    start_ms: int | None = None
    end: Event | None = None
    """The service that ended it."""
    planned_start_ms: int | None = None
    planned_end_ms: int | None = None
    planned_end: Event | None = None
    """The report that planned the end. None: the manifest's plan, or nothing."""
    departure: str | None = None
    """Place of the first departure as reported."""
    arrival: str | None = None
    """Place of the last arrival as reported."""

    @property
    def actual_ms(self) -> int | None:
        """Duration of the leg."""
        if self.start_ms is None or self.end is None:
            return None
        return self.end.event_ms - self.start_ms

    @property
    def planned_ms(self) -> int | None:
        """Planned duration of the leg."""
        if self.planned_start_ms is None or self.planned_end_ms is None:
            return None
        return self.planned_end_ms - self.planned_start_ms

    @property
    def lane_id(self) -> str | None:
        """Lane of the leg by the places that were reported."""
        if self.departure is None or self.arrival is None:
            return None
        return f"{self.departure}-{self.arrival}-{self.mode}"


class Observed(msgspec.Struct, frozen=True):
    """A value that can be counted, before its lane subtracts and adds it."""

    id: str
    indicator: str
    counting_unit: str
    measure: Measure


@lru_cache(maxsize=16_384)
def observation_id(indicator: str, *subject: str) -> str:
    """Return the id of an observation; it contains the subject, so that every key has one writer."""
    parts = (part.replace("%", "%25").replace("|", "%7C") for part in subject)
    return "|".join((indicator, *parts))


@lru_cache(maxsize=8192)
def cluster_of(unit: str, journey: str = "") -> str:
    """Return the cluster of what one journey of a unit decides together: a digest, so that no number is passed on.

    64 bits: of a million journeys, two share a cluster by chance once in 37 million. Numbers of containers are few
    enough to be tried out: a digest keeps them out of sight, not secret.
    """
    return blake2b(f"{unit}#{journey}".encode(), digest_size=8).hexdigest()


def leg_times(plan: Plan, events: Sequence[Event]) -> tuple[LegTimes, ...]:
    """Return the legs of the plan as planned and run.

    An event that names no leg belongs to the only leg of a plan with one leg.
    """
    if not plan.legs:
        return ()
    own: dict[str | None, list[Event]] = {leg.leg_id: [] for leg in plan.legs}
    single = plan.legs[0].leg_id if len(own) == 1 else None
    for event in events:
        if event.type in LEG_TYPES:
            named = event.data.get("legId", single)
            if named in own:
                own[named].append(event)
    legs = [_run(leg, own[leg.leg_id]) for leg in plan.legs]
    inbound = [one for one in legs if one.leg.role == _INBOUND]
    ends = [None if one.end is None else one.end.event_ms for one in inbound]
    planned_ends = [one.planned_end_ms for one in inbound]
    return tuple(
        _after(one, latest(ends), latest(planned_ends))
        if inbound and one.leg.role == _OUTBOUND
        else one
        for one in legs
    )


def _run(leg: Leg, events: Iterable[Event]) -> LegTimes:
    mode = mode_name(leg.mode) or leg.mode
    departures, arrivals = _DEPARTURES, _ARRIVALS.get(mode, frozenset())
    ends = _ENDS.get(mode, frozenset())
    first: Event | None = None
    last: Event | None = None
    ended: list[Event] = []
    planned: list[Event] = []
    for event in events:
        classifier = classifier_of(event)
        if classifier == ACTUAL:
            kind = event.type
            if kind in departures and place_of(event) is not None:
                first = event if first is None else min(first, event, key=order)
            if kind in arrivals and place_of(event) is not None:
                last = event if last is None else max(last, event, key=order)
            if kind in ends:
                ended.append(event)
        elif classifier == PLANNED and event.type in ends:
            planned.append(event)
    place = None if mode in ("AIR", "POST") else leg.place_of_arrival
    planned_end = max(at_place(planned, place), key=recorded_order, default=None)
    return LegTimes(
        leg,
        mode,
        start_ms=leg.planned_start_ms,
        end=max(at_place(ended, place), key=order, default=None),
        planned_start_ms=leg.planned_start_ms,
        planned_end_ms=leg.planned_end_ms if planned_end is None else planned_end.event_ms,
        planned_end=planned_end,
        departure=None if first is None else place_of(first),
        arrival=None if last is None else place_of(last),
    )


def latest(instants: Iterable[int | None]) -> int | None:
    """Return the last instant, None where one of them is not known."""
    known: int | None = None
    for instant in instants:
        if instant is None:
            return None
        known = instant if known is None else max(known, instant)
    return known


def _after(one: LegTimes, start_ms: int | None, planned_start_ms: int | None) -> LegTimes:
    return LegTimes(
        one.leg,
        one.mode,
        start_ms=start_ms,
        end=one.end,
        planned_start_ms=planned_start_ms,
        planned_end_ms=one.planned_end_ms,
        planned_end=one.planned_end,
        departure=one.departure,
        arrival=one.arrival,
    )


def observe_journey(
    unit: str,
    plan: Plan,
    legs: Sequence[LegTimes],
    known: Milestones,
    policy: Policy,
    *,
    key: str = "",
    armed: Sequence[Armed] = (),
    others: Sequence[Competing] = (),
) -> tuple[Observed, ...]:
    """Return all lead times of a unit's journey that its milestones allow; none of empty equipment.

    ``key`` tells a reused unit's later journeys apart; it is part of their ids. ``armed`` are the times in which its
    locks were armed, ``others`` the events by which its stages ended otherwise.
    """
    if plan.empty:
        return ()
    cluster = cluster_of(unit, key)
    unit = f"{unit}#{key}" if key else unit
    strata = membership(plan.sstl_member)
    found = [observed for one in legs if (observed := _leg(unit, one, cluster)) is not None]
    journey = _journey(unit, plan, legs, cluster)
    if journey is not None:
        found.append(journey)
    actual = known.actual
    for indicator, first, last in _STAGES:
        if first in actual:
            measure = _between((first, last), plan, known, policy, strata, others, cluster)
            if measure is not None and not (indicator == PORT_TO_PORT and measure.mode in _BY_AIR):
                found.append(_of_journey(indicator, unit, measure))
                if indicator == DOOR and armed and measure.outcome is None:
                    found.append(_of_journey(LOCK_ARMED, unit, _armed(measure, armed)))
    eta = known.estimated.get("T6")
    if eta is not None and "T6" in actual:
        error = _eta_error(eta, actual["T6"], plan, policy, strata, cluster)
        if error is not None:
            found.append(_of_journey(ETA_ERROR, unit, error))
    return tuple(found)


def _leg(unit: str, one: LegTimes, cluster: str) -> Observed | None:
    value, lane_id = one.actual_ms, one.lane_id
    if value is None or lane_id is None or one.start_ms is None:
        return None
    return Observed(
        observation_id(LEG, unit, one.leg.leg_id),
        LEG,
        "leg",
        Measure(
            lane_id=lane_id,
            mode=one.mode,
            start_ms=one.start_ms,
            value_ms=value,
            planned_ms=one.planned_ms,
            cluster=cluster,
        ),
    )


def _journey(unit: str, plan: Plan, legs: Sequence[LegTimes], cluster: str) -> Observed | None:
    """From the start of the first leg to the end of the last; all legs must have ended."""
    if plan.lane_id is None or not legs:
        return None
    starts = [one.start_ms for one in legs if one.leg.role != _OUTBOUND] or [
        one.start_ms for one in legs
    ]
    first = None if None in starts else min(start for start in starts if start is not None)
    last = latest(None if one.end is None else one.end.event_ms for one in legs)
    mode = plan.mode or legs[-1].mode
    if first is None or last is None:
        return None
    planned_last = latest(one.planned_end_ms for one in legs)
    return Observed(
        observation_id(JOURNEY, unit),
        JOURNEY,
        "journey",
        Measure(
            lane_id=plan.lane_id,
            mode=mode,
            start_ms=first,
            value_ms=last - first,
            planned_ms=None if planned_last is None else planned_last - first,
            cluster=cluster,
        ),
    )


def _of_journey(indicator: str, unit: str, measure: Measure) -> Observed:
    return Observed(observation_id(indicator, unit), indicator, "journey", measure)


def _between(
    ends: tuple[str, str],
    plan: Plan,
    known: Milestones,
    policy: Policy,
    strata: dict[str, str],
    others: Sequence[Competing],
    cluster: str,
) -> Measure | None:
    """Return the time from a milestone that is known to another, or how far it has come; None while the lane is not."""
    first, last = known.actual[ends[0]], known.actual.get(ends[1])
    lane_id = plan.lane_id or (None if last is None else last.lane_id) or first.lane_id
    mode = plan.mode or mode_of_lane(lane_id, policy)
    if lane_id is None or mode is None:
        return None
    ended = ending(first.event_ms, None if last is None else last.event_ms, others)
    if ended is None:
        return None
    planned = [known.planned.get(code) for code in ends]
    return Measure(
        lane_id=lane_id,
        mode=mode,
        start_ms=first.event_ms,
        value_ms=ended.at_ms - first.event_ms,
        planned_ms=None
        if planned[0] is None or planned[1] is None or ended.outcome is not None
        else planned[1].event_ms - planned[0].event_ms,
        strata=strata,
        outcome=ended.outcome,
        cluster=cluster,
    )


def _armed(door: Measure, armed: Iterable[Armed]) -> Measure:
    """Return for how long of the journey from door to door a lock was armed, several locks at once counted once."""
    start_ms, end_ms = door.start_ms, door.start_ms + door.value_ms
    times = ((one.from_ms, end_ms if one.ended is None else one.ended.event_ms) for one in armed)
    return Measure(
        lane_id=door.lane_id,
        mode=door.mode,
        start_ms=start_ms,
        value_ms=covered_ms((start_ms, end_ms), times),
        strata=door.strata,
        cluster=door.cluster,
    )


def _eta_error(
    eta: Event,
    arrived: Event,
    plan: Plan,
    policy: Policy,
    strata: dict[str, str],
    cluster: str,
) -> Measure | None:
    """Return how far the last estimate was from the arrival; one recorded after the arrival is no forecast."""
    lane_id = plan.lane_id or arrived.lane_id
    mode = plan.mode or mode_of_lane(lane_id, policy)
    if lane_id is None or mode is None or eta.version.recorded_ms > arrived.event_ms:
        return None
    return Measure(
        lane_id=lane_id,
        mode=mode,
        start_ms=arrived.event_ms,
        value_ms=abs(arrived.event_ms - eta.event_ms),
        strata=strata,
        cluster=cluster,
    )
