"""From a rule's hit to the finding that explains itself."""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from sstl.core.rules.base import InForce, Verdict, excess_of, flag_id, score
from sstl.models.policy import Policy, RulePrecision
from sstl.models.records import Confidence, Event, Evidence, Finding, Share, Subject

RAISED = "RAISED"
CHANGED = "CHANGED"
CLEARED = "CLEARED"

GONE = "what it rests on was corrected, retracted or unlinked"
NOT_IN_FORCE = "the rule is not in force"


@dataclass(frozen=True, slots=True)
class About:
    """What all findings of one subject share."""

    key: str
    """The unit or consignment."""
    subject: Subject
    flag_type: str
    share: Share | None = None
    """The governing manifest's part, shortened by `shown_share`."""
    group: str = ""
    """The journey or consignment whose flags are scored together; "" for the key itself."""


def shown_share(share: Share | None) -> Share | None:
    """Return what a finding shows of a manifest's part: goods and route, not its legs, filings and references."""
    if share is None:
        return None
    return msgspec.structs.replace(
        share, legs=(), references=(), filings=(), referrals=(), goods=(), assessed=None
    )


def evidence_of(event: Event) -> Evidence:
    """Return what a finding says of an event that it rests on."""
    return Evidence(
        source=event.source,
        id=event.id,
        type=event.type,
        event_ms=event.event_ms,
        origin=event.origin,
    )


def finding_of(hit: Verdict, asked: InForce, about: About) -> Finding:
    """Return the finding of a hit, in state RAISED.

    ``detected_ms`` is the greatest arrival time among the events that it rests on; of an absence at least its
    deadline.

    Args:
        hit: The rule's answer.
        asked: The rule as in force where the answer was given (`engine.governing`).
        about: The subject.
    """
    rule = asked.rule
    events = list(hit.evidence)
    if about.share is not None and about.share.evidence is not None:
        events.append(about.share.evidence)
    severity = hit.severity or asked.severity
    measured = asked.confidence
    follows = tuple(flag_id(one, about.key, anchor) for one, anchor in hit.follows)
    superseded = follows[0] if follows else None
    if hit.supersedes is not None:
        superseded = flag_id(hit.supersedes, about.key, hit.anchor)
    text_en, text_zh = ("", "") if hit.text is None else (hit.text.en, hit.text.zh)
    advice_en, advice_zh = ("", "") if asked.advice is None else (asked.advice.en, asked.advice.zh)
    return Finding(
        flag_id=flag_id(rule.id, about.key, hit.anchor),
        state=RAISED,
        rule_id=rule.id,
        rule_version=asked.version,
        severity=severity,
        score=0 if rule.notice else score(severity, asked.weight, excess_of(hit)),
        weight=asked.weight,
        subject=_subject(about.subject, hit),
        name=rule.name,
        observed=hit.observed,
        expected=hit.expected,
        unit=rule.unit,
        anchor_ms=hit.anchor_ms,
        valid_to_ms=hit.anchor_ms + asked.valid_for_ms,
        risk_area=hit.risk_area or rule.risk_area,
        flag_type=about.flag_type,
        recommended_control=asked.recommended_control,
        where_to_control=asked.where_to_control,
        # a rule on the manifest rests on it already
        evidence=tuple(dict.fromkeys(evidence_of(event) for event in events)),
        share=about.share,
        text_en=text_en,
        text_zh=text_zh,
        advice_en=advice_en,
        advice_zh=advice_zh,
        mode=asked.mode,
        notice=rule.notice,
        supervisors=rule.supervisors,
        group=about.group or about.key,
        policy_hash=hit.policy_hash or asked.policy.hash,
        detected_ms=max((*(event.arrival_ms for event in events), hit.due_ms or 0)),
        confidence=None if measured is None else _confidence(measured),
        linked_referral=hit.referral,
        supersedes=superseded,
        follows=follows,
    )


def _confidence(measured: RulePrecision) -> Confidence:
    return Confidence(measured.precision, measured.n, measured.low, measured.high)


def why_cleared(
    finding: Finding,
    policy: Policy,
    verdicts: Iterable[Verdict],
    key_of: Callable[[Verdict], str],
    *,
    known: Container[str],
    gone: str = GONE,
) -> str:
    """Return why a finding is made no longer.

    What the rule answers now on the same episode says it. Without an answer the rule is not in force where no version
    at hand made the finding and the one that governs its instant does not ask; else what it rests on has gone.

    Args:
        finding: What was told.
        policy: The latest version; earlier ones hang on it.
        verdicts: What the rules of its subject answer now; one on the same episode may say why.
        key_of: Says to which key an answer belongs (`About.key`).
        known: Ids of the rules that there are.
        gone: What to say where no rule says anything of the episode any more.
    """
    rule_id, at_ms = finding.rule_id, finding.anchor_ms
    for verdict in verdicts:
        if verdict.rule_id != rule_id or verdict.reason is None:
            continue
        if flag_id(rule_id, key_of(verdict), verdict.anchor) == finding.flag_id:
            return verdict.reason
    if rule_id not in known:
        return NOT_IN_FORCE
    # of an absence the milestone governs: the version at its deadline may be another
    made = any(version.hash == finding.policy_hash for _, version in policy.versions())
    stated = policy.at(at_ms).rule(rule_id)
    in_force = stated.mode != "off" and stated.holds_at(at_ms)
    return gone if made or in_force else NOT_IN_FORCE


def _subject(subject: Subject, hit: Verdict) -> Subject:
    changes: dict[str, Any] = {}
    if hit.leg_id is not None:
        changes["leg_id"] = hit.leg_id
    if hit.seal_numbers:
        changes["seal_numbers"] = hit.seal_numbers
    if hit.equipment_reference is not None:
        changes["equipment_reference"] = hit.equipment_reference
    if hit.consignments is not None:
        changes["consignments"] = hit.consignments
    return msgspec.structs.replace(subject, **changes) if changes else subject
