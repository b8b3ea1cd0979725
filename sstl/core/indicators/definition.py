"""What an indicator is: what it counts, from where, and when it misleads."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeAlias

_DAY_S: Final = 86_400
STAGE_S: Final = (-400 * _DAY_S, 400 * _DAY_S)
"""Plausible between two milestones of one shipment: reports of two sources may well contradict each other, and then the
time is negative; beyond a year and a month one of them is of another shipment or has a wrong year."""
SPENT_S: Final = (0, 400 * _DAY_S)
"""Plausible for time that was spent on something: a negative one is no time at all."""
BOND_S: Final = (0, 3650 * _DAY_S)
"""Plausible under bond: warehousing has no time limit in the EU (Regulation (EU) No 952/2013, article 238)."""


At: TypeAlias = Literal["LANE", "ORIGIN", "DESTINATION"]
"""Where a cohort starts: at one end of the lane, or at no single one."""


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
    at: At = "LANE"
    """At which end of the lane its start milestone is: days are those of the time zone there, of ``LANE`` those of UTC.
    What is measured of the whole lane, or may start at either end, is of the lane."""
    end: str | None = None
    """The milestone that ends the stage that is measured; None where it is not the plain time between two."""
    awaits: str | None = None
    """The milestone that is waited for from the start on: what has begun and not ended is counted too, and followed up
    (`sstl.core.lanes.followed`). None: only what has ended is known to lanes."""
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
    is_amount: bool = False
    """Of a rate: amounts are summed (kilograms over kilograms), no events, so that no interval of a count holds."""
    per_unit: str | None = None
    """Of a rate: what ``per`` is called (``1000 container-days``); None: ``per`` and ``exposure_unit``, of an amount a
    plain ratio."""
    plausible_s: tuple[int, int] | None = None
    """Of a duration: the shortest and the longest, in seconds, that counts unless the policy says otherwise. What lies
    outside counts in ``n_excluded`` alone. None: all count."""
    estimator: str | None = None
    """Name of the estimator (`sstl.core.lanes.derived`) that makes figures from the counts; None: none does. A tally
    without one is not published at all."""
    figure_unit: str = "1"
    """Of a figure of a tally: the unit of its value (``consignments``), ``1``: a ratio."""

    @property
    def by_completion(self) -> bool:
        """Whether it is counted a second time by when it ended: a stage whose end is its start plus its duration.

        Not so where a duration is cut at zero (LT_clear) or is a part of a stage: there that sum is no instant at all.
        """
        return self.kind is Kind.DURATION and self.end is not None and self.end == self.awaits

    @property
    def unit(self) -> str:
        """Unit of what is published: ``s``, ``1`` (a ratio), what a figure is a number of, or ``per 1000`` (a rate)."""
        if self.kind is Kind.DURATION:
            return "s"
        if self.kind is Kind.TALLY:
            return self.figure_unit
        if self.kind is not Kind.RATE or (self.is_amount and self.per_unit is None):
            return "1"
        by = str(self.per) if self.exposure_unit == "1" else f"{self.per} {self.exposure_unit}"
        return f"per {self.per_unit or by}"
