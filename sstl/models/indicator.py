"""Indicator: a statistic over the observations of one lane, stratum and window, as it is published.

Written on the compacted topic ``indicators``, one record per `Indicator.key`. All but `ENVELOPE` is
content: a function of the observations alone, the same whatever their order and again on replay.
"""

from datetime import date
from typing import Any, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from sstl.models.public import PublicModel, UtcInstant

ENVELOPE = frozenset({"revision", "complete_up_to"})
"""What depends on when an indicator was published, not on what it says."""


class Window(PublicModel):
    """Which observations an indicator takes in: those whose start milestone lies in it (cohort)."""

    kind: Literal["P1D", "TOTAL"]
    """``P1D``: one day; ``TOTAL``: since the pilot began."""
    day: date | None = None
    """The day, in UTC; None with ``TOTAL``."""

    @model_validator(mode="after")
    def _a_day_has_a_date(self) -> Self:
        if (self.kind == "P1D") != (self.day is not None):
            message = "a window has a date when, and only when, it is a day"
            raise ValueError(message)
        return self

    @property
    def name(self) -> str:
        """How keys call the window: ``P1D/2024-05-01`` or ``TOTAL``."""
        return self.kind if self.day is None else f"{self.kind}/{self.day.isoformat()}"


class Method(PublicModel):
    """How the statistics were computed (docs/indicators.md)."""

    name: Literal["lead-time"] = "lead-time"
    version: Literal[1] = 1
    quantile_relative_error: float = 0.01
    """Median, p90, min and max are within this share of the order statistic they stand for."""
    quantile_exact_up_to_s: int = 100
    """Up to this many seconds, either sign, they are exact."""


class Indicator(PublicModel):
    """Lead-time statistics of one lane, stratum and window. Durations are in seconds."""

    key: str
    """``indicator|counting unit|lane|mode|strata|window``, the key on the topic."""
    indicator: str
    """What was measured: ``LT_leg``, ``LT_transit``."""
    counting_unit: str
    """What was counted: ``leg``, ``journey``, ``consignment``."""
    lane_id: str
    mode: str
    strata: dict[str, str] = Field(default_factory=dict)
    window: Window
    unit: Literal["s"] = "s"
    method: Method = Method()

    state: Literal["AVAILABLE", "INSUFFICIENT_DATA"]
    """``INSUFFICIENT_DATA``: no observation is left, and no statistic is given."""
    n: int = Field(ge=0)
    mean: FiniteFloat | None = None
    median: int | None = None
    p90: int | None = None
    standard_deviation: FiniteFloat | None = Field(default=None, ge=0)
    """Sample standard deviation (divisor n - 1); None for n below 2."""
    geometric_mean: FiniteFloat | None = Field(default=None, gt=0)
    """Over the positive durations; None when there is none."""
    min: int | None = None
    max: int | None = None
    n_zero: int = Field(default=0, ge=0)
    n_negative: int = Field(default=0, ge=0)
    """Zero and negative durations count everywhere but in the geometric mean."""
    n_planned: int = Field(default=0, ge=0)
    """Observations with a planned duration: those whose lateness can be told."""
    n_late: int = Field(default=0, ge=0)
    share_late: FiniteFloat | None = Field(default=None, ge=0, le=1)
    """``n_late / n_planned``; None when nothing was planned."""

    revision: int = Field(ge=1)
    """How often this key has been published; envelope."""
    complete_up_to: UtcInstant | None = None
    """Watermark (arrival time) at publication, None while a source is silent; envelope."""

    @model_validator(mode="after")
    def _counts_agree(self) -> Self:
        if (self.state == "AVAILABLE") != (self.n > 0):
            message = "an indicator is available when, and only when, something was observed"
            raise ValueError(message)
        if self.n_late > self.n_planned or self.n_planned > self.n:
            message = "late are planned, and planned are observed"
            raise ValueError(message)
        if self.n_zero + self.n_negative > self.n:
            message = "zero and negative durations are observed"
            raise ValueError(message)
        return self


def net_content(indicator: Indicator) -> dict[str, Any] | None:
    """Return the content under its wire names, for comparing a live run with a replay.

    None where nothing is observed any more: such a record tells readers to forget an earlier one,
    and a replay, which never saw the earlier one, does not write it.
    """
    if indicator.n == 0:
        return None
    return indicator.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude=set(ENVELOPE)
    )
