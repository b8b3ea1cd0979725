"""What a rule is: one narrow question, asked of one subject, with one of three answers.

A rule never answers with a bare bool: it hits, it does not hit, or it is not evaluable and says what was missing.
It declares the fields it reads, so that a change elsewhere need not ask it again and a field that no event carries
is noticed before it is deployed.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec

from sstl.models.codes import RecommendedControl, RiskArea, WhereToControl
from sstl.models.common import EPOCH, to_wire
from sstl.models.policy import LanePolicy, Policy, RuleMode, RulePrecision, Severity
from sstl.models.records import Event

FLAGS = uuid.UUID("6f0d3c4a-7a52-5c1b-9d0e-2b8e3f5a1c74")
"""Namespace of flag ids. Never change it: published flags are found again by it."""

_BASE = {"LOW": 20, "MEDIUM": 40, "HIGH": 60, "CRITICAL": 80}


class Result(StrEnum):
    """The three answers."""

    HIT = "hit"
    NO_HIT = "no_hit"
    NOT_EVALUABLE = "not_evaluable"


class Text(msgspec.Struct, frozen=True):
    """A text in the two languages of a flag."""

    en: str
    zh: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's answer about one episode of one subject."""

    rule_id: str
    anchor: str
    """Identity of the episode within the subject: the identity of the event that opened it, or the milestone."""
    result: Result
    missing: tuple[str, ...] = ()
    """What was not known, where not evaluable."""
    reason: str | None = None
    """Why it does not hit, where that is worth telling when an earlier hit is cleared."""
    observed: float | str | None = None
    expected: float | str | None = None
    anchor_ms: int = 0
    """The instant that governs: the episode's first event; of an absence the deadline. It chooses the policy's version,
    so every answer should have it; 0, where nothing is known, stands for the subject's first instant."""
    due_ms: int | None = None
    """Of an absence: the deadline. The hit is one only when the watermark has passed it; until then the engine
    treats the verdict as no hit and asks again at the deadline."""
    governed_ms: int | None = None
    """Of an absence: the milestone from which the deadline counts; it chooses the policy's version in place of
    ``anchor_ms``."""
    evidence: tuple[Event, ...] = ()
    text: "Text | None" = None
    severity: Severity | None = None
    """Where the case is graver (or less so) than the rule's severity in force."""
    excess: float | None = None
    """How far the threshold is exceeded, 0 to 1, for the score; None: 1 - expected / observed of numbers, else 0."""
    leg_id: str | None = None
    seal_numbers: tuple[str, ...] = ()
    equipment_reference: str | None = None
    """Of a consignment: the one of its units that is meant; None: it as a whole, or the subject's own unit."""
    consignments: tuple[str, ...] | None = None
    """Those concerned, None: all that lie in the unit."""
    risk_area: RiskArea | None = None
    """Where the rule serves several (watch lists); None: the rule's own."""
    supersedes: str | None = None
    """Rule whose flag of the same episode this one takes the place of."""
    referral: str | None = None
    """Number of the referral that it is about."""
    follows: tuple[tuple[str, str], ...] = ()
    """(rule, anchor) of the flags that the episode would have, were its first reports not known: what was answered on
    them is answered on this one, and it supersedes the first of them."""
    policy_hash: str | None = None
    """Set by the engine where several versions of the policy are at hand: the one that governs."""


