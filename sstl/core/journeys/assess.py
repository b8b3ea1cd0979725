"""What a unit's events, positions and manifests mean: a pure function of their set and the policy.

`assess` is the whole truth about a unit; the stage only keeps the set and tells what has changed in the answer. A
unit's timeline falls into journeys (`sstl.core.journeys.split`); each is assessed by itself.

`extend` gives the same answer for a set that has grown, deriving again only what the new events can have
changed and asking again only the rules that read a part that has changed, or whose deadline has come.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sstl.core.journeys.attach import attached
from sstl.core.journeys.derive import Derived, Facts, derive
from sstl.core.journeys.progress import Next, next_milestone
from sstl.core.journeys.split import BOUNDARIES, Walk, parted
from sstl.core.journeys.subject import about_journey, finding_policy
from sstl.core.journeys.view import JourneyView, Positions
from sstl.core.leadtime import Observed
from sstl.core.milestones import ACTUAL, Milestones, Plan, classifier_of, order
from sstl.core.routing import unit_of
from sstl.core.rules import UNIT_RULES, Result, Verdict, finding_of
from sstl.core.rules.base import Part, Rule
from sstl.core.rules.engine import Asked, ask, next_due
from sstl.models.policy import Policy
from sstl.models.records import Event, Finding, Share

Changed = tuple[frozenset[str], frozenset[Part]]
"""Families of the events that have come, and the parts that have changed besides."""
_PARTS = {
    "transport": frozenset({Part.TRANSPORT}),
    "mass": frozenset({Part.TRANSPORT}),
    "seallock": frozenset({Part.SEALS}),
    "registry": frozenset({Part.PARTIES}),
}
_TOLD = frozenset({"seallock", "inspection", "declaration", "channel", "duty", "bond", "mass"})
_AIR = frozenset({"transport.crc", "transport.ccd"})
"""Events that consignments are told of beside the milestones."""
_OTHER_PARTS = frozenset({Part.CONTROLS})


@dataclass(frozen=True, slots=True)
class Answer:
    """What one rule said of one journey."""

    verdicts: tuple[Verdict, ...]
    due_ms: int | None
    """Least deadline that is still to come."""
    awaited: Mapping[str, int]
    """Publishers that it found silent, and the instant after which they must be heard of."""


@dataclass(frozen=True, slots=True)
class Journey:
    """One journey with everything that follows from it."""

    view: JourneyView
    derived: Derived
    answers: Mapping[str, Answer]
    findings: Mapping[str, Finding]
    """By flag id, all in state RAISED."""
    counted: bool = False
    """Whether every rule answers as often what it answered in the journey that this one was gone on from."""
    waiting: frozenset[str] = frozenset()
    """Rules that wait for a deadline or a publisher."""

    @property
    def closed(self) -> bool:
        """Whether it has ended: gate-out, delivery, or the end of all planned legs."""
        actual, legs = self.view.milestones.actual, self.view.legs
        if "T14" in actual or "T15" in actual:
            return True
        return bool(legs) and all(leg.end is not None for leg in legs)

    @property
    def group(self) -> str:
        """Name of the journey: the unit, from the second journey on with the key."""
        return group_of(self.view.unit, self.view.key)

    @property
    def next(self) -> Next | None:
        """Which milestone comes next, and by when."""
        return next_milestone(self.view.milestones, self.view.lane)


@dataclass(frozen=True, slots=True)
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
        return min((due for due in self._dues() if due is not None), default=None)

    def _dues(self) -> Iterable[int | None]:
        return (answer.due_ms for journey in self.journeys for answer in journey.answers.values())

    @property
    def awaited(self) -> dict[str, int]:
        """Publishers that somebody waits for, each with the least instant after which it must be heard of."""
        found: dict[str, int] = {}
        for journey in self.journeys:
            for answer in journey.answers.values():
                for source, instant in answer.awaited.items():
                    found[source] = min(instant, found.get(source, instant))
        return found


def reads(rule: Rule, changed: Changed) -> bool:
    """Tell whether a rule reads something that has changed: fields of a family, or a part."""
    families, parts = changed
    if not rule.parts or not rule.parts.isdisjoint(parts):
        return True
    return any(
        not rule.parts.isdisjoint(_PARTS.get(family, _OTHER_PARTS))
        and any(need.startswith(f"{family}.") for need in rule.needs)
        for family in families
    )


def group_of(unit: str, key: str) -> str:
    """Return the name of a journey."""
    return unit if not key else f"{unit}#{key}"


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
    """
    asked = UNIT_RULES if rules is None else rules
    manifests = tuple(shares)
    structure = policy.at(events[0].event_ms) if events else policy
    gap_ms = structure.journey_gap_s * 1000
    loose = is_loose(unit, events, manifests)
    walk = Walk(gap_ms)
    if not loose:
        for event in events:
            if event.type in BOUNDARIES and classifier_of(event) == ACTUAL:
                walk.see(event)
    starts = walk.starts
    parts = parted(events, starts, gap_ms)
    own_shares = attached(parts, manifests)
    keys = ["", *(start.identity for start in starts)]
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
        )
        views.append(derive(facts, policy))
    for view, _ in views if len(views) > 1 else ():
        others = tuple(other for other, _ in views if other is not view)
        object.__setattr__(view, "others", others)
    journeys = tuple(_judged(view, derived, policy, as_of_ms, asked) for view, derived in views)
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
    changed: set[Part] = set() if positions is None else {Part.POSITIONS}
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
        if order(event) < order(facts.events[0]):
            return None
        fresh.append(event)
        changed |= _PARTS.get(event.type.partition(".")[0], _OTHER_PARTS)
    if walk.starts:
        return None
    view, derived, parts = journey.derived.extended(
        journey.view, fresh, positions, publishers, frozenset(changed)
    )
    families = frozenset(event.type.partition(".")[0] for event in fresh)
    besides = parts - changed if positions is None else parts - changed | {Part.POSITIONS}
    now = _judged_again(view, derived, policy, as_of_ms, journey, (families, besides))
    told = any(event.type.partition(".")[0] in _TOLD or event.type in _AIR for event in fresh)
    return Assessment((now,), walk, policy, as_of_ms, derived.facts, told)


