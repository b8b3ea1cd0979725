"""Positions of a unit as rules, seals and observations read them: the first and the last one of each bucket of time."""

from dataclasses import dataclass, field
from typing import Any

Ping = tuple[int, int, float, float]
"""(event_ms, sequence, latitude, longitude)"""


@dataclass(slots=True)
class Positions:
    """First and last ping of a bucket of time, all paths merged; nobody changes it (freezing it costs more than it)."""

    bucket_ms: int
    first: Ping
    last: Ping
    notes: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What rules have worked out at this bucket before, each under a name of its own; it only saves time."""
