"""The family of seals and smart locks, asked of units (docs/rules/seals.md)."""

from sstl.core.journeys.view import JourneyView
from sstl.core.rules import seal_devices, seal_lane, seal_numbers, seal_openings, seal_silence
from sstl.core.rules.engine import Asked

RULES: tuple[Asked[JourneyView], ...] = (
    *seal_openings.RULES,
    *seal_numbers.RULES,
    *seal_lane.RULES,
    *seal_silence.RULES,
    *seal_devices.RULES,
)
"""All of them."""
