"""From a rule's hit to the finding that explains itself."""

from dataclasses import dataclass

import msgspec

from sstl.core.rules.base import Rule, Verdict, flag_id, score
from sstl.models.policy import Policy
from sstl.models.records import Event, Evidence, Finding, Share, Subject

RAISED = "RAISED"
CHANGED = "CHANGED"
CLEARED = "CLEARED"

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class About:
    """What all findings of one subject share."""

    key: str
    """The unit or consignment."""
    subject: Subject
    flag_type: str
    share: Share | None = None
    """The governing manifest's part, without its legs and references."""


def evidence_of(event: Event) -> Evidence:
    """Return what a finding says of an event that it rests on."""
    return Evidence(
        source=event.source,
        id=event.id,
        type=event.type,
        event_ms=event.event_ms,
        origin=event.origin,
    )


def finding_of(rule: Rule, hit: Verdict, about: About, policy: Policy) -> Finding:
    """Return the finding of a hit, in state RAISED.

    ``detected_ms`` is the greatest arrival time among the events that it rests on.
    """
    judged_by = policy.rule(rule.id)
    events = list(hit.evidence)
    if about.share is not None and about.share.evidence is not None:
        events.append(about.share.evidence)
    subject = about.subject
    if hit.leg_id is not None:
        subject = msgspec.structs.replace(subject, leg_id=hit.leg_id)
    text_en, text_zh = ("", "") if hit.text is None else (hit.text.en, hit.text.zh)
    observed, expected = hit.observed or 0.0, hit.expected or 0.0
    return Finding(
        flag_id=flag_id(rule.id, about.key, hit.anchor),
        state=RAISED,
        rule_id=rule.id,
        rule_version=judged_by.version,
        severity=judged_by.severity,
        score=score(judged_by, observed, expected),
        weight=judged_by.weight,
        subject=subject,
        name=rule.name,
        observed=hit.observed,
        expected=hit.expected,
        unit=rule.unit,
        anchor_ms=hit.anchor_ms,
        valid_to_ms=hit.anchor_ms + int(judged_by.valid_for_hours * HOUR_MS),
        risk_area=rule.risk_area,
        flag_type=about.flag_type,
        recommended_control=judged_by.recommended_control,
        where_to_control=judged_by.where_to_control,
        evidence=tuple(evidence_of(event) for event in events),
        share=about.share,
        text_en=text_en,
        text_zh=text_zh,
        policy_hash=policy.hash,
        detected_ms=max((event.arrival_ms for event in events), default=0),
        supersedes=None
        if hit.supersedes is None
        else flag_id(hit.supersedes, about.key, hit.anchor),
    )
