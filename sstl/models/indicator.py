"""Indicator: a statistic over the observations of one lane, stratum and window, as it is published.

Written on the compacted topic ``indicators``, one record per `Indicator.key`; a null value: the key is forgotten,
as are hours that are no longer kept. All but `ENVELOPE` is content: a function of the observations and the policy
alone, the same whatever their order and again on replay.
"""

from datetime import date
from typing import Any, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from sstl.models.follow_up import FollowUp
from sstl.models.public import PublicModel, UtcInstant

ENVELOPE = frozenset({"revision", "complete_up_to", "provisional"})
"""What depends on when an indicator was published, not on what it says."""

WindowKind = Literal["PT1H", "P1D", "P1W", "P1M", "TOTAL"]
State = Literal["AVAILABLE", "INSUFFICIENT_DATA", "NOT_ESTIMABLE"]


class Window(PublicModel):
    """Which observations an indicator takes in: those whose start milestone lies in it, or that ended in it."""

    kind: WindowKind
    """An hour, a day, an ISO 8601 week, a month; ``TOTAL``: since the pilot began."""
    day: date | None = None
    """The day of ``P1D``."""
    period: str | None = None
    """The hour ``2024-05-01T13``, the week ``2024-W18`` or the month ``2024-05``."""
    zone: str = Field(default="UTC", min_length=1)
    """Time zone (IANA) in which the window begins and ends; of hours and of ``TOTAL`` always ``UTC``."""

    by: Literal["START", "END"] = "START"
    """``START``: a cohort, of what began in it. ``END``: of what ended in it, whenever it began; the two are never
    mixed, and only cohorts can be compared."""

    @model_validator(mode="after")
    def _says_when_it_is(self) -> Self:
        if (self.kind == "P1D") != (self.day is not None):
            message = "a window has a date when, and only when, it is a day"
            raise ValueError(message)
        if (self.kind in ("PT1H", "P1W", "P1M")) != (self.period is not None):
            message = "a window has a period when, and only when, it is an hour, week or month"
            raise ValueError(message)
        return self

    @classmethod
    def named(cls, name: str) -> Self:
        """Return the window that a key calls so.

        Raises:
            ValueError: The name is none of a window.
        """
        kind, _, period = name.partition("/")
        if kind == "P1D":
            return cls.model_validate({"kind": kind, "day": date.fromisoformat(period)})
        return cls.model_validate({"kind": kind, "period": period or None})

    @property
    def name(self) -> str:
        """How keys call the window: ``P1D/2024-05-01``, ``P1W/2024-W18`` or ``TOTAL``."""
        if self.day is not None:
            return f"{self.kind}/{self.day.isoformat()}"
        return self.kind if self.period is None else f"{self.kind}/{self.period}"


class Method(PublicModel):
    """How the statistics were computed (docs/indicators.md)."""

    name: str = "lead-time"
    """``lead-time``, ``share``, ``rate``; of a figure that is derived from counts, its estimator's."""
    version: int = Field(default=2, ge=1)
    quantile_relative_error: float | None = 0.01
    """Quantiles, min and max are within this share of the order statistic they stand for; None: there are none."""
    quantile_exact_up_to_s: int | None = 100
    """Up to this many seconds, either sign, they are exact."""


LEAD_TIME = Method()


def plain_method(name: str, version: int) -> Method:
    """Return a method that tells no quantiles."""
    return Method(
        name=name, version=version, quantile_relative_error=None, quantile_exact_up_to_s=None
    )


SHARE = plain_method("share", 1)
RATE = plain_method("rate", 1)


class Interval(PublicModel):
    """A confidence interval of `Indicator.share` or `Indicator.value`; None: no bound on that side."""

    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    level: FiniteFloat = Field(gt=0, lt=1)
    method: str
    method_version: int


