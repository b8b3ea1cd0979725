"""What a unit's events, positions and manifests mean: a pure function of their set and the policy.

`assess` is the whole truth about a unit; the stage only keeps the set and tells what has changed in the answer. A
unit's timeline falls into journeys (`sstl.core.journeys.split`); each is assessed by itself.

`extend` gives the same answer for a set that has grown, deriving again only what the new events can have
changed and asking again only the rules that read a part that has changed, or whose deadline has come.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sstl.core.journeys.asking import Answer, Journey, judged, judged_again
from sstl.core.journeys.attach import attached
from sstl.core.journeys.begun import Begun
from sstl.core.journeys.derive import TOLD, Derived, Facts, derive
from sstl.core.journeys.lending import lent
from sstl.core.journeys.split import BOUNDARIES, Walk, parted
from sstl.core.journeys.view import JourneyView
from sstl.core.leadtime import Observed
from sstl.core.milestones import ACTUAL, KINDS, Milestones, Plan, classifier_of, order
from sstl.core.positions import Positions
from sstl.core.routing import unit_of
from sstl.core.rules import UNIT_RULES, Verdict
from sstl.core.rules.engine import Asked
from sstl.models.policy import Policy
from sstl.models.records import Event, Finding, Share

SEALS = ("seallock.armed", "seallock.closed", "seallock.opened", "seallock.resealed")
"""Events of seals that consignments are told of."""
_TOLD = frozenset({*SEALS, TOLD, *(kind.code for kind in KINDS)})
"""Traces by which what consignments are told changes."""
__all__ = ["SEALS", "Assessment", "Journey", "assess", "extend", "is_loose"]


@dataclass(slots=True, eq=False)
class Assessment:
    """Everything that follows from a unit's events, positions and shares."""

    journeys: tuple[Journey, ...]
    walk: Walk
    """Where journeys begin, so that it can be gone on with."""
    policy: Policy
    as_of_ms: int
    facts: Facts = field(repr=False)
    told_anew: bool = True
    """Whether what consignments are told may have changed; False only of an assessment that was gone on with."""

    @property
    def last(self) -> Journey:
        """The journey that begins last."""
        return self.journeys[-1]

    @property
    def plan(self) -> Plan:
        """The plan of the last journey."""
        return self.last.view.plan

    @property
    def milestones(self) -> Milestones:
        """The milestones of the last journey."""
        return self.last.view.milestones

    @property
    def observations(self) -> dict[str, Observed]:
        """Lead times of all journeys by observation id."""
        return {one.id: one for journey in self.journeys for one in journey.derived.observed}

    @property
    def verdicts(self) -> list[Verdict]:
        """All answers of all rules."""
        return [
            verdict
            for journey in self.journeys
            for answer in journey.answers.values()
            for verdict in answer.verdicts
        ]

    @property
    def findings(self) -> dict[str, Finding]:
        """The findings of all journeys by flag id."""
        if len(self.journeys) == 1:
            return dict(self.journeys[0].findings)
        return {name: one for journey in self.journeys for name, one in journey.findings.items()}

    @property
    def closed(self) -> bool:
        """Whether the last journey has ended; those before it have."""
        return self.last.closed

    @property
    def due_ms(self) -> int | None:
        """The least deadline that is still to come."""
        return min((one.due_ms for one in self._waiting() if one.due_ms is not None), default=None)

    def _waiting(self) -> Iterator[Answer]:
        for journey in self.journeys:
            answers = journey.answers
            for name in journey.waiting:
                yield answers[name]

    @property
    def awaited(self) -> dict[str, int]:
        """Publishers that somebody waits for, each with the least instant after which it must be heard of."""
        found: dict[str, int] = {}
        for answer in self._waiting():
            for source, instant in answer.awaited.items():
                found[source] = min(instant, found.get(source, instant))
        return found


