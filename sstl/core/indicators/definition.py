"""What an indicator is: what it counts, from where, and when it misleads."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Kind(StrEnum):
    """What an observation of the indicator holds in ``Measure.value_ms``."""

    DURATION = "DURATION"
    """Milliseconds; published in seconds."""
    SHARE = "SHARE"
    """0 or 1: the counting unit has it not, or has it. Published as k of n."""
    RATE = "RATE"
    """Events of the counting unit, 0 or more, over ``Measure.exposure``. Published as events per exposure."""
    TALLY = "TALLY"
    """Nothing but ``Measure.category`` counts: how many counting units are of each. Not published itself: figures are
    derived from it."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One indicator. The table of docs/indicators.md is made from these."""

    name: str
    """``LT_release``; it stands in keys and must not change its meaning."""
    question: str
    """What it answers, in one sentence."""
    formula: str
    """In milestones (docs/architecture.md): ``T13 - T6``."""
    source: str
    """Where the definition comes from."""
    kind: Kind
    counting_unit: str
    """``leg``, ``journey``, ``consignment``, ``declaration``, ``control``, ``flag``."""
    start: str
    """The start milestone (``T6``): it decides the cohort."""
    misleads: str
    """When it must not be read as it seems."""
    end: str | None = None
    """The milestone that ends the stage that is measured; None where it is not the plain time between two."""
    strata: tuple[tuple[str, ...], ...] | None = None
    """Combinations of stratum names that have a series of their own beside all together (``()`` is implied). None: each
    name that a measure carries, by itself."""
    minimum_n: int = 1
    """Below it no statistic is published, only n."""
    follow_up_hours: float = 720
    """How long after its end a cohort is waited for, unless the policy says otherwise."""
    per: int = 1
    """Of a rate: over how many units of exposure it is published (1,000 consignments)."""
    exposure_unit: str = "1"
    """Of a rate: the unit of ``Measure.exposure``: ``1`` (counting units), ``ms``, ``kg``."""

    @property
    def unit(self) -> Literal["s", "1"]:
        """Unit of what is published: seconds, or a ratio."""
        return "s" if self.kind is Kind.DURATION else "1"
