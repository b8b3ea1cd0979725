"""Ranges that the stages of a lane are usually within, proposed from its indicators; nothing here takes one over.

With p10, p50 and p90 of the durations: ``low = p10 ** 2 / p50`` and ``high = p90 ** 2 / p50``. On the logarithmic scale
each bound lies twice as far from the median as the outer quantile of its side: at -2.563 and +2.563 standard deviations
of a log-normal distribution, which has 1.04 % outside, half on each side (docs/policy.md says why).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import cache
from math import ceil, floor
from typing import Final, NamedTuple, get_args

from sstl.core.indicators import registry
from sstl.core.indicators.definition import Definition, Kind
from sstl.models.indicator import Indicator, Method
from sstl.models.policy import LanePolicy, Milestone, Policy, StageLimit

MINIMUM_N: Final = 100
"""Ten observations lie beyond each outer quantile."""
HOUR_S: Final = 3600
_STEPS_PER_HOUR = 10
"""Bounds are tenths of hours."""
_LEVELS: Final = (
    ("min", Fraction(0)),
    ("p10", Fraction(1, 10)),
    ("p25", Fraction(1, 4)),
    ("median", Fraction(1, 2)),
    ("p75", Fraction(3, 4)),
    ("p90", Fraction(9, 10)),
    ("p95", Fraction(19, 20)),
    ("max", Fraction(1)),
)
"""Order statistic to a share: less than it lies under the statistic (under `min` nothing), it or more up to it."""


class Stage(NamedTuple):
    """A stretch between two milestones."""

    start: str
    end: str


class Reason(StrEnum):
    """Why no range, or but one bound, is proposed."""

    NOT_MEASURED = "no indicator measures it"
    NOT_PUBLISHED = "nothing published in the window"
    TOO_FEW = "too few"
    NO_QUANTILES = "published without p10, p50 or p90"
    NOT_POSITIVE = "median is not positive"
    NO_LOWER = "p10 is not positive: no lower bound"


@dataclass(frozen=True, slots=True)
class Range:
    """Hours, tenths at the finest. None: no bound on that side."""

    low_hours: float | None
    high_hours: float | None


@dataclass(frozen=True, slots=True)
class Outside:
    """Between which shares of the observations lie outside a range, as far as the quantiles tell."""

    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is known of one stage of one lane, and the range proposed for it."""

    lane_id: str
    stage: Stage
    today: StageLimit | None
    """As the policy has it; None where it has no such stage."""
    definition: Definition | None
    """What measures the stage."""
    indicator: Indicator | None
    proposed: Range | None
    outside: Outside | None
    """Of today's range; None where there is none or too little is known."""
    reason: Reason | None
    needed: int
    """The least n for a proposal."""


@cache
def measured_stages() -> Mapping[Stage, Definition]:
    """Return what measures a stage, for each stage between two milestones."""
    found: dict[Stage, Definition] = {}
    for one in registry.REGISTRY.values():
        stage = stage_of(one)
        if stage is not None:
            found.setdefault(stage, one)
    return found


def stage_of(definition: Definition) -> Stage | None:
    """Return the stage whose duration an indicator is; None where it is another thing."""
    if definition.kind is not Kind.DURATION or definition.end is None:
        return None
    stage = Stage(start=definition.start, end=definition.end)
    known = get_args(Milestone)
    return stage if stage.start in known and stage.end in known else None


def bounds_of(p10_s: int, median_s: int, p90_s: int, method: Method) -> Range | None:
    """Return the range for a median and two outer quantiles in seconds; None where the median is not positive.

    The bounds are those of the module, moved outwards by what the quantiles may be off and to the next tenth of an
    hour. A p10 that is not positive has no logarithm, so that there is no lower bound.
    """
    if median_s <= 0:
        return None
    low_median, high_median = _margins(median_s, method)
    high = _margins(p90_s, method)[1] ** 2 / low_median
    upper = ceil(high * _STEPS_PER_HOUR / HOUR_S) / _STEPS_PER_HOUR
    if p10_s <= 0:
        return Range(None, upper)
    low = _margins(p10_s, method)[0] ** 2 / high_median
    return Range(floor(low * _STEPS_PER_HOUR / HOUR_S) / _STEPS_PER_HOUR, upper)


def outside_of(indicator: Indicator, range_: Range) -> Outside | None:
    """Return which share of an indicator's observations is outside a range; None where no quantile is published.

    A quantile says on which side of a bound its share lies only where it is off the bound by more than its error.
    """
    points = _points(indicator)
    if not points:
        return None
    least = most = Fraction(0)
    if range_.low_hours is not None:
        under = _share_under(points, Fraction(str(range_.low_hours)) * HOUR_S)
        least, most = least + under[0], most + under[1]
    if range_.high_hours is not None:
        within = _share_up_to(points, Fraction(str(range_.high_hours)) * HOUR_S)
        least, most = least + 1 - within[1], most + 1 - within[0]
    return Outside(float(least), float(min(most, Fraction(1))))


