"""What a rule is: one narrow question, asked of one subject, with one of three answers.

A rule never answers with a bare bool: it hits, it does not hit, or it is not evaluable and says what was missing.
It declares the fields it reads, so that a change elsewhere need not ask it again and a field that no event carries
is noticed before it is deployed.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import msgspec

from sstl.models.common import EPOCH, to_wire
from sstl.models.policy import RulePolicy
from sstl.models.records import Event

FLAGS = uuid.UUID("6f0d3c4a-7a52-5c1b-9d0e-2b8e3f5a1c74")
"""Namespace of flag ids. Never change it: published flags are found again by it."""

_BASE = {"LOW": 20, "MEDIUM": 40, "HIGH": 60, "CRITICAL": 80}


class Result(StrEnum):
    """The three answers."""

    HIT = "hit"
    NO_HIT = "no_hit"
    NOT_EVALUABLE = "not_evaluable"


@dataclass(frozen=True, slots=True)
class Text:
    """A text in the two languages of a flag."""

    en: str
    zh: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's answer about one episode of one subject."""

    rule_id: str
    anchor: str
    """Identity of the episode within the subject (a milestone, a service of a leg)."""
    result: Result
    missing: tuple[str, ...] = ()
    """What was not known, where not evaluable."""
    reason: str | None = None
    """Why it does not hit, where that is worth telling when an earlier hit is cleared."""
    observed: float | None = None
    expected: float | None = None
    anchor_ms: int = 0
    """The instant that governs: what was planned. Only of a hit, like all below."""
    evidence: tuple[Event, ...] = ()
    text: Text | None = None
    leg_id: str | None = None
    supersedes: str | None = None
    """Rule whose flag of the same episode this one takes the place of."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule declares about itself."""

    id: str
    """Stable across versions."""
    name: str
    question: str
    unit: str
    """Unit of observed, expected and threshold."""
    risk_area: str
    subject: str
    """``unit`` or ``consignment``: which stage asks."""
    needs: frozenset[str]
    """Fields it reads: ``<family>.<field as on the wire>`` or ``share.<field>``."""


def instant_text(epoch_ms: int) -> str:
    """Return an instant as RFC 3339 in UTC."""
    return to_wire(EPOCH + timedelta(milliseconds=epoch_ms))


def flag_id(rule_id: str, subject: str, anchor: str) -> str:
    """Return the id of the flag of one episode (UUIDv5); corrections within the episode do not change it."""
    return str(uuid.uuid5(FLAGS, "\x1f".join((rule_id, subject, anchor))))


def score(judged_by: RulePolicy, observed: float, expected: float) -> int:
    """Return 0 to 100: what the severity is worth, and up to 20 for how far it is exceeded, times the weight.

    ``(base + 20 * (1 - expected / observed)) * weight``, cut to 0..100 and rounded down; base is 20, 40, 60 or 80
    for LOW, MEDIUM, HIGH or CRITICAL. At twice the threshold half of the 20 are reached.
    """
    excess = 1 - expected / observed if observed > 0 else 0.0
    return max(0, min(100, int((_BASE[judged_by.severity] + 20 * excess) * judged_by.weight)))