def _judged(
    view: JourneyView,
    derived: Derived,
    policy: Policy,
    as_of_ms: int,
    rules: Sequence[Asked[JourneyView]],
) -> Journey:
    """Ask all rules."""
    answers = {asked.rule.id: _asked(asked, view, policy, as_of_ms) for asked in rules}
    findings = _findings(view, answers, policy)
    return Journey(view, derived, answers, findings, waiting=_waiting(answers))


def _judged_again(
    view: JourneyView,
    derived: Derived,
    policy: Policy,
    as_of_ms: int,
    before: Journey,
    changed: Changed,
) -> Journey:
    """Ask the rules that read what has changed, whose deadline has come, or whose publisher has spoken."""
    known = before.answers
    names = _reading(changed)
    if before.waiting:
        come = {
            name
            for name in before.waiting
            if name not in names and _waited(known[name], view.publishers, as_of_ms)
        }
        names = names | come if come else names
    answers: dict[str, Answer] | None = None
    hits, counted = False, True
    for name in names:
        old = known[name]
        new = _asked(_BY_ID[name], view, policy, as_of_ms)
        if old is new or old == new:
            continue
        answers = dict(known) if answers is None else answers
        answers[name] = new
        hits = hits or _hits(new) or _hits(old)
        counted = counted and _results(old) == _results(new)
    if answers is None:
        return Journey(view, derived, known, before.findings, counted=True, waiting=before.waiting)
    findings = _findings(view, answers, policy) if hits else before.findings
    return Journey(view, derived, answers, findings, counted, _waiting(answers))


_BY_ID = {asked.rule.id: asked for asked in UNIT_RULES}


def _waiting(answers: Mapping[str, Answer]) -> frozenset[str]:
    return frozenset(
        name
        for name, answer in answers.items()
        if answer is not _NOTHING and (answer.due_ms is not None or answer.awaited)
    )


def _results(answer: Answer) -> list[Result]:
    return [verdict.result for verdict in answer.verdicts]


def _reading(changed: Changed) -> frozenset[str]:
    """Return the rules that read what has changed."""
    found = _READING.get(changed)
    if found is None:
        found = frozenset(one.rule.id for one in UNIT_RULES if reads(one.rule, changed))
        _READING[changed] = found
    return found


_READING: dict[Changed, frozenset[str]] = {}
"""What of the registry reads which change: both are few."""


def _waited(old: Answer, publishers: Mapping[str, int], as_of_ms: int) -> bool:
    """Tell whether a rule waited for something that has come: its deadline, or a publisher."""
    if old.due_ms is not None and old.due_ms <= as_of_ms:
        return True
    return any(publishers.get(name, 0) >= instant for name, instant in old.awaited.items())


def _hits(answer: Answer) -> bool:
    return any(verdict.result is Result.HIT for verdict in answer.verdicts)


def _asked(asked: Asked[JourneyView], view: JourneyView, policy: Policy, as_of_ms: int) -> Answer:
    view.awaited.clear()
    plan = view.plan
    verdicts = ask(
        asked,
        view,
        policy,
        mode=plan.mode,
        lane_id=plan.lane_id,
        first_ms=view.first_ms,
        as_of_ms=as_of_ms,
    )
    if not verdicts and not view.awaited:
        return _NOTHING
    return Answer(tuple(verdicts), next_due(verdicts, as_of_ms), dict(view.awaited))


_NOTHING = Answer((), None, {})


def _findings(
    view: JourneyView, answers: Mapping[str, Answer], policy: Policy
) -> dict[str, Finding]:
    hits = [
        verdict
        for answer in answers.values()
        for verdict in answer.verdicts
        if verdict.result is Result.HIT
    ]
    if not hits:
        return {}
    about = about_journey(view, group_of(view.unit, view.key))
    findings: dict[str, Finding] = {}
    for hit in hits:
        finding = finding_of(hit, finding_policy(hit, view, policy), about)
        findings[finding.flag_id] = finding
    return findings
