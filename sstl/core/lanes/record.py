"""The public record of a cell."""

from functools import lru_cache
from typing import Any

from sstl.core.indicators.registry import Kind, definition
from sstl.core.lanes.cell import LaneCell, Series
from sstl.core.lanes.statistics import statistics
from sstl.core.lanes.terms import minimum_n, target_ms
from sstl.core.outbound import instant
from sstl.core.statistics.proportions import wilson
from sstl.core.statistics.result import LEVEL, Estimate
from sstl.models.indicator import LEAD_TIME, SHARE, Indicator, Interval, Window
from sstl.models.policy import Policy

_DEFAULT_POLICY = Policy()
_window = lru_cache(maxsize=4096)(Window.named)


def indicator(
    key: str,
    window: str,
    cell: LaneCell | None,
    *,
    revision: int,
    reached_ms: int | None,
    provisional: bool = True,
    expired: bool = False,
    policy: Policy | None = None,
) -> Indicator:
    """Return the public record of a cell.

    Args:
        key: Of the series.
        window: Name of the window.
        cell: None where nothing is counted any more.
        revision: How often it has been published with this record.
        reached_ms: The watermark, None while there is none.
        provisional: Whether slow ones may still be missing.
        expired: An hour that is no longer kept.
        policy: The version that governs the window, None: the default.
    """
    series = Series.of(key)
    is_share = definition(series.indicator, series.counting_unit).kind is Kind.SHARE
    governing = policy or _DEFAULT_POLICY
    least = minimum_n(governing, series.indicator, series.counting_unit)
    target = target_ms(governing, series.indicator, series.lane_id, series.mode)
    n = 0 if cell is None else cell.n
    available = n >= least
    fields: dict[str, Any] = {
        "key": f"{key}|{window}",
        "indicator": series.indicator,
        "counting_unit": series.counting_unit,
        "lane_id": series.lane_id,
        "mode": series.mode,
        "strata": dict(series.strata),
        "window": _window(window),
        "unit": "1" if is_share else "s",
        "method": SHARE if is_share else LEAD_TIME,
        "policy_hash": "" if policy is None else policy.hash,
        "state": "EXPIRED" if expired else "AVAILABLE" if available else "INSUFFICIENT_DATA",
        "n": n,
        "minimum_n": least,
        "target_s": None if target is None or is_share else target / 1000,
        "provisional": provisional,
        "revision": revision,
        "complete_up_to": None if reached_ms is None else instant(reached_ms),
    }
    if cell is not None and available:
        fields |= _share(cell) if is_share else _durations(cell)
    return Indicator.model_validate(fields)


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
    estimate = wilson(having, cell.n, LEVEL)
    interval = None
    if isinstance(estimate, Estimate):
        interval = Interval(
            low=estimate.low,
            high=estimate.high,
            level=estimate.level,
            method=estimate.method.name,
            method_version=estimate.method.version,
        )
    return {"k": having, "share": having / cell.n, "interval": interval}
