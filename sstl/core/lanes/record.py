"""The public record of a cell, and of a figure that is derived from one."""

from functools import lru_cache
from typing import Any

from sstl.core.indicators.registry import Definition, Kind, definition
from sstl.core.lanes.cell import LaneCell, Series
from sstl.core.lanes.derived import Figure
from sstl.core.lanes.followed import Horizon, follow_up
from sstl.core.lanes.statistics import statistics
from sstl.core.lanes.terms import minimum_n, target_ms
from sstl.core.lanes.zones import zone_of_window
from sstl.core.outbound import instant
from sstl.core.statistics.proportions import wilson
from sstl.core.statistics.rates import poisson_rate
from sstl.core.statistics.result import LEVEL, Estimate, Estimated, NotEstimable
from sstl.models.indicator import (
    LEAD_TIME,
    RATE,
    SHARE,
    Indicator,
    Interval,
    Window,
    plain_method,
)
from sstl.models.policy import Policy

_DEFAULT_POLICY = Policy()
_METHODS = {
    Kind.DURATION: LEAD_TIME,
    Kind.SHARE: SHARE,
    Kind.RATE: RATE,
    Kind.TALLY: plain_method("tally", 1),
}


@lru_cache(maxsize=4096)
def _window(name: str, by: str, zone: str) -> Window:
    return Window.named(name).model_copy(update={"by": by, "zone": zone})


def indicator(
    key: str,
    window: str,
    cell: LaneCell | None,
    *,
    revision: int,
    reached_ms: int | None,
    provisional: bool = True,
    policy: Policy | None = None,
    until: Horizon | None = None,
) -> Indicator:
    """Return the public record of a cell.

    Args:
        key: Of the series.
        window: Name of the window.
        cell: None where nothing is counted any more.
        revision: How often it has been published with this record.
        reached_ms: The watermark, None while there is none.
        provisional: Whether slow ones may still be missing.
        policy: The version that governs the window, None: the default.
        until: Until when the cohort is followed; None: only what has ended is known.
    """
    series = Series.of(key)
    declared = definition(series.indicator, series.counting_unit)
    governing = policy or _DEFAULT_POLICY
    target = target_ms(governing, series.indicator, series.lane_id, series.mode)
    n = 0 if cell is None else cell.n
    zone = zone_of_window(governing, series, window)
    fields = _envelope(series, key, window, n, governing, revision, reached_ms, zone=zone) | {
        "unit": declared.unit,
        "method": _METHODS[declared.kind],
        "policy_hash": "" if policy is None else policy.hash,
        "n_excluded": 0 if cell is None else cell.n_excluded,
        "provisional": provisional,
    }
    if declared.kind is Kind.DURATION and target is not None:
        fields["target_s"] = target / 1000
    if cell is not None and until is not None:
        fields["follow_up"] = follow_up(
            cell.histogram, cell.competing, cell.open, until, fields["minimum_n"]
        )
    if cell is not None and fields["state"] == "AVAILABLE":
        fields |= _said(cell, declared)
    return Indicator.model_validate(fields)


def figure_record(
    base: Series,
    window: str,
    figure: Figure,
    *,
    revision: int,
    reached_ms: int | None,
    provisional: bool,
    policy: Policy,
) -> Indicator:
    """Return the public record of a figure that is derived from the counts of a series and window.

    Its lane, mode, counting unit and strata are the series', the name is its own. ``n`` of 0: nothing is counted any
    more.
    """
    series = base._replace(indicator=figure.name)
    # the figure counts in the days of what it is made from
    zone = zone_of_window(policy, base, window)
    fields = _envelope(
        series, series.key, window, figure.n, policy, revision, reached_ms, zone=zone
    ) | {
        "unit": figure.unit,
        "method": plain_method(figure.method.name, figure.method.version),
        "policy_hash": policy.hash,
        "provisional": provisional,
    }
    if fields["state"] == "AVAILABLE":
        fields |= {**figure.beside, **_estimated(figure.estimated)}
    return Indicator.model_validate(fields)


def _envelope(
    series: Series,
    key: str,
    window: str,
    n: int,
    policy: Policy,
    revision: int,
    reached_ms: int | None,
    *,
    zone: str,
) -> dict[str, Any]:
    least = minimum_n(policy, series.indicator, series.counting_unit)
    return {
        "key": f"{key}|{window}",
        "indicator": series.indicator,
        "counting_unit": series.counting_unit,
        "lane_id": series.lane_id,
        "mode": series.mode,
        "strata": dict(series.strata),
        "window": _window(window, series.by, zone),
        "state": "AVAILABLE" if n >= least else "INSUFFICIENT_DATA",
        "n": n,
        "minimum_n": least,
        "revision": revision,
        "complete_up_to": None if reached_ms is None else instant(reached_ms),
    }


def _said(cell: LaneCell, declared: Definition) -> dict[str, Any]:
    if declared.kind is Kind.DURATION:
        return _durations(cell)
    if declared.kind is Kind.SHARE:
        return _share(cell)
    return _rate(cell, declared) if declared.kind is Kind.RATE else {}


def _durations(cell: LaneCell) -> dict[str, Any]:
    result = statistics(cell)
    return {
        "mean": result.mean,
        "p10": result.p10,
        "p25": result.p25,
        "median": result.median,
        "p75": result.p75,
        "p90": result.p90,
        "p95": result.p95,
        "standard_deviation": result.standard_deviation,
        "coefficient_of_variation": result.coefficient_of_variation,
        "geometric_mean": result.geometric_mean,
        "min": result.minimum,
        "max": result.maximum,
        "predictability": result.predictability,
        "predictability_error": result.predictability_error,
        "n_zero": cell.n_zero,
        "n_negative": cell.n_negative,
        "n_planned": cell.n_planned,
        "n_late": cell.n_late,
        "share_late": result.share_late,
        "n_target": cell.n_target,
        "n_within": cell.n_within,
        "share_within_target": result.share_within_target,
    }


def _share(cell: LaneCell) -> dict[str, Any]:
    having = int(cell.sum_ms)
    interval = _interval(wilson(having, cell.n, LEVEL))
    return {"k": having, "share": having / cell.n, "interval": interval}


def _rate(cell: LaneCell, declared: Definition) -> dict[str, Any]:
    events, exposure = int(cell.sum_ms), cell.exposure
    if declared.is_amount and exposure:
        return {"k": events, "exposure": exposure / declared.per, "value": events / exposure}
    said = _estimated(poisson_rate(events, exposure, declared.per, LEVEL))
    return {"k": events, "exposure": exposure / declared.per, **said}


def _estimated(estimated: Estimated) -> dict[str, Any]:
    if isinstance(estimated, NotEstimable):
        return {"state": "NOT_ESTIMABLE", "reason": estimated.reason}
    return {"value": estimated.estimate, "interval": _interval(estimated)}


def _interval(estimated: Estimated) -> Interval | None:
    if not isinstance(estimated, Estimate) or estimated.low is estimated.high is None:
        return None
    return Interval(
        low=estimated.low,
        high=estimated.high,
        level=estimated.level,
        method=estimated.method.name,
        method_version=estimated.method.version,
    )
