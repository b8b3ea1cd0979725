"""From an assessment to the story of it (`sstl.core.explain.shapes`)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from sstl.core.consignments.assess import Assessment as ConsignmentAssessment
from sstl.core.explain.shapes import (
    Awaited,
    ConsignmentStory,
    Episode,
    FlagStory,
    JourneyStory,
    Lock,
    PositionsSummary,
    Reached,
    RuleStory,
    Told,
    Where,
)
from sstl.core.flags.cells import FlagCell
from sstl.core.journeys.assess import Assessment, Journey
from sstl.core.milestones import ACTUAL, classifier_of, order, place_of
from sstl.core.positions import Ping
from sstl.core.rules import CONSIGNMENT_RULES, RULES, UNIT_RULES, Result, Verdict
from sstl.core.rules.base import flag_id, in_force, instant_text
from sstl.core.rules.route_common import point_of, point_text
from sstl.models.policy import Policy
from sstl.models.records import Event, Evidence, Share

_TOLD = (
    "eventClassifier",
    "legId",
    "conveyance",
    "facilityCode",
    "deviceId",
    "sealNumber",
    "oldSealNumber",
    "kind",
    "state",
    "condition",
    "commandId",
    "office",
    "side",
    "channel",
    "controlType",
    "controlResultCode",
    "outcome",
    "niiResult",
    "status",
    "mrn",
    "emptyIndicator",
    "referralType",
)
"""Fields of bodies that a timeline shows, in this order; no parties and no free text among them."""


def journey_stories(assessment: Assessment, policy: Policy) -> tuple[JourneyStory, ...]:
    """Return the stories of a unit's journeys, in their order."""
    return tuple(_journey(one, policy) for one in assessment.journeys)


def _journey(journey: Journey, policy: Policy) -> JourneyStory:
    view = journey.view
    plan, known, seals = view.plan, view.milestones, view.seals
    verdicts = [one for answer in journey.answers.values() for one in answer.verdicts]
    asked = {verdict.rule_id for verdict in verdicts}
    waits = journey.next
    return JourneyStory(
        journey=journey.group,
        unit=view.unit,
        lane=plan.lane_id,
        mode=plan.mode,
        consignments=plan.consignments,
        manifests=tuple(share.manifest_id for share in view.shares),
        closed=journey.closed,
        milestones=_milestones(known),
        next=None
        if waits is None
        else Awaited(milestone=waits.milestone, by=_instant(waits.by_ms), basis=waits.basis),
        timeline=_timeline(view.events, known),
        locks=tuple(Lock(lock=lock, state=state) for lock, state in seals.states),
        seals=_episodes(seals),
        unclear=len(seals.unknown),
        positions=_positions(view.positions),
        rules=_rules(verdicts, view.unit, policy, plan.mode, plan.lane_id),
        not_asked=tuple(one.rule.id for one in UNIT_RULES if one.rule.id not in asked),
    )


def consignment_story(assessment: ConsignmentAssessment, policy: Policy) -> ConsignmentStory:
    """Return the story of a consignment."""
    view, verdicts = assessment.view, assessment.verdicts
    asked = {verdict.rule_id for verdict in verdicts}
    return ConsignmentStory(
        consignment=view.consignment,
        lane=view.plan.lane_id,
        mode=view.plan.mode,
        units=tuple(view.unit_names),
        manifests=tuple(share.manifest_id for share in view.shares),
        milestones=_milestones(view.milestones),
        timeline=_timeline(
            # of a referral that came by MRN, too, its own copy
            {one.identity: one for one in (*_filed(view.shares), *view.events)}.values(),
            view.milestones,
            named="equipmentReference" if len(view.unit_names) > 1 else None,
        ),
        rules=_rules(verdicts, view.consignment, policy, view.plan.mode, view.plan.lane_id),
        not_asked=tuple(one.rule.id for one in CONSIGNMENT_RULES if one.rule.id not in asked),
    )