def propose(
    policy: Policy, indicators: Iterable[Indicator], window: str, minimum_n: int = MINIMUM_N
) -> list[Proposal]:
    """Return what can be proposed for the stages of each lane, in the order of the policy.

    Each stage of the policy is in it, and each that it has not but that is measured on the lane.

    Args:
        policy: The lanes and their ranges of today.
        indicators: What is published; what is split by strata, of another mode than its lane's or of another counting
            unit than declared is left out.
        window: Name of the window, ``TOTAL`` or ``P1M/2024-05``.
        minimum_n: Below it no range is proposed.
    """
    published = _whole(indicators, window)
    return [
        _proposal(lane_id, stage, today, published.get((lane_id, lane.mode, stage)), minimum_n)
        for lane_id, lane in policy.lanes.items()
        for stage, today in _stages(lane_id, lane, published)
    ]


def without_lane(policy: Policy, indicators: Iterable[Indicator], window: str) -> list[str]:
    """Return the lanes, with mode, on which stages are measured and which the policy does not have so."""
    lanes = {(lane_id, lane.mode) for lane_id, lane in policy.lanes.items()}
    measured = {(lane_id, mode) for lane_id, mode, _stage in _whole(indicators, window)}
    return sorted(f"{lane_id} ({mode})" for lane_id, mode in measured - lanes)


_Published = Mapping[tuple[str, str, Stage], Indicator]


def _whole(indicators: Iterable[Indicator], window: str) -> _Published:
    """Return the series that measure a stage and are not split, by lane, mode and stage."""
    measured = {(one.name, one.counting_unit): stage for stage, one in measured_stages().items()}
    found = {}
    for one in indicators:
        stage = measured.get((one.indicator, one.counting_unit))
        if (
            stage is None
            or one.strata
            or one.n == 0
            or one.window.name != window
            or one.window.by != "START"
        ):
            continue
        found[one.lane_id, one.mode, stage] = one
    return found


def _stages(
    lane_id: str, lane: LanePolicy, published: _Published
) -> Iterator[tuple[Stage, StageLimit | None]]:
    stated = [Stage(one.start, one.end) for one in lane.stages]
    yield from zip(stated, lane.stages, strict=True)
    for stage in measured_stages():
        if stage not in stated and (lane_id, lane.mode, stage) in published:
            yield stage, None


def _proposal(
    lane_id: str, stage: Stage, today: StageLimit | None, found: Indicator | None, minimum_n: int
) -> Proposal:
    definition = measured_stages().get(stage)
    needed = max(minimum_n, 1 if found is None else found.minimum_n)
    proposed, reason = _judged(definition, found, needed)
    outside = None
    if found is not None and today is not None:
        stated = Range(today.learnt_low_hours, today.learnt_high_hours)
        if stated != Range(None, None):
            outside = outside_of(found, stated)
    return Proposal(lane_id, stage, today, definition, found, proposed, outside, reason, needed)


def _judged(
    definition: Definition | None, found: Indicator | None, needed: int
) -> tuple[Range | None, Reason | None]:
    if definition is None:
        return None, Reason.NOT_MEASURED
    if found is None:
        return None, Reason.NOT_PUBLISHED
    if found.n < needed:
        return None, Reason.TOO_FEW
    if found.p10 is None or found.median is None or found.p90 is None:
        return None, Reason.NO_QUANTILES
    proposed = bounds_of(found.p10, found.median, found.p90, found.method)
    if proposed is None:
        return None, Reason.NOT_POSITIVE
    return proposed, Reason.NO_LOWER if proposed.low_hours is None else None


def _margins(seconds: int, method: Method) -> tuple[Fraction, Fraction]:
    """Return between what an order statistic lies that was told as so many seconds."""
    exact_up_to = method.quantile_exact_up_to_s
    if exact_up_to is not None and abs(seconds) <= exact_up_to:
        return Fraction(seconds), Fraction(seconds)
    error = Fraction(str(method.quantile_relative_error or 0))
    ends = (seconds / (1 + error), seconds / (1 - error))
    return min(ends), max(ends)


_Point = tuple[Fraction, Fraction, Fraction]
"""Share of `_LEVELS`, and between what its order statistic lies, seconds."""


def _points(indicator: Indicator) -> list[_Point]:
    found = []
    for name, share in _LEVELS:
        seconds: int | None = getattr(indicator, name)
        if seconds is not None:
            found.append((share, *_margins(seconds, indicator.method)))
    return found


def _share_under(points: list[_Point], bound: Fraction) -> tuple[Fraction, Fraction]:
    least = max((share for share, _low, high in points if high < bound), default=Fraction(0))
    most = min((share for share, low, _high in points if low >= bound), default=Fraction(1))
    return least, most


def _share_up_to(points: list[_Point], bound: Fraction) -> tuple[Fraction, Fraction]:
    least = max((share for share, _low, high in points if high <= bound), default=Fraction(0))
    most = min((share for share, low, _high in points if low > bound), default=Fraction(1))
    return least, most
