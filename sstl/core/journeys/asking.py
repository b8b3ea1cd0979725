"""Asking the rules of a journey: all of them, or again those that read what has changed, and what they found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sstl.core.journeys.derive import Derived
from sstl.core.journeys.progress import Next, next_milestone
from sstl.core.journeys.subject import about_journey, finding_policy
from sstl.core.journeys.view import JourneyView
from sstl.core.rules import UNIT_RULES, Result, Verdict, finding_of
from sstl.core.rules.base import Part, Rule
from sstl.core.rules.engine import Asked, ask, next_due
from sstl.models.policy import Policy
from sstl.models.records import Finding

Changed = tuple[frozenset[str], frozenset[Part]]
"""Families of the events that have come, and the parts that have changed besides."""
PARTS = {
    "transport": frozenset({Part.TRANSPORT}),
    "mass": frozenset({Part.TRANSPORT}),
    "seallock": frozenset({Part.SEALS}),
    "registry": frozenset({Part.PARTIES}),
}
"""Family of events to the parts that they are of."""
OTHER_PARTS = frozenset({Part.CONTROLS})
"""Parts of the other families."""


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


def reads(rule: Rule, changed: Changed) -> bool:
    """Tell whether a rule reads something that has changed: fields of a family, or a part."""
    families, parts = changed
    if not rule.parts or not rule.parts.isdisjoint(parts):
        return True
    return any(
        not rule.parts.isdisjoint(PARTS.get(family, OTHER_PARTS))
        and any(need.startswith(f"{family}.") for need in rule.needs)
        for family in families
    )


def group_of(unit: str, key: str) -> str:
    """Return the name of a journey."""
    return unit if not key else f"{unit}#{key}"


def judged(
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


def judged_again(
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
        earliest_ms=_earliest_ms(view),
    )
    if not verdicts and not view.awaited:
        return _NOTHING
    return Answer(tuple(verdicts), next_due(verdicts, as_of_ms), dict(view.awaited))


def _earliest_ms(view: JourneyView) -> int:
    """Return the first instant that a report, a position or a manifest of the journey names."""
    known: int | None = view.memo.get("asking.earliest")
    if known is None:
        instants = [event.event_ms for event in view.events[:1]]
        instants += [one.first[0] for one in view.positions[:1]]
        for share in view.shares:
            filed = (share.lodged_ms, share.etd_ms, share.atd_ms, share.eta_ms)
            instants += [instant for instant in filed if instant is not None]
            instants += [one.event.event_ms for one in share.filings]
        known = min(instants, default=0)
        view.memo["asking.earliest"] = known
    return known


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