def _filed(shares: Iterable[Share]) -> Iterable[Event]:
    """Return lodgements, amendments and referrals, which a consignment has from its manifests."""
    for share in shares:
        yield from (filing.event for filing in share.filings)
        for referral in share.referrals:
            yield referral.raised
            if referral.answered is not None:
                yield referral.answered


def flag_story(cell: FlagCell) -> FlagStory:
    """Return the story of a flag."""
    finding = cell.finding
    return FlagStory(
        flag=finding.flag_id,
        rule=finding.rule_id,
        name=finding.name,
        status=cell.status,
        version=cell.version,
        topic=cell.topic,
        severity=finding.severity,
        score=finding.score,
        subject=_camel(msgspec.to_builtins(finding.subject)),
        anchor=instant_text(finding.anchor_ms),
        valid_to=instant_text(finding.valid_to_ms),
        observed=finding.observed,
        expected=finding.expected,
        unit=finding.unit,
        text={"en": finding.text_en, "zh": finding.text_zh},
        advice={"en": finding.advice_en, "zh": finding.advice_zh},
        recommended_control=finding.recommended_control,
        where_to_control=finding.where_to_control,
        reason=finding.reason if finding.state == "CLEARED" else None,
        answered=_answered(cell),
        evidence=tuple(_of_evidence(one) for one in finding.evidence),
        policy=finding.policy_hash,
    )


def _answered(cell: FlagCell) -> dict[str, Any]:
    answered: dict[str, Any] = msgspec.to_builtins(cell.standing)
    answered.pop("acted", None)
    return {name: _camel(value) for name, value in answered.items() if value is not None}


def _camel(fields: dict[str, Any]) -> dict[str, Any]:
    """Return what is stated, under names as on the wire."""
    return {
        "".join(part.title() if number else part for number, part in enumerate(name.split("_"))): (
            list(value) if isinstance(value, tuple) else value
        )
        for name, value in fields.items()
        if value is not None
    }


def _rules(
    verdicts: Iterable[Verdict],
    subject: str,
    policy: Policy,
    mode: str | None,
    lane_id: str | None,
) -> tuple[RuleStory, ...]:
    found = [_rule(verdict, subject, policy, mode, lane_id) for verdict in verdicts]
    rank = {Result.HIT: 0, Result.NOT_EVALUABLE: 1, Result.NO_HIT: 2}
    found.sort(key=lambda one: (rank[Result(one.answer)], one.at or "", one.rule, one.episode))
    return tuple(found)


def _rule(
    verdict: Verdict, subject: str, policy: Policy, mode: str | None, lane_id: str | None
) -> RuleStory:
    rule = RULES[verdict.rule_id]
    version = policy.at(verdict.governed_ms or verdict.anchor_ms)
    current = in_force(rule, version, mode=mode, lane_id=lane_id)
    waits = verdict.result is Result.NO_HIT and verdict.due_ms is not None
    text = verdict.text
    return RuleStory(
        rule=rule.id,
        name=rule.name,
        family=rule.family,
        question=rule.question,
        answer=verdict.result.value,
        mode=current.mode,
        episode=verdict.anchor,
        flag=flag_id(rule.id, subject, verdict.anchor),
        at=_instant(verdict.anchor_ms or None),
        due=_instant(verdict.due_ms) if waits else None,
        missing=verdict.missing,
        reason=verdict.reason,
        observed=verdict.observed,
        expected=verdict.expected,
        unit=rule.unit,
        text={} if text is None else {"en": text.en, "zh": text.zh},
        evidence=tuple(_told(event) for event in verdict.evidence),
        policy=verdict.policy_hash or version.hash,
    )


def _milestones(known: Any) -> tuple[Reached, ...]:
    codes = {*known.actual, *known.estimated, *known.planned}
    found = [
        Reached(
            milestone=code,
            actual=_when(known.actual, code),
            estimated=_when(known.estimated, code),
            planned=_when(known.planned, code),
            evidence=_told(known.actual[code]) if code in known.actual else None,
        )
        for code in sorted(codes, key=_code_order)
    ]
    if known.lodged_ms is not None:
        found.insert(0, Reached(milestone="T0", actual=_instant(known.lodged_ms)))
    return tuple(found)


