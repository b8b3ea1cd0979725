"""The shapes of ``sstl explain --json`` (docs/explain.md): stable, with a format version.

Instants are RFC 3339 in UTC; what is not known is null.
"""

from typing import Any

import msgspec

FORMAT = "explain.1"


class _Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Names on the wire are camelCase."""


class Told(_Shape, frozen=True, kw_only=True):
    """An event, and where its original lies."""

    at: str
    type: str
    source: str
    id: str
    topic: str
    partition: int
    offset: int
    recorded: str | None = None
    place: str | None = None
    milestones: tuple[str, ...] = ()
    """Those that it reports."""
    says: dict[str, str] = {}


class Reached(_Shape, frozen=True, kw_only=True):
    """A milestone."""

    milestone: str
    actual: str | None = None
    estimated: str | None = None
    planned: str | None = None
    evidence: Told | None = None
    """Of the actual one; None of T0, which the manifest tells."""


class Awaited(_Shape, frozen=True, kw_only=True):
    """The milestone that comes next."""

    milestone: str
    by: str | None
    basis: str | None
    """``limit``, ``target``, ``estimated`` or ``planned``."""


class Lock(_Shape, frozen=True, kw_only=True):
    """A lock or seal and its state at the end."""

    lock: str
    state: str


class Episode(_Shape, frozen=True, kw_only=True):
    """What was done to a lock: ``armed``, ``opened``, ``alarm`` or ``resealed``."""

    kind: str
    lock: str | None
    start: str
    end: str | None
    what: str
    """Seal number, kind of alarm, or why an opening was (not) allowed."""
    authorised: bool | None
    """None: nothing that needs it."""
    evidence: Told


class Where(_Shape, frozen=True, kw_only=True):
    """A position."""

    at: str
    latitude: float
    longitude: float


class PositionsSummary(_Shape, frozen=True, kw_only=True):
    """The positions of a journey."""

    buckets: int
    first: Where
    last: Where


class RuleStory(_Shape, frozen=True, kw_only=True):
    """What one rule said of one episode."""

    rule: str
    name: str
    family: str
    question: str
    answer: str
    """``hit``, ``no_hit`` or ``not_evaluable``."""
    mode: str
    """``live`` or ``shadow``."""
    episode: str
    flag: str
    """Id of the flag that a hit has."""
    at: str | None
    due: str | None
    """Of an absence that is not due yet: the deadline."""
    missing: tuple[str, ...]
    reason: str | None
    observed: float | str | None
    expected: float | str | None
    unit: str
    text: dict[str, str]
    """``en`` and ``zh``; empty where it does not hit."""
    evidence: tuple[Told, ...]
    policy: str
    """Hash of the version that governs."""


class JourneyStory(_Shape, frozen=True, kw_only=True):
    """One journey of a unit."""

    journey: str
    unit: str
    lane: str | None
    mode: str | None
    consignments: tuple[str, ...]
    manifests: tuple[str, ...]
    closed: bool
    milestones: tuple[Reached, ...]
    next: Awaited | None
    timeline: tuple[Told, ...]
    locks: tuple[Lock, ...]
    seals: tuple[Episode, ...]
    unclear: int
    """Reports on seals for which no transition is meant."""
    positions: PositionsSummary | None
    rules: tuple[RuleStory, ...]
    not_asked: tuple[str, ...]
    """Rules that had nothing to ask about."""


class ConsignmentStory(_Shape, frozen=True, kw_only=True):
    """One consignment."""

    consignment: str
    lane: str | None
    mode: str | None
    units: tuple[str, ...]
    manifests: tuple[str, ...]
    milestones: tuple[Reached, ...]
    timeline: tuple[Told, ...]
    rules: tuple[RuleStory, ...]
    not_asked: tuple[str, ...]


class FlagStory(_Shape, frozen=True, kw_only=True):
    """A flag as it was last published."""

    flag: str
    rule: str
    name: str
    status: str
    version: int
    topic: str
    severity: str
    score: int
    subject: dict[str, Any]
    anchor: str
    valid_to: str
    observed: float | str | None
    expected: float | str | None
    unit: str
    text: dict[str, str]
    advice: dict[str, str]
    recommended_control: str
    where_to_control: str
    reason: str | None
    answered: dict[str, Any]
    """What people have said about it; empty for nothing."""
    evidence: tuple[Told, ...]
    policy: str


class Story(_Shape, frozen=True, kw_only=True):
    """Everything that is told."""

    format: str
    asked: str
    kind: str
    """``unit``, ``consignment`` or ``flag``."""
    as_of: str | None
    """How far [journeys] (of a consignment [consignments]) has come in arrival time."""
    policy_version: str
    policy: str
    """Hash of the latest version."""
    flag: FlagStory | None
    """The flag that was asked for."""
    journeys: tuple[JourneyStory, ...]
    consignments: tuple[ConsignmentStory, ...]
    flags: tuple[FlagStory, ...]
    """All flags on the subject, the gravest first."""