class Part(StrEnum):
    """What a subject's assessment is made of; a rule is asked again only when a part that it reads has changed."""

    TRANSPORT = "transport"
    """Transport events, milestones, legs (``mass.verified`` too)."""
    SEALS = "seals"
    """Seal and lock events, grants, and the states derived from them."""
    POSITIONS = "positions"
    CONTROLS = "controls"
    """Inspections, declarations, channels, duty, bond, releases."""
    MANIFEST = "manifest"
    """Shares of manifests: goods, route, referrals, filings."""
    PARTIES = "parties"
    """Registry entries on the parties."""
    UNITS = "units"
    """Of a consignment: what [journeys] told of its units."""
    PUBLISHERS = "publishers"
    """When publishers were last heard of."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that a rule judges by."""

    value: float
    """Default."""
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule declares about itself."""

    id: str
    """Stable across versions."""
    name: str
    question: str
    unit: str
    """Unit of observed and expected."""
    risk_area: RiskArea
    subject: str
    """``unit``, ``consignment``, ``reference``, ``lane`` or ``publisher``: which stage asks."""
    needs: frozenset[str]
    """Fields it reads: ``<family>.<field as on the wire>`` (``seallock.sealNumber``) or ``share.<field>``."""
    family: str = ""
    """Group in docs/rules: seals, route, time, manifest, goods, controls, parties, lane."""
    parts: frozenset[Part] = frozenset()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    severity: Severity = "MEDIUM"
    weight: float = 1.0
    recommended_control: RecommendedControl = "NONE"
    where_to_control: WhereToControl = "DESTINATION"
    advice: "Text | None" = None
    """What to do."""
    source: str = ""
    """Where the rule comes from: a published rule, a standard, or "own design"."""
    notice: bool = False
    """Goes to the topic of notices: no score, no effect on precision."""
    supervisors: bool = False
    """For supervisors only."""


class InForce(msgspec.Struct, frozen=True):
    """A rule as one version of the policy has it for one lane and mode."""

    rule: Rule
    mode: RuleMode
    version: int
    severity: Severity
    thresholds: dict[str, float]
    weight: float
    recommended_control: RecommendedControl
    where_to_control: WhereToControl
    valid_for_ms: int
    advice: "Text | None"
    confidence: RulePrecision | None
    policy: Policy
    lane: LanePolicy | None
    lane_id: str | None

    def __getitem__(self, parameter: str) -> float:
        """Return the value of a parameter."""
        return self.thresholds[parameter]


def in_force(rule: Rule, policy: Policy, *, mode: str | None, lane_id: str | None) -> InForce:
    """Return a rule as this version of the policy has it.

    The lane's values count first, then the mode's, the general ones, and the rule's own defaults.
    """
    cache: dict[tuple[str, str | None, str | None], InForce] = policy.__dict__.setdefault(
        "_in_force", {}
    )
    known = cache.get((rule.id, mode, lane_id))
    if known is not None:
        return known
    key = (
        rule.id,
        mode,
        lane_id if lane_id in policy.lanes or _named(policy, rule, lane_id) else None,
    )
    known = cache.get(key)
    if known is not None:
        return known
    stated = policy.rule(rule.id)
    thresholds = {name: parameter.value for name, parameter in rule.parameters.items()}
    thresholds |= stated.thresholds
    by_mode: Mapping[Any, dict[str, float]] = stated.thresholds_by_mode
    thresholds |= by_mode.get(mode or "", {})
    thresholds |= stated.thresholds_by_lane.get(lane_id or "", {})
    advice = rule.advice if stated.advice is None else Text(stated.advice.en, stated.advice.zh)
    found = InForce(
        rule=rule,
        mode=stated.mode,
        version=stated.version,
        severity=stated.severity or rule.severity,
        thresholds=thresholds,
        weight=rule.weight if stated.weight is None else stated.weight,
        recommended_control=stated.recommended_control or rule.recommended_control,
        where_to_control=stated.where_to_control or rule.where_to_control,
        valid_for_ms=int(stated.valid_for_hours * 3_600_000),
        advice=advice,
        confidence=stated.confidence,
        policy=policy,
        lane=policy.lanes.get(lane_id or ""),
        lane_id=key[2],
    )
    cache[key] = found
    return found


def _named(policy: Policy, rule: Rule, lane_id: str | None) -> bool:
    return lane_id in policy.rule(rule.id).thresholds_by_lane


def hit(
    asked: InForce,
    anchor: str,
    anchor_ms: int,
    *,
    text: "Text",
    observed: float | str | None,
    expected: float | str | None,
    evidence: tuple[Event, ...],
    **more: Any,
) -> Verdict:
    """Return a hit; ``more`` are further fields of `Verdict` (``due_ms``, ``severity``)."""
    return Verdict(
        rule_id=asked.rule.id,
        anchor=anchor,
        anchor_ms=anchor_ms,
        result=Result.HIT,
        text=text,
        observed=observed,
        expected=expected,
        evidence=evidence,
        **more,
    )


def no_hit(asked: InForce, anchor: str, anchor_ms: int, reason: str | None = None) -> Verdict:
    """Return that a rule looked and found nothing; ``reason`` is told when an earlier hit is cleared by it."""
    return Verdict(
        rule_id=asked.rule.id,
        anchor=anchor,
        anchor_ms=anchor_ms,
        result=Result.NO_HIT,
        reason=reason,
    )


def not_evaluable(asked: InForce, anchor: str, anchor_ms: int, *missing: str) -> Verdict:
    """Return that a rule cannot judge, and what was missing."""
    return Verdict(
        rule_id=asked.rule.id,
        anchor=anchor,
        anchor_ms=anchor_ms,
        result=Result.NOT_EVALUABLE,
        missing=missing,
        reason=f"no longer known: {', '.join(missing)}",
    )


def pending(asked: InForce, anchor: str, due_ms: int, governed_ms: int | None) -> Verdict:
    """Return a hit whose deadline is still to come, of which the engine tells nothing but the deadline."""
    return Verdict(
        rule_id=asked.rule.id,
        anchor=anchor,
        anchor_ms=due_ms,
        result=Result.HIT,
        due_ms=due_ms,
        governed_ms=governed_ms,
    )


@lru_cache(maxsize=8_192)
def instant_text(epoch_ms: int) -> str:
    """Return an instant as RFC 3339 in UTC."""
    return to_wire(EPOCH + timedelta(milliseconds=epoch_ms))


def flag_id(rule_id: str, subject: str, anchor: str) -> str:
    """Return the id of the flag of one episode (UUIDv5); corrections within the episode do not change it."""
    return str(uuid.uuid5(FLAGS, "\x1f".join((rule_id, subject, anchor))))


def score(severity: Severity, weight: float, excess: float) -> int:
    """Return 0 to 100: the severity's worth, and up to 20 for how far the threshold is exceeded, times the weight.

    ``(base + 20 * excess) * weight``, cut to 0..100 and rounded down; base is 20, 40, 60 or 80 for LOW, MEDIUM, HIGH
    or CRITICAL. ``excess`` is 0 to 1; of numbers ``1 - expected / observed``: at twice the threshold half of the 20
    are reached.
    """
    return max(0, min(100, int((_BASE[severity] + 20 * max(0.0, min(1.0, excess))) * weight)))


def excess_of(verdict: Verdict) -> float:
    """Return how far a hit exceeds its threshold, 0 to 1."""
    if verdict.excess is not None:
        return verdict.excess
    observed, expected = verdict.observed, verdict.expected
    if isinstance(observed, str) or isinstance(expected, str) or not observed or expected is None:
        return 0.0
    return 1 - expected / observed if observed > expected else 0.0