def _code_order(code: str) -> tuple[int, str]:
    return int(code[1:].rstrip("abc")), code


def _when(reports: Mapping[str, Event], code: str) -> str | None:
    event = reports.get(code)
    return None if event is None else instant_text(event.event_ms)


def _timeline(events: Iterable[Event], known: Any, named: str | None = None) -> tuple[Told, ...]:
    """Return what is told of the events; ``named`` is a field more that tells them apart."""
    reported: dict[str, list[str]] = {}
    for code, event in known.actual.items():
        reported.setdefault(event.identity, []).append(code)
    return tuple(
        _told(event, tuple(sorted(reported.get(event.identity, ()), key=_code_order)), named)
        for event in sorted(events, key=order)
    )


def _told(event: Event, milestones: tuple[str, ...] = (), named: str | None = None) -> Told:
    says = {}
    for name in _TOLD if named is None else (named, *_TOLD):
        value = event.data.get(name)
        if value is None or (name == "eventClassifier" and classifier_of(event) == ACTUAL):
            continue
        if isinstance(value, dict):
            value = "/".join(str(one) for one in value.values())
        says[name] = str(value)
    place, point = place_of(event), point_of(event)
    if place is None and point is not None:
        says["position"] = point_text(point)
    return Told(
        at=instant_text(event.event_ms),
        type=event.type,
        source=event.source,
        id=event.id,
        topic=event.origin.topic,
        partition=event.origin.partition,
        offset=event.origin.offset,
        recorded=instant_text(event.version.recorded_ms),
        place=place,
        milestones=milestones,
        says=says,
    )


def _of_evidence(one: Evidence) -> Told:
    return Told(
        at=instant_text(one.event_ms),
        type=one.type,
        source=one.source,
        id=one.id,
        topic=one.origin.topic,
        partition=one.origin.partition,
        offset=one.origin.offset,
    )


def _episodes(seals: Any) -> tuple[Episode, ...]:
    found = [
        _episode("armed", one.lock, one.from_ms, one.ended, one.seal_number or "", None, one.armed)
        for one in seals.armed
    ]
    found += [
        _episode(
            "opened",
            one.lock,
            one.at_ms,
            one.closed,
            one.shortcoming or "",
            one.authorised_by is not None,
            one.opened,
        )
        for one in seals.openings
    ]
    found += [
        _episode(
            "alarm",
            one.lock,
            one.first.event_ms,
            one.ended,
            one.kind,
            one.authorised_by is not None,
            one.first,
        )
        for one in seals.alarms
    ]
    found += [
        _episode(
            "resealed",
            None,
            one.event.event_ms,
            None,
            f"{one.old or '?'} -> {one.new or '?'}",
            one.authorised_by is not None,
            one.event,
        )
        for one in seals.reseals
    ]
    return tuple(sorted(found, key=lambda one: (one.start, one.kind, one.lock or "")))


def _episode(
    kind: str,
    lock: str | None,
    start_ms: int,
    ended: Event | None,
    what: str,
    authorised: bool | None,  # noqa: FBT001 - three values
    evidence: Event,
) -> Episode:
    return Episode(
        kind=kind,
        lock=lock,
        start=instant_text(start_ms),
        end=None if ended is None else instant_text(ended.event_ms),
        what=what,
        authorised=authorised,
        evidence=_told(evidence),
    )


def _positions(positions: Sequence[Any]) -> PositionsSummary | None:
    if not positions:
        return None
    return PositionsSummary(
        buckets=len(positions),
        first=_where(positions[0].first),
        last=_where(positions[-1].last),
    )


def _where(ping: Ping) -> Where:
    return Where(at=instant_text(ping[0]), latitude=ping[2], longitude=ping[3])


def _instant(epoch_ms: int | None) -> str | None:
    return None if epoch_ms is None else instant_text(epoch_ms)