def assess(
    unit: str,
    events: Sequence[Event],
    shares: Iterable[Share],
    policy: Policy,
    *,
    positions: Sequence[Positions] = (),
    publishers: Mapping[str, int] | None = None,
    as_of_ms: int = -1,
    rules: Sequence[Asked[JourneyView]] | None = None,
    begun: Begun | None = None,
) -> Assessment:
    """Assess a unit. Moves of empty equipment mark boundaries and report nothing else.

    Args:
        unit: Its number.
        events: What counts of it, each identity once, in the order of `milestones.order`, positions left out.
        shares: Its parts of the manifests that name it.
        policy: By which it is judged, the latest version.
        positions: First and last ping of each bucket, ascending.
        publishers: CloudEvents source to its latest arrival time, ms.
        as_of_ms: How far the watermark has come; -1 before it is known.
        rules: Which rules to ask; None: all.
        begun: What is remembered of the unit's journeys that are forgotten, None where none are.
    """
    asked = UNIT_RULES if rules is None else rules
    manifests = tuple(shares)
    past: tuple[JourneyView, ...] = ()
    every, since_ms = events, 0
    if begun is None:
        structure = policy.at(events[0].event_ms) if events else policy
        gap_ms = structure.journey_gap_s * 1000
        walk = Walk(gap_ms)
    else:
        gap_ms = begun.gap_ms(policy)
        events = [event for event in events if not begun.precedes(event, gap_ms)]
        walk, past = Walk(gap_ms, begun.seen), (begun.past(unit, policy),)
        since_ms = begun.first[0]
    loose = is_loose(unit, events, manifests)
    if not loose:
        for event in events:
            if event.type in BOUNDARIES and classifier_of(event) == ACTUAL:
                walk.see(event)
    starts = walk.starts
    parts = parted(events, starts, gap_ms)
    own_shares = attached(parts, manifests)
    grants = lent(every, parts, starts, since_ms)
    keys = ["" if begun is None else begun.key, *(start.identity for start in starts)]
    heard = {} if publishers is None else publishers
    views: list[tuple[JourneyView, Derived]] = []
    for number, key in enumerate(keys):
        facts = Facts(
            unit=unit,
            key=key,
            loose=loose,
            events=[one for one in parts[number] if one.data.get("emptyIndicator") != "EMPTY"],
            shares=own_shares[number],
            positions=_positions(positions, starts, number),
            publishers=heard,
            past=past,
            lent=grants[number],
        )
        views.append(derive(facts, policy))
    for view, _ in views if len(views) > 1 else ():
        others = (*past, *(other for other, _ in views if other is not view))
        view.others = others
    journeys = tuple(judged(view, derived, policy, as_of_ms, asked) for view, derived in views)
    return Assessment(journeys, walk, policy, as_of_ms, views[-1][1].facts)


def is_loose(unit: str, events: Iterable[Event], shares: Iterable[Share]) -> bool:
    """Tell whether the unit is a transport document: loose cargo or a parcel."""
    if any(unit in share.consignments for share in shares):
        return True
    return any(event.data.get("looseCargo") and unit_of(event.data) == unit for event in events)


def _positions(
    positions: Sequence[Positions], starts: Sequence[Event], number: int
) -> Sequence[Positions]:
    if not starts:
        return positions
    first = starts[number - 1].event_ms if number else None
    end = starts[number].event_ms if number < len(starts) else None
    return [
        one
        for one in positions
        if (first is None or one.first[0] >= first) and (end is None or one.first[0] < end)
    ]


def extend(
    before: Assessment,
    added: Sequence[Event],
    policy: Policy,
    *,
    positions: Sequence[Positions] | None = None,
    publishers: Mapping[str, int],
    as_of_ms: int,
) -> Assessment | None:
    """Return the assessment of a set that has grown; None where it must be made anew.

    That is where a boundary between journeys may have moved, or the first event is another. Nothing else may have
    changed: no event replaced or taken away, no share. The assessment before is used up.

    Args:
        before: The assessment of the set before.
        added: Events that have come, in the order of `milestones.order`.
        policy: The latest version.
        positions: All positions, None where they are the same as before.
        publishers: CloudEvents source to its latest arrival time, ms.
        as_of_ms: How far the watermark has come.
    """
    (journey, *others), walk = before.journeys, before.walk
    if others or policy is not before.policy or not before.facts.events:
        return None
    facts = before.facts
    first = facts.events[0]
    fresh = []
    for event in added:
        if not facts.loose:
            if event.data.get("looseCargo"):
                return None
            if event.type in BOUNDARIES and classifier_of(event) == ACTUAL:
                if walk.last is not None and order(event) < order(walk.last):
                    return None
                walk.see(event)
        if event.data.get("emptyIndicator") == "EMPTY":
            continue
        if event.event_ms <= first.event_ms and order(event) < order(first):
            return None
        fresh.append(event)
    if walk.starts:
        return None
    view, derived, traces = journey.derived.extended(journey.view, fresh, positions, publishers)
    now = judged_again(view, derived, policy, as_of_ms, journey, traces)
    told = not traces.isdisjoint(_TOLD)
    return Assessment((now,), walk, policy, as_of_ms, derived.facts, told)
