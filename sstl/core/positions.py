"""Positions of a unit as rules, seals and observations read them: the first and the last one of each bucket of time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

Ping = tuple[int, int, float, float]
"""(event_ms, sequence, latitude, longitude)"""
Fix = tuple[int, int, float, float]
"""(ms after the bucket's start, sequence, latitude, longitude)"""


class Span(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """First and last ping of one path in a bucket."""

    offset_ms: int
    """Start of the bucket, after that of the cell."""
    path: str
    first: Fix
    last: Fix


@dataclass(slots=True)
class Positions:
    """First and last ping of a bucket of time, all paths merged; nobody changes it (freezing it costs more than it)."""

    bucket_ms: int
    first: Ping
    last: Ping
    spans: Sequence[Span] = field(default=(), repr=False)
    """What of it came by which path (`sstl.core.journeys.pings`); empty: not known."""
    notes: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What rules have worked out at this bucket before, each under a name of its own; it only saves time."""
