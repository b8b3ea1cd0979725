"""Asking the rules of a journey: all of them, or again those that read what has changed, and what they found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sstl.core.journeys.derive import Derived
from sstl.core.journeys.progress import Next, next_milestone
from sstl.core.journeys.subject import about_journey, finding_policy
from sstl.core.journeys.view import JourneyView
from sstl.core.rules import UNIT_RULES, About, Result, Verdict, finding_of, flag_id
from sstl.core.rules.base import InForce, in_force
from sstl.core.rules.engine import Asked, ask, next_due, settled
from sstl.core.rules.reads import reads_of
from sstl.models.policy import Policy
from sstl.models.records import Finding

Changed = frozenset[str]
"""Traces of what has changed in a journey (`sstl.core.rules.reads`)."""
MOST_KNOWN = 4_096
"""Of so many kinds of change it is kept in memory which rules read them."""


@dataclass(slots=True)
class Answer:
    """What one rule said of one journey; nobody changes it."""

    verdicts: tuple[Verdict, ...]
    due_ms: int | None
    """Least deadline that is still to come."""
    awaited: Mapping[str, int]
    """Publishers that it found silent, and the instant after which they must be heard of."""


@dataclass(slots=True, eq=False)
class Journey:
    """One journey with everything that follows from it; nobody changes it (freezing it costs as much as a rule)."""

    view: JourneyView
    derived: Derived
    answers: Mapping[str, Answer]
    findings: Mapping[str, Finding]
    """By flag id, all in state RAISED."""
    moved: Mapping[str, Answer] | None = None
    """Rules that answer other things, or as often, than in the journey that this one was gone on from, each with what
    it answered there; None: it was not gone on from one."""
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


def group_of(unit: str, key: str) -> str:
    """Return the name of a journey."""
    return unit if not key else f"{unit}#{key}"


Entry = tuple[str, Asked[JourneyView], InForce | None, frozenset[str] | None]
"""(rule id, rule, the rule as in force; None: that depends on the instant that an answer is about, the traces that it
reads)"""


def judged(
    view: JourneyView,
    derived: Derived,
    policy: Policy,
    as_of_ms: int,
    rules: Sequence[Asked[JourneyView]],
) -> Journey:
    """Ask all rules."""
    if rules is UNIT_RULES:
        answers = dict.fromkeys(_BY_ID, _NOTHING)
        for name, asked, current, _ in _reading(None, view, policy):
            answer = _answered(asked, current, view, policy, as_of_ms, _NOTHING)
            if answer is not _NOTHING:
                answers[name] = answer
    else:
        answers = {asked.rule.id: _asked(asked, view, policy, as_of_ms) for asked in rules}
    findings = _findings(view, answers, policy)
    return Journey(view, derived, answers, findings, None, _waiting_on(answers))


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
    entries = _reading(changed, view, policy)
    if before.waiting:
        entries = _with_come(entries, before, view, policy, as_of_ms)
    answers: dict[str, Answer] | None = None
    found = False
    moved: dict[str, Answer] = {}
    waiting = set(before.waiting)
    for name, asked, current, _ in entries:
        old = known[name]
        new = _answered(asked, current, view, policy, as_of_ms, old)
        if old is new:
            continue
        if answers is None:
            answers = dict(known)
        answers[name] = new
        if new.due_ms is not None or new.awaited:
            waiting.add(name)
        else:
            waiting.discard(name)
        found = found or hits(new) or hits(old)
        if not say_alike(old, new):
            moved[name] = old
    if answers is None:
        return Journey(view, derived, known, before.findings, moved, before.waiting)
    findings = before.findings
    if found:
        findings = _findings_again(view, policy, findings, known, answers)
    if waiting != before.waiting:
        return Journey(view, derived, answers, findings, moved, frozenset(waiting))
    return Journey(view, derived, answers, findings, moved, before.waiting)


def _with_come(
    entries: tuple[Entry, ...],
    before: Journey,
    view: JourneyView,
    policy: Policy,
    as_of_ms: int,
) -> tuple[Entry, ...]:
    """Return rules to ask, and those besides whose deadline has come, or whose publisher has spoken."""
    known, publishers = before.answers, view.publishers
    come = [name for name in before.waiting if _waited(known[name], publishers, as_of_ms)]
    if not come:
        return entries
    names = {entry[0] for entry in entries}
    return entries + tuple(
        entry
        for entry in _reading(None, view, policy)
        if entry[0] in come and entry[0] not in names
    )


_BY_ID = {asked.rule.id: asked for asked in UNIT_RULES}


class _Kept:
    """What of the registry is in force by one policy, and which of it reads which changes."""

    __slots__ = ("entries", "lanes", "policy")

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.lanes = frozenset(policy.lanes).union(
            *(rule.thresholds_by_lane for rule in policy.rules.values())
        )
        """Lanes for which another thing may be in force than for one that is not known."""
        self.entries: dict[tuple[str | None, str | None, Changed | None], tuple[Entry, ...]] = {}


def _reading(changed: Changed | None, view: JourneyView, policy: Policy) -> tuple[Entry, ...]:
    """Return the rules in force that read what has changed (None: all), with what is in force of them."""
    plan, memo = view.plan, policy.__dict__
    kept: _Kept | None = memo.get("_asking")
    if kept is None or kept.policy is not policy:
        kept = memo["_asking"] = _Kept(policy)
    known = kept.entries
    lane_id = plan.lane_id if plan.lane_id in kept.lanes else None
    key = (plan.mode, lane_id, changed)
    found = known.get(key)
    if found is not None:
        return found
    if changed is None:
        found = tuple(_entries(view, policy))
    else:
        found = tuple(
            entry
            for entry in _reading(None, view, policy)
            if (reads := entry[3]) is None or not reads.isdisjoint(changed)
        )
    if len(known) < MOST_KNOWN:
        known[key] = found
    return found


def _entries(view: JourneyView, policy: Policy) -> Iterator[Entry]:
    single = len(policy.versions()) == 1
    for asked in UNIT_RULES:
        name = asked.rule.id
        stated = policy.rule(name)
        if not single or stated.valid_from is not None or stated.valid_to is not None:
            yield name, asked, None, reads_of(name, None)
            continue
        current = in_force(asked.rule, policy, mode=view.plan.mode, lane_id=view.plan.lane_id)
        if current.mode != "off":
            yield name, asked, current, reads_of(name, current.lane)


def _answered(
    asked: Asked[JourneyView],
    current: InForce | None,
    view: JourneyView,
    policy: Policy,
    as_of_ms: int,
    old: Answer,
) -> Answer:
    """Return what a rule says, the old answer itself where that is equal."""
    awaited = view.awaited
    if current is None:
        new = _asked(asked, view, policy, as_of_ms)
        return old if old == new else new
    if awaited:
        awaited.clear()
    verdicts = tuple(asked.judge(view, current, as_of_ms))
    if not verdicts and not awaited:
        return _NOTHING
    due_ms = None
    for verdict in verdicts:
        if verdict.due_ms is not None:
            verdicts = tuple([settled(one, as_of_ms) for one in verdicts])
            due_ms = next_due(verdicts, as_of_ms)
            break
    if old.verdicts == verdicts and old.due_ms == due_ms and old.awaited == awaited:
        return old
    return Answer(verdicts, due_ms, dict(awaited) if awaited else _NOBODY)


def _waiting_on(answers: Mapping[str, Answer]) -> frozenset[str]:
    """Return the rules that wait for a deadline or a publisher."""
    return frozenset(
        [
            name
            for name, answer in answers.items()
            if answer is not _NOTHING and (answer.due_ms is not None or answer.awaited)
        ]
    )


def waiting_with(waiting: frozenset[str], changed: Mapping[str, Answer]) -> frozenset[str]:
    """Return the rules that wait, where some of them say other things than before."""
    now = set(waiting)
    for name, answer in changed.items():
        if answer.due_ms is not None or answer.awaited:
            now.add(name)
        else:
            now.discard(name)
    return waiting if now == waiting else frozenset(now)


_LABELS: dict[tuple[str, Result], str] = {
    (name, result): f"{name}:{result.value}" for name in _BY_ID for result in Result
}


def label_of(name: str, result: Result) -> str:
    """Return the label under which an answer of a rule is counted."""
    return _LABELS.get((name, result)) or f"{name}:{result.value}"


def say_alike(one: Answer, other: Answer) -> bool:
    """Tell whether two answers count alike: the same results in the same order."""
    said, again = one.verdicts, other.verdicts
    return len(said) == len(again) and all(
        [said[index].result is again[index].result for index in range(len(said))]  # noqa: C419 - half the cost
    )


def _waited(old: Answer, publishers: Mapping[str, int], as_of_ms: int) -> bool:
    """Tell whether a rule waited for something that has come: its deadline, or a publisher."""
    if old.due_ms is not None and old.due_ms <= as_of_ms:
        return True
    if not old.awaited:
        return False
    return any(publishers.get(name, 0) >= instant for name, instant in old.awaited.items())


def hits(answer: Answer) -> bool:
    """Tell whether a rule found something."""
    for verdict in answer.verdicts:  # noqa: SIM110 - any() costs three times as much
        if verdict.result is Result.HIT:
            return True
    return False


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
    """Return the first instant that an answer can be about: of a report, a position or a manifest of the journey.

    What is planned or estimated is recorded before it happens, and may be judged by who governed then.
    """
    known: int | None = view.memo.get("asking.earliest")
    if known is None:
        instants = [event.event_ms for event in view.events[:1]]
        if view.events:
            instants.append(_recorded_ms(view))
        instants += [one.first[0] for one in view.positions[:1]]
        for share in view.shares:
            filed = (share.lodged_ms, share.etd_ms, share.atd_ms, share.eta_ms)
            instants += [instant for instant in filed if instant is not None]
            instants += [one.event.event_ms for one in share.filings]
        known = min(instants, default=0)
        view.memo["asking.earliest"] = known
    return known


def _recorded_ms(view: JourneyView) -> int:
    """Return when the first of the events was recorded; each is looked at once while a journey is gone on with."""
    arrived = view.events if view.arrived is None else view.arrived
    known: tuple[int, int] | None = view.carried.get("asking.recorded")
    seen, least = (0, arrived[0].version.recorded_ms) if known is None else known
    for index in range(seen, len(arrived)):
        least = min(least, arrived[index].version.recorded_ms)
    view.carried["asking.recorded"] = (len(arrived), least)
    return least


_NOBODY: Mapping[str, int] = {}
_NOTHING = Answer((), None, _NOBODY)


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
    about = _about(view)
    findings: dict[str, Finding] = {}
    for hit in hits:
        finding = finding_of(hit, finding_policy(hit, view, policy), about)
        findings[finding.flag_id] = finding
    return findings


def _about(view: JourneyView) -> About:
    """Return what all findings share; it rests on manifests and plan, which stay while a journey is gone on with."""
    known: About | None = view.carried.get("about")
    if known is None:
        known = view.carried["about"] = about_journey(view, group_of(view.unit, view.key))
    return known


def _findings_again(
    view: JourneyView,
    policy: Policy,
    before: Mapping[str, Finding],
    known: Mapping[str, Answer],
    answers: Mapping[str, Answer],
) -> dict[str, Finding]:
    """Return the findings where some rules say other things than before.

    Args:
        view: The journey.
        policy: The latest version, the same as before.
        before: The findings before.
        known: What all rules said.
        answers: What all rules say.
    """
    changes = {name: old for name, old in known.items() if answers[name] is not old}
    findings = {name: one for name, one in before.items() if one.rule_id not in changes}
    for name, old in changes.items():
        said = {id(verdict) for verdict in old.verdicts}
        for hit in answers[name].verdicts:
            if hit.result is not Result.HIT:
                continue
            finding = None
            if id(hit) in said:
                finding = before.get(flag_id(hit.rule_id, view.unit, hit.anchor))
            if finding is None:
                finding = finding_of(hit, finding_policy(hit, view, policy), _about(view))
            findings[finding.flag_id] = finding
    return findings