class Indicator(PublicModel):
    """Statistics of one lane, stratum and window. Durations are in seconds."""

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
    unit: str = Field(default="s", min_length=1)
    """``s``: durations; ``1``: how many of the counting units have it; ``per 1000``, ``per 1000 container-days``: a
    rate. Of a derived figure the unit of ``value``."""
    method: Method = LEAD_TIME
    policy_hash: str = ""
    """Of the version that governs the window's beginning, of ``TOTAL`` that of its last day."""

    state: State
    """``INSUFFICIENT_DATA``: n is below ``minimum_n``, and no statistic is given. ``NOT_ESTIMABLE``: n is enough, and
    there is no value all the same, for the ``reason``."""
    reason: str | None = Field(default=None, min_length=1)
    """Why there is no value; None: there is one, or n is too small for any."""
    n: int = Field(ge=0)
    """Counting units. Of durations those that ended as defined and count: neither open, nor ended by a competing event,
    nor excluded."""
    minimum_n: int = Field(default=1, ge=1)
    mean: FiniteFloat | None = None
    p10: int | None = None
    p25: int | None = None
    median: int | None = None
    p75: int | None = None
    p90: int | None = None
    p95: int | None = None
    standard_deviation: FiniteFloat | None = Field(default=None, ge=0)
    """Sample standard deviation (divisor n - 1); None for n below 2."""
    coefficient_of_variation: FiniteFloat | None = Field(default=None, ge=0)
    """``standard_deviation / mean``; None for n below 2 or a mean that is not positive."""
    geometric_mean: FiniteFloat | None = Field(default=None, gt=0)
    """Over the positive durations; None when there is none."""
    min: int | None = None
    max: int | None = None
    predictability: int | None = Field(default=None, ge=0)
    """``p95 - median``."""
    predictability_error: FiniteFloat | None = Field(default=None, ge=0)
    """The error bounds of both quantiles together, seconds."""
    n_zero: int = Field(default=0, ge=0)
    n_negative: int = Field(default=0, ge=0)
    """Zero and negative durations count everywhere but in the geometric mean."""
    n_planned: int = Field(default=0, ge=0)
    """Observations with a planned duration: those whose lateness can be told."""
    n_late: int = Field(default=0, ge=0)
    share_late: FiniteFloat | None = Field(default=None, ge=0, le=1)
    """``n_late / n_planned``; None when nothing was planned."""
    target_s: FiniteFloat | None = Field(default=None, gt=0)
    """What the policy of ``policy_hash`` promises; each observation is judged by what governed its own start."""
    n_target: int = Field(default=0, ge=0)
    """Observations for which a target was promised."""
    n_within: int = Field(default=0, ge=0)
    share_within_target: FiniteFloat | None = Field(default=None, ge=0, le=1)
    """``n_within / n_target``; None when no target was promised."""
    n_excluded: int = Field(default=0, ge=0)
    """Durations beyond what is plausible (definition or policy), kept out of everything else."""
    k: int | None = Field(default=None, ge=0)
    """Of a share: how many have it. Of a rate: events."""
    share: FiniteFloat | None = Field(default=None, ge=0, le=1)
    """``k / n``."""
    exposure: FiniteFloat | None = Field(default=None, ge=0)
    """Of a rate: what its events are counted over, in what the unit says: with ``per 1000``, in thousands."""
    value: FiniteFloat | None = None
    """Of a rate ``k / exposure``; of a derived figure the estimate, None where only a bound can be said."""
    interval: Interval | None = None
    """Of ``share`` or ``value``."""

    follow_up: FollowUp | None = None
    """Of a stage that is waited for: what has not ended counted too. None: of others, of hours, and while something is
    open and the watermark is not known."""

    provisional: bool = False
    """The follow-up of the window has not ended: slow ones are still missing; envelope."""
    revision: int = Field(ge=1)
    """How often this key has been published; envelope."""
    complete_up_to: UtcInstant | None = None
    """Watermark (arrival time) at publication, None while a source is silent; envelope."""

    @model_validator(mode="after")
    def _counts_agree(self) -> Self:
        if (self.state == "INSUFFICIENT_DATA") != (self.n < self.minimum_n):
            message = "data are insufficient when, and only when, n is below its minimum"
            raise ValueError(message)
        if (self.state == "NOT_ESTIMABLE") != (self.reason is not None):
            message = "an indicator is not estimable when, and only when, a reason is given"
            raise ValueError(message)
        if self.n_late > self.n_planned or self.n_planned > self.n:
            message = "late are planned, and planned are observed"
            raise ValueError(message)
        if self.n_within > self.n_target or self.n_target > self.n:
            message = "within target have a target, and those are observed"
            raise ValueError(message)
        having = self.k or 0 if self.share is not None else 0
        if self.n_zero + self.n_negative > self.n or having > self.n:
            message = "zero and negative durations, and units that have it, are observed"
            raise ValueError(message)
        return self


def net_content(indicator: Indicator) -> dict[str, Any] | None:
    """Return the content under its wire names, for comparing a live run with a replay.

    None where nothing that counts is observed any more: such a record tells readers to forget an earlier one,
    and a replay, which never saw the earlier one, does not write it. None for hours too: which of them
    are kept depends on the watermark, and their days say the same for good. None for what counts flags as
    issued: which were raised and taken back again is the history of a run; of flags that hold it is content.
    """
    followed = 0 if indicator.follow_up is None else indicator.follow_up.n
    if indicator.n + indicator.n_excluded + followed == 0 or indicator.window.kind == "PT1H":
        return None
    if indicator.counting_unit == "flag" and indicator.strata.get("standing") != "HOLDS":
        return None
    return indicator.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude=set(ENVELOPE)
    )
