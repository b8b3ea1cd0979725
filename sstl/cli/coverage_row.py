"""One row of what the programme covers and what it gives."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

AVAILABLE: Final = "AVAILABLE"
INSUFFICIENT: Final = "INSUFFICIENT_DATA"
NOT_ESTIMABLE: Final = "NOT_ESTIMABLE"


class Section(StrEnum):
    """What rows are about."""

    SHARES = "shares"
    """The programme's share of each lane."""
    TRADE = "trade"
    """Its share of all bilateral trade."""
    TAKING_PART = "taking-part"
    """Who takes part."""
    BENEFITS = "benefits"
    """What operators gain, each group beside the one it is compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure, or why there is none."""

    section: Section
    of: str
    """Lane, or direction of trade."""
    mode: str
    window: str
    figure: str
    """Indicator, and of a duration which statistic of it."""
    group: str = ""
    """Of a benefit: whose it is."""
    value: float | None = None
    unit: str = "1"
    low: float | None = None
    high: float | None = None
    n: int | None = None
    """Counting units that it rests on; None: it is none of a count."""
    numerator: float | None = None
    denominator: float | None = None
    state: str = AVAILABLE
    reason: str = ""
    source: str = ""
    """Of the trade table: who published it."""
    released: str = ""
    """When."""
    provisional: bool = False
    complete_up_to: datetime | None = None
