# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rule of the family "route": one unit that is reported in two places it cannot both have been at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sstl.core import geo
from sstl.core.journeys.view import JourneyView
from sstl.core.milestones import order, place_of
from sstl.core.positions import Positions
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
    MINUTE_MS,
    PLAN,
    SPEEDS,
    coordinates_of,
    point_text,
    speed_limit,
)
from sstl.core.rules.route_presence import (
    PRESENCE,
    Seen,
    around,
    is_far,
    is_presence,
    needed,
    seen_at,
)
from sstl.core.seals.facts import MOST_AGAIN
from sstl.models.records import Event

_SETTLED = "unit-in-two-places"
"""Name under which a journey carries what is settled."""
AGREE = "all reports of its place agree"
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


def unit_in_two_places(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge consecutive reports of the unit's presence, events against events and against the positions around them.

    Contradictions that follow each other are one episode: the unit that seems to jump there and back. A second loading
    elsewhere without discharge is one too, though a slight one where the time would do for the way: a discharge may
    have gone unreported. Parts of a shipment (fewer pieces than the whole) may travel apart and are not asked.
    """
    del as_of_ms
    settled = _settled_again(view, asked)
    if settled is not None:
        yield from settled.said(view)
        return
    events = [event for event in view.events if is_presence(event)]
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
        yield no_hit(asked, anchor, view.first_ms, AGREE)


@dataclass(slots=True)
class _Settled:
    """What is known of a journey whose reports agree, so that only what is added need be looked at."""

    asked: InForce
    positions: Sequence[Positions]
    """The very list; what is added to it in place is settled by itself (`_two_places_moving`)."""
    travelled: bool
    """Whether it has any position: the first one is settled by nobody."""
    taken: int = 0
    """How many of the events that have arrived have been looked at."""
    many: int = 0
    """How many of them say where the unit was."""
    last: Seen | None = None
    loaded: Event | None = None
    """The loading after which the unit has not been unloaded."""
    unknown: set[str] = field(default_factory=set)
    """Places without coordinates."""

    def said(self, view: JourneyView) -> Iterator[Verdict]:
        """Yield the answer."""
        if self.many < 2 and not (self.many and view.positions):  # noqa: PLR2004 - two are needed to contradict
            return
        anchor = view.anchor("places")
        if self.unknown:
            yield not_evaluable(self.asked, anchor, view.first_ms, "policy.geofences")
        else:
            yield no_hit(self.asked, anchor, view.first_ms, AGREE)


def _settled_again(view: JourneyView, asked: InForce) -> _Settled | None:
    """Return what is settled with the events that have come since; None where all must be looked at.

    That is where any two reports contradict each other, or where one has come that lies before another.
    """
    kept: _Settled | None = view.carried.pop(_SETTLED, None)
    if (
        kept is None
        or kept.asked is not asked
        or kept.positions is not view.positions
        or kept.travelled != bool(view.positions)
    ):
        kept = _Settled(asked, view.positions, bool(view.positions))
    arrived = view.events if view.arrived is None else view.arrived
    added = [event for event in arrived[kept.taken :] if is_presence(event)]
    kept.taken = len(arrived)
    added.sort(key=order)
    places, limit = coordinates_of(asked), speed_limit(view.plan.mode, asked)
    slack_ms = int(asked["tolerance_minutes"] * MINUTE_MS)
    for event in added:
        last, seen = kept.last, seen_at(event, places)
        if last is not None:
            if last.event is None or order(event) < order(last.event):
                return None
            if needed(last, seen, slack_ms, limit, kept.unknown) is not None:
                return None
        if view.positions:
            for near in around(view.positions, seen, slack_ms, limit):
                pair = (near, seen) if near.at_ms <= seen.at_ms else (seen, near)
                if needed(*pair, slack_ms, limit, kept.unknown) is not None:
                    return None
        if not view.loose and _is_loaded_twice(kept, event):
            return None
        kept.many, kept.last = kept.many + 1, seen
    view.carried[_SETTLED] = kept
    return kept


def _is_loaded_twice(kept: _Settled, event: Event) -> bool:
    """Tell whether the unit is loaded elsewhere without having been unloaded (`_loaded_twice`)."""
    if event.type in _OFF:
        kept.loaded = None
    if event.type == _LOADED and place_of(event) is not None:
        if kept.loaded is not None and place_of(kept.loaded) != place_of(event):
            return True
        kept.loaded = event
    return False


def _contradictions(
    view: JourneyView, asked: InForce, events: Sequence[Event], unknown: set[str]
) -> list[Verdict]:
    """Return the contradictions in speed; places without coordinates are added to ``unknown``."""
    places = coordinates_of(asked)
    limit = speed_limit(view.plan.mode, asked)
    slack_ms = int(asked["tolerance_minutes"] * MINUTE_MS)
    found: list[Verdict] = []
    run: list[tuple[float, Seen, Seen]] = []
    previous: Seen | None = None
    positions = view.positions
    for event in events:
        seen = seen_at(event, places)
        pairs = [] if previous is None else [(previous, seen)]
        if positions:
            pairs += [
                (near, seen) if near.at_ms <= seen.at_ms else (seen, near)
                for near in around(positions, seen, slack_ms, limit)
            ]
        for one, other in pairs:
            speed = needed(one, other, slack_ms, limit, unknown)
            if speed is not None:
                run.append((speed, one, other))
            elif run and other is seen:
                found.append(_contradiction(asked, run, limit))
                run = []
        previous = seen
    if run:
        found.append(_contradiction(asked, run, limit))
    return found


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
            if event.type not in PRESENCE or not is_presence(event):
                continue
            seen = seen_at(event, places)
            for ping in (known.first, known.last, now.first, now.last):
                if seen.point is not None and is_far(seen.point, seen, ping, slack_ms, limit):
                    view.carried.pop(_SETTLED, None)
                    return None
        return said

    return moved


def _contradiction(
    asked: InForce, run: Sequence[tuple[float, Seen, Seen]], limit: float
) -> Verdict:
    speed, one, other = max(run, key=lambda pair: (pair[0], -pair[1].at_ms))
    opened = run[0][2]
    later = dict.fromkeys(other.anchor for _, _, other in run[1:] if other.anchor != opened.anchor)
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
        follows=tuple((TWO_PLACES.id, anchor) for anchor in list(later)[:MOST_AGAIN]),
    )


def _named(seen: Seen) -> str:
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
